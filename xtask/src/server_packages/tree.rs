//! Files as they are to lie on a user's machine, and the archives of them. Owners, modes, order and
//! time are said here, none is taken from the machine that packs.

use std::{collections::BTreeMap, fs, io::Write, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use machine::archive;
use tar::{Builder, EntryType, Header};

/// Root's.
const ROOT: u64 = 0;

enum Content {
    Folder,
    File(Vec<u8>),
}

struct Node {
    mode: u32,
    owner: u64,
    content: Content,
}

/// Paths without a leading slash, and what is there.
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
    time: u64,
}

impl Tree {
    /// Everything in it gets this time, in seconds since 1970.
    pub(crate) fn new(time: u64) -> Self {
        Self { nodes: BTreeMap::new(), time }
    }

    pub(crate) fn file(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.add(path, 0o644, ROOT, Content::File(bytes.into()));
    }

    pub(crate) fn program(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.add(path, 0o755, ROOT, Content::File(bytes.into()));
    }

    /// A folder that its owner alone may enter.
    pub(crate) fn private_folder(&mut self, path: &str, owner: u64) {
        self.add(path, 0o700, owner, Content::Folder);
    }

    fn add(&mut self, path: &str, mode: u32, owner: u64, content: Content) {
        for (at, _) in path.match_indices('/') {
            let folder = Node { mode: 0o755, owner: ROOT, content: Content::Folder };
            self.nodes.entry(path[..at].to_owned()).or_insert(folder);
        }
        self.nodes.insert(path.to_owned(), Node { mode, owner, content });
    }

    /// The same, in a folder.
    pub(crate) fn below(self, folder: &str) -> Self {
        let mut tree = Self::new(self.time);
        for (path, node) in self.nodes {
            tree.add(&format!("{folder}/{path}"), node.mode, node.owner, node.content);
        }
        tree
    }

    /// Its files' bytes together.
    pub(crate) fn size(&self) -> usize {
        let sizes = self.nodes.values().map(|node| match &node.content {
            Content::File(bytes) => bytes.len(),
            Content::Folder => 0,
        });
        sizes.sum()
    }

    /// Paths of its files, with their bytes.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.nodes.iter().filter_map(|(path, node)| match &node.content {
            Content::File(bytes) => Some((path.as_str(), bytes.as_slice())),
            Content::Folder => None,
        })
    }

    /// An archive, not compressed.
    ///
    /// # Errors
    /// When a path or link is too long for one.
    pub(crate) fn tar(&self) -> Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        for (path, node) in &self.nodes {
            let mut header = Header::new_gnu();
            header.set_mode(node.mode);
            header.set_uid(node.owner);
            header.set_gid(node.owner);
            header.set_mtime(self.time);
            let written = match &node.content {
                Content::Folder => {
                    header.set_entry_type(EntryType::Directory);
                    header.set_size(0);
                    builder.append_data(&mut header, format!("{path}/"), [].as_slice())
                }
                Content::File(bytes) => {
                    header.set_size(bytes.len() as u64);
                    builder.append_data(&mut header, path, bytes.as_slice())
                }
            };
            written.with_context(|| format!("add {path}"))?;
        }
        builder.into_inner().context("end an archive")
    }

    /// An archive, compressed.
    ///
    /// # Errors
    /// As [`Self::tar`].
    pub(crate) fn tar_gz(&self) -> Result<Vec<u8>> {
        gz(&self.tar()?)
    }

    /// Lays the tree into a folder. Owners are not set: who packs the folder says them.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(crate) fn lay(&self, folder: &Path) -> Result<()> {
        for (path, node) in &self.nodes {
            let target = folder.join(path);
            match &node.content {
                Content::Folder => fs::create_dir_all(&target)?,
                Content::File(bytes) => archive::write(&target, bytes)?,
            }
            fs::set_permissions(&target, fs::Permissions::from_mode(node.mode))
                .with_context(|| format!("set the mode of {}", target.display()))?;
        }
        Ok(())
    }
}

/// Compressed, without a name and a time in it.
///
/// # Errors
/// None that is known: it writes into memory.
pub(crate) fn gz(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::best());
    writer.write_all(bytes).context("compress")?;
    writer.finish().context("compress")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_order_nor_the_machine_shows() {
        let tree = |paths: &[&str]| {
            let mut tree = Tree::new(7);
            for path in paths {
                tree.program(path, path.as_bytes());
            }
            tree.private_folder("var/lib/a", 65_532);
            tree.below("top").tar_gz().unwrap()
        };
        assert_eq!(tree(&["bin/a", "doc/b"]), tree(&["doc/b", "bin/a"]));
        let mut archive =
            tar::Archive::new(flate2::read::GzDecoder::new(tree(&["bin/a"]).as_slice()))
                .entries()
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    let header = entry.header();
                    let path = entry.path().unwrap().display().to_string();
                    assert_eq!(header.mtime().unwrap(), 7, "{path}");
                    (path, header.mode().unwrap(), header.uid().unwrap())
                })
                .collect::<Vec<_>>();
        archive.retain(|(_, mode, _)| *mode != 0o755);
        assert_eq!(archive, [("top/var/lib/a/".to_owned(), 0o700, 65_532)]);
    }
}
