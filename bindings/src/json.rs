//! A JSON object for Kotlin, which has no reader of its own on both the JVM and Android. Used for
//! the `extension` of a recent contact: core decides what the object is, this only hands it over.

use std::collections::HashMap;

use serde_json::Value;

/// A JSON value.
#[derive(Clone, PartialEq, uniffi::Enum)]
pub enum JsonValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag {
        /// Which.
        value: bool,
    },
    /// A whole number that an `i64` holds.
    Whole {
        /// The number.
        value: i64,
    },
    /// Any other number, as near as an `f64` comes.
    Decimal {
        /// The number.
        value: f64,
    },
    /// A string.
    Text {
        /// Its content.
        value: String,
    },
    /// An array.
    Array {
        /// Its values.
        values: Vec<JsonValue>,
    },
    /// An object.
    Dictionary {
        /// Its fields.
        fields: HashMap<String, JsonValue>,
    },
}

/// The fields of a JSON object; none when the text is no JSON object.
#[uniffi::export]
pub fn parse_json_object(text: String) -> HashMap<String, JsonValue> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    object.into_iter().map(|(name, value)| (name, value.into())).collect()
}

impl From<Value> for JsonValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Flag { value },
            Value::Number(number) => match number.as_i64() {
                Some(value) => Self::Whole { value },
                None => Self::Decimal { value: number.as_f64().unwrap_or(f64::INFINITY) },
            },
            Value::String(value) => Self::Text { value },
            Value::Array(values) => {
                Self::Array { values: values.into_iter().map(Into::into).collect() }
            }
            Value::Object(fields) => Self::Dictionary {
                fields: fields.into_iter().map(|(name, value)| (name, value.into())).collect(),
            },
        }
    }
}
