//! The operator's own listener: metrics, health and the console, apart from the doors of clients
//! and servers. Only the console asks for a token: it belongs on a loopback or private address.

pub(crate) mod metrics;
pub(crate) mod observe;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use huihua_core::paths;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use self::metrics::Metrics;
use crate::{
    auth::PeerAddress,
    console::{self, Console},
    handlers::{Context, health},
    limits::READ_BUFFER_BYTES,
    peer_stream::PeerStream,
    server::{Limits, Server, StartError},
    socket::Socket,
};

/// Path of the metrics.
const METRICS: &str = "/metrics";
/// Content type of OpenMetrics, which Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Connections at one time: a Prometheus and a few people.
const CONNECTIONS_MAX: usize = 32;
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The operator's listener, bound.
pub struct AdminListener {
    listener: TcpListener,
    local_addr: SocketAddr,
    router: Router,
    limits: Limits,
}

impl AdminListener {
    /// Binds the operator's listener of this server, with a console or without; port 0 takes a free
    /// one.
    ///
    /// # Errors
    /// [`StartError::Listen`] if the address cannot be had.
    pub async fn bind(
        server: &Server,
        listen: SocketAddr,
        console: Option<Console>,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let mut router = Router::new()
            .route(METRICS, get(metrics))
            .route(paths::LIVEZ, get(health::livez))
            .route(paths::READYZ, get(health::readyz))
            .with_state(server.context.clone());
        if let Some(console) = console {
            router = router.merge(console::routes(server.context.clone(), console, server.limits));
        }
        // Else that of the console would ask for its token at every path.
        let router = router.fallback(async || StatusCode::NOT_FOUND);
        Ok(Self { listener, local_addr, router, limits: server.limits })
    }

    /// Returns the address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves for ever; connections end with this future.
    pub async fn run(self) -> Infallible {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("never closed");
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let router = self.router.clone().layer(Extension(PeerAddress(peer.ip())));
                    let connection = serve(stream, router, &self.limits);
                    connections.spawn(async move {
                        let ended: Result<(), _> = connection.await;
                        drop(slot);
                        ended
                    });
                }
                Err(error) => log_and_wait(&error).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

type Connection = http1::Connection<TokioIo<PeerStream>, TowerToHyperService<Router>>;

fn serve(stream: TcpStream, router: Router, limits: &Limits) -> Connection {
    let stream = PeerStream::plain(Socket::new(stream, limits.answer_wait, Arc::default()));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_wait)
        .max_buf_size(READ_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

async fn log_and_wait(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection of the admin listener");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn metrics(State(context): State<Context>) -> Response {
    let metrics: &Metrics = &context.metrics;
    ([(CONTENT_TYPE, OPEN_METRICS)], metrics.to_text()).into_response()
}
