//! Messages that the app's own server sends, recalls and deletes.

use axum::response::Response;
use huihua_event::{Action, is_too_far_ahead};
use huihua_nim::rest::{messages, recalls};
use huihua_store::Refusal;

use super::{answers::done, call::SignedCall, error::CallError};
use crate::handlers::answers::json_text;

pub(super) async fn send(call: SignedCall) -> Result<Response, CallError> {
    let message = messages::send(&call.form)?;
    let sent = call.act(Action::Send(vec![message])).await?;
    Ok(json_text(messages::sent_answer(&sent)))
}

pub(super) async fn send_to_super_team(call: SignedCall) -> Result<Response, CallError> {
    let message = messages::send_to_super_team(&call.form)?;
    let sent = call.act(Action::Send(vec![message])).await?;
    Ok(json_text(messages::sent_answer(&sent)))
}

pub(super) async fn send_batch(call: SignedCall) -> Result<Response, CallError> {
    let messages::BatchRequest { accounts, messages, wants_ids } =
        messages::send_batch(&call.form)?;
    let sent = call.act(Action::Send(messages)).await?;
    Ok(json_text(messages::batch_answer((&accounts, wants_ids), &sent)))
}

pub(super) async fn recall(call: SignedCall) -> Result<Response, CallError> {
    call.act(recalls::recall(&call.form, call.attempt.now)?).await?;
    Ok(done())
}

pub(super) async fn recall_in_super_team(call: SignedCall) -> Result<Response, CallError> {
    call.act(recalls::recall_in_super_team(&call.form, call.attempt.now)?).await?;
    Ok(done())
}

/// Changes no list, so nothing is stored.
pub(super) async fn delete_one_way(call: SignedCall) -> Result<Response, CallError> {
    let message_time = recalls::check_one_way(&call.form)?;
    if is_too_far_ahead(message_time, call.attempt.now) {
        return Err(call.refused(Refusal::ClockBehind));
    }
    Ok(done())
}

/// Changes no list, so nothing is stored.
pub(super) async fn delete(call: SignedCall) -> Result<Response, CallError> {
    recalls::check_deletion(&call.form)?;
    Ok(done())
}

/// Changes no list, so nothing is stored.
pub(super) async fn delete_roaming(call: SignedCall) -> Result<Response, CallError> {
    recalls::check_roaming(&call.form)?;
    Ok(done())
}
