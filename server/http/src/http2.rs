//! An HTTP/2 connection: each stream is a request with a place in the limits of its connection and
//! its address. A peer may neither idle for ever nor leave an answer untaken. What frames may do
//! (resets, settings, continuations) is hyper's and h2's to watch, with the limits that are set
//! here.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    http::{Request, header},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    addresses::BodyBytes,
    answer_body,
    connection::{Connections, OpenConnection},
    limits::{
        ERROR_RESETS_MAX, GOODBYE_WAIT, Limits, PENDING_RESETS_MAX, READ_BUFFER_BYTES,
        TAKEN_BACK_MAX, WINDOW_BYTES,
    },
    peer_stream::PeerStream,
};

/// Looks at a connection in each of its waits: a wait may be longer by this part of it.
const LOOKS_PER_WAIT: u32 = 4;
/// What a header counts beside its name and value (RFC 9113, section 6.5.2).
const HEADER_OVERHEAD_BYTES: usize = 32;

impl Connections {
    /// Serves an HTTP/2 connection until it ends. Once `stopping` is true, it takes no new streams
    /// and ends after those in progress.
    pub(crate) async fn serve_http2(
        self: Arc<Self>,
        stream: PeerStream,
        connection: Arc<OpenConnection>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let limits = self.limits;
        let streams = Arc::new(Streams::new());
        let of_service = Arc::clone(&streams);
        let service = service_fn(move |request| {
            let opened = OpenStream::new(&of_service);
            Arc::clone(&self).answer_stream(Arc::clone(&connection), request, opened)
        });
        // Dropped with this future, and with it every stream.
        let tasks = StreamTasks::default();
        let mut http = pin!(
            http2::Builder::new(tasks.clone())
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits.streams_per_connection)
                .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
                .max_local_error_reset_streams(ERROR_RESETS_MAX)
                .max_header_list_size(READ_BUFFER_BYTES as u32)
                .initial_stream_window_size(WINDOW_BYTES)
                .initial_connection_window_size(WINDOW_BYTES)
                .serve_connection(TokioIo::new(stream), service)
        );
        let mut looks =
            tokio::time::interval(limits.head_wait.min(limits.answer_wait) / LOOKS_PER_WAIT);
        let mut is_ending = false;
        loop {
            let ends = tokio::select! {
                ended = &mut http => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "an HTTP/2 connection ended early");
                    }
                    return;
                }
                _ = looks.tick() => match streams.look(&limits, is_ending) {
                    Verdict::Goes => false,
                    Verdict::Ends => true,
                    Verdict::Cut => return,
                },
                () = streams.wants_end.notified() => true,
                _ = stopping.wait_for(|is_stopping| *is_stopping), if !is_ending => true,
            };
            if ends && !is_ending {
                is_ending = true;
                looks = tokio::time::interval(GOODBYE_WAIT);
                looks.reset();
                http.as_mut().graceful_shutdown();
            }
        }
    }

    async fn answer_stream(
        self: Arc<Self>,
        connection: Arc<OpenConnection>,
        request: Request<Incoming>,
        opened: OpenStream,
    ) -> Result<Response, Infallible> {
        // A stream's head is not in its connection's read buffer, and there are many of them: it
        // counts as a body does.
        let head = BodyBytes::of(&connection.peer);
        let response = match head.take(head_bytes(&request)) {
            Err(error) => error.into_response(),
            Ok(()) if connection.place().is_some() => {
                self.answer_at_place(&connection, request).await
            }
            Ok(()) => {
                let in_lobby = self.answer_in_lobby(Arc::clone(&connection), request);
                let response = in_lobby.await;
                if response.headers().contains_key(header::CONNECTION) {
                    opened.streams.wants_end.notify_one();
                }
                response
            }
        };
        drop(head);
        let mut response = self.complete(response).await;
        // It is the word of HTTP/1.1 for it.
        response.headers_mut().remove(header::CONNECTION);
        opened.answer();
        Ok(answer_body::hold(response, &connection.peer, Some(opened)))
    }
}

fn head_bytes(request: &Request<Incoming>) -> usize {
    let of_header = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        name.as_str().len() + value.len() + HEADER_OVERHEAD_BYTES
    };
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    path + request.headers().iter().map(of_header).sum::<usize>()
}

/// The tasks of a connection's streams. Clones share them; the last one ends those that are left.
#[derive(Clone, Default)]
struct StreamTasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamTasks {
    fn execute(&self, stream: F) {
        // Nothing under this lock panics.
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(stream);
    }
}

/// The streams of one connection.
struct Streams {
    state: Mutex<StreamsState>,
    /// The connection ends after what is in progress.
    wants_end: Notify,
}

struct StreamsState {
    /// When each stream was answered, if it was; from its head until its answer is taken. As many
    /// as there may be streams, and those whose reset is not noticed yet.
    open: BTreeMap<u64, Option<Instant>>,
    next: u64,
    /// How many were answered, and how many the peer took back before.
    answered: u32,
    taken_back: u32,
    /// When the last one ended.
    idle_since: Instant,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Goes,
    /// Nothing is due of it: it is told to go.
    Ends,
    /// It does not take its answers, or does not go.
    Cut,
}

impl Streams {
    fn new() -> Self {
        let (answered, taken_back) = (0, 0);
        let open = BTreeMap::new();
        let state = StreamsState { open, next: 0, answered, taken_back, idle_since: now() };
        Self { state: state.into(), wants_end: Notify::new() }
    }

    fn look(&self, limits: &Limits, is_ending: bool) -> Verdict {
        let state = self.state();
        let too_old = |since: Instant, max: Duration| since.elapsed() >= max;
        if state.open.is_empty() {
            return match is_ending {
                true if too_old(state.idle_since, GOODBYE_WAIT) => Verdict::Cut,
                false if too_old(state.idle_since, limits.head_wait) => Verdict::Ends,
                true | false => Verdict::Goes,
            };
        }
        let mut answered = state.open.values().flatten();
        match answered.any(|since| too_old(*since, limits.answer_wait)) {
            true => Verdict::Cut,
            false => Verdict::Goes,
        }
    }

    fn state(&self) -> MutexGuard<'_, StreamsState> {
        // Nothing under this lock panics half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "the deadlines of a connection's streams begin here")]
fn now() -> Instant {
    Instant::now()
}

/// One stream, from its head until its answer is taken or it is reset.
struct OpenStream {
    streams: Arc<Streams>,
    number: u64,
}

impl OpenStream {
    fn new(streams: &Arc<Streams>) -> Self {
        let mut state = streams.state();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, None);
        Self { streams: Arc::clone(streams), number }
    }

    /// From now on it is the peer that is waited for.
    fn answer(&self) {
        let mut state = self.streams.state();
        state.answered = state.answered.saturating_add(1);
        state.open.insert(self.number, Some(now()));
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut state = self.streams.state();
        if state.open.remove(&self.number) == Some(None) {
            state.taken_back = state.taken_back.saturating_add(1);
            // Each has cost us its beginning, and the peer a few bytes.
            if state.taken_back > TAKEN_BACK_MAX.max(state.answered) {
                self.streams.wants_end.notify_one();
            }
        }
        state.idle_since = now();
    }
}
