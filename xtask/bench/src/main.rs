//! Measures the server beside its limits and its peers: `cargo xtask bench server` builds and
//! starts it. Two subcommands are the processes that it compares with. Nothing asserts a time.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use machine::process;
use tokio::runtime::{Builder, Runtime};

mod cluster;
mod connection;
mod database;
mod figures;
mod limit;
mod load;
mod messages;
mod peer;
mod proc_files;
mod product;
mod report;
mod server;
mod work;

#[derive(Parser)]
#[command(name = "bench", about = "Started by `cargo xtask bench server`")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure, print, and write the tables into docs/benchmarks.md
    Server {
        /// About two minutes instead of a quarter of an hour
        #[arg(long)]
        quick: bool,
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
        Task::Server { quick } => {
            process::end_children_on_signals()?;
            let load = if quick { server::QUICK } else { server::FULL };
            runtime()?.block_on(server::run(&load))
        }
        Task::Limit { folder } => runtime()?.block_on(limit::serve(&folder)),
        Task::Peer { folder, port } => runtime()?.block_on(peer::serve(&folder, port)),
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("start the runtime")
}
