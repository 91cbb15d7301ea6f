//! Compression of answers, for clients that ask for it. Who does not ask pays nothing: the bytes of
//! an answer go to the socket as the store made them.

use axum::{
    Router,
    http::{Extensions, HeaderMap, StatusCode, Version, header},
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
    routes.layer(layer)
}

/// An ETag is of the bytes as they are sent: such an answer, of one session, keeps its one form.
fn has_no_tag(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::ETAG)
}
