//! The text of a last message: its limit, how a text is cut to fit it, how an edit is laid over it.
//! NIM's field names live in `huihua-nim`; here a message is a flat JSON object with numeric keys.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

/// Longest `lastMsg`, in bytes of its JSON text.
pub const LAST_MSG_BYTES_MAX: usize = 16 * 1024;

/// The key of a message's body.
const BODY: &str = "9";
/// The key of a message's attach.
const ATTACH: &str = "10";

/// Cuts the end of `text` so that its JSON is at least `escaped_bytes` shorter.
pub fn cut_end(text: &str, escaped_bytes: usize) -> &str {
    let mut gone = 0;
    for (at, c) in text.char_indices().rev() {
        if gone >= escaped_bytes {
            return &text[..at + c.len_utf8()];
        }
        gone += match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\x1f' => 6,
            _ => c.len_utf8(),
        };
    }
    ""
}

/// Lays the fields of an edit over a message: each takes the place of the message's, and everything
/// else stays byte for byte. Keys are ascending.
///
/// What gets longer than 16 KiB loses its attach, then the end of its body; if that is not enough,
/// the message stays as it was. `None` if one of the texts is no JSON object.
pub fn overlay(message: &str, fields: &str) -> Option<String> {
    let mut merged = MessageFields::parse(message)?;
    merged.0.extend(MessageFields::parse(fields)?.0);
    if merged.json_bytes() > LAST_MSG_BYTES_MAX {
        merged.0.remove(&numeric(ATTACH));
    }
    let excess = merged.json_bytes().saturating_sub(LAST_MSG_BYTES_MAX);
    if excess == 0 {
        return Some(merged.to_json());
    }
    let Some(body) = merged.0.remove(&numeric(BODY)) else { return Some(message.to_owned()) };
    let body: String = serde_json::from_str(body.get()).ok()?;
    let cut = cut_end(&body, excess);
    let cut = serde_json::value::to_raw_value(cut).ok()?;
    if cut.get().len() > EMPTY_JSON_BYTES {
        merged.0.insert(numeric(BODY), &cut);
    }
    let json = merged.to_json();
    Some(if json.len() <= LAST_MSG_BYTES_MAX { json } else { message.to_owned() })
}

/// Bytes of an empty text in JSON.
const EMPTY_JSON_BYTES: usize = 2;

/// Orders decimal keys by number.
type NumericKey = (usize, String);

fn numeric(key: &str) -> NumericKey {
    (key.len(), key.to_owned())
}

/// The fields of a message, each as its JSON text, in the order of their numbers.
struct MessageFields<'a>(BTreeMap<NumericKey, &'a RawValue>);

impl<'a> MessageFields<'a> {
    fn parse(json: &'a str) -> Option<Self> {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(json).ok()?;
        Some(Self(fields.into_iter().map(|(key, raw)| (numeric(&key), raw)).collect()))
    }

    fn to_json(&self) -> String {
        let quoted = |key: &str| serde_json::to_string(key).expect("a str is always valid JSON");
        let field =
            |((_, key), raw): (&NumericKey, &&RawValue)| format!("{}:{}", quoted(key), raw.get());
        format!("{{{}}}", self.0.iter().map(field).collect::<Vec<_>>().join(","))
    }

    fn json_bytes(&self) -> usize {
        self.to_json().len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_edit_replaces_the_keys_it_names_and_leaves_the_rest_byte_for_byte() {
        let message = r#"{"0":0,"2":"amy","7":9007199254740993123,"9":"first é","12":"5"}"#;
        for (fields, expected) in [
            (
                r#"{"9":"all","62":7,"63":"amy"}"#,
                r#"{"0":0,"2":"amy","7":9007199254740993123,"9":"all","12":"5","62":7,"63":"amy"}"#,
            ),
            (
                r#"{"10":"{\"a\":1}","15":"x","41":3}"#,
                concat!(
                    r#"{"0":0,"2":"amy","7":9007199254740993123,"9":"first é","#,
                    r#""10":"{\"a\":1}","12":"5","15":"x","41":3}"#
                ),
            ),
            ("{}", message),
        ] {
            assert_eq!(overlay(message, fields).as_deref(), Some(expected));
        }
        assert_eq!(overlay("", "{}"), None);
        assert_eq!(overlay("{}", "[]"), None);
    }

    #[test]
    fn what_an_edit_makes_too_long_loses_its_attach_and_then_the_end_of_its_body() {
        let long = "é".repeat(LAST_MSG_BYTES_MAX / 2 - 100);
        let attach = "a".repeat(300);
        let message = format!(r#"{{"2":"amy","9":"hi","10":"{attach}"}}"#);
        let merged = overlay(&message, &format!(r#"{{"9":"{long}"}}"#)).unwrap();
        assert_eq!(merged, format!(r#"{{"2":"amy","9":"{long}"}}"#));
        let ext = "x".repeat(9_000);
        let fields = format!(r#"{{"9":"{long}","15":"{ext}","62":7}}"#);
        let merged = overlay(&message, &fields).unwrap();
        assert!(merged.len() <= LAST_MSG_BYTES_MAX && merged.len() > LAST_MSG_BYTES_MAX - 2);
        assert!(merged.ends_with(&format!(r#"é","15":"{ext}","62":7}}"#)));
        let fields = format!(r#"{{"15":"{}"}}"#, "x".repeat(LAST_MSG_BYTES_MAX));
        assert_eq!(overlay(&message, &fields).as_ref(), Some(&message), "nothing left to cut");
    }

    proptest! {
        #[test]
        fn a_cut_ends_at_a_character_and_removes_enough(text in ".*", bytes in 0_usize..99) {
            let left = cut_end(&text, bytes);
            prop_assert!(text.starts_with(left));
            let json_bytes = |text: &str| serde_json::to_string(text).unwrap().len();
            let gone = json_bytes(&text) - json_bytes(left);
            prop_assert!(gone >= bytes || left.is_empty());
            prop_assert!(gone < bytes + 6);
        }
    }
}
