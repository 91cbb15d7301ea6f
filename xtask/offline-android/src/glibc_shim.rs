//! In place of an emulator: libraries by bionic's names, over this machine's C library, so that the
//! library for Android on x86_64 can be loaded here. `shim.c` bridges their differences.

use std::{path::Path, process::Command};

use anyhow::Result;
use machine::process;

const SHIM: &str = "xtask/offline-android/glibc-shim/shim.c";
/// The program that loads the Android library past the linker's own search, and makes the calls.
pub const DRIVER: &str = "xtask/offline-android/glibc-shim/Driver.java";
/// [`DRIVER`]'s class.
pub const DRIVER_CLASS: &str = "dev.huihua.smoke.Driver";

/// Builds them into a folder: the functions that differ, and ways to glibc's own libm and libdl.
///
/// # Errors
/// When the C compiler fails.
pub fn build(folder: &Path) -> Result<()> {
    let mut shim = Command::new("cc");
    shim.args(["-O1", "-shared", "-fPIC", "-Wl,-soname,libc.so", SHIM, "-o"]);
    process::run(shim.arg(folder.join("libc.so")))?;
    for name in ["m", "dl"] {
        let mut other = Command::new("cc");
        other.args(["-shared", "-x", "c", "/dev/null", "-Wl,--no-as-needed"]);
        other.args([format!("-Wl,-soname,lib{name}.so"), format!("-l{name}"), "-o".to_owned()]);
        process::run(other.arg(folder.join(format!("lib{name}.so"))))?;
    }
    Ok(())
}
