//! Every route, by who calls it. A handler parses, makes one call, converts.

mod answers;
mod context;
mod events;
pub(crate) mod health;
mod input;
mod nim_rest;
mod readiness;
mod refused_copies;
mod sessions;
mod sync;
mod unread;
mod webhook;

use std::pin::Pin;

use axum::{
    Router,
    extract::Request,
    http::Uri,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use huihua_core::paths;

pub(crate) use self::context::Context;
use crate::{admin::observe, error::Error};

/// All routes, by path and method. Clones share them.
#[derive(Clone)]
pub(crate) struct Routes {
    router: Router,
    context: Context,
}

impl Routes {
    pub(crate) fn new(context: Context) -> Self {
        // For clients: bearer = a token.
        let clients = Router::new()
            .route(paths::ACCOUNT, get(sessions::account))
            .route(paths::SESSIONS, get(sessions::list))
            .route(paths::SESSIONS_DELETE, post(sessions::delete))
            .route(paths::SESSION, get(sessions::get))
            .route(paths::SESSION_EXT, put(sessions::set_ext))
            .route(paths::SYNC, get(sync::sync));
        // For the apps' own servers: bearer = the ingest key; and for NIM.
        let servers = Router::new()
            .route(paths::EVENTS, post(events::ingest))
            .route(paths::NIM_COPY, post(webhook::receive));
        // For the operators of this server.
        let operators = Router::new()
            .route(paths::LIVEZ, get(health::livez))
            .route(paths::READYZ, get(health::readyz));
        let observer = observe::Observer { context: context.clone(), answer_of_panic };
        let routes = Router::new()
            .merge(clients)
            .merge(servers)
            .merge(nim_rest::routes())
            .merge(operators)
            .fallback(no_such_path)
            .method_not_allowed_fallback(async || Error::Method)
            .layer(middleware::from_fn_with_state(observer, observe::observe))
            .with_state(context.clone());
        Self { router: routes, context }
    }

    /// Counts what was refused before there was a request.
    pub(crate) fn count_refusal(&self, reason: &'static str) {
        self.context.metrics.count_refusal(reason);
    }

    /// Answers a request, also when its handler leaves its body unread.
    pub(crate) fn answer(&self, request: Request) -> AnswerFuture {
        let mut routes = self.router.clone();
        let (request, unread) = unread::share(request);
        let handled = tower::Service::call(&mut routes, request);
        let answer = async move { handled.await.unwrap_or_else(|never| match never {}) };
        match unread {
            None => Box::pin(answer),
            Some(body) => Box::pin(async move { unread::discard(body, answer.await).await }),
        }
    }
}

/// An answer to come.
pub(crate) type AnswerFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Returns how a panic at this path is answered. Its text may hold a user's data: the panic hook
/// has logged the place.
fn answer_of_panic(path: &str) -> observe::AnswerPanic {
    if path == paths::NIM_COPY {
        webhook::answer_panic
    } else if nim_rest::is_call(path) {
        nim_rest::answer_panic
    } else {
        |_| Error::Panic.into_response()
    }
}

async fn no_such_path(uri: Uri) -> Response {
    let not_found = || Error::NotFound { detail: "there is no such path".to_owned() };
    nim_rest::answer_unknown(&uri).unwrap_or_else(|| not_found().into_response())
}

#[cfg(test)]
mod tests;
