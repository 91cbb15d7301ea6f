//! What NIM's Web SDKs ask over HTTP before they open a link: where it is, and its handshake. Both
//! exist only while the door is open.

use std::sync::Arc;

use axum::{
    Extension,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::{get, options},
};
use huihua_nim::link;

use super::{
    answers::json,
    routes::{Caller, Route},
};
use crate::{answer_notes::RequestId, error::Error, link::OpenDoor};

/// The address of the LBS, which is ours to choose: `lbsUrls` of the SDKs.
const LBS: &str = "/nim/lbs";
/// The handshake of socket.io 0.9.
const HANDSHAKE: &str = "/socket.io/1/";
/// What a page may ask for: 10.x sends a content type with its GET, so that a browser asks first.
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

type Door = Extension<Arc<OpenDoor>>;

/// They tell nothing of any app.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Caller::Anybody, "GET", LBS, get(lbs)),
        Route::new(Caller::Anybody, "OPTIONS", LBS, options(preflight)),
        Route::new(Caller::Anybody, "GET", HANDSHAKE, get(handshake)),
        Route::new(Caller::Anybody, "OPTIONS", HANDSHAKE, options(preflight)),
    ]
}

async fn lbs(Extension(door): Door, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    let address = door.address(&uri, &headers).ok_or_else(|| {
        Error::invalid("Host", "is missing: say where the links are, or set link_address")
    })?;
    let links = [address];
    let answer = serde_json::json!({
        "common": {"link": links, "link.default": links, "mix.link": links},
        // There are no file servers.
        "nosup": [],
        "nosdl": [],
    });
    with_origin(&door, &headers, json(&answer))
}

async fn handshake(Extension(door): Door, headers: HeaderMap) -> Result<Response, Error> {
    // Nothing depends on it: a link is named anew when it opens.
    let RequestId(id) = RequestId::draw();
    with_origin(&door, &headers, link::handshake(&id).into_response())
}

async fn preflight(Extension(door): Door, headers: HeaderMap) -> Result<Response, Error> {
    with_origin(&door, &headers, (StatusCode::NO_CONTENT, PREFLIGHT).into_response())
}

/// Lets the page of this origin read the answer.
fn with_origin(
    door: &OpenDoor,
    headers: &HeaderMap,
    mut response: Response,
) -> Result<Response, Error> {
    if !door.allows(headers) {
        return Err(Error::Origin);
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        // 9.x asks with the page's cookies, though there are none: without it a browser keeps the
        // answer back.
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    Ok(response)
}
