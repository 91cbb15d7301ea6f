//! `bench against`: an earlier commit's server, built from the tree as it was, for the crate
//! `bench` to measure beside this tree's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use machine::process;

use crate::tree::cargo;

/// A folder for each commit, and one for what is built: most crates are the same for all of them.
const FOLDER: &str = "target/bench/against";

/// Builds the commit's server for release. Returns the flags that say where it is.
///
/// # Errors
/// When there is no such commit here, or it does not compile.
pub(super) fn build(commit: &str) -> Result<[String; 3]> {
    let mut ask = Command::new("git");
    ask.args(["rev-parse", "--verify", "--quiet", "--short=12", "--end-of-options"]);
    let short = process::read(ask.arg(format!("{commit}^{{commit}}"))).with_context(|| {
        format!(
            "find the commit {commit}, one of `git log`; a shallow clone has the newest alone: \
             git fetch --unshallow"
        )
    })?;
    let short = short.trim();
    let folder = std::path::absolute(FOLDER).context("find our folder")?;
    let tree = folder.join(short);
    println!("bench: building the server of {short} for release (the first time: minutes)");
    take_out(short, &tree)?;
    let built = folder.join("target");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "huihua-server"]);
    process::run(build.current_dir(&tree).env("CARGO_TARGET_DIR", &built))?;
    let flag = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
    Ok([
        flag("program", built.join("release/huihua-server")),
        flag("default-config", tree.join("server/config.default.toml")),
        format!("--commit={short}"),
    ])
}

/// Writes the commit's files into a folder. What was there before is the same: a commit does not
/// change, and its files have its time, so that cargo compiles nothing again.
fn take_out(commit: &str, tree: &Path) -> Result<()> {
    fs::create_dir_all(tree).with_context(|| format!("make {}", tree.display()))?;
    let archive = tree.with_extension("tar");
    let mut pack = Command::new("git");
    pack.args(["archive", "--format=tar", "--output"]).arg(&archive).arg(commit);
    process::run(&mut pack)?;
    process::run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(tree))?;
    fs::remove_file(&archive).with_context(|| format!("remove {}", archive.display()))
}
