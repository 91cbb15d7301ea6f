//! What users get of the server: its binary for old systems, and from it a tarball, a `.deb`, a
//! wheel and an image. The same commit gives the same bytes, wherever it is built.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use machine::archive;

use crate::repository::VERSION;

mod arch;
mod contents;
mod deb;
mod image;
mod licences;
mod tree;
mod wheel;
mod zig;

pub(crate) use arch::Arch;
pub(crate) use contents::{DEPLOY, time_text};
pub(crate) use image::USER as IMAGE_USER;
pub(crate) use zig::{GLIBC, build as compile};

use contents::{BILL_NAME, Contents};
use deb::Compression;
use tree::Tree;

/// Where the packages of this version are made.
pub(crate) const FOLDER: &str = "target/server-packages";
/// The server, built for one processor.
pub(crate) struct Built {
    pub(crate) program: PathBuf,
    contents: Contents,
}

/// The packages of one processor.
pub(crate) struct Packages {
    pub(crate) tarball: PathBuf,
    pub(crate) deb: PathBuf,
    pub(crate) wheel: PathBuf,
    pub(crate) image: PathBuf,
}

/// Those that have a version to be upgraded to.
pub(crate) struct Upgrades {
    pub(crate) deb: PathBuf,
}

impl Packages {
    /// Every file, for a release.
    pub(crate) fn files(&self) -> [&Path; 4] {
        [&self.tarball, &self.deb, &self.wheel, &self.image]
    }
}

impl Built {
    /// Builds the server for a processor. `bill` is its bill of materials.
    ///
    /// # Errors
    /// When a tool cannot be had, or something does not compile.
    pub(crate) fn new(arch: Arch, bill: Option<&Path>) -> Result<Self> {
        let program = zig::build(arch)?;
        let contents = Contents::gather(arch, &program, bill)?;
        Ok(Self { program, contents })
    }

    /// Packs it into a folder.
    ///
    /// # Errors
    /// When something cannot be fetched or written.
    pub(crate) fn pack(&self, folder: &Path) -> Result<Packages> {
        let contents = &self.contents;
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        Ok(Packages {
            tarball: tarball(contents, folder)?,
            deb: deb::pack(contents, VERSION, Compression::Small, folder)?,
            wheel: wheel::pack(contents, VERSION, folder)?,
            image: image::pack(contents, folder)?,
        })
    }

    /// Packs what one upgrades by number, as another version.
    ///
    /// # Errors
    /// As [`Self::pack`].
    pub(crate) fn pack_as(&self, version: &str, folder: &Path) -> Result<Upgrades> {
        wheel::pack(&self.contents, version, folder)?;
        Ok(Upgrades { deb: deb::pack(&self.contents, version, Compression::Quick, folder)? })
    }
}

/// Where a release leaves the bill of materials for the packages.
pub(crate) fn bill_path() -> PathBuf {
    Path::new(FOLDER).join(BILL_NAME)
}

/// For systems without a package of their own: unpack it, and follow `docs/operate.md`. It is also
/// the context of `deploy/Dockerfile`.
fn tarball(contents: &Contents, folder: &Path) -> Result<PathBuf> {
    let name = format!("huihua-server-{VERSION}-linux-{}", contents.arch.name());
    let mut tree = Tree::new(contents.time);
    tree.program("bin/huihua-server", contents.program.clone());
    tree.file("huihua.toml", contents.config.clone());
    for file in archive::files(Path::new(DEPLOY))? {
        let path = file.strip_prefix(DEPLOY).context("a file below its folder")?;
        // Debian's are of its package alone.
        if !path.starts_with("debian") {
            let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            tree.file(&path.to_string_lossy(), bytes);
        }
    }
    for (document, bytes) in &contents.documents {
        tree.file(&format!("doc/{document}"), bytes.clone());
    }
    let path = folder.join(format!("{name}.tar.gz"));
    archive::write(&path, &tree.below(&name).tar_gz()?)?;
    Ok(path)
}
