//! Where the tree lies, asked at run time, since a built xtask may be copied or moved with its
//! tree; and an environment as of the shell that called cargo, so that a cargo that we start finds
//! the same as one that is typed, and compiles nothing again.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use machine::process;

/// What `cargo run` sets for the program that it runs. What users set for cargo (`CARGO_HOME`,
/// `CARGO_INCREMENTAL`, `CARGO_NET_OFFLINE`, `RUSTFLAGS`, …) has none of these starts. `CARGO`
/// stays: it says which cargo to call.
const SET_BY_CARGO: [&str; 9] = [
    "CARGO_BIN_EXE_",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
    // rustup counts how often it has called itself.
    "RUST_RECURSION_COUNT",
];
/// Cargo puts its own folders before the user's.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// All crates with all features: steps that compile the same compile once.
pub(crate) const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];
/// Of it, what is not read again: the generator is one line, and what it drags in takes a minute to
/// check.
pub(crate) const BUT_THE_GENERATOR: [&str; 2] = ["--exclude", "uniffi-bindgen"];

/// Goes to the top of the tree, and takes what cargo has set out of the environment. A process may
/// not change its own while it has threads, so this one is replaced by itself: only the first call
/// does so, and no child can be forgotten.
///
/// # Errors
/// When no tree of ours is around, or the program cannot be started again.
pub(crate) fn enter() -> Result<()> {
    let top = top()?;
    env::set_current_dir(&top).with_context(|| format!("go to {}", top.display()))?;
    let program = env::current_exe().context("find this program")?;
    let mut again = Command::new(&program);
    let mut has_changed = false;
    for (name, _) in env::vars_os().filter(|(name, _)| is_set_by_cargo(name)) {
        again.env_remove(name);
        has_changed = true;
    }
    if let Some(path) = env::var_os(LIBRARY_PATH) {
        let kept = users_own(&path, &program)?;
        has_changed |= kept != path;
        if kept.is_empty() {
            again.env_remove(LIBRARY_PATH);
        } else {
            again.env(LIBRARY_PATH, kept);
        }
    }
    if has_changed {
        let error = again.args(env::args_os().skip(1)).exec();
        return Err(error).with_context(|| format!("start {} again", program.display()));
    }
    Ok(())
}

/// The cargo that runs us. Maven reads from `target/` at the top, so a build elsewhere is no use.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env("CARGO_TARGET_DIR", "target").env_remove("CARGO");
    command
}

/// Builds the programs and the library for this machine, with what a plain `cargo build` chooses.
/// All of them at once: for another choice of packages cargo chooses other features, and compiles
/// much of it again.
///
/// # Errors
/// When it does not compile.
pub(crate) fn build() -> Result<()> {
    process::run(cargo().args(["build", "--workspace"]))
}

/// Builds what any benchmark measures, optimised; all of it at once for the same reason.
///
/// # Errors
/// When it does not compile.
pub(crate) fn build_to_measure() -> Result<()> {
    let packages = ["huihua-server", "huihua-ffi", "bench"].map(|name| ["--package", name]);
    let feature = ["--features", "huihua-ffi/bench"];
    process::run(cargo().args(["build", "--release"]).args(packages.as_flattened()).args(feature))
}

/// The top of the tree: from our crate's folder, which `cargo run` names, else from where we are.
fn top() -> Result<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => env::current_dir().context("find the current folder")?,
    };
    let top = start.ancestors().find(|folder| is_top(folder));
    top.map(Path::to_owned).with_context(|| {
        format!("neither {} nor a folder above it is the top of Huihua's tree", start.display())
    })
}

fn is_top(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line == "[workspace]") && folder.join("xtask").is_dir()
}

fn is_set_by_cargo(name: &OsStr) -> bool {
    SET_BY_CARGO.iter().any(|start| name.as_encoded_bytes().starts_with(start.as_bytes()))
}

/// A search path for libraries without the folders that lie where cargo builds or in the toolchain:
/// JNA would find the library there, packed or not, and another compiler this one's libraries.
fn users_own(path: &OsStr, program: &Path) -> Result<OsString> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let toolchain = env::var_os("CARGO").map(|cargo| real(Path::new(&cargo)));
    let toolchain = toolchain.as_deref().and_then(|cargo| cargo.parent()?.parent());
    let built = real(program).parent().map(Path::to_owned);
    let is_cargos = |folder: &PathBuf| {
        let folder = real(folder);
        built.as_ref().is_some_and(|built| folder.starts_with(built))
            || toolchain.is_some_and(|toolchain| folder.starts_with(toolchain.join("lib")))
    };
    env::join_paths(env::split_paths(path).filter(|folder| !is_cargos(folder)))
        .context("put the search path for libraries together")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_sets_goes_and_what_users_set_stays() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_VERSION_MAJOR", "OUT_DIR"] {
            assert!(is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_TERM_COLOR",
            "CARGO_INCREMENTAL",
            "CARGO_NET_OFFLINE",
            "CARGO_TARGET_DIR",
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "PATH",
        ] {
            assert!(!is_set_by_cargo(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn folders_where_cargo_builds_leave_the_search_path() {
        let built = tempfile::tempdir().unwrap();
        let program = built.path().join("xtask");
        let path = |folders: &[&Path]| env::join_paths(folders).unwrap();
        let own = Path::new("/opt/own/lib");
        let mixed = path(&[&built.path().join("deps"), built.path(), own]);
        assert_eq!(users_own(&mixed, &program).unwrap(), path(&[own]));
        assert_eq!(users_own(&path(&[built.path()]), &program).unwrap(), "");
    }

    #[test]
    fn the_top_is_the_workspace_that_has_us() {
        let top = top().unwrap();
        assert!(top.join("xtask/src/tree.rs").is_file(), "{}", top.display());
        assert!(!is_top(&top.join("xtask")));
    }
}
