//! A session of an account's list, as both ends exchange it.

use std::fmt;

use serde::{Deserialize, Serialize, de::Error as _};

use crate::{LastMsg, SessionId};

/// Distinguishes a message from the notice of its recall. On the wire it is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastMsgType {
    /// 0, or absent: a message.
    #[default]
    Message,
    /// 1: the notice of a recall.
    Recall,
}

impl LastMsgType {
    /// Returns the number on the wire, which is NIM's: 0 or 1.
    pub const fn number(self) -> u8 {
        match self {
            Self::Message => 0,
            Self::Recall => 1,
        }
    }
}

impl Serialize for LastMsgType {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for LastMsgType {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match u8::deserialize(d)? {
            0 => Ok(Self::Message),
            1 => Ok(Self::Recall),
            other => Err(D::Error::custom(format_args!("lastMsgType must be 0 or 1, not {other}"))),
        }
    }
}

/// Holds one session of an account's list. Mirrors NIM's `RecentSession`.
///
/// `Debug` shows neither the ext nor the message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecentSession {
    /// The session.
    pub session_id: SessionId,
    /// Time of the last message, else of the first `updateMySession`, in ms since 1970.
    pub update_time: u64,
    /// The account's private text on the session, at most 4,096 bytes of UTF-8; empty by default.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 4096))]
    pub ext: String,
    /// The kind of the last message: 0 a message, 1 the notice of its recall.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub last_msg_type: LastMsgType,
    /// The last message; absent if there is none or it was not requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = LastMsg, required = false))]
    pub last_msg: Option<LastMsg>,
}

impl fmt::Debug for RecentSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentSession")
            .field("session_id", &self.session_id)
            .field("update_time", &self.update_time)
            .field("ext", &format_args!("{} bytes", self.ext.len()))
            .field("last_msg_type", &self.last_msg_type)
            .field("last_msg", &self.last_msg)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_text_of_the_user() {
        let text =
            r#"{"sessionId":"p2p|a","updateTime":1,"ext":"s3cret","lastMsg":{"9":"s3cret"}}"#;
        let row: RecentSession = serde_json::from_str(text).unwrap();
        let shown =
            [format!("{row:?}"), format!("{:?}", row.to_recent_contact()), format!("{row:#?}")];
        assert!(!shown.concat().contains("s3cret"), "{shown:?}");
        assert!(shown[0].contains("6 bytes"), "{shown:?}");
    }
}
