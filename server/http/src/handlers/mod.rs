//! Every route, by who calls it. A handler parses, makes one call, converts.

pub(crate) mod answers;
mod api_docs;
mod compression;
mod context;
#[cfg(test)]
mod described;
mod docs_page;
mod events;
pub(crate) mod health;
pub(crate) mod input;
mod link;
mod nim_rest;
#[cfg(test)]
mod openapi;
mod readiness;
mod recent_copies;
mod refused_copies;
mod routes;
pub(crate) mod sessions;
pub(crate) mod sync;
mod unread;
mod webhook;

use std::{pin::Pin, sync::Arc};

use axum::{
    Extension, Router,
    extract::Request,
    http::{Uri, header::ACCEPT_ENCODING},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use futures_util::FutureExt as _;
use huihua_core::paths;

use self::routes::Route;
pub use self::routes::{Caller, RouteInfo};
pub(crate) use self::{compression::PlainBytes, context::Context};
use crate::{
    admin::observe,
    error::Error,
    limits::Limits,
    link::{LinkRequest, OpenDoor},
};

/// The routes that describe the others.
const DESCRIPTIONS: [&str; 3] = [paths::OPENAPI, paths::OPENAPI_NIM, paths::DOCS];

/// Every route. The router is built from this list alone.
fn all() -> Vec<Route> {
    use Caller::{Anybody, Client, IngestKey, SignedCopy};
    let mut routes = vec![
        // For clients: bearer = a token.
        Route::new(Client, "GET", paths::ACCOUNT, get(sessions::account)),
        Route::new(Client, "GET", paths::SESSIONS, get(sessions::list)),
        Route::new(Client, "POST", paths::SESSIONS_DELETE, post(sessions::delete)),
        Route::new(Client, "GET", paths::SESSION, get(sessions::get)),
        Route::new(Client, "PUT", paths::SESSION_EXT, put(sessions::set_ext)),
        Route::new(Client, "GET", paths::SYNC, get(sync::sync)),
        // For the apps' own servers: bearer = the ingest key; and for NIM.
        Route::new(IngestKey, "POST", paths::EVENTS, post(events::ingest)),
        Route::new(SignedCopy, "POST", paths::NIM_COPY, post(webhook::receive)),
        // For the operators of this server.
        Route::new(Anybody, "GET", paths::LIVEZ, get(health::livez)),
        Route::new(Anybody, "GET", paths::READYZ, get(health::readyz)),
        // For who writes a program that calls this server.
        Route::new(Anybody, "GET", paths::OPENAPI, get(api_docs::openapi)),
        Route::new(Anybody, "GET", paths::OPENAPI_NIM, get(api_docs::openapi_nim)),
        Route::new(Anybody, "GET", paths::DOCS, get(api_docs::docs)),
    ];
    routes.extend(nim_rest::routes());
    routes
}

/// Returns every route that the server has, with those of links: their WebSockets are no routes,
/// and let in whoever has a token, as `link` says.
pub fn routes() -> Vec<RouteInfo> {
    all().into_iter().chain(link::routes()).map(|route| route.info).collect()
}

/// All routes, by path and method. Clones share them.
#[derive(Clone)]
pub(crate) struct Routes {
    context: Context,
    plain: Router,
    /// The same, for requests that name codings which they take.
    compressing: Option<Router>,
    /// The door of NIM's Web SDKs, if it is open.
    link: Option<Arc<OpenDoor>>,
}

impl Routes {
    pub(crate) fn new(context: Context, limits: &Limits, link: Option<Arc<OpenDoor>>) -> Self {
        let observer = observe::Observer { context: context.clone(), answer_of_panic };
        let add =
            |router: Router<Context>, route: Route| router.route(&route.info.path, route.handler);
        let is_open =
            |route: &Route| limits.describes_api || !DESCRIPTIONS.contains(&&*route.info.path);
        let mut routes = all().into_iter().filter(is_open).fold(Router::new(), add);
        if let Some(door) = &link {
            let of_links = link::routes().into_iter().fold(Router::new(), add);
            routes = routes.merge(of_links.layer(Extension(Arc::clone(door))));
        }
        let plain = routes
            .fallback(no_such_path)
            .method_not_allowed_fallback(async || Error::Method)
            .layer(middleware::from_fn_with_state(observer, observe::observe))
            .with_state(context.clone());
        let compressing = limits.compresses.then(|| compression::compressing(plain.clone()));
        Self { context, plain, compressing, link }
    }

    /// Counts what was refused before there was a request.
    pub(crate) fn count_refusal(&self, reason: &'static str) {
        self.context.metrics.count_refusal(reason);
    }

    /// Returns the link that this request begins, if it is one that a link may begin with.
    pub(crate) fn link<B>(&self, request: &Request<B>) -> Option<LinkRequest> {
        self.link.as_ref()?.link(request, &self.context)
    }

    /// Answers a request, also when its handler leaves its body unread.
    pub(crate) fn answer(&self, request: Request) -> AnswerFuture {
        let takes_codings = request.headers().contains_key(ACCEPT_ENCODING);
        let compressing = self.compressing.as_ref().filter(|_| takes_codings);
        let mut routes = compressing.unwrap_or(&self.plain).clone();
        let (request, unread) = unread::share(request);
        let handled = tower::Service::call(&mut routes, request);
        // No async block: it would keep the room of the call beside the call.
        let answer = handled.map(|answered| answered.unwrap_or_else(|never| match never {}));
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
pub(crate) mod tests;
