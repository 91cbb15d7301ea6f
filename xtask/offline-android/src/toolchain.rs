//! The toolchain where there is no NDK: Debian's rustc with the standard library's source beside
//! it, LLVM, and LLVM's libunwind from a wheel of PyPI. Installed when root on Debian.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use machine::{abi::Abi, programs, pypi::Wheel};

use crate::{
    llvm,
    sysroot::{HEADERS, Sysroot},
};

/// Not the first on `PATH`: that is rustup's, which has no source of the standard library.
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
/// The compiler compiles the standard library: source and compiler are of one version.
const RUST_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const STANDARD_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// It carries the source of LLVM's libunwind, which Debian has only compiled. The same file on
/// every machine: it is unpacked, never run.
const WHEEL: Wheel = Wheel {
    name: "ziglang",
    version: "0.17.1",
    sha256: "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
    platform: "manylinux_2_12_x86_64",
};
const UNWIND_IN_WHEEL: &str = "ziglang/lib/libunwind/";

/// Makes sure that all of it is there.
///
/// # Errors
/// When it is not and cannot be installed from here; the message says what would help.
pub fn install() -> Result<()> {
    let packages: Vec<&str> = RUST_PACKAGES.into_iter().chain(llvm::PACKAGES).collect();
    let missing: Vec<&str> =
        packages.into_iter().filter(|package| version(package).is_none()).collect();
    if !missing.is_empty() {
        println!("android: no {} (or set ANDROID_NDK_HOME)", missing.join(", "));
        programs::install(missing)?;
    }
    let versions = RUST_PACKAGES.map(version);
    ensure!(
        versions.iter().all(|version| *version == versions[0]),
        "{RUST_PACKAGES:?} must be of one version, but are {versions:?}"
    );
    ensure!(Path::new(STANDARD_LIBRARY).exists(), "no {STANDARD_LIBRARY}");
    unwind_source()?;
    Ok(())
}

/// The version of an installed package.
fn version(package: &str) -> Option<String> {
    let format = "${db:Status-Status} ${Version}";
    let output = Command::new("dpkg-query").args(["-W", "-f", format, package]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.strip_prefix("installed ").map(str::to_owned)
}

/// Cargo as it does `build` for an ABI: with unstable flags, since the standard library is compiled
/// too. `c_flags` are for the C code of crates, besides what Android's headers need.
///
/// # Errors
/// When what is linked against cannot be made.
pub fn cargo(abi: Abi, build: &[&str], c_flags: &str) -> Result<Command> {
    let sysroot = Sysroot::ready(abi, &unwind_source()?)?;
    let top = env::current_dir().context("find the top of the tree")?;
    let lower = abi.triple().replace('-', "_");
    let c_flags = format!(
        "--target={} -nostdlibinc -isystem {}/{HEADERS} {c_flags}",
        abi.clang_target(),
        top.display()
    );
    let mut command = Command::new(CARGO);
    command.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
    // It would hand the other cargo on to build scripts.
    command.env_remove("CARGO");
    command.env(format!("CC_{lower}"), llvm::CLANG).env(format!("AR_{lower}"), llvm::AR);
    command.env(format!("CFLAGS_{lower}"), c_flags);
    let linker = format!("CARGO_TARGET_{}_LINKER", lower.to_uppercase());
    command.env(linker, sysroot.driver());
    command.args(["-Z", "build-std=std,panic_unwind"]);
    command.args(build).args(["--target", abi.triple()]);
    Ok(command)
}

/// LLVM's libunwind, from the cache or from PyPI.
fn unwind_source() -> Result<PathBuf> {
    let folder = programs::cache()?.join(format!("libunwind-{}", WHEEL.version));
    if folder.exists() {
        return Ok(folder);
    }
    println!("android: fetching libunwind's source from PyPI (90 MB)");
    let cache = programs::cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("make {}", cache.display()))?;
    let download = tempfile::tempdir_in(&cache).context("make a temporary folder")?;
    let unpacked = download.path().join("libunwind");
    WHEEL.unpack(UNWIND_IN_WHEEL, &unpacked)?;
    // Whole or not at all; another build may have been first.
    if let Err(error) = fs::rename(&unpacked, &folder)
        && !folder.exists()
    {
        return Err(error).with_context(|| format!("move into {}", folder.display()));
    }
    Ok(folder)
}
