//! What is read from a last message and an ext: `last-messages.json`, case by case. The Kotlin
//! facade, which reads them itself, is held to the same file.

use huihua_core::{RecentContact, RecentSession, RevokeMsgNotification};
use serde_json::{Value, json};

const CASES: &str = include_str!("../last-messages.json");

/// Makes the row of a case as the server sends it: the last message is text that stays as it is.
fn row(case: &Value) -> RecentSession {
    let message = case["lastMsg"].as_str();
    let message = message.map(|text| format!(r#","lastMsg":{text}"#)).unwrap_or_default();
    let (kind, ext) = (&case["type"], &case["ext"]);
    let row = r#"{"sessionId":"p2p|bob","updateTime":7,"lastMsgType":"#;
    serde_json::from_str(&format!(r#"{row}{kind},"ext":{ext}{message}}}"#)).unwrap()
}

fn contact(contact: &RecentContact) -> Value {
    json!({
        "fromAccount": contact.from_account, "fromNick": contact.from_nick,
        "recentMessageId": contact.recent_message_id, "msgType": contact.msg_type,
        "content": contact.content, "attachment": contact.attachment,
        "extension": contact.extension,
    })
}

fn notice(notice: &RevokeMsgNotification) -> Value {
    json!({
        "time": notice.message.time, "from": notice.message.from,
        "clientId": notice.message.client_id, "serverId": notice.message.server_id,
        "attach": notice.attach, "revokeAccount": notice.revoke_account,
        "customInfo": notice.custom_info, "revokeType": notice.revoke_type,
        "callbackExt": notice.callback_ext,
    })
}

#[test]
fn every_row_shows_what_the_cases_say() {
    let file: Value = serde_json::from_str(CASES).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let row = row(case);
        assert_eq!(contact(&row.to_recent_contact()), case["contact"], "{}", case["name"]);
        let notice = row.revoke_notification().as_ref().map(notice);
        assert_eq!(json!(notice), case["notice"], "{}", case["name"]);
    }
}
