//! Every route, by who calls it. A handler parses, makes one call, converts.

mod events;
mod health;
mod input;
mod nim_rest;
mod sessions;
mod sync;
mod unread;
mod webhook;

use std::{any::Any, sync::Arc, time::SystemTime};

use axum::{
    Router,
    extract::FromRef,
    http::{HeaderValue, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use huihua_core::paths;
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{auth::Apps, error::Error, live::Live, store::Store};

/// What the handlers work with. Clones share it.
#[derive(Clone)]
pub struct Context {
    /// The apps and their keys.
    pub apps: Arc<Apps>,
    /// The engine.
    pub store: Arc<dyn Store>,
    /// The syncs that wait.
    pub live: Arc<Live>,
}

impl FromRef<Context> for Arc<Apps> {
    fn from_ref(context: &Context) -> Self {
        Arc::clone(&context.apps)
    }
}

impl FromRef<Context> for Arc<dyn Store> {
    fn from_ref(context: &Context) -> Self {
        Arc::clone(&context.store)
    }
}

/// All routes.
pub fn routes(context: Context) -> Router {
    // For clients: bearer = a token.
    let clients = Router::new()
        .route(paths::ACCOUNT, get(sessions::account))
        .route(paths::SESSIONS, get(sessions::list))
        .route(paths::SESSIONS_DELETE, post(sessions::delete))
        .route(paths::SESSION, get(sessions::get))
        .route(paths::SESSION_EXT, put(sessions::set_ext))
        .route(paths::SYNC, get(sync::sync))
        .layer(CatchPanicLayer::custom(answer_panic));
    // For the apps' own servers: bearer = the ingest key; and for NIM.
    let servers = Router::new()
        .route(paths::EVENTS, post(events::ingest))
        .layer(CatchPanicLayer::custom(answer_panic));
    let nim = Router::new()
        .route(paths::NIM_COPY, post(webhook::receive))
        .layer(CatchPanicLayer::custom(webhook::answer_panic));
    let nim_rest = nim_rest::routes().layer(CatchPanicLayer::custom(nim_rest::answer_panic));
    // For whoever runs this server.
    let operators = Router::new()
        .route(paths::LIVEZ, get(health::livez))
        .route(paths::READYZ, get(health::readyz))
        .layer(CatchPanicLayer::custom(answer_panic));
    Router::new()
        .merge(clients)
        .merge(servers)
        .merge(nim)
        .merge(nim_rest)
        .merge(operators)
        .fallback(no_such_path)
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn(unread::discard))
        .with_state(context)
}

async fn no_such_path(uri: Uri) -> Response {
    if nim_rest::is_nims(&uri) {
        return nim_rest::no_such_call();
    }
    Error::NotFound { detail: "there is no such path".to_owned() }.into_response()
}

/// The panic hook has logged where it happened; what it said may hold a user's data.
fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    Error::Panic.into_response()
}

fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).expect("our answers have string keys only");
    json_text(body)
}

fn json_text(body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// The server's clock, ms since 1970. Before 1970 it says 0: then every event is too far ahead, and
/// is refused with a log line that names the clock.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
