//! The library for Android: built for each ABI, checked, measured. With `ANDROID_NDK_HOME` set the
//! NDK builds it; else what Debian and PyPI have, see docs/adr.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::process;

mod abi;
mod debian;
mod elf;
mod sizes;
mod stubs;
mod sysroot;

pub(crate) use abi::{API, Abi, Library};
pub(crate) use sizes::{Measured, compare};

/// Where built libraries lie, in a folder an ABI as in an AAR.
const JNI_FOLDER: &str = "target/android/jni";
/// The libraries with the call that panics, which no user gets.
const JNI_FOLDER_PANICS: &str = "target/android/jni-test-panic";
/// Apart from cargo's own: another compiler, and another standard library.
const CARGO_FOLDER: &str = "target/android/cargo";
const NDK_VARIABLE: &str = "ANDROID_NDK_HOME";
pub(crate) const LIBRARY_NAME: &str = "libhuihua.so";
/// `--crate-type` is what makes cargo link with LTO: the crate is an `lib` too, which has none.
pub(crate) const BUILD: [&str; 10] = [
    "rustc",
    "--locked",
    "--package",
    "huihua-ffi",
    "--lib",
    "--crate-type",
    "cdylib",
    "--profile",
    "small",
    "--quiet",
];

/// Builds the library for each ABI and checks what came out.
///
/// # Errors
/// When something is missing that cannot be installed, does not compile, or a library is not as
/// Android needs it.
pub(crate) fn build(abis: &[Abi]) -> Result<Vec<Library>> {
    prepare()?;
    abis.iter().map(|abi| build_one(*abi, JNI_FOLDER, &[])).collect()
}

/// As [`build`], with the call that panics when it is made.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_that_panics(abi: Abi) -> Result<Library> {
    prepare()?;
    build_one(abi, JNI_FOLDER_PANICS, &["--features", "test-panic"])
}

/// Flags that keep the tree's and the user's folders out of what is built: the same bytes come out
/// wherever it was built. As cargo takes them, in `CARGO_ENCODED_RUSTFLAGS`.
pub(crate) fn remapping_flags() -> Result<String> {
    let flags = remapped_folders()?
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    Ok(flags.join("\x1f"))
}

fn remapped_folders() -> Result<[(PathBuf, &'static str); 2]> {
    let top = env::current_dir().context("find the top of the tree")?;
    Ok([(top, "/huihua"), (cargo_home()?, "/cargo")])
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("CARGO_HOME") {
        return Ok(folder.into());
    }
    Ok(env::home_dir().context("find the home folder")?.join(".cargo"))
}

fn prepare() -> Result<()> {
    if env::var_os(NDK_VARIABLE).is_none() {
        return debian::install();
    }
    let mut version = Command::new("cargo-ndk");
    if version.args(["ndk", "--version"]).output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    bail!(
        "{NDK_VARIABLE} is set, but cargo-ndk is not there: `cargo install cargo-ndk`, and \
        `rustup target add` for each ABI; or unset {NDK_VARIABLE} to build on Debian without an NDK"
    )
}

fn build_one(abi: Abi, jni_folder: &str, features: &[&str]) -> Result<Library> {
    let triple = abi.triple();
    println!("cargo: the library for {} (the first time: about 4 minutes)", abi.name());
    let mut command = if env::var_os(NDK_VARIABLE).is_some() {
        let mut command = Command::new("cargo-ndk");
        command.args(["ndk", "--target", abi.name(), "--platform", &API.to_string()]).args(BUILD);
        command
    } else {
        let mut command = debian::cargo(abi, &remapped_folders()?)?;
        command.args(BUILD).args(["--target", triple]);
        command
    };
    command.env("CARGO_TARGET_DIR", env::current_dir()?.join(CARGO_FOLDER));
    command.env("CARGO_ENCODED_RUSTFLAGS", remapping_flags()?);
    // Cargo set it for us; another toolchain's compiler must not find this one's libraries.
    command.env_remove("LD_LIBRARY_PATH").env_remove("CARGO_BUILD_TARGET");
    process::run(command.args(features))?;

    let folder = Path::new(jni_folder).join(abi.name());
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let built = Path::new(CARGO_FOLDER).join(triple).join("small").join(LIBRARY_NAME);
    let path = folder.join(LIBRARY_NAME);
    fs::copy(&built, &path).with_context(|| format!("copy {}", built.display()))?;
    elf::check(abi, &path)?;
    Ok(Library { abi, path })
}
