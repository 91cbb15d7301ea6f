//! `bench`: figures over the real server process, in a release build. Nothing is asserted on them.

use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use machine::process;

use crate::tree::{self, cargo};

mod against;
mod sdk;
mod sdk_report;

/// Measure the server and the SDK: beside limits and peers, files, what waits and big joins cost
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
    /// Calls a second, latencies, CPU, memory and bytes written, beside limits and peers
    ///
    /// Interleaved rounds of reads and durable writes on the server, on a server that answers
    /// constants, on PostgreSQL and on Redis; then a start after kill -9, first reads, memory. The
    /// peers are Debian's packages, installed when run as root and left out when they are missing.
    /// Writes its tables and plots into docs/benchmarks.md and docs/bench/.
    Server {
        /// About two minutes instead of seventeen
        #[arg(long)]
        quick: bool,
        /// Change no document: tables and plots go to target/bench/check/
        #[arg(long)]
        check: bool,
        /// Measure the server on Cassandra beside it, on the node that HUIHUA_CASSANDRA names
        #[arg(long, value_parser = ["cassandra"])]
        store: Option<String>,
    },
    /// The server beside that of an earlier commit, above all its slowest calls
    ///
    /// Builds the commit's server from its own tree, gives both the same lists, and measures all
    /// kinds of reads and durable writes in interleaved rounds. Writes its tables into
    /// docs/benchmarks.md.
    Against {
        /// What git knows a commit by, such as 44ca228 or v0.1.0
        commit: String,
        /// Rounds of half a second
        #[arg(long)]
        quick: bool,
        /// Change no document: the tables go to target/bench/check/
        #[arg(long)]
        check: bool,
    },
    /// How large the store's files get while the same 100,000 rows are overwritten for two hours
    ///
    /// Writes its table and plot into docs/benchmarks.md and docs/bench/.
    Growth {
        /// 30 minutes
        #[arg(long)]
        quick: bool,
        /// So long
        #[arg(long, conflicts_with = "quick", value_parser = clap::value_parser!(u32).range(1..))]
        minutes: Option<u32>,
        /// Change no document: table and plot go to target/bench/check/
        #[arg(long)]
        check: bool,
    },
    /// The SDK beside OkHttp and kotlinx.serialization, the border, first calls
    ///
    /// List calls over a real server, both in one JVM; callbacks and lists over the border without
    /// a server; first calls over TLS with 150 roots in fresh JVMs, beside JNA alone. Writes its
    /// tables into docs/benchmarks.md.
    Sdk {
        /// About two minutes, most of it building
        #[arg(long)]
        quick: bool,
        /// Change no document: the tables go to target/bench/check/
        #[arg(long)]
        check: bool,
    },
    /// The server beyond its capacity: floods, slow and idle peers, 10,000 waits
    ///
    /// Eight loads of a minute each, and what a normal client of another app sees of them. Fails
    /// when an answer is wrong, when an acknowledged message is gone, or when the server takes more
    /// than 512 MiB; never because of a time. Writes its table into docs/benchmarks.md.
    Overload {
        /// Loads of five seconds
        #[arg(long)]
        quick: bool,
        /// Change no document: the table goes to target/bench/check/
        #[arg(long)]
        check: bool,
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
        Measurement::Server { quick, check, ref store } => {
            let node = store.as_ref().map(|_| cassandra()).transpose()?;
            let flags = [quick.then_some("--quick"), check.then_some("--check"), node.as_deref()];
            measure("server", flags)
        }
        Measurement::Against { ref commit, quick, check } => {
            let before = against::build(commit)?;
            let flags = [quick.then_some("--quick"), check.then_some("--check")];
            measure("against", before.iter().map(|flag| Some(flag.as_str())).chain(flags))
        }
        Measurement::Growth { quick, minutes, check } => {
            let minutes = minutes.map(|minutes| format!("--minutes={minutes}"));
            let length = minutes.as_deref().or(quick.then_some("--quick"));
            measure("growth", [length, check.then_some("--check")])
        }
        Measurement::Overload { quick, check } => {
            measure("overload", [quick.then_some("--quick"), check.then_some("--check")])
        }
        Measurement::Sdk { quick, check } => sdk::run(quick, check),
        Measurement::Waits => waits(),
    }
}

/// The flag that names the node of Cassandra.
fn cassandra() -> Result<String> {
    let node = std::env::var("HUIHUA_CASSANDRA").ok().filter(|node| !node.is_empty());
    let node = node.context("HUIHUA_CASSANDRA names no node, such as 127.0.0.1:9042")?;
    Ok(format!("--cassandra={node}"))
}

/// The crate `bench` measures: it alone needs HTTP and the protocols of PostgreSQL and Redis.
fn measure<'f>(what: &str, flags: impl IntoIterator<Item = Option<&'f str>>) -> Result<()> {
    tree::build_to_measure()?;
    let mut bench = Command::new("target/release/bench");
    process::run(bench.arg(what).args(flags.into_iter().flatten()))
}

/// `server/bin/tests/it/measure.rs`.
fn waits() -> Result<()> {
    let test = ["test", "--release", "--package", "huihua-server", "--test", "it", "measure"];
    let how = ["--", "--ignored", "--nocapture", "--test-threads=1"];
    process::run(cargo().args(test).args(how))
}
