//! The answer of the calls that return nothing.

use axum::response::Response;
use huihua_nim::rest;

use crate::handlers::answers::json_text;

/// Answers a call that returns nothing.
pub(super) fn done() -> Response {
    json_text(rest::DONE.to_owned())
}
