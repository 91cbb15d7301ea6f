//! The library for Android: built for each ABI, checked, measured. With `ANDROID_NDK_HOME` set the
//! NDK builds it; else the crate `offline-android`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use machine::{
    abi::{Abi, LIBRARY_NAME, Library},
    process,
};
use offline_android::{stubs, toolchain};

mod elf;
mod ndk;
mod sizes;

use ndk::Ndk;
pub(crate) use sizes::compare;

/// Where built libraries lie, in a folder an ABI as in an AAR.
const JNI_FOLDER: &str = "target/android/jni";
/// The libraries with the call that panics, which no user gets.
const JNI_FOLDER_PANICS: &str = "target/android/jni-test-panic";
/// Apart from cargo's own, and from each other: other compilers and standard libraries, and a
/// library's name in them is the same.
const CARGO_FOLDER: &str = "target/android/cargo";
const CARGO_FOLDER_NDK: &str = "target/android/cargo-ndk";
/// Of `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\x1f";
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

/// Builds the library for each ABI and checks what came out, its size too.
///
/// # Errors
/// When something is missing that cannot be installed, does not compile, or a library is not as
/// Android needs it, or too large.
pub(crate) fn build(abis: &[Abi]) -> Result<Vec<Library>> {
    let ndk = prepare(abis)?;
    let built = abis.iter().map(|abi| build_one(ndk.as_ref(), *abi, JNI_FOLDER, &[]));
    let libraries = built.collect::<Result<Vec<_>>>()?;
    let files: Vec<_> = libraries.iter().map(|it| (it.abi.name(), it.path.as_path())).collect();
    compare(&files)?;
    Ok(libraries)
}

/// As [`build`], with the call that panics when it is made.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_that_panics(abi: Abi) -> Result<Library> {
    let ndk = prepare(&[abi])?;
    build_one(ndk.as_ref(), abi, JNI_FOLDER_PANICS, &["--features", "test-panic"])
}

/// Flags that keep the tree's and the user's folders out of what is built: the same bytes come out
/// wherever it was built. As cargo takes them, in `CARGO_ENCODED_RUSTFLAGS`.
///
/// # Errors
/// When there is no rustc.
pub(crate) fn remapping_flags() -> Result<String> {
    let mut flags = folder_flags("--remap-path-prefix")?;
    flags.push(source_flag()?);
    Ok(flags.join(FLAG_SEPARATOR))
}

/// The component rust-src, which editors install, makes rustc name the standard library's files by
/// where they lie in the user's home.
fn source_flag() -> Result<String> {
    let sysroot = process::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let version = process::read(Command::new("rustc").arg("-vV"))?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    let commit = commit.context("read rustc's commit from its version")?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    Ok(format!("--remap-path-prefix={}=/rustc/{commit}", source.display()))
}

/// A compiler's flag for the tree's folder and for cargo's.
fn folder_flags(flag: &str) -> Result<Vec<String>> {
    let top = env::current_dir().context("find the top of the tree")?;
    let folders = [(top, "/huihua"), (cargo_home()?, "/cargo")];
    Ok(folders.map(|(folder, name)| format!("{flag}={}={name}", folder.display())).into())
}

/// The folders' flag for C code, as clang takes it.
///
/// # Errors
/// When there is no home folder.
pub(crate) fn c_flags() -> Result<String> {
    Ok(folder_flags("-ffile-prefix-map")?.join(" "))
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("CARGO_HOME") {
        return Ok(folder.into());
    }
    Ok(env::home_dir().context("find the home folder")?.join(".cargo"))
}

fn prepare(abis: &[Abi]) -> Result<Option<Ndk>> {
    let ndk = Ndk::from_environment()?;
    match &ndk {
        Some(ndk) => ndk.check(abis)?,
        None => toolchain::install()?,
    }
    Ok(ndk)
}

fn build_one(ndk: Option<&Ndk>, abi: Abi, jni_folder: &str, features: &[&str]) -> Result<Library> {
    println!("cargo: the library for {} (the first time: about 4 minutes)", abi.name());
    let (mut command, cargo_folder, rust_flags) = match ndk {
        Some(ndk) => {
            let flags = [vec![remapping_flags()?], Ndk::link_flags(abi)].concat();
            (ndk.cargo(abi, &BUILD, &c_flags()?)?, CARGO_FOLDER_NDK, flags)
        }
        None => (
            toolchain::cargo(abi, &BUILD, &c_flags()?)?,
            CARGO_FOLDER,
            folder_flags("--remap-path-prefix")?,
        ),
    };
    command.env("CARGO_TARGET_DIR", env::current_dir()?.join(cargo_folder));
    command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags.join(FLAG_SEPARATOR));
    command.env_remove("CARGO_BUILD_TARGET");
    process::run(command.args(features))?;

    let folder = Path::new(jni_folder).join(abi.name());
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let built = Path::new(cargo_folder).join(abi.triple()).join("small").join(LIBRARY_NAME);
    let path = folder.join(LIBRARY_NAME);
    fs::copy(&built, &path).with_context(|| format!("copy {}", built.display()))?;
    let in_android = match ndk {
        Some(ndk) => ndk.names(abi)?,
        None => stubs::names(abi, &elf::ALLOWED)?,
    };
    elf::check(abi, &path, &in_android)?;
    Ok(Library { abi, path })
}
