//! The last message: NIM's JSON object with numeric keys, kept as raw text and read leniently.
//! The server builds it.

use std::{collections::HashMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Holds a last message as the text of a JSON object. `Debug` never shows it.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct LastMsg(Box<RawValue>);

impl LastMsg {
    /// Wraps the text of a JSON object.
    ///
    /// # Errors
    /// [`serde_json::Error`] if the text is not a JSON object.
    pub fn new(json: String) -> Result<Self, serde_json::Error> {
        Self::of_object(RawValue::from_string(json)?)
    }

    fn of_object<E: serde::de::Error>(raw: Box<RawValue>) -> Result<Self, E> {
        if !raw.get().starts_with('{') {
            return Err(E::custom("lastMsg must be a JSON object"));
        }
        Ok(Self(raw))
    }

    /// Returns the JSON text, byte for byte as the server stores it.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Returns the bytes of [`Self::as_str`], without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        Box::<str>::from(self.0).into_string().into_bytes()
    }

    pub(crate) fn fields(&self) -> LastMsgFields<'_> {
        LastMsgFields(serde_json::from_str(self.as_str()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for LastMsg {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of_object(Box::<RawValue>::deserialize(d)?)
    }
}

impl PartialEq for LastMsg {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for LastMsg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LastMsg({} bytes)", self.as_str().len())
    }
}

/// Maps NIM's numeric keys to their raw values. Numbers and strings read alike.
#[derive(Default)]
pub(crate) struct LastMsgFields<'a>(HashMap<String, &'a RawValue>);

impl LastMsgFields<'_> {
    /// Returns a string's content, any other value's JSON text, `""` for null or a missing key.
    pub(crate) fn text(&self, key: &str) -> String {
        let Some(raw) = self.0.get(key).map(|raw| raw.get()) else { return String::new() };
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).unwrap_or_default(),
            Some(b'n') => String::new(),
            _ => raw.to_owned(),
        }
    }

    /// Returns a whole number that is written as a number or as a string.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.text(key).trim().parse().ok()
    }
}
