//! The toolchain where there is no NDK: Debian's rustc with the standard library's source beside
//! it, LLVM, and LLVM's libunwind from a wheel of PyPI. Installed when root on Debian.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{Abi, BUILD, sysroot::Sysroot};
use crate::{archive, machine, process};

pub(super) const CLANG: &str = "clang-22";
pub(super) const LLVM_AR: &str = "llvm-ar-22";
pub(super) const LLVM_LINKER: &str = "/usr/bin/ld.lld-22";
/// Not the first on `PATH`: that is rustup's, which has no source of the standard library.
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
/// The compiler compiles the standard library: source and compiler are of one version.
const RUST_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const LLVM_PACKAGES: [&str; 3] = ["clang-22", "lld-22", "llvm-22"];
const STANDARD_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// A wheel that carries the source of LLVM's libunwind, which Debian has only compiled.
const WHEEL_VERSION: &str = "0.17.1";
const WHEEL_SHA256: &str = "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54";
/// The same file on every machine: it is unpacked, never run.
const WHEEL_PLATFORM: &str = "manylinux_2_12_x86_64";
const UNWIND_IN_WHEEL: &str = "ziglang/lib/libunwind/";

/// Makes sure that all of it is there.
///
/// # Errors
/// When it is not and cannot be installed from here; the message says what would help.
pub(super) fn install() -> Result<()> {
    let packages: Vec<&str> = RUST_PACKAGES.into_iter().chain(LLVM_PACKAGES).collect();
    let missing: Vec<&str> =
        packages.into_iter().filter(|package| version(package).is_none()).collect();
    if !missing.is_empty() {
        println!("android: no {} (or set ANDROID_NDK_HOME)", missing.join(", "));
        machine::install(missing)?;
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

/// Cargo as it builds for an ABI: with unstable flags, since the standard library is compiled too.
pub(super) fn cargo(abi: Abi) -> Result<Command> {
    let sysroot = Sysroot::ready(abi, &unwind_source()?)?;
    let top = env::current_dir().context("find the top of the tree")?;
    let lower = abi.triple().replace('-', "_");
    let c_flags = format!(
        "--target={} -nostdlibinc -isystem {}/xtask/android/stubs/include {}",
        abi.clang_target(),
        top.display(),
        super::c_flags()?
    );
    let mut command = Command::new(CARGO);
    command.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
    command.env(format!("CC_{lower}"), CLANG).env(format!("AR_{lower}"), LLVM_AR);
    command.env(format!("CFLAGS_{lower}"), c_flags);
    let linker = format!("CARGO_TARGET_{}_LINKER", lower.to_uppercase());
    command.env(linker, sysroot.driver());
    command.args(["-Z", "build-std=std,panic_unwind"]);
    command.args(BUILD).args(["--target", abi.triple()]);
    Ok(command)
}

/// LLVM's libunwind, from the cache or from PyPI.
fn unwind_source() -> Result<PathBuf> {
    let folder = machine::cache()?.join(format!("libunwind-{WHEEL_VERSION}"));
    if folder.exists() {
        return Ok(folder);
    }
    println!("android: fetching libunwind's source from PyPI (90 MB)");
    if process::read(Command::new("python3").args(["-m", "pip", "--version"])).is_err() {
        machine::install(vec!["python3-pip"])?;
    }
    let cache = machine::cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("make {}", cache.display()))?;
    let download = tempfile::tempdir_in(&cache).context("make a temporary folder")?;
    let wanted = download.path().join("requirements.txt");
    let line = format!("ziglang=={WHEEL_VERSION} --hash=sha256:{WHEEL_SHA256}\n");
    fs::write(&wanted, line).context("write what pip is to fetch")?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]);
    pip.args(["--only-binary", ":all:", "--platform", WHEEL_PLATFORM, "--require-hashes"]);
    process::run(pip.arg("--requirement").arg(wanted).arg("--dest").arg(download.path()))?;
    let wheel = fs::read_dir(download.path())
        .context("look for the wheel")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .context("pip fetched no wheel")?;
    let unpacked = download.path().join("libunwind");
    archive::unpack(&wheel, UNWIND_IN_WHEEL, &unpacked)?;
    // Whole or not at all; another build may have been first.
    if let Err(error) = fs::rename(&unpacked, &folder)
        && !folder.exists()
    {
        return Err(error).with_context(|| format!("move into {}", folder.display()));
    }
    Ok(folder)
}
