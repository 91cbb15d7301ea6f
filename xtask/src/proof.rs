//! Proofs over what users get, each a step of `cargo xtask test`: `minified`, the facade after
//! R8; `shim`, the Android library as it runs; `consumer`, the packages as builds see them;
//! `jvm`, what docs/jvm.md tells a reader to write and type; `server_packages`, the server's as
//! operators see them.

pub(crate) mod consumer;
pub(crate) mod jvm;
pub(crate) mod minified;
mod scene;
pub(crate) mod server_packages;
pub(crate) mod shim;
