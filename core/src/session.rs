//! A session as it travels: the row of a list.

use serde::{Deserialize, Serialize, de::Error as _};

use crate::{LastMsg, SessionId};

/// Whether a last message is a message or the notice of its recall. 0 and 1 on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastMsgType {
    /// 0, or absent: a message.
    #[default]
    Message,
    /// 1: the notice of a recall.
    Recall,
}

impl Serialize for LastMsgType {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(match self {
            Self::Message => 0,
            Self::Recall => 1,
        })
    }
}

impl<'de> Deserialize<'de> for LastMsgType {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match u8::deserialize(d)? {
            0 => Ok(Self::Message),
            1 => Ok(Self::Recall),
            other => Err(D::Error::custom(format_args!("lastMsgType {other} is neither 0 nor 1"))),
        }
    }
}

/// One row of an account's list. Mirrors NIM's `RecentSession`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentSession {
    /// The session.
    pub session_id: SessionId,
    /// Time of the last message, else of the first `updateMySession`; ms since 1970.
    pub update_time: u64,
    /// The account's own text on the session, at most 4,096 bytes; empty when never set.
    #[serde(default)]
    pub ext: String,
    /// What [`Self::last_msg`] is.
    #[serde(default)]
    pub last_msg_type: LastMsgType,
    /// The last message as NIM's JSON object; absent when there is none or it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_msg: Option<LastMsg>,
}
