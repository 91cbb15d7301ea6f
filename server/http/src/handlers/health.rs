//! Health checks: does the process answer, does its store?

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use super::context::Context;
use crate::error::Error;

/// Says that the process runs.
#[cfg_attr(test, utoipa::path(
    get, path = huihua_core::paths::LIVEZ, operation_id = "livez",
    responses((status = 200, description = "`ok`", body = String, content_type = "text/plain")),
))]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Says whether the store reads and writes. It is asked at most once a second.
#[cfg_attr(test, utoipa::path(
    get, path = huihua_core::paths::READYZ, operation_id = "readyz",
    responses((status = 200, description = "`ok`", body = String, content_type = "text/plain")),
))]
pub(crate) async fn readyz(State(context): State<Context>) -> Result<Response, Error> {
    context.readiness.check().await?;
    Ok("ok\n".into_response())
}
