//! `bench`: figures over the real server process, in a release build. Nothing is asserted on them.

use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};

use machine::process;

use crate::tree::cargo;

/// Measure the server: beside its limits and peers, and what waiting and big joins cost
///
/// Builds for release and measures over the real server process and real sockets. Compare figures
/// only within one run, as ratios: machines differ. No figure makes it fail.
#[derive(Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Calls a second, latencies and CPU beside a constant answer and PostgreSQL
    ///
    /// Interleaved rounds of reads and durable writes on the server, on a server that answers
    /// constants, and on PostgreSQL from Debian's package, which is installed when run as root and
    /// left out when it is missing. Writes its tables into docs/benchmarks.md.
    Server {
        /// About two minutes instead of a quarter of an hour
        #[arg(long)]
        quick: bool,
    },
    /// Memory of a waiting sync, how long a change takes to it, writes during joins of 10,000
    Waits,
}

/// Builds for release and measures.
///
/// # Errors
/// When a measurement cannot be made.
pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    println!("bench: building for release (the first time: minutes)");
    match arguments.measurement {
        Measurement::Server { quick } => server(quick),
        Measurement::Waits => waits(),
    }
}

/// The crate `bench` measures: it alone needs HTTP and PostgreSQL's protocol.
fn server(quick: bool) -> Result<()> {
    let packages = ["--package", "huihua-server", "--package", "bench"];
    process::run(cargo().args(["build", "--release"]).args(packages))?;
    let mut bench = Command::new("target/release/bench");
    bench.arg("server");
    if quick {
        bench.arg("--quick");
    }
    process::run(&mut bench)
}

/// `server/bin/tests/it/measure.rs`.
fn waits() -> Result<()> {
    let test = ["test", "--release", "--package", "huihua-server", "--test", "it", "measure"];
    let how = ["--", "--ignored", "--nocapture", "--test-threads=1"];
    process::run(cargo().args(test).args(how))
}
