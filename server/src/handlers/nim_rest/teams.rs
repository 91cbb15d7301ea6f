//! Teams and super teams: made, joined, left, dissolved.

use axum::response::Response;

use super::{super::json_text, Call, Error, done};
use crate::{
    event::{Owner, TeamKind},
    nim::rest::teams,
};

pub(super) async fn create(call: Call) -> Result<Response, Error> {
    let made = call.act(teams::create(&call.form, TeamKind::Normal)?).await?;
    Ok(json_text(teams::answer_created(&made)))
}

pub(super) async fn add(call: Call) -> Result<Response, Error> {
    call.act(teams::invite(&call.form, TeamKind::Normal)?).await?;
    Ok(json_text(teams::answer_changed()))
}

pub(super) async fn kick(call: Call) -> Result<Response, Error> {
    call.act(teams::kick(&call.form, TeamKind::Normal)?).await?;
    Ok(json_text(teams::answer_changed()))
}

pub(super) async fn leave(call: Call) -> Result<Response, Error> {
    call.act(teams::leave(&call.form, TeamKind::Normal)?).await?;
    Ok(done())
}

pub(super) async fn remove(call: Call) -> Result<Response, Error> {
    call.act(teams::dismiss(&call.form, TeamKind::Normal)?).await?;
    Ok(done())
}

pub(super) async fn joined(call: Call) -> Result<Response, Error> {
    let owner = Owner { app: call.app_key.clone(), account: call.form.account("accid")? };
    let teams = call.context.store.joined(&owner, TeamKind::Normal).await?;
    Ok(json_text(teams::answer_joined(&teams)))
}

pub(super) async fn create_super(call: Call) -> Result<Response, Error> {
    let made = call.act(teams::create(&call.form, TeamKind::Super)?).await?;
    Ok(json_text(teams::answer_created(&made)))
}

pub(super) async fn invite_super(call: Call) -> Result<Response, Error> {
    call.act(teams::invite(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn kick_super(call: Call) -> Result<Response, Error> {
    call.act(teams::kick(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn leave_super(call: Call) -> Result<Response, Error> {
    call.act(teams::leave(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn dismiss_super(call: Call) -> Result<Response, Error> {
    call.act(teams::dismiss(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}
