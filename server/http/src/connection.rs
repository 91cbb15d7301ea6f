//! One connection: its place among all, and what it may hold before anybody knows who calls; over
//! HTTP/1.1, its requests one after the other. Those of HTTP/2 are in `http2.rs`.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Version, header},
    response::{IntoResponse as _, Response},
};
use huihua_core::paths;
use huihua_nim::link::FRAME_BYTES_MAX;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    addresses::{BodyBytes, Peer},
    answer_body,
    answer_notes::HeldBack,
    error::Error,
    handlers::{AnswerFuture, Routes},
    limits::{Limits, PLACE_REQUESTS_MAX, PLACE_WAIT, READ_BUFFER_BYTES, SILENT_MAX},
    link::LinkRequest,
    peer_stream::PeerStream,
    socket::{Progress, Socket},
    tls,
};

/// What all connections share.
pub(crate) struct Connections {
    routes: Routes,
    pub(crate) limits: Limits,
    tls: Option<Tls>,
    places: Arc<Semaphore>,
    lobby: Lobby,
}

/// What the listener needs for TLS.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// Value of `Strict-Transport-Security` in every answer, if there is one.
    pub(crate) strict: Option<HeaderValue>,
}

/// The connections without a place. Health checks are answered here, whatever goes on elsewhere.
#[derive(Default)]
struct Lobby {
    /// Those of which no request waits, the oldest first: most have sent none yet. One that asked
    /// for health stays here until it ends.
    silent: Mutex<VecDeque<SilentConnection>>,
    /// Requests that wait for a place.
    requests: AtomicUsize,
}

struct SilentConnection {
    connection: Weak<OpenConnection>,
    task: AbortHandle,
}

impl Connections {
    pub(crate) fn new(routes: Routes, limits: Limits, tls: Option<Tls>) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections_max));
        Self { routes, limits, tls, places, lobby: Lobby::default() }
    }

    /// Returns a place, if one is left.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Lets a connection without a place wait. If too many wait that have sent nothing, the oldest
    /// of them goes.
    pub(crate) fn let_wait(&self, connection: &Arc<OpenConnection>, task: AbortHandle) {
        let mut silent = self.lobby.silent();
        // Its first request may have come already.
        if connection.has_spoken.load(Relaxed) {
            return;
        }
        if silent.len() >= SILENT_MAX
            && let Some(oldest) = silent.pop_front()
        {
            oldest.task.abort();
        }
        silent.push_back(SilentConnection { connection: Arc::downgrade(connection), task });
    }

    /// Serves a connection until it ends. Once `stopping` is true, it ends after the request in
    /// progress.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        connection: Arc<OpenConnection>,
        mut stopping: watch::Receiver<bool>,
    ) {
        // An answer is written whole; waiting for more data would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let progress = Arc::clone(&connection.progress);
        let socket = Socket::new(stream, self.limits.answer_wait, progress);
        let mut stream = match &self.tls {
            None => PeerStream::plain(socket),
            // Boxed, both: what lasts is the wait of HTTP/1.1, which need not have room for them.
            Some(tls) => {
                let shaken = Box::pin(self.shake_hands(socket, tls, &mut stopping)).await;
                let Some(stream) = shaken else { return };
                stream
            }
        };
        if stream.is_http2() {
            return Box::pin(self.serve_http2(stream, connection, stopping)).await;
        }
        // Boxed too: a wait has left HTTP.
        while let Some(left) = Box::pin(self.speak(stream, &connection, &mut stopping)).await {
            let (waiting_stream, mut read_ahead) = (left.stream, left.read_ahead);
            let (answer, closes) = match left.request {
                LeftRequest::Waits { answer, closes } => (answer, closes),
                LeftRequest::Links { link, room } => {
                    let peer = Arc::clone(&connection.peer);
                    return link.serve(waiting_stream, read_ahead, room, peer, stopping).await;
                }
            };
            stream = waiting_stream;
            let response = tokio::select! {
                response = answer => response,
                () = stream.gone(&mut read_ahead) => return,
            };
            let closes = closes || *stopping.borrow();
            *connection.slot() = Slot::Ready(Box::new(response));
            let head = if closes { REPEATED_CLOSING } else { REPEATED };
            stream.read_first([head, &read_ahead].concat().into());
        }
    }

    /// Shakes hands; `None` if there will be no TLS, or nobody needs it any more.
    async fn shake_hands(
        &self,
        socket: Socket,
        tls: &Tls,
        stopping: &mut watch::Receiver<bool>,
    ) -> Option<PeerStream> {
        let shaken = tls::shake_hands(socket, &tls.acceptor, self.limits.handshake_wait);
        let shaken = tokio::select! {
            shaken = shaken => shaken,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return None,
        };
        if let Err(error) = &shaken {
            self.routes.count_refusal(error.reason());
            tracing::debug!(%error, "a connection ended before its first request");
        }
        shaken.ok()
    }

    /// Adds what every answer has, when it may go out.
    pub(crate) async fn complete(&self, mut response: Response) -> Response {
        if response.extensions().get::<HeldBack>().is_some() {
            // Boxed, so that the connections that are not refused have no room for it.
            Box::pin(tokio::time::sleep(self.limits.rates.refusal_delay)).await;
        }
        if let Some(Tls { strict: Some(strict), .. }) = &self.tls {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, strict.clone());
        }
        response
    }

    /// Speaks HTTP until the connection ends, or a request waits or leaves HTTP.
    async fn speak(
        self: &Arc<Self>,
        stream: PeerStream,
        connection: &Arc<OpenConnection>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Option<LeftConnection> {
        let (shared, of_service) = (Arc::clone(self), Arc::clone(connection));
        let service = service_fn(move |request| {
            of_service.progress.is_busy.store(true, Relaxed);
            let busy = Busy(Arc::clone(&of_service.progress));
            let answer = shared.answer(&of_service, request);
            let (shared, connection) = (Arc::clone(&shared), Arc::clone(&of_service));
            async move {
                let response = shared.complete(answer.await).await;
                drop(busy);
                Ok::<_, Infallible>(answer_body::hold::<()>(response, &connection.peer, None))
            }
        });
        let mut http = Box::new(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.head_wait)
                .max_buf_size(READ_BUFFER_BYTES)
                // The stream itself sees to peers that go away.
                .half_close(true)
                .serve_connection(TokioIo::new(stream), service),
        );
        let mut is_ending = false;
        let waiting = loop {
            let next = poll_fn(|context| match Pin::new(&mut *http).poll(context) {
                Poll::Ready(ended) => Poll::Ready(Err(ended)),
                Poll::Pending => match connection.take_left() {
                    Some(left) => Poll::Ready(Ok(left)),
                    None => Poll::Pending,
                },
            });
            tokio::select! {
                // First, so that a repeated request is read before its connection may end.
                biased;
                next = next => break next,
                _ = stopping.wait_for(|is_stopping| *is_stopping), if !is_ending => {
                    is_ending = true;
                    Pin::new(&mut *http).graceful_shutdown();
                }
            }
        };
        match waiting {
            Ok(request) => {
                let http1::Parts { io, read_buf, .. } = http.into_parts();
                // As a copy: even an empty part would keep the whole buffer.
                let (stream, read_ahead) = (io.into_inner(), read_buf.to_vec());
                Some(LeftConnection { request, stream, read_ahead })
            }
            Err(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                None
            }
        }
    }

    /// Not an async function: what is rare has boxes of its own, so that every connection's memory
    /// need not have room for it.
    fn answer(
        self: &Arc<Self>,
        connection: &Arc<OpenConnection>,
        mut request: Request<Incoming>,
    ) -> AnswerFuture {
        request.extensions_mut().extend(connection.peer.extensions());
        if let Some(response) = connection.take_ready() {
            return Box::pin(std::future::ready(response));
        }
        if connection.place().is_none() {
            let (shared, connection) = (Arc::clone(self), Arc::clone(connection));
            return Box::pin(async move { shared.answer_in_lobby(connection, request).await });
        }
        if let Some(link) = self.routes.link(&request) {
            return self.leave_for(link, connection);
        }
        let Some(closes) = waits(&request) else {
            return self.answer_at_place(connection, request);
        };
        let answer = self.routes.answer(request.map(Body::new));
        *connection.slot() = Slot::Left(LeftRequest::Waits { answer, closes });
        let connection = Arc::clone(connection);
        Box::pin(poll_fn(move |context| connection.poll_waiting(context)))
    }

    /// Lets a connection leave HTTP for a link; it is answered only if there is no room for it.
    fn leave_for(&self, link: LinkRequest, connection: &OpenConnection) -> AnswerFuture {
        // Nobody knows yet who writes the first message.
        let room = BodyBytes::of(&connection.peer);
        if let Err(error) = room.take(FRAME_BYTES_MAX) {
            let response = closing(error.into_response());
            return Box::pin(std::future::ready(response));
        }
        let link = Box::new(link);
        *connection.slot() = Slot::Left(LeftRequest::Links { link, room });
        Box::pin(std::future::pending())
    }

    pub(crate) fn answer_at_place(
        &self,
        connection: &OpenConnection,
        request: Request<Incoming>,
    ) -> AnswerFuture {
        let mut request = request.map(Body::new);
        if request.body().is_end_stream() {
            return self.routes.answer(request);
        }
        // Held until the answer: what the body became waits for the store that long.
        let bytes = Arc::new(BodyBytes::of(&connection.peer));
        request.extensions_mut().insert(Arc::clone(&bytes));
        let answer = self.routes.answer(request);
        Box::pin(async move {
            let response = answer.await;
            drop(bytes);
            response
        })
    }

    /// Answers a request of a connection without a place. An answer that has the header
    /// `Connection: close` ends it.
    pub(crate) async fn answer_in_lobby(
        &self,
        connection: Arc<OpenConnection>,
        request: Request<Incoming>,
    ) -> Response {
        let path = request.uri().path();
        if path == paths::LIVEZ || path == paths::READYZ {
            return closing(self.answer_at_place(&connection, request).await);
        }
        match self.wait_for_place(&connection).await {
            Ok(place) => *connection.place() = Some(place),
            Err(error) => return closing(error.into_response()),
        }
        if let Some(link) = self.routes.link(&request) {
            return self.leave_for(link, &connection).await;
        }
        self.answer_at_place(&connection, request).await
    }

    async fn wait_for_place(
        &self,
        connection: &Arc<OpenConnection>,
    ) -> Result<OwnedSemaphorePermit, Error> {
        let overloaded = Error::Overloaded { what: "too many connections" };
        let _counted = CountedRequest::new(&self.lobby.requests);
        if self.lobby.requests.load(Relaxed) > PLACE_REQUESTS_MAX {
            return Err(overloaded);
        }
        self.lobby.leave_silent(connection);
        let place = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(PLACE_WAIT, place).await {
            Ok(place) => Ok(place.expect("never closed")),
            Err(_) => Err(overloaded),
        }
    }
}

/// A request that waits or became a link, and what is left of its connection: neither the request
/// nor the 16 KiB of buffers that an HTTP connection has, most of which would be idle.
struct LeftConnection {
    request: LeftRequest,
    stream: PeerStream,
    /// What came after the request.
    read_ahead: Vec<u8>,
}

/// Why HTTP is left, for a time or for good.
enum LeftRequest {
    /// Its answer is to come.
    Waits {
        answer: AnswerFuture,
        /// The peer wants the connection closed after the answer.
        closes: bool,
    },
    /// A client of NIM's link protocol.
    Links {
        link: Box<LinkRequest>,
        /// For its messages until it has logged in.
        room: BodyBytes,
    },
}

/// What stands for a request that has waited, so that its answer is written by the same code as any
/// other.
const REPEATED: &[u8] = b"GET /v1/sync HTTP/1.1\r\n\r\n";
/// The same for the last request of a connection.
const REPEATED_CLOSING: &[u8] = b"GET /v1/sync HTTP/1.1\r\nconnection: close\r\n\r\n";

/// Checks whether the request may wait for long; then, whether it is the last of its connection.
fn waits(request: &Request<Incoming>) -> Option<bool> {
    let is_wait = request.method() == Method::GET
        && request.uri().path() == paths::SYNC
        && request.uri().query().is_some_and(|query| query.contains("waitMs"))
        && request.version() == Version::HTTP_11
        && request.body().is_end_stream();
    let closes = || {
        let mut options = request.headers().get_all(header::CONNECTION).iter();
        options
            .any(|option| option.to_str().is_ok_and(|o| o.to_ascii_lowercase().contains("close")))
    };
    is_wait.then(closes)
}

/// One request in progress.
struct Busy(Arc<Progress>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Relaxed);
    }
}

/// Ends the connection after this answer.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What a connection holds as long as it is open.
pub(crate) struct OpenConnection {
    pub(crate) peer: Arc<Peer>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    /// A request of it has waited for a place.
    has_spoken: AtomicBool,
    progress: Arc<Progress>,
    slot: Mutex<Slot>,
}

/// The request of a connection that may wait, or becomes a link.
enum Slot {
    Empty,
    Left(LeftRequest),
    /// It has waited, and its answer is to be written.
    Ready(Box<Response>),
}

impl OpenConnection {
    pub(crate) fn new(peer: Peer, place: Option<OwnedSemaphorePermit>) -> Self {
        let (has_spoken, progress) = (AtomicBool::new(false), Arc::default());
        Self {
            peer: Arc::new(peer),
            place: Mutex::new(place),
            has_spoken,
            progress,
            slot: Slot::Empty.into(),
        }
    }

    fn poll_waiting(&self, context: &mut Context<'_>) -> Poll<Response> {
        let mut slot = self.slot();
        let Slot::Left(LeftRequest::Waits { answer, .. }) = &mut *slot else {
            return Poll::Pending;
        };
        let polled = answer.as_mut().poll(context);
        if polled.is_ready() {
            *slot = Slot::Empty;
        }
        polled
    }

    /// Takes a request that leaves HTTP, once everything before it is written.
    fn take_left(&self) -> Option<LeftRequest> {
        let mut slot = self.slot();
        if !matches!(*slot, Slot::Left(_)) || !self.progress.is_flushed() {
            return None;
        }
        match std::mem::replace(&mut *slot, Slot::Empty) {
            Slot::Left(request) => Some(request),
            Slot::Empty | Slot::Ready(_) => None,
        }
    }

    fn take_ready(&self) -> Option<Response> {
        let mut slot = self.slot();
        if !matches!(*slot, Slot::Ready(_)) {
            return None;
        }
        match std::mem::replace(&mut *slot, Slot::Empty) {
            Slot::Ready(response) => Some(*response),
            Slot::Empty | Slot::Left(_) => None,
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        // A panic of a handler is caught in its future.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn place(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        // Nothing under this lock panics.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lobby {
    /// A request waits for a place, which bounds how long its connection can be here.
    fn leave_silent(&self, connection: &Arc<OpenConnection>) {
        let mut silent = self.silent();
        connection.has_spoken.store(true, Relaxed);
        silent.retain(|one| !std::ptr::eq(one.connection.as_ptr(), Arc::as_ptr(connection)));
    }

    fn silent(&self) -> MutexGuard<'_, VecDeque<SilentConnection>> {
        // Nothing under this lock panics half done.
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request in the count of those that wait for a place.
struct CountedRequest<'a>(&'a AtomicUsize);

impl<'a> CountedRequest<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for CountedRequest<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
