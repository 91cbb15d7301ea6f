//! What the console's handlers work with.

use std::sync::Arc;

use super::access::Access;
use crate::{handlers::Context, limits::Limits};

/// The server that is looked at, and who may look. Clones share it.
#[derive(Clone)]
pub(super) struct State {
    pub(super) context: Context,
    pub(super) access: Arc<Access>,
    pub(super) limits: Limits,
    /// When the console was opened, ms since 1970.
    pub(super) started_at: u64,
}
