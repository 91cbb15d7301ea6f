//! Build and check automation: `cargo xtask --help`. One file a subcommand; no product code here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{
    env,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

mod aar;
mod android;
mod apk;
mod archive;
mod bench;
mod bindgen;
mod demo;
mod machine;
mod maven;
mod process;
mod proof;
mod r8;
mod release;
mod repository;
mod resources;
mod server;
mod test;
mod tidy;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Builds and shows Huihua")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    Tidy(tidy::TidyArguments),
    Bindgen(bindgen::BindgenArguments),
    Resources(resources::ResourcesArguments),
    Test(test::TestArguments),
    Demo(demo::DemoArguments),
    Aar(aar::AarArguments),
    Apk(apk::ApkArguments),
    Release(release::ReleaseArguments),
    Bench(bench::BenchArguments),
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
        Task::Tidy(_) => tidy::run(),
        Task::Bindgen(_) => bindgen::run(),
        Task::Resources(_) => resources::run(),
        Task::Test(arguments) => test::run(&arguments),
        Task::Demo(_) => demo::run(),
        Task::Aar(arguments) => aar::run(&arguments),
        Task::Apk(arguments) => apk::run(&arguments),
        Task::Release(_) => release::run(),
        Task::Bench(_) => bench::run(),
    }
}

/// The top of the tree, wherever cargo was called.
fn top() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("find the top of the tree")
}

/// The cargo that runs us. Maven reads from `target/` at the top, so a build elsewhere is no use.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env("CARGO_TARGET_DIR", "target");
    command
}
