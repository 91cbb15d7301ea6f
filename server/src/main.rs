//! Arguments, configuration, engine, run. The only file that names an engine.

mod args;

use std::{error::Error, io::Write as _, process::ExitCode, sync::Arc};

use clap::Parser as _;
use huihua_server::{
    auth, config::Config, dev, handlers, logging, members, open_files, server,
    store::redb::RedbStore,
};

use args::{Arguments, Command, ImportArguments, MembersCommand, TokenArguments};

fn main() -> ExitCode {
    logging::init();
    let done = match Arguments::parse().command {
        Command::Serve { config } => serve(&config),
        Command::Dev { data, listen } => dev::prepare(&data, listen)
            .map_err(Into::into)
            .and_then(|config| run(&config, dev::announce)),
        Command::Token(arguments) => token(&arguments),
        Command::Members(MembersCommand::Import(arguments)) => import(arguments),
    };
    match done {
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

fn serve(path: &std::path::Path) -> Result<(), Box<dyn Error>> {
    run(&Config::load(path)?, |_, _, _| Ok(String::new()))
}

/// Serves until it is told to stop. `announce` says what to print once the server listens.
#[tokio::main]
async fn run(
    config: &Config,
    announce: impl FnOnce(&Config, std::net::SocketAddr, u64) -> Result<String, dev::Error>,
) -> Result<(), Box<dyn Error>> {
    let stop = server::stop_signal()?;
    let store = Arc::new(RedbStore::open(&config.data)?);
    let connections_max = open_files::make_room(config.connections_max)?;
    let limits = server::Limits { connections_max, ..server::Limits::default() };
    let server = server::Server::bind(config.listen, config.apps.clone(), store, limits).await?;
    let text = announce(config, server.local_addr(), handlers::now_ms())?;
    std::io::stdout().write_all(text.as_bytes())?;
    tracing::info!(address = %server.local_addr(), "listening");
    server.run(stop).await;
    Ok(())
}

fn token(arguments: &TokenArguments) -> Result<(), Box<dyn Error>> {
    let ttl_s = arguments.ttl.as_secs();
    let app = arguments.keys.load()?;
    let token = auth::sign(&app, &arguments.account, handlers::now_ms() / 1_000, ttl_s)?;
    writeln!(std::io::stdout(), "{token}")?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn import(arguments: ImportArguments) -> Result<(), Box<dyn Error>> {
    let ImportArguments { file, url, keys, retry_for } = arguments;
    let ingest_key = keys.load()?.ingest_key;
    let summary = members::import(&members::Import { file, url, ingest_key, retry_for }).await?;
    writeln!(std::io::stdout(), "{summary}")?;
    if summary.rejected > 0 { Err("the server rejected lines of the file".into()) } else { Ok(()) }
}
