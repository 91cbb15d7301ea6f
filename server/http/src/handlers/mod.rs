//! Every route, by who calls it. A handler parses, makes one call, converts.

mod answers;
mod context;
mod events;
pub(crate) mod health;
mod input;
mod nim_rest;
mod refused_copies;
mod sessions;
mod sync;
mod unread;
mod webhook;

use std::any::Any;

use axum::{
    Router,
    http::Uri,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use huihua_core::paths;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use self::context::Context;
use crate::{admin::observe, error::Error};

/// Returns all routes.
pub(crate) fn routes(context: Context) -> Router {
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
    // For the operators of this server.
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
        .layer(middleware::from_fn_with_state(context.clone(), observe::observe))
        .with_state(context)
}

async fn no_such_path(uri: Uri) -> Response {
    let not_found = || Error::NotFound { detail: "there is no such path".to_owned() };
    nim_rest::answer_unknown(&uri).unwrap_or_else(|| not_found().into_response())
}

/// Answers a panic, whose text may hold a user's data: the panic hook has logged the place.
fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    Error::Panic.into_response()
}

#[cfg(test)]
mod tests;
