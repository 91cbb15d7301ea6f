//! Proofs over what users get, each a step of `cargo xtask test`: `minified`, the facade after
//! R8; `shim`, the Android library as it runs; `consumer`, the packages as builds see them.

pub(crate) mod consumer;
pub(crate) mod minified;
mod scene;
pub(crate) mod shim;
