//! What a view of a session looks like as it travels: as a value and as JSON. Pure.

use std::borrow::Cow;

use huihua_core::{LastMsg, LastMsgType, RecentSession, SessionId, SessionKind};
use huihua_event::overlay;

use crate::{Error, SessionJson, ShownSession, rules::View};

/// Makes the session as it travels; `None` when it is not visible.
///
/// # Errors
/// [`Error::Damaged`] if its last message is no JSON object.
pub fn recent_session(
    id: &SessionId,
    ext: &str,
    view: &View<'_>,
) -> Result<Option<RecentSession>, Error> {
    let Some(update_time) = view.update_time else { return Ok(None) };
    let last_msg = match last_msg(view) {
        Some(text) => {
            let last_msg = text.and_then(|text| LastMsg::new(text.into_owned()).ok());
            Some(last_msg.ok_or_else(|| no_json(id.kind(), id.peer()))?)
        }
        None => None,
    };
    Ok(Some(RecentSession {
        session_id: id.clone(),
        update_time,
        ext: ext.to_owned(),
        last_msg_type: last_msg_type(view),
        last_msg,
    }))
}

/// Makes the JSON of a session as it travels; `None` when it is not visible.
///
/// # Errors
/// [`Error::Damaged`] if its last message is no JSON object.
pub fn session_json(
    kind: SessionKind,
    peer: &str,
    ext: &str,
    view: &View<'_>,
) -> Result<Option<SessionJson>, Error> {
    let Some(update_time) = view.update_time else { return Ok(None) };
    let last_msg = match last_msg(view) {
        // Under the row's checksum it is what a door wrote: an object, or the door is wrong.
        Some(text) => {
            let text = text.filter(|text| text.starts_with('{') && text.ends_with('}'));
            Some(text.ok_or_else(|| no_json(kind, peer))?)
        }
        None => None,
    };
    let (last_msg, last_msg_type) = (last_msg.as_deref(), last_msg_type(view));
    let session = ShownSession { kind, peer, update_time, ext, last_msg_type, last_msg };
    Ok(Some(SessionJson::new(&session)))
}

/// The text of the last message, if there is one; inside, `None` if its edit cannot be laid over
/// it.
fn last_msg<'v>(view: &View<'v>) -> Option<Option<Cow<'v, str>>> {
    let text = view.last?.text;
    Some(match view.edit {
        None => Some(Cow::Borrowed(text)),
        Some(fields) => overlay(text, fields).map(Cow::Owned),
    })
}

fn last_msg_type(view: &View<'_>) -> LastMsgType {
    let is_recall = view.last.is_some_and(|body| body.is_recall());
    if is_recall { LastMsgType::Recall } else { LastMsgType::Message }
}

fn no_json(kind: SessionKind, peer: &str) -> Error {
    Error::Damaged { what: format!("last message of {kind}|{peer} is no JSON") }
}
