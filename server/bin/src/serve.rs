//! Serving: engine, admin socket and HTTP server of one process, until it is stopped.

use std::{
    convert::Infallible,
    error::Error,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use huihua_http::{
    admin::AdminListener,
    clock::{self, Clock},
    server::{self, AppsHandle, Limits, Server},
    tls::Certificates,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    admin::{self, Operations},
    config::Config,
    console_token, dev, engine, logging, open_files,
};

/// Reads the configuration: at the start, and again at each reload.
pub(crate) type Load = Box<dyn Fn() -> Result<Config, Box<dyn Error>>>;

/// What differs between `serve` and `dev`.
pub(crate) struct Start {
    /// What is logged.
    pub(crate) filter: EnvFilter,
    pub(crate) load: Load,
    /// Called once this process has the store of the data folder.
    pub(crate) opened: fn(&Path) -> Result<(), dev::Error>,
    /// Returns the text to print once the server listens. Gets the time in ms since 1970.
    pub(crate) announce: fn(&Config, dev::Addresses, u64) -> Result<String, dev::Error>,
}

/// Serves until Ctrl-C or SIGTERM.
#[tokio::main]
pub(crate) async fn serve(start: Start) -> Result<(), Box<dyn Error>> {
    let stop = server::stop_signal()?;
    let reload_signal = signal(SignalKind::hangup())?;
    let config = (start.load)()?;
    logging::start(start.filter, config.log_format);
    config.make_data_folder()?;
    let certificates = config.load_tls()?;
    warn(&config);
    let operations = engine::open(&config.store).await?;
    let engine = Arc::clone(&operations.engine);
    if let Some(data) = config.data() {
        (start.opened)(data)?;
    }
    let connections_max = open_files::raise_limit(config.connections_max)?;
    let limits = Limits { connections_max, ..config.limits };
    let apps = config.apps.clone();
    let mut server = Server::bind(config.listen, apps, engine, limits, Clock::default()).await?;
    if let Some(certificates) = &certificates {
        server = server.with_tls(certificates, config.strict_s)?;
    }
    if let Some(door) = config.link.clone() {
        server = server.with_link(door);
    }
    server.log_access(config.access_log);
    let mut console_token = None;
    let admin = match config.admin_listen {
        Some(address) => {
            let console = console_token::console(&config)?;
            let operator = console.as_ref().and_then(|console| console.operators.first());
            console_token = operator.map(|operator| operator.token.clone());
            Some(AdminListener::bind(&server, address, console).await?)
        }
        None => None,
    };
    let admin_address = admin.as_ref().map(AdminListener::local_addr);
    let addresses =
        dev::Addresses { public: server.local_addr(), admin: admin_address, console_token };
    let text = (start.announce)(&config, addresses, clock::now_ms())?;
    std::io::stdout().write_all(text.as_bytes())?;
    log_start(&config, &server, admin.as_ref(), connections_max);
    let apps = server.apps();
    let data = config.data().map(Path::to_owned);
    let ended = tokio::select! {
        () = server.run(stop) => Ok(()),
        never = serve_admin_socket(data, operations) => match never {},
        never = serve_admin(admin) => match never {},
        never = watch_certificates(&certificates) => match never {},
        never = reload(reload_signal, &start.load, config, apps, &certificates) => match never {},
    };
    tracing::info!("stopped");
    ended
}

/// Logs what runs here, in one line.
fn log_start(
    config: &Config,
    server: &Server,
    admin: Option<&AdminListener>,
    connections_max: usize,
) {
    let mut apps: Vec<_> = config.apps.keys().map(|key| key.as_str()).collect();
    apps.sort_unstable();
    let admin = admin.map_or("off".to_owned(), |admin| admin.local_addr().to_string());
    tracing::info!(
        address = %server.local_addr(),
        admin_address = admin,
        tls = config.tls.is_some(),
        link = config.link.is_some(),
        version = env!("CARGO_PKG_VERSION"),
        // Of a store in a folder its folder.
        data = config.data().map(|data| tracing::field::display(data.display())),
        store = %config.store,
        apps = apps.join(","),
        connections_max,
        "listening"
    );
}

/// With Cassandra there is no folder for a socket: commands ask the keyspace.
async fn serve_admin_socket(data: Option<PathBuf>, operations: Operations) -> Infallible {
    match data {
        Some(data) => admin::serve(&data, operations).await,
        None => std::future::pending().await,
    }
}

async fn serve_admin(listener: Option<AdminListener>) -> Infallible {
    match listener {
        Some(listener) => listener.run().await,
        None => std::future::pending().await,
    }
}

async fn watch_certificates(certificates: &Option<Certificates>) -> Infallible {
    match certificates {
        Some(certificates) => certificates.watch().await,
        None => std::future::pending().await,
    }
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

/// Reads the certificate and the configuration again at each SIGHUP, for ever, and serves its apps.
/// What is wrong changes nothing.
async fn reload(
    mut signals: Signal,
    load: &Load,
    mut config: Config,
    apps: AppsHandle,
    certificates: &Option<Certificates>,
) -> Infallible {
    loop {
        if signals.recv().await.is_none() {
            return std::future::pending().await;
        }
        if let Some(certificates) = certificates {
            certificates.reload().await;
        }
        let new = match load() {
            Ok(new) => new,
            Err(error) => {
                tracing::error!(%error, "configuration not reloaded: the old one stays");
                continue;
            }
        };
        if let Err(error) = apps.replace(new.apps.clone()).await {
            let error: &dyn Error = &error;
            tracing::error!(error, "configuration not reloaded: the old one stays");
            continue;
        }
        warn(&new);
        let waiting = new.restarts_for(&config);
        if !waiting.is_empty() {
            let settings = waiting.join(", ");
            tracing::warn!(settings, "these settings have changed and need a restart");
        }
        tracing::info!(apps = new.apps.len(), "configuration reloaded");
        // The other settings are still those of the start: the next reload says so again.
        config.apps = new.apps;
    }
}
