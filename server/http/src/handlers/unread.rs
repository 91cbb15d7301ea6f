//! Discards the part of a request's body that its handler left unread. Answering and closing while
//! the peer still sends would lose the answer, and the next request on its connection.

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
    response::Response,
};
use http_body_util::BodyExt as _;

/// Up to this length an unread body is read to its end, in bytes.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for the end of such a body.
const DISCARD_WAIT_MAX: Duration = Duration::from_secs(10);

/// Makes the body shared, if there is one that [`discard`] may have to read. A peer that expects
/// `100 Continue` sends no body unasked.
pub(super) fn share(request: Request) -> (Request, Option<SharedBody>) {
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let shared = SharedBody { body: Arc::new(Mutex::new(body)), is_begun: Arc::default() };
    let body = Body::new(shared.clone());
    (Request::from_parts(parts, body), Some(shared))
}

/// Reads the body to its end before the answer goes out. A handler that began to read it handles
/// the rest itself.
pub(super) async fn discard(body: SharedBody, mut response: Response) -> Response {
    if !body.is_begun.load(Ordering::Relaxed) && !body.reaches_end().await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A request's body, shared between its handler and the discarding.
#[derive(Clone)]
pub(super) struct SharedBody {
    body: Arc<Mutex<Body>>,
    is_begun: Arc<AtomicBool>,
}

impl SharedBody {
    /// Reads to the end of the body; returns whether it came in time.
    async fn reaches_end(mut self) -> bool {
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

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        self.is_begun.store(true, Ordering::Relaxed);
        // A panic while the lock was held leaves the body intact.
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
