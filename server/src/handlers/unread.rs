//! What a handler left unread of a request's body. To answer and close while the peer still sends
//! would lose the answer, and the next request on its connection.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use http_body_util::BodyExt as _;

/// Up to this length a body that nobody wants is read to its end, in bytes.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for the end of such a body.
const DISCARD_WAIT_MAX: Duration = Duration::from_secs(10);

/// Answers after the body was read to its end. A handler that began to read it sees to the rest
/// itself; a peer that waits to be asked for its body sends none.
pub(super) async fn discard(request: Request, next: Next) -> Response {
    let waits_for_us = request.headers().contains_key(header::EXPECT);
    if waits_for_us || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let shared = Shared { body: Arc::new(Mutex::new(body)), begun: Arc::default() };
    let lent = Body::new(shared.clone());
    let mut response = next.run(Request::from_parts(parts, lent)).await;
    if !shared.begun.load(Ordering::Relaxed) && !shared.end().await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A request's body, lent to its handler.
#[derive(Clone)]
struct Shared {
    body: Arc<Mutex<Body>>,
    /// The handler began to read it.
    begun: Arc<AtomicBool>,
}

impl Shared {
    /// Whether its end came, in good time.
    async fn end(mut self) -> bool {
        let reads = async {
            let mut bytes = 0;
            while let Some(frame) = self.frame().await {
                let Ok(frame) = frame else { return false };
                bytes += frame.data_ref().map_or(0, Bytes::len);
                if bytes > DISCARDED_BYTES_MAX {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DISCARD_WAIT_MAX, reads).await.unwrap_or(false)
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        self.begun.store(true, Ordering::Relaxed);
        // A panic while it was held leaves a body as good as before.
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
