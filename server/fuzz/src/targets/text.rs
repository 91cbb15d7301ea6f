//! The text of a last message, read again by a second reader: is it canonical?

use std::fmt;

use huihua_event::LAST_MSG_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The fields of a `lastMsg`, or of an edit, in their order.
pub(super) struct Fields(pub(super) Vec<(u32, Value)>);

impl Fields {
    /// Reads the text and checks that it is the only one that its fields have: compact, keys
    /// ascending, no empty text, at most 16 KiB.
    pub(super) fn canonical(text: &str) -> Self {
        assert!(text.len() <= LAST_MSG_BYTES_MAX, "a last message of {} bytes", text.len());
        let fields: Fields = serde_json::from_str(text).expect("a last message is a JSON object");
        assert!(fields.0.is_sorted_by_key(|(key, _)| *key), "keys do not ascend: {text}");
        let keys: Vec<u32> = fields.0.iter().map(|(key, _)| *key).collect();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a key is there twice: {text}");
        for (key, value) in &fields.0 {
            let is_plain = match value {
                Value::String(text) => !text.is_empty(),
                Value::Number(number) => number.is_u64(),
                _ => false,
            };
            assert!(is_plain, "the value of {key} is of another kind: {text}");
        }
        let one = |(key, value): &(u32, Value)| format!("\"{key}\":{value}");
        let again: Vec<String> = fields.0.iter().map(one).collect();
        assert_eq!(text, format!("{{{}}}", again.join(",")), "not what its fields write");
        fields
    }

    /// Returns the text of this key.
    pub(super) fn text(&self, key: u32) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Returns the value of this key.
    pub(super) fn get(&self, key: u32) -> Option<&Value> {
        self.0.iter().find(|(of, _)| *of == key).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with numeric keys")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    fields.push((key.parse().map_err(serde::de::Error::custom)?, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}
