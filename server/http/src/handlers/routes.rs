//! What a route is: who may call it, and how. The list of all of them is in `mod.rs`; the router is
//! built from it, and so are the proofs that nobody else gets in.

use axum::routing::MethodRouter;

use super::context::Context;

/// Who may call a route, by what a request must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A client: the bearer is a token of its account.
    Client,
    /// A server of an app: the bearer is the app's ingest key.
    IngestKey,
    /// NIM: a message copy with a sum made with the app's secret.
    SignedCopy,
    /// A server of an app that speaks NIM: a call signed with the app's secret.
    SignedCall,
    /// Anybody: it tells nothing of any app.
    Anybody,
}

/// A route without its handler.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// Who may call it.
    pub caller: Caller,
    /// Its method.
    pub method: &'static str,
    /// Its path, with names in braces.
    pub path: String,
}

/// One route.
pub(super) struct Route {
    pub(super) info: RouteInfo,
    pub(super) handler: MethodRouter<Context>,
}

impl Route {
    pub(super) fn new(
        caller: Caller,
        method: &'static str,
        path: impl Into<String>,
        handler: MethodRouter<Context>,
    ) -> Self {
        Self { info: RouteInfo { caller, method, path: path.into() }, handler }
    }
}
