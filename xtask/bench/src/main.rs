//! Measures the server beside its limits and its peers, and its files under hours of writes:
//! `cargo xtask bench` builds and starts it. Two subcommands are the processes that it compares
//! with. Nothing asserts a time.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use machine::process;
use tokio::runtime::{Builder, Runtime};

mod against;
mod aims;
mod app;
mod big_store;
mod cluster;
mod connection;
mod database;
mod document;
mod field;
mod figures;
mod growth;
mod kinds;
mod limit;
mod load;
mod messages;
mod overload;
mod peer;
mod plots;
mod proc_files;
mod product;
mod redis_lists;
mod redis_process;
mod report;
mod results;
mod rounds;
mod server;
mod svg;
mod waiting;
mod work;
mod written;

use document::Destination;
use kinds::RunLength;
use product::Build;

#[derive(Parser)]
#[command(name = "bench", about = "Started by `cargo xtask bench`")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure, print, and write the tables into docs/benchmarks.md
    Server {
        #[arg(long)]
        quick: bool,
        #[arg(long)]
        check: bool,
        /// Where a node of Cassandra is, to measure the server on it too
        #[arg(long)]
        cassandra: Option<String>,
    },
    /// Overwrite the same rows and look at the store's files
    Growth {
        #[arg(long)]
        quick: bool,
        #[arg(long)]
        minutes: Option<u32>,
        #[arg(long)]
        check: bool,
    },
    /// Load the server beyond its capacity
    Overload {
        #[arg(long)]
        quick: bool,
        #[arg(long)]
        check: bool,
    },
    /// Measure the server beside another build of it
    Against {
        /// The other's program
        #[arg(long)]
        program: PathBuf,
        /// The default configuration that it is shipped with
        #[arg(long)]
        default_config: PathBuf,
        /// The commit that it was built from
        #[arg(long)]
        commit: String,
        #[arg(long)]
        quick: bool,
        #[arg(long)]
        check: bool,
    },
    /// Answer constants, append what is written: the limit of any such server
    #[command(hide = true)]
    Limit {
        /// Holds the answers; the address and what is written go there too
        #[arg(long)]
        folder: PathBuf,
    },
    /// Answer the same calls from PostgreSQL: the peer
    #[command(hide = true)]
    Peer {
        /// The address goes there
        #[arg(long)]
        folder: PathBuf,
        /// Of PostgreSQL on this machine
        #[arg(long)]
        port: u16,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if process::interrupted() => ExitCode::from(130),
        Err(error) => {
            eprintln!("\nbench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Server { quick, check, cassandra } => {
            process::end_children_on_signals()?;
            let to = destination(check);
            runtime()?.block_on(server::run(length_of(quick), to, cassandra.as_deref()))
        }
        Task::Against { program, default_config, commit, quick, check } => {
            process::end_children_on_signals()?;
            let before = Build { program, default_config };
            let to = destination(check);
            runtime()?.block_on(against::run(&before, &commit, length_of(quick), to))
        }
        Task::Growth { quick, minutes, check } => {
            process::end_children_on_signals()?;
            let time = match minutes {
                Some(minutes) => Duration::from_secs(60 * u64::from(minutes)),
                None if quick => growth::QUICK,
                None => growth::FULL,
            };
            runtime()?.block_on(growth::run(time, destination(check)))
        }
        Task::Overload { quick, check } => {
            process::end_children_on_signals()?;
            let scene_time = if quick { overload::QUICK } else { overload::FULL };
            let runtime =
                runtime_of(Builder::new_multi_thread().on_thread_start(overload::yield_cpu));
            runtime?.block_on(overload::run(scene_time, destination(check)))
        }
        Task::Limit { folder } => runtime()?.block_on(limit::serve(&folder)),
        Task::Peer { folder, port } => runtime()?.block_on(peer::serve(&folder, port)),
    }
}

fn length_of(quick: bool) -> &'static RunLength {
    if quick { &kinds::QUICK } else { &kinds::FULL }
}

fn destination(check: bool) -> Destination {
    if check { Destination::Check } else { Destination::Documents }
}

fn runtime() -> Result<Runtime> {
    runtime_of(&mut Builder::new_multi_thread())
}

fn runtime_of(builder: &mut Builder) -> Result<Runtime> {
    builder.enable_all().build().context("start the runtime")
}
