//! `web-sdk`, a step of `test`: NIM's own Web SDKs, as npm has them, in Node and, over TLS, in
//! headless Chromium against the real server, in a network namespace without a way out. What they
//! must see is in `xtask/web-sdk`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use machine::{process, programs};

use crate::tree;

const SOURCES: &str = "xtask/web-sdk";
const FOLDER: &str = "target/web-sdk";
const SERVER: &str = "target/debug/huihua-server";

/// Installs the SDKs and runs them.
///
/// # Errors
/// When an SDK sees anything unexpected, or a program is missing.
pub(crate) fn run() -> Result<()> {
    programs::need("npm", "npm")?;
    programs::need("chromium", "chromium")?;
    programs::need("ip", "iproute2")?;
    programs::need("openssl", "openssl")?;
    if !install()? {
        println!("web-sdk: NOT checked: the SDKs are not here, and npm does not answer");
        return Ok(());
    }
    tree::build()?;
    let server = fs::canonicalize(SERVER).with_context(|| format!("find {SERVER}"))?;
    let mut command = closed_in();
    command.arg("sh").args(["-c", "ip link set lo up && exec \"$@\"", "sh", "node"]);
    command.arg(Path::new(FOLDER).join("run.mjs")).arg(server).arg("chromium");
    process::run(&mut command).context("an SDK saw something unexpected")
}

/// Copies the programs beside the SDKs, which npm fetches unless they are there; `false` if it
/// cannot.
fn install() -> Result<bool> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder).with_context(|| format!("make {FOLDER}"))?;
    let lock = PathBuf::from("package-lock.json");
    let is_known = same(&Path::new(SOURCES).join(&lock), &folder.join(&lock));
    for entry in fs::read_dir(SOURCES).with_context(|| format!("list {SOURCES}"))? {
        let path = entry.with_context(|| format!("list {SOURCES}"))?.path();
        let name = path.file_name().context("a file has a name")?;
        fs::copy(&path, folder.join(name)).with_context(|| format!("copy {}", path.display()))?;
    }
    if is_known && folder.join("node_modules/.package-lock.json").exists() {
        return Ok(true);
    }
    // Nothing of theirs runs while they are installed.
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.args(["--fetch-retries=1", "--fetch-timeout=20000"]);
    let status = npm.current_dir(folder).stdin(Stdio::null()).status().context("start `npm`")?;
    if !status.success() {
        // Or the next run would take them for installed.
        let _ = fs::remove_file(folder.join(&lock));
    }
    Ok(status.success())
}

fn same(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(fs::read);
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

/// Returns a command that runs another in a network of its own.
fn closed_in() -> Command {
    let mut command = Command::new("unshare");
    if !programs::is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.arg("--net");
    command
}
