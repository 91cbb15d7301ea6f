//! Serving: engine, admin socket and HTTP server of one process, until it is stopped.

use std::{
    error::Error,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use huihua_http::{
    clock::{self, Clock},
    server::{self, Limits, Server},
};
use huihua_store::{self as store, Engine, Progress};

use crate::{admin, config::Config, dev, open_files};

/// Returns the text to print once the server listens. Gets its address, and the time in ms since
/// 1970.
pub(crate) type Announce = fn(&Config, SocketAddr, u64) -> Result<String, dev::Error>;

/// Serves until Ctrl-C or SIGTERM. `open` opens the engine in a folder and returns it with its
/// backup.
#[tokio::main]
pub(crate) async fn serve<E, B, O>(
    config: &Config,
    announce: Announce,
    open: O,
) -> Result<(), Box<dyn Error>>
where
    E: Engine + 'static,
    B: AsyncFn(PathBuf, Progress) -> Result<(), store::Error>,
    O: FnOnce(&Path) -> Result<(Arc<E>, B), store::Error>,
{
    let stop = server::stop_signal()?;
    let (engine, backup) = open(&config.data)?;
    let connections_max = open_files::raise_limit(config.connections_max)?;
    let limits = Limits { connections_max, ..Limits::default() };
    let apps = config.apps.clone();
    let server = Server::bind(config.listen, apps, engine, limits, Clock::default()).await?;
    let text = announce(config, server.local_addr(), clock::now_ms())?;
    std::io::stdout().write_all(text.as_bytes())?;
    tracing::info!(address = %server.local_addr(), "listening");
    tokio::select! {
        () = server.run(stop) => Ok(()),
        never = admin::serve(&config.data, backup) => match never {},
    }
}
