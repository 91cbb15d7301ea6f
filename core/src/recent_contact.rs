//! A session in the shapes of NIM's local SDK: recent contact, and the notice of a recall.

use std::fmt;

use crate::{
    id::SessionKind,
    last_msg::LastMsg,
    session::{LastMsgType, RecentSession},
};

/// Identifies a recalled message, as far as the notice of its recall does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageStub {
    /// Time of the recalled message, in ms since 1970; 0 if unknown.
    pub time: i64,
    /// The sender's account; empty if unknown, as are the two ids.
    pub from: String,
    /// The client's id of the message (NIM: uuid).
    pub client_id: String,
    /// The server's id of the message.
    pub server_id: String,
}

/// Holds the notice of a recall. Mirrors NIM's `RevokeMsgNotification`, only partly filled.
#[derive(Clone, PartialEq, Eq)]
pub struct RevokeMsgNotification {
    /// The recalled message.
    pub message: MessageStub,
    /// The notice's attachment, as text.
    pub attach: String,
    /// The account that recalled the message (key 16).
    pub revoke_account: String,
    /// The text that the recalling user added (key 4, else 8).
    pub custom_info: String,
    /// NIM's recall type (key 1): 7 p2p, 8 team, 12 super team, 13 and 14 one-way; -1 unknown.
    pub revoke_type: i32,
    /// The text that the app's callback added (key 22).
    pub callback_ext: String,
}

/// Holds a session in the shape of NIM's local `RecentContact`.
///
/// There is no unread count: the service does not count unread messages.
#[derive(Clone, PartialEq, Eq)]
pub struct RecentContact {
    /// The peer: an account or a team id.
    pub contact_id: String,
    /// The kind of the session.
    pub session_kind: SessionKind,
    /// Sender of the last message; for a recall, the account that recalled.
    pub from_account: String,
    /// The sender's nickname.
    pub from_nick: String,
    /// The client's id of the last message (NIM: uuid).
    pub recent_message_id: String,
    /// NIM's number of the message type; -1 (undef) for a recall and for no message.
    pub msg_type: i32,
    /// The message's body; for a recall, [`RevokeMsgNotification::custom_info`].
    pub content: String,
    /// The session's `updateTime`, in ms since 1970.
    pub time: i64,
    /// The message's attachment, as text; empty for a recall.
    pub attachment: String,
    /// The session's ext as a JSON object: itself, `{}` if empty, `{"ext":raw}` if not an object.
    pub extension: String,
}

impl fmt::Debug for RevokeMsgNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevokeMsgNotification(type {})", self.revoke_type)
    }
}

impl fmt::Debug for RecentContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecentContact({}, type {})", self.session_kind, self.msg_type)
    }
}

impl RecentSession {
    /// Returns the notice of a recall, or `None` if the last message is not one.
    pub fn revoke_notification(&self) -> Option<RevokeMsgNotification> {
        if self.last_msg_type != LastMsgType::Recall {
            return None;
        }
        let fields = self.last_msg.as_ref().map(LastMsg::fields).unwrap_or_default();
        let words = [fields.text("4"), fields.text("8")];
        Some(RevokeMsgNotification {
            message: MessageStub {
                time: fields.number("14").unwrap_or(0),
                from: fields.text("3"),
                client_id: fields.text("10"),
                server_id: fields.text("11"),
            },
            attach: fields.text("5"),
            revoke_account: fields.text("16"),
            custom_info: words.into_iter().find(|w| !w.is_empty()).unwrap_or_default(),
            revoke_type: fields.number("1").and_then(|n| i32::try_from(n).ok()).unwrap_or(-1),
            callback_ext: fields.text("22"),
        })
    }

    /// Converts the session to NIM's local form. Without a last message its texts are empty.
    pub fn to_recent_contact(&self) -> RecentContact {
        let mut contact = RecentContact {
            contact_id: self.session_id.peer().to_owned(),
            session_kind: self.session_id.kind(),
            from_account: String::new(),
            from_nick: String::new(),
            recent_message_id: String::new(),
            msg_type: -1,
            content: String::new(),
            time: i64::try_from(self.update_time).unwrap_or(i64::MAX),
            attachment: String::new(),
            extension: extension(&self.ext),
        };
        if let Some(notice) = self.revoke_notification() {
            contact.from_account = notice.revoke_account;
            contact.content = notice.custom_info;
            contact.recent_message_id = notice.message.client_id;
        } else if let Some(fields) = self.last_msg.as_ref().map(LastMsg::fields) {
            contact.from_account = fields.text("2");
            contact.from_nick = fields.text("6");
            contact.recent_message_id = fields.text("11");
            let kind = fields.number("8").and_then(|n| i32::try_from(n).ok());
            contact.msg_type = kind.unwrap_or(-1);
            contact.content = fields.text("9");
            contact.attachment = fields.text("10");
        }
        contact
    }
}

fn extension(ext: &str) -> String {
    if ext.is_empty() {
        return "{}".to_owned();
    }
    let object: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(ext);
    match object {
        Ok(_) => ext.to_owned(),
        Err(_) => serde_json::json!({ "ext": ext }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(last_msg: Option<&str>, last_msg_type: LastMsgType, ext: &str) -> RecentSession {
        RecentSession {
            session_id: "p2p|bob".parse().unwrap(),
            update_time: 7,
            ext: ext.to_owned(),
            last_msg_type,
            last_msg: last_msg.map(|text| LastMsg::new(text.to_owned()).unwrap()),
        }
    }

    #[test]
    fn numbers_and_strings_are_read_alike() {
        for text in [
            r#"{"2":"amy","8":100,"9":"hi","10":{"a":1},"11":"c1","6":null}"#,
            r#"{"2":"amy","8":"100","9":"hi","10":"{\"a\":1}","11":"c1"}"#,
        ] {
            let contact = row(Some(text), LastMsgType::Message, "").to_recent_contact();
            assert_eq!((contact.from_account.as_str(), contact.msg_type), ("amy", 100));
            assert_eq!(
                (contact.content.as_str(), contact.attachment.as_str()),
                ("hi", r#"{"a":1}"#)
            );
            assert_eq!(
                (contact.recent_message_id.as_str(), contact.from_nick.as_str()),
                ("c1", "")
            );
        }
    }

    #[test]
    fn ids_above_two_to_the_53_keep_every_digit() {
        let text = r#"{"1":7,"11":9007199254740993123,"14":"5","16":"amy","3":"amy","8":"gone"}"#;
        let notice = row(Some(text), LastMsgType::Recall, "").revoke_notification().unwrap();
        assert_eq!(notice.message.server_id, "9007199254740993123");
        assert_eq!((notice.message.time, notice.custom_info.as_str()), (5, "gone"));
    }

    #[test]
    fn a_session_without_a_message_gives_empty_texts() {
        let contact = row(None, LastMsgType::Message, "draft").to_recent_contact();
        assert_eq!((contact.time, contact.msg_type, contact.content.as_str()), (7, -1, ""));
        assert_eq!(contact.extension, r#"{"ext":"draft"}"#);
        assert!(row(None, LastMsgType::Message, "").revoke_notification().is_none());
        assert!(row(None, LastMsgType::Recall, "").revoke_notification().is_some());
    }

    #[test]
    fn odd_last_messages_never_panic() {
        let deep = format!(r#"{{"10":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let odd =
            ["{}", r#"{"8":[]}"#, r#"{"8":1e999}"#, r#"{"9":"\ud800"}"#, r#"{"8":{}}"#, &deep];
        for text in odd {
            for kind in [LastMsgType::Message, LastMsgType::Recall] {
                let _ = row(Some(text), kind, text).to_recent_contact();
            }
        }
    }

    #[test]
    fn a_last_message_must_be_a_json_object() {
        for text in ["", "[]", "1", "null", "\"{}\"", "{", "{}x"] {
            assert!(LastMsg::new(text.to_owned()).is_err(), "{text}");
            assert!(serde_json::from_str::<LastMsg>(text).is_err(), "{text}");
        }
        assert_eq!(LastMsg::new(" {} ".to_owned()).unwrap().as_str(), "{}");
    }
}
