//! LLVM by the names that Debian has for its programs.

/// What brings them.
pub(crate) const PACKAGES: [&str; 3] = ["clang-22", "lld-22", "llvm-22"];
/// Compiles C and assembler, and drives the linker.
pub(crate) const CLANG: &str = "clang-22";
/// Compiles C++.
pub(crate) const CLANG_CPP: &str = "clang++-22";
/// Packs static libraries.
pub(crate) const AR: &str = "llvm-ar-22";
/// Links.
pub(crate) const LINKER: &str = "/usr/bin/ld.lld-22";
