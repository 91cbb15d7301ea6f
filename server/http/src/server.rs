//! The running server: listener, connections with their limits, sweep, graceful stop.

use std::{
    future::Future, io, net::SocketAddr, num::NonZeroU32, pin::pin, sync::Arc, time::Duration,
};

use axum::http::HeaderValue;
use huihua_store::{self as store, AccountFormRefusal, Engine, Store, SweepState};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

pub use crate::limits::{CONNECTIONS_DEFAULT, LOBBY_CONNECTIONS_MAX, Limits, RateLimits};
pub use crate::link::LinkDoor;
use crate::{
    addresses::Addresses,
    app::Apps,
    auth::CurrentApps,
    clock::{self, Clock},
    connection::{Connections, OpenConnection, Tls},
    handlers::{Context, Routes},
    link::OpenDoor,
    live::Live,
    tls::{self, Certificates},
};

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Rows of one call of the sweep: some seconds of a busy store.
const SWEEP_ROWS: usize = 100_000;
/// Interval of the sweeps of the store, which looks at its sessions once an hour.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is in use or not one of this machine.
    #[error("cannot listen on {listen} (port 0 takes a free one)")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// HTTP's dates begin in 1970, and hyper panics on an earlier one.
    #[error("the machine's clock is before 1970: set it, and start again")]
    ClockBefore1970,
    /// An app may not write its account ids as its configuration says.
    #[error(transparent)]
    Accounts(#[from] AccountFormRefusal),
    /// There is no TLS with these certificates.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The store fails.
    #[error("cannot look up how the apps write their account ids")]
    Store(#[from] store::Error),
}

/// A server that listens and, once run, serves.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    apps: AppsHandle,
    pub(crate) context: Context,
    routes: Routes,
    engine: Arc<dyn Engine>,
    live: Arc<Live>,
    pub(crate) limits: Limits,
    clock: Clock,
    tls: Option<Tls>,
}

/// Changes the apps of a running server. Clones change the same one.
#[derive(Clone)]
pub struct AppsHandle {
    current: Arc<CurrentApps>,
    engine: Arc<dyn Engine>,
}

impl AppsHandle {
    /// Serves these apps from now on, all at once; requests that have begun keep those they began
    /// with. Lets the store remember how each app writes its account ids.
    ///
    /// # Errors
    /// [`StartError`] says what to change; then nothing is changed.
    pub async fn replace(&self, apps: Apps) -> Result<(), StartError> {
        remember_account_forms(&*self.engine, &apps).await?;
        self.current.replace(apps);
        Ok(())
    }
}

async fn remember_account_forms(engine: &dyn Engine, apps: &Apps) -> Result<(), StartError> {
    let mut forms: Vec<_> = apps.values().map(|app| (app.key.clone(), app.accounts)).collect();
    forms.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(engine.remember_account_forms(&forms).await??)
}

impl Server {
    /// Binds the address; port 0 takes a free one. Lets the store remember how each app writes its
    /// account ids.
    ///
    /// # Errors
    /// [`StartError`] says what to change.
    pub async fn bind(
        listen: SocketAddr,
        apps: Apps,
        engine: Arc<dyn Engine>,
        limits: Limits,
        clock: Clock,
    ) -> Result<Self, StartError> {
        if clock::is_before_1970() {
            return Err(StartError::ClockBefore1970);
        }
        let failed = |source| StartError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        // Only now: a start that ends at its address has chosen nothing.
        remember_account_forms(&*engine, &apps).await?;
        let store: Arc<dyn Store> = Arc::clone(&engine) as _;
        let live = Arc::new(Live::new(Arc::clone(&store), limits.waits_per_account));
        let current = Arc::new(CurrentApps::new(apps));
        let apps = AppsHandle { current: Arc::clone(&current), engine: Arc::clone(&engine) };
        let health = Arc::clone(&engine);
        let context = Context::new(current, store, health, Arc::clone(&live), clock, limits.rates);
        let routes = Routes::new(context.clone(), &limits, None);
        Ok(Self {
            listener,
            local_addr,
            apps,
            context,
            routes,
            engine,
            live,
            limits,
            clock,
            tls: None,
        })
    }

    /// Lets the listener speak TLS alone, with HTTP/2 or HTTP/1.1. With `strict_s`, every answer
    /// says that browsers must come back with TLS for so many seconds.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn with_tls(
        mut self,
        certificates: &Certificates,
        strict_s: Option<NonZeroU32>,
    ) -> Result<Self, StartError> {
        let strict = strict_s.map(|s| {
            let text = format!("max-age={s}");
            HeaderValue::from_str(&text).expect("digits are a header's value")
        });
        self.tls = Some(Tls { acceptor: tls::acceptor(certificates)?, strict });
        Ok(self)
    }

    /// Opens the door of NIM's Web SDKs.
    #[must_use]
    pub fn with_link(mut self, door: LinkDoor) -> Self {
        let door = Arc::new(OpenDoor::new(door, self.clock));
        self.routes = Routes::new(self.context.clone(), &self.limits, Some(door));
        self
    }

    /// Returns the address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Switches the access log on or off: a line for each request.
    pub fn log_access(&self, is_on: bool) {
        self.context.metrics.log_access(is_on);
    }

    /// Returns what changes its apps.
    pub fn apps(&self) -> AppsHandle {
        self.apps.clone()
    }

    /// Returns the waiting syncs of this server.
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// Serves until `stop` ends; then is not ready any more, lets requests in flight finish within
    /// their limit, and closes the store.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let shared = Arc::new(Connections::new(self.routes, self.limits, self.tls));
        let addresses = Arc::new(Addresses::new(self.limits));
        let stopping = watch::Sender::new(false);
        let mut connections = JoinSet::new();
        // They end with this function: both are safe to drop.
        let mut background = JoinSet::new();
        background.spawn(sweep(Arc::clone(&self.engine), self.clock));
        background.spawn(self.live.run());
        let mut stop = pin!(stop);
        loop {
            let next = tokio::select! {
                next = self.listener.accept() => next,
                Some(_) = connections.join_next() => continue,
                () = &mut stop => break,
            };
            let (stream, address) = match next {
                Ok(_) if clock::is_before_1970() => {
                    tracing::error!("the machine's clock is before 1970: set it");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(peer) = addresses.connect(address.ip(), self.clock.now_ms()) else {
                self.context.metrics.count_refusal("too many connections of one address");
                continue;
            };
            let counted = self.context.metrics.count_connection();
            let place = shared.place();
            let has_place = place.is_some();
            let connection = Arc::new(OpenConnection::new(peer, place));
            let waiting = (!has_place).then(|| Arc::clone(&connection));
            let served = Arc::clone(&shared).serve(stream, connection, stopping.subscribe());
            let task = connections.spawn(async move {
                served.await;
                drop(counted);
            });
            if let Some(waiting) = waiting {
                shared.let_wait(&waiting, task);
            }
        }
        self.context.readiness.stop();
        drop(self.listener);
        stopping.send_replace(true);
        self.live.stop();
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.drain, ended).await.is_err() {
            tracing::warn!(
                left = connections.len(),
                "requests in flight took too long: closing their connections"
            );
            connections.shutdown().await;
        }
        background.shutdown().await;
        self.engine.close().await;
    }
}

/// Sweeps the store once a minute, for ever.
async fn sweep(engine: Arc<dyn Engine>, clock: Clock) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        loop {
            match engine.sweep(clock.now_ms(), SWEEP_ROWS).await {
                Ok(SweepState::Unfinished) => {}
                Ok(SweepState::Complete) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot sweep the store: trying again in a minute");
                    break;
                }
            }
        }
    }
}

/// Returns a future that ends at Ctrl-C or SIGTERM.
///
/// # Errors
/// If the process cannot listen for signals.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
