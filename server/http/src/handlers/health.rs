//! Health checks: does the process answer, does its store?

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use super::context::Context;
use crate::error::Error;

pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

pub(crate) async fn readyz(State(context): State<Context>) -> Result<Response, Error> {
    context.readiness.check().await?;
    Ok("ok\n".into_response())
}
