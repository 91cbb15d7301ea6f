//! The server's process: chooses the command.

mod accounts;
mod admin;
mod args;
mod backup;
mod compact;
mod config;
mod config_command;
mod console_token;
mod copy;
mod data_folder;
mod dev;
mod engine;
mod import_nim;
mod lines;
mod logging;
mod members;
mod open_files;
mod progress;
mod samples;
mod schema;
mod serve;
mod server_client;
mod token;
mod verify;

use std::{error::Error, io::Write as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::{
    args::{
        Command, CommandLine, ConfigCommand, MembersCommand, SchemaCommand, ServerCommand,
        ToolCommand,
    },
    logging::LogFormat,
    serve::Start,
};

/// A write takes and gives back memory in one thread and another: with glibc's allocator a message
/// costs a seventh more CPU time (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = format!("huihua-server: {error}");
            let mut cause = error.source();
            while let Some(source) = cause {
                line += &format!(": {source}");
                cause = source.source();
            }
            let _ = writeln!(std::io::stderr(), "{line}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    let filter = logging::filter_of_environment()?;
    match command {
        Command::Server(command) => serve::serve(start_of(command, filter)),
        Command::Tool(command) => {
            logging::start(filter, LogFormat::Text);
            run_tool(command)
        }
    }
}

fn start_of(command: ServerCommand, filter: EnvFilter) -> Start {
    match command {
        ServerCommand::Serve(settings) => Start {
            filter,
            load: Box::new(move || Ok(settings.load()?)),
            opened: |_| Ok(()),
            announce: |_, _, _| Ok(String::new()),
        },
        ServerCommand::Dev { data, listen, insecure_listen } => Start {
            filter,
            load: Box::new(move || Ok(dev::prepare(&data, listen, insecure_listen)?)),
            opened: dev::remove_dev_json,
            announce: dev::announce,
        },
    }
}

fn run_tool(command: ToolCommand) -> Result<(), Box<dyn Error>> {
    match command {
        ToolCommand::Config(ConfigCommand::Check(settings)) => config_command::check(&settings),
        ToolCommand::Config(ConfigCommand::Print(settings)) => config_command::print(&settings),
        ToolCommand::Token(arguments) => token::print(&arguments),
        ToolCommand::Samples(arguments) => samples::run(arguments),
        ToolCommand::ImportNim(arguments) => import_nim::run(arguments),
        ToolCommand::Members(MembersCommand::Import(arguments)) => members::run(arguments),
        ToolCommand::Backup { of, to } => backup::backup(&of.load()?, &to),
        ToolCommand::Restore { from, data } => backup::restore(&from, &data),
        ToolCommand::Compact { of } => compact::run(&of.load()?),
        ToolCommand::Accounts(command) => accounts::run(command),
        ToolCommand::Verify { of } => verify::verify(&of.load()?),
        ToolCommand::Copy(arguments) => copy::run(&arguments),
        ToolCommand::Schema(SchemaCommand::Apply(settings)) => schema::apply(&settings),
    }
}
