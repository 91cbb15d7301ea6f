//! The body of an answer, which holds what must be held until its peer has taken the last byte.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::{IntoResponse as _, Response},
};
use hyper::body::{Frame, SizeHint};

use crate::{
    addresses::{AnswerBytes, Peer},
    handlers::PlainBytes,
    limits::ANSWER_BYTES_COUNTED,
};

/// Takes room for an answer, and lets it hold `held` besides. Without room it is a refusal.
pub(crate) fn hold<T: Send + Sync + 'static>(
    response: Response,
    peer: &Peer,
    held: Option<T>,
) -> Response {
    let plain = response.extensions().get::<PlainBytes>().map(|plain| plain.0);
    let bytes = plain.unwrap_or_else(|| response.body().size_hint().lower());
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let (response, room) = match bytes {
        0..=ANSWER_BYTES_COUNTED => (response, None),
        _ => match AnswerBytes::take(peer, bytes) {
            Ok(room) => (response, Some(room)),
            Err(error) => (error.into_response(), None),
        },
    };
    if room.is_none() && held.is_none() {
        return response;
    }
    let held = Arc::new((room, held));
    response.map(|body| Body::new(HoldingBody { body, held }))
}

/// A body whose every byte holds something.
struct HoldingBody<T> {
    body: Body,
    held: Arc<T>,
}

struct HoldingBytes<T> {
    bytes: Bytes,
    _held: Arc<T>,
}

impl<T> AsRef<[u8]> for HoldingBytes<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Send + Sync + 'static> HttpBody for HoldingBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        polled.map_ok(|frame| {
            let holding = |bytes| HoldingBytes { bytes, _held: Arc::clone(&self.held) };
            frame.map_data(|bytes| Bytes::from_owner(holding(bytes)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
