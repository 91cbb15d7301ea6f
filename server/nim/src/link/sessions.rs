//! The session service, 7/19 to 7/22 and the push 7/121: parameters as the core's values, and the
//! core's values as rows.

use huihua_core::{
    AccountForm, DELETE_IDS_MAX, EXT_BYTES_MAX, LastMsgType, Page, QueryMySessionOption,
    RecentSession, SessionId,
};

use super::{Answer, Frame, Property, Push, Sdk, Value};
use crate::rest::RequestFault;

/// Tags of the list's request and answer.
const MIN_TIMESTAMP: u32 = 1;
const MAX_TIMESTAMP: u32 = 2;
const NEED_LAST_MSG: u32 = 3;
const LIMIT: u32 = 4;
const HAS_MORE: u32 = 5;

/// Tags of a row.
const ID: u32 = 1;
const UPDATE_TIME: u32 = 2;
const EXT: u32 = 3;
const LAST_MSG: u32 = 4;
const LAST_MSG_TYPE: u32 = 5;

/// Reads the option of a list. What is absent has the value of the SDKs' documents.
///
/// # Errors
/// [`RequestFault`] names the field that is ill-formed or out of range.
pub fn list(frame: &Frame<'_>) -> Result<QueryMySessionOption, RequestFault> {
    let tags = frame.property()?;
    let default = QueryMySessionOption::default();
    // What no u32 holds is out of range as its greatest is.
    let limit = tags.number(LIMIT, "limit")?.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let option = QueryMySessionOption {
        min_timestamp: tags.number(MIN_TIMESTAMP, "minTimestamp")?.unwrap_or(0),
        max_timestamp: tags.number(MAX_TIMESTAMP, "maxTimestamp")?.unwrap_or(0),
        need_last_msg: tags.flag(NEED_LAST_MSG, "needLastMsg")?.unwrap_or(default.need_last_msg),
        limit: limit.unwrap_or(default.limit),
        page_token: None,
    };
    option.validate().map_err(|e| RequestFault::new(e.field, e.reason))?;
    Ok(option)
}

/// Reads which session is wanted.
///
/// # Errors
/// [`RequestFault`] if the id is missing or ill-formed.
pub fn get(frame: &Frame<'_>, accounts: AccountForm) -> Result<SessionId, RequestFault> {
    id(&frame.property()?, accounts)
}

/// Reads a session's new ext; absent, it is empty.
///
/// # Errors
/// [`RequestFault`] names the field that is missing, ill-formed or too long.
pub fn update(
    frame: &Frame<'_>,
    accounts: AccountForm,
) -> Result<(SessionId, String), RequestFault> {
    let mut tags = frame.property()?;
    let id = id(&tags, accounts)?;
    let ext = tags.take(EXT);
    if ext.len() > EXT_BYTES_MAX {
        let reason = format_args!("is longer than {EXT_BYTES_MAX} bytes");
        return Err(RequestFault::new("ext", reason));
    }
    Ok((id, ext))
}

/// Reads which sessions are to be deleted.
///
/// # Errors
/// [`RequestFault`] if there are none or too many, or if an id is ill-formed.
pub fn delete(frame: &Frame<'_>, accounts: AccountForm) -> Result<Vec<SessionId>, RequestFault> {
    let items = frame.properties()?;
    if items.is_empty() || items.len() > DELETE_IDS_MAX {
        let reason = format_args!("must hold 1..={DELETE_IDS_MAX} ids");
        return Err(RequestFault::new("sessionIds", reason));
    }
    items.iter().map(|item| id(item, accounts)).collect()
}

fn id(tags: &Property, accounts: AccountForm) -> Result<SessionId, RequestFault> {
    let text = tags.get(ID).unwrap_or_default();
    accounts.session_id(text).map_err(|e| RequestFault::new("sessionId", e))
}

/// Makes the answer to a list. Besides what is asked it tells the time of the page's last row,
/// which is the `maxTimestamp` of the next page.
pub fn page(page: Page) -> Answer {
    let mut tags = Property::default().with(HAS_MORE, if page.has_more { "1" } else { "0" });
    if let Some(last) = page.session_list.last() {
        tags = tags.with(MIN_TIMESTAMP, last.update_time.to_string());
    }
    let rows = page.session_list.into_iter().map(row).collect();
    Answer::ok(vec![Value::Property(tags), Value::Properties(rows)])
}

/// Makes the answer to a get.
pub fn found(session: RecentSession) -> Answer {
    Answer::ok(vec![Value::Property(row(session))])
}

/// Makes the push of a session that has changed.
pub fn changed(mut session: RecentSession, sdk: Sdk) -> Push {
    // 9.x reads the notice of a recall in a push as if it were a message, and would show the app a
    // message that nobody sent.
    if sdk == Sdk::Web && session.last_msg_type == LastMsgType::Recall {
        session.last_msg = None;
    }
    Push { sid: 7, cid: 121, content: found(session) }
}

fn row(session: RecentSession) -> Property {
    let row = Property::default()
        .with(ID, session.session_id.to_string())
        .with(UPDATE_TIME, session.update_time.to_string())
        .with(EXT, session.ext)
        .with(LAST_MSG_TYPE, session.last_msg_type.number().to_string());
    match session.last_msg {
        Some(last_msg) => row.with(LAST_MSG, last_msg.as_str()),
        None => row,
    }
}
