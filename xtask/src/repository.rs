//! Maven repositories as folders. This file puts an artifact in; Maven writes the files beside it
//! (POM, list of versions, checksums) by the POMs in `bindings/kotlin/publish`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use machine::{archive, maven, process};

pub(crate) const GROUP: &str = "dev.huihua";
/// Of everything that is published: the workspace's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
const PUBLISH: &str = "bindings/kotlin/publish/pom.xml";

/// An artifact and its documents.
pub(crate) struct Publication {
    /// The artifact's, and that of its POM's file in `bindings/kotlin/publish`.
    pub(crate) name: &'static str,
    /// `aar` or `jar`.
    pub(crate) packaging: &'static str,
    pub(crate) main: Vec<u8>,
    pub(crate) sources: Vec<u8>,
    pub(crate) javadoc: Vec<u8>,
}

impl Publication {
    /// Puts it into a repository, and gives the path of its main file.
    ///
    /// # Errors
    /// When a file cannot be written, or Maven fails.
    pub(crate) fn put_into(self, repository: &Path) -> Result<PathBuf> {
        let folder = repository.join(GROUP.replace('.', "/")).join(self.name).join(VERSION);
        let main = folder.join(format!("{}-{VERSION}.{}", self.name, self.packaging));
        // Files of another build would be published with it.
        archive::clear(&folder)?;
        archive::write(&main, &self.main)?;
        for (kind, bytes) in [("sources", &self.sources), ("javadoc", &self.javadoc)] {
            archive::write(&folder.join(format!("{}-{VERSION}-{kind}.jar", self.name)), bytes)?;
        }
        let repository = std::path::absolute(repository).context("find the repository")?;
        let mut maven = maven::command(PUBLISH)?;
        maven.args(["--quiet", "generate-resources"]);
        maven.arg(format!("-Drepository={}", repository.display()));
        maven.args([format!("-Dartifact={}", self.name), format!("-Dhuihua.version={VERSION}")]);
        process::run(&mut maven)?;
        Ok(main)
    }
}
