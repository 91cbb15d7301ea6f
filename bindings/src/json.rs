//! Parses a JSON object for Kotlin, which has no parser on both the JVM and Android. Only the
//! `extension` of a recent contact needs it.

use std::collections::HashMap;

use serde_json::Value;

/// Holds a JSON value.
#[derive(Clone, PartialEq, uniffi::Enum)]
pub enum JsonValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag {
        /// The value.
        value: bool,
    },
    /// A whole number in the range of `i64`.
    Whole {
        /// The number.
        value: i64,
    },
    /// Any other number, rounded to an `f64`.
    Decimal {
        /// The number.
        value: f64,
    },
    /// A string.
    Text {
        /// The content.
        value: String,
    },
    /// An array.
    Array {
        /// The elements.
        values: Vec<JsonValue>,
    },
    /// An object.
    Dictionary {
        /// The fields.
        fields: HashMap<String, JsonValue>,
    },
}

/// Parses a JSON object. Returns no fields if the text is not a JSON object.
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
