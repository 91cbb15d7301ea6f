//! Messages that the app's own server sends and takes back.

use axum::response::Response;

use super::{super::json_text, Call, Error, done};
use crate::{
    nim::rest::{messages, recalls},
    store::directory::Action,
};

pub(super) async fn send(call: Call) -> Result<Response, Error> {
    let letter = messages::send(&call.form)?;
    let sent = call.act(Action::Send(vec![letter])).await?;
    Ok(json_text(messages::answer_sent(&sent)))
}

pub(super) async fn send_to_super_team(call: Call) -> Result<Response, Error> {
    let letter = messages::send_to_super_team(&call.form)?;
    let sent = call.act(Action::Send(vec![letter])).await?;
    Ok(json_text(messages::answer_sent(&sent)))
}

pub(super) async fn send_batch(call: Call) -> Result<Response, Error> {
    let messages::Batch { accounts, letters, tells_ids } = messages::send_batch(&call.form)?;
    let sent = call.act(Action::Send(letters)).await?;
    Ok(json_text(messages::answer_batch((&accounts, tells_ids), &sent)))
}

pub(super) async fn recall(call: Call) -> Result<Response, Error> {
    call.act(recalls::recall(&call.form, call.attempt.now)?).await?;
    Ok(done())
}

pub(super) async fn recall_in_super_team(call: Call) -> Result<Response, Error> {
    call.act(recalls::recall_in_super_team(&call.form, call.attempt.now)?).await?;
    Ok(done())
}

/// Moves no list: nothing to store.
pub(super) async fn delete_one_way(call: Call) -> Result<Response, Error> {
    recalls::check_one_way(&call.form, call.attempt.now)?;
    Ok(done())
}

/// Moves no list: nothing to store.
pub(super) async fn delete(call: Call) -> Result<Response, Error> {
    recalls::check_deletion(&call.form)?;
    Ok(done())
}

/// Moves no list: nothing to store.
pub(super) async fn delete_roaming(call: Call) -> Result<Response, Error> {
    recalls::check_roaming(&call.form)?;
    Ok(done())
}
