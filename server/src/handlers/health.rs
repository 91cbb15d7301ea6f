//! Whether the process answers, and whether its store does.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use super::Context;
use crate::error::Error;

pub(super) async fn livez() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(context): State<Context>) -> Result<Response, Error> {
    context.store.health().await?;
    Ok("ok\n".into_response())
}
