//! `history/querySessionList`: an account's list, byte for byte as NIM writes it.

use std::borrow::Cow;

use huihua_core::{
    ANSWER_BYTES_MAX, Account, LastMsgType, Page, QueryMySessionOption, RecentSession, SessionKind,
};
use serde::{Deserialize, Serialize};

use super::{answer::to_json, fault::RequestFault, form::Form, shown_team_id::ShownTeamId};
use crate::last_msg::client_type_name;

/// Reads the account and the page of its list.
///
/// # Errors
/// The parameter that is wrong.
pub fn query(form: &Form) -> Result<(Account, QueryMySessionOption), RequestFault> {
    let account = form.account("accid")?;
    let default = QueryMySessionOption::default();
    let limit = match form.optional_number("limit")? {
        None => default.limit,
        Some(limit) => u32::try_from(limit).unwrap_or(u32::MAX),
    };
    let option = QueryMySessionOption {
        min_timestamp: form.optional_number("minTimestamp")?.unwrap_or(default.min_timestamp),
        max_timestamp: form.optional_number("maxTimestamp")?.unwrap_or(default.max_timestamp),
        // NIM's default; that of `/v1` is true.
        need_last_msg: form.flag("needLastMsg")?.unwrap_or(false),
        limit,
        page_token: None,
    };
    option.validate().map_err(|wrong| RequestFault::new(wrong.field, wrong.reason))?;
    Ok((account, option))
}

/// Writes the answer, with the fields in NIM's order.
///
/// # Errors
/// If a last message is not one that `last_msg` writes.
pub fn page_answer(page: &Page) -> Result<String, serde_json::Error> {
    let mut sessions =
        page.session_list.iter().map(ShownSession::of).collect::<Result<Vec<_>, _>>()?;
    let answer = list_body(&sessions, page.has_more);
    if answer.len() <= ANSWER_BYTES_MAX {
        return Ok(answer);
    }
    // NIM's names are longer than ours: of a page that is almost full, they may not fit.
    let mut bytes_left = ANSWER_BYTES_MAX - list_body(&[], false).len();
    let fits = |session: &&ShownSession<'_>| {
        let left = bytes_left.checked_sub(to_json(session).len() + 1);
        bytes_left = left.unwrap_or(0);
        left.is_some()
    };
    let fitting = sessions.iter().take_while(fits).count().max(1);
    sessions.truncate(fitting);
    Ok(list_body(&sessions, true))
}

fn list_body(sessions: &[ShownSession<'_>], has_more: bool) -> String {
    to_json(&SessionListBody { code: 200, data: SessionListData { has_more, sessions } })
}

#[derive(Serialize)]
struct SessionListBody<'a> {
    code: u16,
    data: SessionListData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionListData<'a> {
    has_more: bool,
    sessions: &'a [ShownSession<'a>],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSession<'a> {
    session_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    accid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<ShownTeamId<'a>>,
    update_time: u64,
    ext: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_msg_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_msg: Option<ShownLastMsg<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownLastMsg<'a> {
    Message(ShownMessage<'a>),
    Recall(ShownRecall<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownMessage<'a> {
    msg_id_client: Cow<'a, str>,
    msg_id_server: i64,
    from: Cow<'a, str>,
    from_client_type: &'static str,
    time: u64,
    #[serde(rename = "type")]
    message_type: u8,
    body: Cow<'a, str>,
    attach: Cow<'a, str>,
    ext: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRecall<'a> {
    delete_msg_id_client: Cow<'a, str>,
    delete_msg_id_server: Cow<'a, str>,
    delete_msg_create_time: u64,
    from: Cow<'a, str>,
    time: u64,
}

impl<'a> ShownSession<'a> {
    fn of(session: &'a RecentSession) -> Result<Self, serde_json::Error> {
        let id = &session.session_id;
        let (session_type, accid, tid) = match id.kind() {
            SessionKind::P2p => (1, Some(id.peer()), None),
            SessionKind::Team => (2, None, Some(ShownTeamId::of(id.peer()))),
            SessionKind::SuperTeam => (3, None, Some(ShownTeamId::of(id.peer()))),
        };
        let last_msg = session.last_msg.as_ref().map(|last| last.as_str());
        let (last_msg_type, last_msg) = match (last_msg, session.last_msg_type) {
            (None, _) => (None, None),
            (Some(text), LastMsgType::Message) => (Some("MESSAGE"), Some(message(text)?)),
            (Some(text), LastMsgType::Recall) => (Some("RECALL"), Some(recall(text)?)),
        };
        Ok(Self {
            session_type,
            accid,
            tid,
            update_time: session.update_time,
            ext: &session.ext,
            last_msg_type,
            last_msg,
        })
    }
}

/// The keys of a message that the answer shows.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct MessageKeys<'a> {
    #[serde(rename = "2", borrow)]
    from: Cow<'a, str>,
    #[serde(rename = "4")]
    from_client_type: Option<u8>,
    #[serde(rename = "7")]
    time: u64,
    #[serde(rename = "8")]
    message_type: u8,
    #[serde(rename = "9", borrow)]
    body: Cow<'a, str>,
    #[serde(rename = "10", borrow)]
    attach: Cow<'a, str>,
    #[serde(rename = "11", borrow)]
    client_id: Cow<'a, str>,
    #[serde(rename = "12", borrow)]
    server_id: Cow<'a, str>,
    #[serde(rename = "15", borrow)]
    ext: Cow<'a, str>,
}

fn message(text: &str) -> Result<ShownLastMsg<'_>, serde_json::Error> {
    let keys: MessageKeys<'_> = serde_json::from_str(text)?;
    Ok(ShownLastMsg::Message(ShownMessage {
        msg_id_client: keys.client_id,
        msg_id_server: shown_message_id(&keys.server_id),
        from: keys.from,
        from_client_type: keys.from_client_type.and_then(client_type_name).unwrap_or(""),
        time: keys.time,
        message_type: keys.message_type,
        body: keys.body,
        attach: keys.attach,
        ext: keys.ext,
    }))
}

/// Reads a message id as a number; an id of another form shows as 0.
fn shown_message_id(id: &str) -> i64 {
    let digits = id.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| id.parse().ok()).flatten().unwrap_or(0)
}

/// The keys of a recall that the answer shows.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RecallKeys<'a> {
    #[serde(rename = "0")]
    time: u64,
    #[serde(rename = "10", borrow)]
    client_id: Cow<'a, str>,
    #[serde(rename = "11", borrow)]
    server_id: Cow<'a, str>,
    #[serde(rename = "14")]
    message_time: u64,
    #[serde(rename = "16", borrow)]
    operator: Cow<'a, str>,
}

fn recall(text: &str) -> Result<ShownLastMsg<'_>, serde_json::Error> {
    let keys: RecallKeys<'_> = serde_json::from_str(text)?;
    Ok(ShownLastMsg::Recall(ShownRecall {
        delete_msg_id_client: keys.client_id,
        delete_msg_id_server: keys.server_id,
        delete_msg_create_time: keys.message_time,
        from: keys.operator,
        time: keys.time,
    }))
}

#[cfg(test)]
mod tests {
    use huihua_core::{AccountForm, LastMsg};

    use super::*;

    fn row(id: &str, last_msg_type: LastMsgType, last_msg: Option<&str>) -> RecentSession {
        RecentSession {
            session_id: id.parse().unwrap(),
            update_time: 1_700_000_000_123,
            ext: r#"{"a":1}"#.to_owned(),
            last_msg_type,
            last_msg: last_msg.map(|text| LastMsg::new(text.to_owned()).unwrap()),
        }
    }

    fn shown(row: RecentSession) -> String {
        let page = Page {
            session_list: vec![row],
            has_more: false,
            next_page_token: None,
            sync_cursor: String::new(),
        };
        page_answer(&page).unwrap()
    }

    /// Not even in NIM's words, which are longer: then `hasMore` says that the page ended early.
    #[test]
    fn no_answer_is_larger_than_4_mib() {
        let row = row("p2p|bob", LastMsgType::Message, Some(r#"{"9":"hi"}"#));
        for (rows, is_cut) in [(100, false), (1_000, true)] {
            let ext = "\u{1}".repeat(4_096 / 6);
            let rows = vec![RecentSession { ext: ext.clone(), ..row.clone() }; rows];
            let page = Page {
                session_list: rows,
                has_more: false,
                next_page_token: None,
                sync_cursor: String::new(),
            };
            let answer = page_answer(&page).unwrap();
            assert!(answer.len() <= ANSWER_BYTES_MAX);
            let read: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(read["data"]["hasMore"], is_cut);
            let given = read["data"]["sessions"].as_array().unwrap().len();
            assert_eq!(given < page.session_list.len(), is_cut);
            assert!(!is_cut || answer.len() + 5_000 > ANSWER_BYTES_MAX, "{}", answer.len());
        }
    }

    fn framed(session: &str) -> String {
        format!(r#"{{"code":200,"data":{{"hasMore":false,"sessions":[{session}]}}}}"#)
    }

    #[test]
    fn a_message_and_a_recall_are_shown_to_the_byte() {
        let last_msg = r#"{"0":0,"1":"amy","2":"bob","4":2,"7":1700000000100,"8":0,"9":"hi","11":"c","12":"1"}"#;
        assert_eq!(
            shown(row("p2p|bob", LastMsgType::Message, Some(last_msg))),
            framed(concat!(
                r#"{"sessionType":1,"accid":"bob","updateTime":1700000000123,"ext":"{\"a\":1}","#,
                r#""lastMsgType":"MESSAGE","lastMsg":{"msgIdClient":"c","msgIdServer":1,"#,
                r#""from":"bob","fromClientType":"IOS","time":1700000000100,"type":0,"body":"hi","#,
                r#""attach":"","ext":""}}"#
            ))
        );
        let last_msg = r#"{"0":1700000000050,"1":8,"2":"253","3":"op","4":"sorry","11":"2","14":1700000000001,"16":"op"}"#;
        assert_eq!(
            shown(row("team|2530000000", LastMsgType::Recall, Some(last_msg))),
            framed(concat!(
                r#"{"sessionType":2,"tid":2530000000,"updateTime":1700000000123,"#,
                r#""ext":"{\"a\":1}","lastMsgType":"RECALL","lastMsg":{"deleteMsgIdClient":"","#,
                r#""deleteMsgIdServer":"2","deleteMsgCreateTime":1700000000001,"from":"op","#,
                r#""time":1700000000050}}"#
            ))
        );
    }

    #[test]
    fn ids_that_are_no_numbers_and_rows_without_a_message_are_shown_as_agreed() {
        assert_eq!(
            shown(row("super_team|room", LastMsgType::Message, None)),
            framed(
                r#"{"sessionType":3,"tid":"room","updateTime":1700000000123,"ext":"{\"a\":1}"}"#
            )
        );
        for (id, expected) in [
            ("9007199254740993", "9007199254740993"),
            ("9223372036854775808", "0"),
            ("x", "0"),
            ("-5", "0"),
            ("", "0"),
        ] {
            let last_msg = format!(r#"{{"2":"b","7":5,"8":100,"9":"\"\\好","12":"{id}"}}"#);
            let text = shown(row("p2p|b", LastMsgType::Message, Some(&last_msg)));
            assert!(text.contains(&format!(r#""msgIdServer":{expected},"#)), "{text}");
            assert!(text.contains(r#""fromClientType":"","time":5,"type":100,"body":"\"\\好""#));
        }
    }

    #[test]
    fn what_is_asked_is_read_and_checked() {
        let read = |text: &str| query(&Form::parse(text.as_bytes(), AccountForm::Nim).unwrap());
        let (account, option) = read("accid=amy&unknown=1").unwrap();
        let default = QueryMySessionOption { need_last_msg: false, ..Default::default() };
        assert_eq!((account.as_str(), option), ("amy", default));
        assert!(read("accid=amy&needLastMsg=1").unwrap().1.need_last_msg);
        let (_, option) =
            read("limit=1&needLastMsg=0&accid=amy&minTimestamp=5&maxTimestamp=5").unwrap();
        assert_eq!((option.min_timestamp, option.max_timestamp), (5, 5));
        assert_eq!((option.limit, option.need_last_msg), (1, false));
        for wrong in [
            "limit=1",
            "accid=",
            "accid=a%7Cb",
            "accid=a&limit=0",
            "accid=a&limit=101",
            "accid=a&limit=4294967297",
            "accid=a&limit=x",
            "accid=a&minTimestamp=6&maxTimestamp=5",
            "accid=a&minTimestamp=-1",
            "accid=a&needLastMsg=2",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
