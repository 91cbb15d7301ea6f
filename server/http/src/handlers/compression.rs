//! Compression of answers, for clients that ask for it. Who does not ask pays nothing: the bytes of
//! an answer go to the socket as the store made them.

use axum::{
    Router,
    body::HttpBody as _,
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    middleware,
    response::Response,
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{Predicate as _, SizeAbove},
    },
};

/// Smallest answer that is compressed, in bytes: what fits into two packets gains nothing. The
/// answers of most waits are smaller.
const COMPRESSED_BYTES_MIN: u16 = 2 * 1024;

/// Lets the routes compress, by gzip or zstd at their fastest.
pub(super) fn compressing(routes: Router) -> Router {
    let worth_it = SizeAbove::new(COMPRESSED_BYTES_MIN).and(has_no_tag);
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_it);
    routes.layer(middleware::map_response(note_size)).layer(layer)
}

/// The size of an answer before it is compressed, in bytes: so much it holds until its peer has
/// taken it, and its new size is not known before its end.
#[derive(Clone, Copy)]
pub(crate) struct PlainBytes(pub(crate) u64);

async fn note_size(mut response: Response) -> Response {
    let bytes = response.body().size_hint().lower();
    response.extensions_mut().insert(PlainBytes(bytes));
    response
}

/// An ETag is of the bytes as they are sent: such an answer, of one session, keeps its one form.
fn has_no_tag(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::ETAG)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    /// Its body says no size, and its peer may leave it for a long time.
    #[tokio::test]
    async fn a_compressed_answer_counts_with_its_plain_size() {
        let routes = Router::new().route("/", get(async || "x".repeat(100_000)));
        let asked = Request::get("/").header(header::ACCEPT_ENCODING, "gzip");
        let response = compressing(routes).oneshot(asked.body(Body::empty()).unwrap()).await;
        let response = response.unwrap();
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.extensions().get::<PlainBytes>().unwrap().0, 100_000);
        assert!(response.body().size_hint().lower() < 1_000);
    }
}
