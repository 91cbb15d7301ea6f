//! The package for Debian, Ubuntu and what comes from them: `deploy/debian` says who it is and what
//! it does when it comes and goes; dpkg-deb writes it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use machine::{process, programs};

use super::{
    contents::{Contents, DEPLOY},
    tree::{Tree, gz},
};

const FOLDER: &str = "deploy/debian";
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
const DOCUMENTS: &str = "usr/share/doc/huihua-server";

/// How dpkg-deb packs the files.
pub(super) enum Compression {
    Small,
    /// For what is unpacked once, in a proof.
    Quick,
}

/// Packs a version; the proofs pack a later one to upgrade to.
///
/// # Errors
/// When there is no dpkg-deb, or it refuses what it gets.
pub(super) fn pack(
    contents: &Contents,
    version: &str,
    compression: Compression,
    folder: &Path,
) -> Result<PathBuf> {
    programs::need("dpkg-deb", "dpkg")?;
    let tree = installed(contents, version)?;
    let staging = tempfile::tempdir().context("make a temporary folder")?;
    // It would be the mode of the package's top.
    fs::set_permissions(staging.path(), fs::Permissions::from_mode(0o755))?;
    tree.lay(staging.path())?;
    control(contents, version, &tree)?.lay(staging.path())?;
    let architecture = contents.arch.debian();
    let path = folder.join(format!("huihua-server_{version}_{architecture}.deb"));
    let mut command = Command::new("dpkg-deb");
    command.args(match compression {
        Compression::Small => ["-Zxz", "--threads-max=1"],
        Compression::Quick => ["-Zgzip", "-z1"],
    });
    command.args(["--root-owner-group", "--build"]);
    // It gives no file a later time than this one.
    command.env("SOURCE_DATE_EPOCH", contents.time.to_string());
    command.arg(staging.path()).arg(&path).stdout(std::process::Stdio::null());
    process::run(&mut command)?;
    Ok(path)
}

/// What lies on the user's machine. `/etc/huihua/huihua.toml` is not in it: it holds keys, which
/// the installation draws, and an upgrade that asks about them would wait for an answer at night.
fn installed(contents: &Contents, version: &str) -> Result<Tree> {
    let mut tree = Tree::new(contents.time);
    tree.program("usr/bin/huihua-server", contents.program.clone());
    tree.file("usr/lib/systemd/system/huihua-server.service", contents.unit.clone());
    tree.file("usr/share/huihua-server/huihua.toml", contents.config.clone());
    for (name, bytes) in &contents.documents {
        match name.as_str() {
            // The system has the text once for all packages; `copyright` points there.
            "LICENSE" => {}
            "THIRD-PARTY.txt" => tree.file(&format!("{DOCUMENTS}/{name}.gz"), gz(bytes)?),
            name => tree.file(&format!("{DOCUMENTS}/{name}"), bytes.clone()),
        }
    }
    for file in ["nginx.conf", "Caddyfile", "haproxy.cfg"] {
        let bytes = read(&format!("{}/{file}", DEPLOY))?;
        tree.file(&format!("{DOCUMENTS}/examples/{file}"), bytes);
    }
    tree.file(&format!("{DOCUMENTS}/copyright"), read(&format!("{FOLDER}/copyright"))?);
    let mut date = Command::new("date");
    let date = process::read(date.args(["-R", "-u", "-d", &format!("@{}", contents.time)]))?;
    let changelog = format!(
        "huihua-server ({version}) unstable; urgency=medium\n\n  * CHANGELOG.md of the source says \
         what changed.\n\n -- {}  {date}",
        maintainer()?
    );
    tree.file(&format!("{DOCUMENTS}/changelog.gz"), gz(changelog.as_bytes())?);
    let overrides = read(&format!("{FOLDER}/lintian-overrides"))?;
    tree.file("usr/share/lintian/overrides/huihua-server", overrides);
    Ok(tree)
}

fn control(contents: &Contents, version: &str, installed: &Tree) -> Result<Tree> {
    let mut tree = Tree::new(contents.time);
    let control = String::from_utf8(read(&format!("{FOLDER}/control"))?)?
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", contents.arch.debian())
        .replace("@SIZE@", &installed.size().div_ceil(1024).to_string());
    tree.file("DEBIAN/control", control);
    for script in SCRIPTS {
        tree.program(&format!("DEBIAN/{script}"), read(&format!("{FOLDER}/{script}"))?);
    }
    let mut sums = String::new();
    for (path, bytes) in installed.files() {
        sums.push_str(&format!("{}  {path}\n", hex::encode(md5(bytes))));
    }
    tree.file("DEBIAN/md5sums", sums);
    Ok(tree)
}

fn md5(bytes: &[u8]) -> impl AsRef<[u8]> {
    use md5::{Digest, Md5};
    Md5::digest(bytes)
}

fn maintainer() -> Result<String> {
    let control = String::from_utf8(read(&format!("{FOLDER}/control"))?)?;
    let line = control.lines().find_map(|line| line.strip_prefix("Maintainer: "));
    Ok(line.context("the control file names no maintainer")?.to_owned())
}

fn read(path: &str) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {path}"))
}
