//! The wire's JSON, as exact strings, in both directions: a change here breaks apps in the field.

use huihua_core::{LastMsg, LastMsgType, Page, Problem, RecentSession, SessionChange, SyncPage};
use serde::{Serialize, de::DeserializeOwned};

/// Asserts that the value serializes to this text, and parses back from it.
fn check<T: Serialize + DeserializeOwned>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    let read: T = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

fn session(id: &str, last_msg_type: LastMsgType, last_msg: Option<&str>) -> RecentSession {
    RecentSession {
        session_id: id.parse().unwrap(),
        update_time: 1_700_000_000_123,
        ext: "置顶 \"1\"".to_owned(),
        last_msg_type,
        last_msg: last_msg.map(|text| LastMsg::new(text.to_owned()).unwrap()),
    }
}

#[test]
fn a_session_keeps_its_last_message_byte_for_byte() {
    // Spaces and a number past 2^53 show that the text was not parsed and written anew.
    let message = r#"{"0":0, "7":"1700000000123","12":90071992547409931234}"#;
    check(
        &session("p2p|小明", LastMsgType::Message, Some(message)),
        concat!(
            r#"{"sessionId":"p2p|小明","updateTime":1700000000123,"ext":"置顶 \"1\"","#,
            r#""lastMsgType":0,"#,
            r#""lastMsg":{"0":0, "7":"1700000000123","12":90071992547409931234}}"#
        ),
    );
}

#[test]
fn a_sync_page_holds_sessions_and_deletions() {
    let page = SyncPage {
        changes: vec![
            SessionChange::Session(session("p2p|bob", LastMsgType::Message, Some(r#"{"0": 0}"#))),
            SessionChange::Deleted("team|2530000000".parse().unwrap()),
        ],
        cursor: "c".to_owned(),
        has_more: true,
        reset: false,
    };
    check(
        &page,
        concat!(
            r#"{"changes":["#,
            r#"{"session":{"sessionId":"p2p|bob","updateTime":1700000000123,"#,
            r#""ext":"置顶 \"1\"","lastMsgType":0,"lastMsg":{"0": 0}}},"#,
            r#"{"deleted":"team|2530000000"}],"#,
            r#""cursor":"c","hasMore":true,"reset":false}"#
        ),
    );
    let page = SyncPage { changes: vec![], has_more: false, reset: true, ..page };
    check(&page, r#"{"changes":[],"cursor":"c","hasMore":false,"reset":true}"#);
}

#[test]
fn only_a_page_with_more_has_a_next_page_token() {
    let mut page = Page {
        session_list: vec![
            session("team|2530000000", LastMsgType::Recall, Some(r#"{"1":8}"#)),
            session("super_team|1", LastMsgType::Message, None),
        ],
        has_more: true,
        next_page_token: Some("n".to_owned()),
        sync_cursor: "c".to_owned(),
    };
    check(
        &page,
        concat!(
            r#"{"sessionList":["#,
            r#"{"sessionId":"team|2530000000","updateTime":1700000000123,"#,
            r#""ext":"置顶 \"1\"","lastMsgType":1,"lastMsg":{"1":8}},"#,
            r#"{"sessionId":"super_team|1","updateTime":1700000000123,"#,
            r#""ext":"置顶 \"1\"","lastMsgType":0}],"#,
            r#""hasMore":true,"nextPageToken":"n","syncCursor":"c"}"#
        ),
    );
    page = Page { session_list: vec![], has_more: false, next_page_token: None, ..page };
    check(&page, r#"{"sessionList":[],"hasMore":false,"syncCursor":"c"}"#);
}

#[test]
fn a_problem_has_its_exact_json() {
    check(
        &Problem {
            kind: "about:blank".to_owned(),
            title: "invalid parameter".to_owned(),
            status: 400,
            detail: "limit must be 1..=100".to_owned(),
            code: 414,
            request_id: "r-1".to_owned(),
            retryable: false,
        },
        concat!(
            r#"{"type":"about:blank","title":"invalid parameter","status":400,"#,
            r#""detail":"limit must be 1..=100","code":414,"requestId":"r-1","retryable":false}"#
        ),
    );
}

#[test]
fn a_client_ignores_fields_of_a_later_server() {
    let row: RecentSession =
        serde_json::from_str(r#"{"sessionId":"p2p|a","updateTime":1,"lastMsg":null,"new":{}}"#)
            .unwrap();
    assert_eq!((row.ext.as_str(), row.last_msg_type), ("", LastMsgType::Message));
    assert_eq!(row.last_msg, None);
    assert_eq!(
        serde_json::to_string(&row).unwrap(),
        r#"{"sessionId":"p2p|a","updateTime":1,"ext":"","lastMsgType":0}"#
    );
}

#[test]
fn an_invalid_session_is_refused() {
    for text in [
        r#"{"sessionId":"bob","updateTime":1}"#,
        r#"{"sessionId":"p2p|bob"}"#,
        r#"{"sessionId":"p2p|bob","updateTime":-1}"#,
        r#"{"sessionId":"p2p|bob","updateTime":"1"}"#,
        r#"{"sessionId":"p2p|bob","updateTime":1,"lastMsgType":2}"#,
        r#"{"sessionId":"p2p|bob","updateTime":1,"lastMsg":"{}"}"#,
        r#"{"sessionId":"p2p|bob","updateTime":1,"ext":null}"#,
    ] {
        assert!(serde_json::from_str::<RecentSession>(text).is_err(), "{text}");
    }
}
