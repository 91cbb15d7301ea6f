//! The answers that several handlers give: JSON of a value, or JSON text as it is.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Answers 200 with the value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).expect("our answers have string keys only");
    json_text(body)
}

/// Answers 200 with this JSON.
pub(crate) fn json_text(body: impl Into<Body>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], body.into()).into_response()
}
