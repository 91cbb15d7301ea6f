//! The running process: listener, connections with their limits, graceful stop.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_io_timeout::TimeoutStream;

use crate::{
    auth::Apps,
    config::CONNECTIONS_DEFAULT,
    handlers::{self, Context},
    live::Live,
    store::Store,
};

/// What keeps slow or many peers from holding the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Longest wait for the head of a request, and longest rest between two requests.
    pub head_wait: Duration,
    /// Longest time a peer may take nothing of its answer.
    pub write_stall: Duration,
    /// Longest wait for requests in flight when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_DEFAULT,
            head_wait: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// From one sweep of the store to the next.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen} (port 0 takes a free one)")]
pub struct ListenError {
    listen: SocketAddr,
    #[source]
    source: io::Error,
}

/// A server that listens, but serves only when run.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    router: Router,
    store: Arc<dyn Store>,
    live: Arc<Live>,
    limits: Limits,
}

impl Server {
    /// Takes the address. Port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(
        listen: SocketAddr,
        apps: Apps,
        store: Arc<dyn Store>,
        limits: Limits,
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let live = Arc::new(Live::new(Arc::clone(&store)));
        let context = Context { apps: Arc::new(apps), store, live };
        let (store, live) = (Arc::clone(&context.store), Arc::clone(&context.live));
        Ok(Self { listener, local_addr, router: handlers::routes(context), store, live, limits })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The syncs that wait here.
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// Serves until `stop` ends; then lets requests in flight finish within their limit, and
    /// closes the store.
    ///
    /// HTTP/1.1 only: each of its waits has a limit here, while an HTTP/2 peer could rest for ever.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(self.limits.connections_max));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        // They end with this function: both are safe to drop.
        let mut background = JoinSet::new();
        background.spawn(sweep(Arc::clone(&self.store)));
        background.spawn(self.live.run());
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.expect("never closed");
                (slot, self.listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                next = next => next,
                Some(_) = connections.join_next() => continue,
                () = &mut stop => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = graceful.watch(serve(stream, self.router.clone(), &self.limits));
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(slot);
            });
        }
        drop(self.listener);
        self.live.stop();
        if tokio::time::timeout(self.limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(left = connections.len(), "requests in flight took too long: cut off");
            connections.shutdown().await;
        }
        background.shutdown().await;
        self.store.close().await;
    }
}

async fn sweep(store: Arc<dyn Store>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = store.sweep(handlers::now_ms()).await {
            tracing::warn!(%error, "the store is not swept; the next try is in an hour");
        }
    }
}

type Connection = http1::Connection<
    TokioIo<std::pin::Pin<Box<TimeoutStream<TcpStream>>>>,
    TowerToHyperService<Router>,
>;

fn serve(stream: TcpStream, router: Router, limits: &Limits) -> Connection {
    // Answers are whole when they are written; waiting for more only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_stall));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_wait)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router))
}

/// Ends at Ctrl-C or SIGTERM.
///
/// # Errors
/// When the process cannot listen for signals.
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
