//! The console: pages for who operates the server, on the admin listener. Read only: nothing here
//! changes a list. The pages are files of this folder, in the binary; what they show they ask for
//! under `/console/api/`, as anybody with a token may.

mod access;
mod answers;
mod api;
mod guard;
mod state;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderName, HeaderValue, header,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    middleware::{self, Next},
    response::{Redirect, Response},
    routing::{get, post},
};

pub use self::access::Operator;
use self::{access::Access, state::State};
use crate::{error::Error, handlers::Context, limits::Limits};

/// Where the console is.
pub const PATH: &str = "/console/";

/// What a console is opened with.
#[derive(Debug, Clone)]
pub struct Console {
    /// Who may look; with nobody, nothing is shown.
    pub operators: Vec<Operator>,
    /// Bytes of the copies that are remembered.
    pub copies_bytes_max: usize,
}

/// A file of the pages.
struct Page {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const PAGES: [Page; 13] = [
    Page { path: PATH, kind: HTML, text: include_str!("assets/index.html") },
    Page { path: "/console/console.css", kind: CSS, text: include_str!("assets/console.css") },
    Page { path: "/console/icon.svg", kind: SVG, text: include_str!("assets/icon.svg") },
    Page { path: "/console/main.js", kind: SCRIPT, text: include_str!("assets/main.js") },
    Page { path: "/console/api.js", kind: SCRIPT, text: include_str!("assets/api.js") },
    Page { path: "/console/dom.js", kind: SCRIPT, text: include_str!("assets/dom.js") },
    Page { path: "/console/words.js", kind: SCRIPT, text: include_str!("assets/words.js") },
    Page { path: "/console/words-zh.js", kind: SCRIPT, text: include_str!("assets/words-zh.js") },
    Page { path: "/console/account.js", kind: SCRIPT, text: include_str!("assets/account.js") },
    Page { path: "/console/session.js", kind: SCRIPT, text: include_str!("assets/session.js") },
    Page { path: "/console/copies.js", kind: SCRIPT, text: include_str!("assets/copies.js") },
    Page { path: "/console/token.js", kind: SCRIPT, text: include_str!("assets/token.js") },
    Page { path: "/console/health.js", kind: SCRIPT, text: include_str!("assets/health.js") },
];

/// What browsers are told with every answer: nothing of another host, no script in a page's text,
/// no page around ours, and nothing of ours in another's.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

/// The console's routes.
pub(crate) fn routes(context: Context, console: Console, limits: Limits) -> Router {
    context.recent_copies.keep(console.copies_bytes_max);
    let started_at = context.clock.now_ms();
    let access = Arc::new(Access::new(console.operators));
    let state = State { context, access, limits, started_at };
    let api = Router::new()
        .route("/console/api/status", get(api::status))
        .route("/console/api/account", get(api::account))
        .route("/console/api/sessions", get(api::sessions))
        .route("/console/api/session", get(api::session))
        .route("/console/api/sync", get(api::sync))
        .route("/console/api/copies", get(api::copies))
        .route("/console/api/token", post(token::check))
        // Also what is no route: without a token nobody learns which there are.
        .route("/console/api/{*path}", get(no_such_path))
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn_with_state(state.clone(), guard::let_in_operators));
    let pages = PAGES.iter().fold(Router::new(), |router, page| {
        router.route(page.path, get(async || ([(CONTENT_TYPE, page.kind)], page.text)))
    });
    pages
        .merge(api)
        .route("/console", get(async || Redirect::permanent(PATH)))
        .route("/console/{*path}", get(no_such_path))
        .layer(middleware::from_fn(guard::refuse_foreign_hosts))
        .layer(middleware::from_fn(add_headers))
        .with_state(state)
}

async fn no_such_path() -> Error {
    Error::NotFound { detail: "the console has no such path".to_owned() }
}

async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
