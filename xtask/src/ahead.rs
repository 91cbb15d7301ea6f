//! `ahead`: what benchmarks, fuzz targets and the server's packages run, compiled while something
//! else waits.

use anyhow::Result;
use clap::Args;

use crate::{
    fuzz,
    server_packages::{self, Arch},
    tree,
};

/// Compile what `bench`, `fuzz` and the server's packages run, and run none of it
///
/// `.ci/run` does so at the lowest priority beside the tests, which wait for half of their time.
#[derive(Args)]
pub(crate) struct AheadArguments {}

/// Builds, in the order in which it is needed.
///
/// # Errors
/// When a tool cannot be had, or something does not compile.
pub(crate) fn run() -> Result<()> {
    server_packages::compile(Arch::X86_64)?;
    tree::build_to_measure()?;
    fuzz::build().map(drop)
}
