//! What the handlers share: the apps, the store, the waiting syncs, the clock.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use huihua_store::{Engine, Store};

use super::{readiness::Readiness, recent_copies::RecentCopies, refused_copies::RefusedCopies};
use crate::{
    admin::metrics::Metrics,
    app::Apps,
    auth::{CurrentApps, TokenVerifier},
    clock::Clock,
    limits::RateLimits,
    live::Live,
    rates::Rates,
};

/// Holds what the handlers work with. Clones share it.
#[derive(Clone)]
pub(crate) struct Context(Arc<Shared>);

/// What all clones share.
pub(crate) struct Shared {
    pub(crate) apps: Arc<CurrentApps>,
    /// The lists and the directory.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    /// The same store as an engine, for its health.
    pub(crate) readiness: Readiness,
    pub(crate) rates: Arc<Rates>,
    /// For the log.
    pub(super) refused_copies: RefusedCopies,
    /// For the console.
    pub(crate) recent_copies: RecentCopies,
    /// For the operator.
    pub(crate) metrics: Metrics,
}

impl Context {
    pub(crate) fn new(
        apps: Arc<CurrentApps>,
        store: Arc<dyn Store>,
        engine: Arc<dyn Engine>,
        live: Arc<Live>,
        clock: Clock,
        rates: RateLimits,
    ) -> Self {
        let metrics = Metrics::new(Arc::clone(&engine), Arc::clone(&live));
        let (readiness, refused_copies) = (Readiness::new(engine), RefusedCopies::default());
        let rates = Arc::new(Rates::new(rates));
        let recent_copies = RecentCopies::default();
        let shared = Shared {
            apps,
            store,
            live,
            clock,
            readiness,
            rates,
            refused_copies,
            recent_copies,
            metrics,
        };
        Self(Arc::new(shared))
    }
}

impl Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<Context> for Arc<Apps> {
    fn from_ref(context: &Context) -> Self {
        context.apps.load()
    }
}

impl FromRef<Context> for Arc<TokenVerifier> {
    fn from_ref(context: &Context) -> Self {
        context.apps.verifier()
    }
}

impl FromRef<Context> for Arc<dyn Store> {
    fn from_ref(context: &Context) -> Self {
        Arc::clone(&context.store)
    }
}

impl FromRef<Context> for Arc<Rates> {
    fn from_ref(context: &Context) -> Self {
        Arc::clone(&context.rates)
    }
}

impl FromRef<Context> for Clock {
    fn from_ref(context: &Context) -> Self {
        context.clock
    }
}
