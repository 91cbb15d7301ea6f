//! What the server sends: answers and pushes, before a framing writes them.

use huihua_core::Code;
use serde::Serialize;

use super::Property;

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// 4 bytes.
    Int(u32),
    /// 8 bytes.
    Long(u64),
    /// A text.
    Text(String),
    /// Numbered texts.
    Property(Property),
    /// A list of them.
    Properties(Vec<Property>),
}

/// Answers a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200, or the number of a [`Code`].
    pub code: u16,
    /// What the command declares.
    pub values: Vec<Value>,
}

impl Answer {
    /// Makes the answer to a command that has succeeded.
    pub fn ok(values: Vec<Value>) -> Self {
        Self { code: 200, values }
    }

    /// Makes the answer to a command that has failed.
    pub fn refused(code: Code) -> Self {
        Self { code: code.number(), values: Vec::new() }
    }

    /// Makes the answer to a command that came too soon. 9.x then refuses the command itself for so
    /// many seconds; only text frames carry them.
    pub fn too_frequent(retry_after_s: u64) -> Self {
        Self { code: Code::TooFrequent.number(), values: vec![Value::Long(retry_after_s)] }
    }

    /// Makes the answer to [`super::Command::ServerTime`] and to [`super::Command::Sync`]. Of a
    /// sync it means: nothing is newer than this.
    pub fn time(now_ms: u64) -> Self {
        Self::ok(vec![Value::Long(now_ms)])
    }
}

/// Tells a client something that it did not ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    pub(super) sid: u8,
    pub(super) cid: u8,
    pub(super) content: Answer,
}
