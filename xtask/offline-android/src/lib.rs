//! Stands in for Google's tools: the NDK, the Android Gradle plugin, the SDK and its emulator. CI
//! reaches the registries of crates.io, Maven Central, PyPI and Debian, and none that has these.
//! Delete it when CI can fetch an NDK and run Gradle with the Android plugin: cargo-ndk then builds
//! the library, as it does today where `ANDROID_NDK_HOME` is set, Gradle the app, and an emulator
//! runs both. Nothing but `xtask` depends on it. Why it is as it is: docs/adr, number 0010.
//!
//! For the NDK: [`toolchain`] (compilers of Debian), `sysroot` (what is linked against) and
//! [`stubs`] (what Android has). For the Gradle plugin and the SDK: [`resources`] (aapt2), [`r8`]
//! and [`apk`]. For the emulator: [`glibc_shim`].
#![allow(clippy::print_stdout, reason = "a part of a program for a terminal")]

pub mod apk;
pub mod glibc_shim;
mod llvm;
pub mod r8;
pub mod resources;
pub mod stubs;
mod sysroot;
pub mod toolchain;
