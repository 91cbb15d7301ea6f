//! `bench`: figures over the real server process, in a release build. Nothing is asserted on them.

use anyhow::Result;

use crate::{cargo, process};

/// Builds for release and runs the measurements of `server/tests/it/measure.rs`, one after another.
///
/// # Errors
/// When a measurement cannot be made.
pub(crate) fn run() -> Result<()> {
    println!("bench: building for release (the first time: minutes)");
    let test = ["test", "--release", "--package", "huihua-server", "--test", "it", "measure"];
    let how = ["--", "--ignored", "--nocapture", "--test-threads=1"];
    process::run(cargo().args(test).args(how))
}
