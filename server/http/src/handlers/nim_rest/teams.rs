//! Teams and super teams: creation, members, end.

use axum::response::Response;
use huihua_event::{Owner, TeamKind};
use huihua_nim::rest::teams;

use super::{
    answers::{done, whole_list},
    call::SignedCall,
    error::CallError,
};
use crate::handlers::answers::json_text;

pub(super) async fn create(call: SignedCall) -> Result<Response, CallError> {
    let created = call.act(teams::create(&call.form, TeamKind::Normal)?).await?;
    Ok(json_text(teams::created_answer(&created)))
}

pub(super) async fn add(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::invite(&call.form, TeamKind::Normal)?).await?;
    Ok(json_text(teams::changed_answer()))
}

pub(super) async fn kick(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::kick(&call.form, TeamKind::Normal)?).await?;
    Ok(json_text(teams::changed_answer()))
}

pub(super) async fn leave(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::leave(&call.form, TeamKind::Normal)?).await?;
    Ok(done())
}

pub(super) async fn remove(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::dismiss(&call.form, TeamKind::Normal)?).await?;
    Ok(done())
}

pub(super) async fn change_owner(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::change_owner(&call.form, TeamKind::Normal)?).await?;
    Ok(done())
}

pub(super) async fn joined(call: SignedCall) -> Result<Response, CallError> {
    let owner = Owner { app: call.app_key.clone(), account: call.form.account("accid")? };
    let teams = call.context.store.joined(&owner, TeamKind::Normal).await?;
    whole_list(teams::joined_answer(&teams))
}

pub(super) async fn create_super(call: SignedCall) -> Result<Response, CallError> {
    let created = call.act(teams::create(&call.form, TeamKind::Super)?).await?;
    Ok(json_text(teams::created_answer(&created)))
}

pub(super) async fn invite_super(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::invite(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn kick_super(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::kick(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn leave_super(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::leave(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn change_super_owner(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::change_owner(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}

pub(super) async fn dismiss_super(call: SignedCall) -> Result<Response, CallError> {
    call.act(teams::dismiss(&call.form, TeamKind::Super)?).await?;
    Ok(done())
}
