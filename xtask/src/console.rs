//! `console`, a step of `test`: the pages of the console in a real browser, against a real server.
//! What is tried is in `xtask/console/proof.mjs`; this file brings browser, server and script
//! together.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use machine::{
    process::{self, Process},
    programs,
};

use crate::{server::DevServer, tree};

/// Script and lock file of what it needs.
const SOURCE: &str = "xtask/console";
/// Where that is installed, and the pictures go.
const TARGET: &str = "target/console";
/// The folder for the pictures, if it is another: docs/images.
const PICTURES: &str = "CONSOLE_PICTURES";
const CHROMIUM: &str = "/usr/bin/chromium";
/// Where it is not reached some networks never answer.
const INSTALL_PATIENCE: Duration = Duration::from_secs(180);

/// Drives the console of a server in headless Chromium.
///
/// # Errors
/// When something does not hold, or a browser cannot be had.
pub(crate) fn run() -> Result<()> {
    programs::need("node", "nodejs")?;
    programs::need("npm", "npm")?;
    programs::need("chromium", "chromium")?;
    let folder = PathBuf::from(TARGET);
    if !install(&folder)? {
        println!("console: NOT tried in a browser: playwright-core cannot be fetched by npm here");
        return Ok(());
    }
    tree::build()?;
    let pictures = env::var_os(PICTURES).map_or_else(|| folder.join("pictures"), PathBuf::from);
    fs::create_dir_all(&pictures).context("make the folder of the pictures")?;
    let server = DevServer::start_with_console()?;
    let token = server.data().join("console-token");
    let token = fs::read_to_string(token).context("read the console's token")?;
    let mut proof = Command::new("node");
    proof.arg(folder.join("proof.mjs"));
    proof.env("CONSOLE", server.console()?).env("TOKEN", token.trim());
    proof.env("DEV_JSON", server.data().join("dev.json")).env("LIN", server.token("lin")?);
    proof.env("PICTURES", &pictures).env("CHROMIUM", CHROMIUM);
    let tried = process::run(&mut proof);
    if tried.is_err() {
        server.print_log();
    }
    tried?;
    server.stop()?;
    println!("console: pictures are in {}", pictures.display());
    Ok(())
}

/// Installs what the script needs beside it; false when npm's registry does not answer.
fn install(folder: &Path) -> Result<bool> {
    fs::create_dir_all(folder).context("make target/console")?;
    let lock = "package-lock.json";
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let is_there = read(folder.join(lock)) == read(Path::new(SOURCE).join(lock))
        && folder.join("node_modules/playwright-core").is_dir()
        && folder.join("node_modules/axe-core").is_dir();
    for name in ["package.json", lock, ".npmrc", "proof.mjs"] {
        let from = Path::new(SOURCE).join(name);
        fs::copy(&from, folder.join(name)).with_context(|| format!("copy {}", from.display()))?;
    }
    if is_there {
        return Ok(true);
    }
    println!("console: installing playwright-core and axe-core (once)");
    // npm takes a folder behind a link for another package than the lock file's.
    let folder = folder.canonicalize().context("find target/console")?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts"]).current_dir(folder).stdout(Stdio::null());
    let mut npm = Process::start(&mut npm)?;
    if process::wait_for("npm", INSTALL_PATIENCE, || npm.ended())?.success() {
        return Ok(true);
    }
    let mut ping = Command::new("npm");
    let answers = process::read(ping.args(["view", "playwright-core", "version"])).is_ok();
    ensure!(!answers, "npm cannot install what {SOURCE}/{lock} names");
    Ok(false)
}
