//! Arguments, configuration, engine, run. The only file that names an engine.

mod args;
mod copies;
mod keyed;

use std::{error::Error, io::Write as _, path::Path, process::ExitCode, sync::Arc};

use clap::Parser as _;
use huihua_server::{
    admin,
    config::Config,
    dev, handlers, logging, open_files, server,
    store::{
        self, Store,
        redb::{self, RedbStore},
    },
};

use args::{Arguments, Command, MembersCommand};

fn main() -> ExitCode {
    logging::init();
    let done = match Arguments::parse().command {
        Command::Serve { config } => serve(&config),
        Command::Dev { data, listen } => dev::prepare(&data, listen)
            .map_err(Into::into)
            .and_then(|config| run(&config, dev::announce)),
        Command::Token(arguments) => keyed::token(&arguments),
        Command::Members(MembersCommand::Import(arguments)) => keyed::import(arguments),
        Command::Backup { data, to } => copies::backup(&data, &to, open),
        Command::Restore { from, data } => copies::restore(&from, &data, redb::restore),
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

fn serve(path: &Path) -> Result<(), Box<dyn Error>> {
    run(&Config::load(path)?, |_, _, _| Ok(String::new()))
}

/// Serves until it is told to stop. `announce` says what to print once the server listens.
#[tokio::main]
async fn run(
    config: &Config,
    announce: impl FnOnce(&Config, std::net::SocketAddr, u64) -> Result<String, dev::Error>,
) -> Result<(), Box<dyn Error>> {
    let stop = server::stop_signal()?;
    let store = open(&config.data)?;
    let admin = admin::serve(&config.data, Arc::clone(&store));
    let connections_max = open_files::make_room(config.connections_max)?;
    let limits = server::Limits { connections_max, ..server::Limits::default() };
    let server = server::Server::bind(config.listen, config.apps.clone(), store, limits).await?;
    let text = announce(config, server.local_addr(), handlers::now_ms())?;
    std::io::stdout().write_all(text.as_bytes())?;
    tracing::info!(address = %server.local_addr(), "listening");
    tokio::select! {
        () = server.run(stop) => Ok(()),
        never = admin => match never {},
    }
}

fn open(data: &Path) -> Result<Arc<dyn Store>, store::Error> {
    Ok(Arc::new(RedbStore::open(data)?))
}
