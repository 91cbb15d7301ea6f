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
    handlers::{self, Context},
    store::Store,
};

/// Most connections at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 8_192;
/// Longest wait for the head of a request, and longest rest between two requests of a connection.
const HEAD_WAIT_MAX: Duration = Duration::from_secs(30);
/// Longest time a peer may take nothing of its answer.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// Longest wait for requests in flight when the server stops.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let context = Context { apps: Arc::new(apps), store: Arc::clone(&store) };
        Ok(Self { listener, local_addr, router: handlers::routes(context), store })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `stop` ends; then lets requests in flight finish for at most 10 s, and closes
    /// the store.
    ///
    /// HTTP/1.1 only: each of its waits has a limit here, while an HTTP/2 peer could rest for ever.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
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
            let connection = graceful.watch(serve(stream, self.router.clone()));
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(slot);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN_MAX, graceful.shutdown()).await.is_err() {
            tracing::warn!(left = connections.len(), "requests in flight took too long: cut off");
            connections.shutdown().await;
        }
        self.store.close().await;
    }
}

type Connection = http1::Connection<
    TokioIo<std::pin::Pin<Box<TimeoutStream<TcpStream>>>>,
    TowerToHyperService<Router>,
>;

fn serve(stream: TcpStream, router: Router) -> Connection {
    // Answers are whole when they are written; waiting for more only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_STALL_MAX));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT_MAX)
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
