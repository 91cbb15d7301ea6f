//! `bench`: figures over the real server process, in a release build. Nothing is asserted on them.

use anyhow::Result;
use clap::Args;

use machine::process;

use crate::tree::cargo;

/// Measure the server: what waiting costs, what a big join costs others
///
/// Builds for release and prints figures over the real server process: memory of a waiting sync,
/// how long a change takes to its client, and other writes' times during a join of 10,000 beside
/// the same without it, in one run. Compare them with docs/benchmarks.md as ratios: machines
/// differ.
#[derive(Args)]
pub(crate) struct BenchArguments {}

/// Builds for release and runs the measurements of `server/bin/tests/it/measure.rs`.
///
/// # Errors
/// When a measurement cannot be made.
pub(crate) fn run() -> Result<()> {
    println!("bench: building for release (the first time: minutes)");
    let test = ["test", "--release", "--package", "huihua-server", "--test", "it", "measure"];
    let how = ["--", "--ignored", "--nocapture", "--test-threads=1"];
    process::run(cargo().args(test).args(how))
}
