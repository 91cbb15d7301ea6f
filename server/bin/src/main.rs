//! The server's process: chooses the command and the engine. The only file that names an engine.

mod accounts;
mod admin;
mod args;
mod backup;
mod compact;
mod config;
mod config_command;
mod console_token;
mod data_folder;
mod dev;
mod import_nim;
mod lines;
mod logging;
mod members;
mod open_files;
mod progress;
mod samples;
mod serve;
mod server_client;
mod token;
mod verify;

use std::{
    error::Error,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser as _;
use huihua_store::{self as store, Engine, Progress};
use huihua_store_redb::{FILE_NAME, Memory, QueueLimits, RedbStore};
use tracing_subscriber::EnvFilter;

use crate::{
    admin::{BackupFuture, Operations},
    args::{Command, CommandLine, ConfigCommand, MembersCommand, ServerCommand, ToolCommand},
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
        Command::Server(command) => serve(start_of(command, filter)),
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
        ToolCommand::Backup { data, to } => backup::backup(&data, FILE_NAME, &to, back_up_stopped),
        ToolCommand::Restore { from, data } => {
            backup::restore(&from, &data, huihua_store_redb::restore)
        }
        ToolCommand::Compact { data } => compact::run(&data, FILE_NAME, huihua_store_redb::compact),
        ToolCommand::Accounts(command) => accounts::run(command, FILE_NAME, open_stopped),
        ToolCommand::Verify { data } => verify::verify(&data, FILE_NAME, huihua_store_redb::verify),
    }
}

/// Runs the server with the embedded engine.
fn serve(start: Start) -> Result<(), Box<dyn Error>> {
    serve::serve(start, |config| {
        let memory = Memory::of_mb(config.memory_mb);
        let limits = QueueLimits {
            app_bytes_max: config.queue_app_mb << 20,
            bytes_max: config.queue_mb << 20,
        };
        let check_bytes_max = (config.check_at_start_mb as u64) << 20;
        let engine = RedbStore::open_with(&config.data, memory, limits, check_bytes_max)?;
        let engine = Arc::new(engine);
        let of_backup = Arc::clone(&engine);
        let backup = move |to: PathBuf, progress| -> BackupFuture {
            let engine = Arc::clone(&of_backup);
            Box::pin(async move { engine.backup(&to, progress).await })
        };
        Ok(Operations { backup: Arc::new(backup), engine })
    })
}

/// Opens the store of a stopped server.
fn open_stopped(data: &Path) -> Result<Box<dyn Engine>, store::Error> {
    Ok(Box::new(RedbStore::open(data, Memory::default())?))
}

/// Backs up the store of a stopped server.
async fn back_up_stopped(data: &Path, to: &Path, progress: Progress) -> Result<(), store::Error> {
    let engine = RedbStore::open(data, Memory::default())?;
    let done = engine.backup(to, progress).await;
    engine.close().await;
    done
}
