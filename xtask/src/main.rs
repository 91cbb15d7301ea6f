//! Build and check automation: `cargo xtask --help`. One file a subcommand; no product code here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{env, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

mod process;
mod tidy;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, checks and shows Huihua"
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules that a machine can hold: first lines, widths, lengths, imports, documents
    #[command(
        long_about = "Reads every file that a commit would hold and prints each breach of a \
        rule as `path:line: what`. The rules are in CONTRIBUTING.md, known exceptions in \
        xtask/tidy-allow.txt. Builds nothing; takes a second."
    )]
    Tidy,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if process::interrupted() => {
            eprintln!("\nxtask: stopped by a signal; nothing is left running");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    process::end_children_on_signals()?;
    env::set_current_dir(top()?).context("go to the top of the tree")?;
    match task {
        Task::Tidy => tidy::run(),
    }
}

/// The top of the tree, wherever cargo was called.
fn top() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("find the top of the tree")
}
