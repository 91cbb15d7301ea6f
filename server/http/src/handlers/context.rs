//! What the handlers share: the apps, the store, the waiting syncs, the clock.

use std::sync::Arc;

use axum::extract::FromRef;
use huihua_store::{Engine, Store};

use super::refused_copies::RefusedCopies;
use crate::{
    admin::metrics::Metrics,
    app::{Apps, CurrentApps},
    clock::Clock,
    live::Live,
};

/// Holds what the handlers work with. Clones share it.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) apps: Arc<CurrentApps>,
    /// The lists and the directory.
    pub(crate) store: Arc<dyn Store>,
    /// The same store as an engine, for its health.
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    /// For the log.
    pub(crate) refused_copies: Arc<RefusedCopies>,
    /// For the operator.
    pub(crate) metrics: Arc<Metrics>,
}

impl FromRef<Context> for Arc<Apps> {
    fn from_ref(context: &Context) -> Self {
        context.apps.load_full()
    }
}

impl FromRef<Context> for Arc<dyn Store> {
    fn from_ref(context: &Context) -> Self {
        Arc::clone(&context.store)
    }
}

impl FromRef<Context> for Clock {
    fn from_ref(context: &Context) -> Self {
        context.clock
    }
}
