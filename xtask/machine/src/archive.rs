//! ZIP archives (AAR, JAR, APK) of which the same content gives the same bytes: entries in order of
//! their names, all of one time.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Android maps stored libraries straight from an APK, in pages of up to 16 KiB.
pub const LIBRARY_ALIGNMENT: u16 = 16_384;
/// Android maps what is stored, resources above all, in words.
const WORD_ALIGNMENT: u16 = 4;

enum Storage {
    Deflated,
    /// Deflated, and may be run.
    Program,
    Stored,
}

/// An archive to be written.
#[derive(Default)]
pub struct Archive(BTreeMap<String, (Storage, Vec<u8>)>);

impl Archive {
    /// Adds an entry, compressed; an earlier one of the name goes.
    pub fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(name.into(), (Storage::Deflated, bytes.into()));
    }

    /// Adds a program, compressed: who unpacks it may run it.
    pub fn add_program(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(name.into(), (Storage::Program, bytes.into()));
    }

    /// Adds an entry as it is, aligned for Android: to 16 KiB when it is a library.
    pub fn add_stored(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(name.into(), (Storage::Stored, bytes.into()));
    }

    /// Adds a file, compressed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add_file(&mut self, name: impl Into<String>, path: &Path) -> Result<()> {
        self.add(name, read(path)?);
        Ok(())
    }

    /// Adds every file below a folder, with names from there.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn add_folder(&mut self, folder: &Path) -> Result<()> {
        for path in files(folder)? {
            let name = path.strip_prefix(folder).context("a file below its folder")?;
            self.add_file(name.to_string_lossy(), &path)?;
        }
        Ok(())
    }

    /// Adds every entry of another archive, stored where it was stored.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add_archive(&mut self, path: &Path) -> Result<()> {
        let mut archive = open(path)?;
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).with_context(|| entry_of(path))?;
            if entry.is_dir() {
                continue;
            }
            let mut bytes = Vec::new();
            io::copy(&mut entry, &mut bytes).with_context(|| entry_of(path))?;
            let name = entry.name().with_context(|| entry_of(path))?.into_owned();
            match entry.compression() {
                CompressionMethod::Stored => self.add_stored(name, bytes),
                _ => self.add(name, bytes),
            }
        }
        Ok(())
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// When an entry is larger than a ZIP file may be.
    pub fn into_bytes(self) -> Result<Vec<u8>> {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        // The zero of ZIP's clock; the other fields of an entry are fixed by the library.
        let fixed = SimpleFileOptions::default().last_modified_time(DateTime::default());
        let deflated =
            fixed.compression_method(CompressionMethod::Deflated).compression_level(Some(9));
        for (name, (storage, bytes)) in self.0 {
            let options = match storage {
                Storage::Deflated => deflated,
                Storage::Program => deflated.unix_permissions(0o755),
                Storage::Stored if name.ends_with(".so") => aligned(fixed, LIBRARY_ALIGNMENT),
                Storage::Stored => aligned(fixed, WORD_ALIGNMENT),
            };
            writer.start_file(name.as_str(), options).with_context(|| format!("add {name}"))?;
            writer.write_all(&bytes).with_context(|| format!("add {name}"))?;
        }
        Ok(writer.finish().context("end an archive")?.into_inner())
    }

    /// Writes the archive into a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(self, path: &Path) -> Result<()> {
        write(path, &self.into_bytes()?)
    }
}

fn aligned(options: SimpleFileOptions, alignment: u16) -> SimpleFileOptions {
    // Android's own field for the padding: apksigner keeps an alignment that it finds there.
    options.compression_method(CompressionMethod::Stored).with_android_alignment(alignment)
}

/// An entry of an archive, as far as checks ask.
pub struct Entry {
    /// Its path inside.
    pub name: String,
    /// Whether it is not compressed.
    pub is_stored: bool,
    /// Where its bytes start in the file.
    pub data_start: u64,
}

/// The entries of an archive.
///
/// # Errors
/// When it cannot be read.
pub fn entries(path: &Path) -> Result<Vec<Entry>> {
    let mut archive = open(path)?;
    let mut entries = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index(at).with_context(|| entry_of(path))?;
        entries.push(Entry {
            name: entry.name().with_context(|| entry_of(path))?.into_owned(),
            is_stored: entry.compression() == CompressionMethod::Stored,
            data_start: entry.data_start().context("an entry has a start")?,
        });
    }
    Ok(entries)
}

/// One entry's bytes.
///
/// # Errors
/// When it is not there.
pub fn entry(path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut archive = open(path)?;
    let mut entry =
        archive.by_name(name).with_context(|| format!("find {name} in {}", path.display()))?;
    let mut bytes = Vec::new();
    io::copy(&mut entry, &mut bytes).with_context(|| entry_of(path))?;
    Ok(bytes)
}

/// Unpacks the entries whose names start with `prefix`, under the rest of their names.
///
/// # Errors
/// When something cannot be read or written, or an entry would land outside.
pub fn unpack(path: &Path, prefix: &str, folder: &Path) -> Result<()> {
    let mut archive = open(path)?;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).with_context(|| entry_of(path))?;
        let name = entry.enclosed_name().with_context(|| entry_of(path))?;
        let Ok(rest) = name.strip_prefix(prefix) else { continue };
        if entry.is_dir() {
            continue;
        }
        let target = folder.join(rest);
        let mut bytes = Vec::new();
        io::copy(&mut entry, &mut bytes).with_context(|| entry_of(path))?;
        write(&target, &bytes)?;
    }
    Ok(())
}

/// Writes a file, and the folders above it.
///
/// # Errors
/// When that fails.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

/// Removes a folder and all in it; does nothing if the folder is missing.
///
/// # Errors
/// When something cannot be removed.
pub fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("clear {}", folder.display()))?;
    }
    Ok(())
}

/// Every file below a folder, in order.
///
/// # Errors
/// When a folder cannot be listed.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

fn open(path: &Path) -> Result<ZipArchive<File>> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    ZipArchive::new(file).with_context(|| format!("read {} as ZIP", path.display()))
}

fn entry_of(path: &Path) -> String {
    format!("read an entry of {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(names: &[&str]) -> Archive {
        let mut archive = Archive::default();
        for name in names {
            archive.add(*name, name.repeat(50));
        }
        archive.add_stored("lib/x86/a.so", vec![7; 100]);
        archive.add_stored("resources.arsc", vec![8; 9]);
        archive
    }

    #[test]
    fn the_order_of_adding_does_not_show() {
        let bytes = archive(&["b/c", "a"]).into_bytes().unwrap();
        assert_eq!(bytes, archive(&["a", "b/c"]).into_bytes().unwrap());
    }

    #[test]
    fn what_is_stored_is_aligned_also_when_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("first.zip");
        archive(&["a", "b/c"]).write(&first).unwrap();
        let mut copy = archive(&["aa"]);
        copy.add_archive(&first).unwrap();
        let second = folder.path().join("second.zip");
        copy.write(&second).unwrap();
        for path in [first, second] {
            for (name, alignment) in [("lib/x86/a.so", 16_384), ("resources.arsc", 4)] {
                let entries = entries(&path).unwrap();
                let entry = entries.iter().find(|entry| entry.name == name).unwrap();
                assert!(entry.is_stored);
                assert_eq!(entry.data_start % alignment, 0, "{name}");
            }
        }
    }

    #[test]
    fn a_part_is_unpacked_under_the_rest_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        archive(&["b/c", "b/d/e", "a"]).write(&path).unwrap();
        unpack(&path, "b/", &folder.path().join("out")).unwrap();
        let found = files(&folder.path().join("out")).unwrap();
        assert_eq!(found, ["c", "d/e"].map(|name| folder.path().join("out").join(name)));
        assert_eq!(entry(&path, "a").unwrap(), "a".repeat(50).as_bytes());
    }
}
