//! The server's process: chooses the command and the engine. The only file that names an engine.

mod admin;
mod args;
mod backup;
mod config;
mod dev;
mod import_nim;
mod lines;
mod logging;
mod members;
mod open_files;
mod progress;
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
use huihua_store::{self as store, Engine as _, Progress};
use huihua_store_redb::{FILE_NAME, RedbStore};

use crate::{
    args::{Command, CommandLine, MembersCommand},
    config::Config,
};

fn main() -> ExitCode {
    logging::init();
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
    match command {
        Command::Serve { config } => serve(&Config::load(&config)?, |_, _, _| Ok(String::new())),
        Command::Dev { data, listen } => serve(&dev::prepare(&data, listen)?, dev::announce),
        Command::Token(arguments) => token::print(&arguments),
        Command::ImportNim(arguments) => import_nim::run(arguments),
        Command::Members(MembersCommand::Import(arguments)) => members::run(arguments),
        Command::Backup { data, to } => backup::backup(&data, &to, back_up_stopped),
        Command::Restore { from, data } => {
            backup::restore(&from, &data, huihua_store_redb::restore)
        }
        Command::Verify { data } => verify::verify(&data, FILE_NAME, verify_stopped),
    }
}

/// Runs the server with the embedded engine.
fn serve(config: &Config, announce: serve::Announce) -> Result<(), Box<dyn Error>> {
    serve::serve(config, announce, |data| {
        let engine = Arc::new(RedbStore::open(data)?);
        let of_admin = Arc::clone(&engine);
        let backup = async move |to: PathBuf, progress| of_admin.backup(&to, progress).await;
        Ok((engine, backup))
    })
}

/// Backs up the store of a stopped server.
async fn back_up_stopped(data: &Path, to: &Path, progress: Progress) -> Result<(), store::Error> {
    let engine = RedbStore::open(data)?;
    let done = engine.backup(to, progress).await;
    engine.close().await;
    done
}

/// Verifies the store of a stopped server.
async fn verify_stopped(data: &Path, progress: Progress) -> Result<u64, store::Error> {
    let engine = RedbStore::open(data)?;
    let values = engine.verify(progress).await;
    engine.close().await;
    values
}
