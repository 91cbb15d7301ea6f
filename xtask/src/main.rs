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
    /// Check the rules that a machine can hold: first lines, widths, lengths, imports, documents
    #[command(
        long_about = "Reads every file that a commit would hold and prints each breach of a \
        rule as `path:line: what`. The rules are in CONTRIBUTING.md, known exceptions in \
        xtask/tidy-allow.txt. Builds nothing; takes a second."
    )]
    Tidy,
    /// Build the library and generate its Kotlin into target/uniffi-kotlin
    #[command(long_about = "Builds huihua-ffi for this machine and generates the Kotlin that the \
        facade stands on, as uniffi.toml says. Needed before Maven or an IDE opens the reactor in \
        bindings/kotlin.")]
    Bindgen,
    /// Compile and link the sample app's resources into target/android-resources
    #[command(long_about = "Runs aapt2 over android-sample/app/src/main: R.java for Maven, a \
        resource APK for Robolectric and for the app's own APK. Needed, after `bindgen`, before \
        Maven or an IDE opens the sample app.")]
    Resources,
    Test(test::TestArguments),
    /// Show the main job: NIM's message copies go in, the list comes out in Kotlin
    #[command(long_about = "Builds what it needs, starts a server on an embedded store in a \
        temporary folder, delivers samples/nim-copy.jsonl signed as NIM signs, and runs the Kotlin \
        program bindings/kotlin/demo, which makes the four calls and prints what it sees. Checks \
        all of it, leaves no process and no file behind. The first time it compiles for minutes.")]
    Demo,
    Aar(aar::AarArguments),
    Apk(apk::ApkArguments),
    Release(release::ReleaseArguments),
    /// Measure the server: what waiting costs, what a big join costs others
    #[command(long_about = "Builds for release and prints figures over the real server process: \
        memory of a waiting sync, how long a change takes to its client, and other writes' times \
        during a join of 10,000 beside the same without it, in one run. Compare them with \
        docs/benchmarks.md as ratios: machines differ.")]
    Bench,
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
        Task::Bindgen => bindgen::run(),
        Task::Resources => resources::run(),
        Task::Test(arguments) => test::run(&arguments),
        Task::Demo => demo::run(),
        Task::Aar(arguments) => aar::run(&arguments),
        Task::Apk(arguments) => apk::run(&arguments),
        Task::Release(arguments) => release::run(&arguments),
        Task::Bench => bench::run(),
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
