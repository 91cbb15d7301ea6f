//! Build and check automation: `cargo xtask --help`. One file a subcommand; no product code here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use machine::process;
use offline_android::resources;

mod aar;
mod ahead;
mod android;
mod apk;
mod bench;
mod bindgen;
mod cassandra;
mod console;
mod demo;
mod deny;
mod fuzz;
mod jvm;
mod kotlin;
mod ktlint;
mod openapi;
mod proof;
mod release;
mod repository;
mod server;
mod server_packages;
mod test;
mod tidy;
mod tree;
mod web_sdk;

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
    Ktlint(ktlint::KtlintArguments),
    Test(test::TestArguments),
    Demo(demo::DemoArguments),
    Aar(aar::AarArguments),
    Jvm(jvm::JvmArguments),
    Apk(apk::ApkArguments),
    Release(release::ReleaseArguments),
    Bench(bench::BenchArguments),
    Fuzz(fuzz::FuzzArguments),
    Ahead(ahead::AheadArguments),
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
    tree::enter()?;
    process::end_children_on_signals()?;
    match task {
        Task::Tidy(_) => tidy::run(),
        Task::Bindgen(_) => bindgen::run(),
        Task::Resources(_) => resources::run(),
        Task::Ktlint(arguments) => ktlint::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Demo(_) => demo::run(),
        Task::Aar(arguments) => aar::run(&arguments),
        Task::Jvm(_) => jvm::run(),
        Task::Apk(arguments) => apk::run(&arguments),
        Task::Release(arguments) => release::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Ahead(_) => ahead::run(),
    }
}
