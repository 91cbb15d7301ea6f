//! NIM's JSON, which writes one field now as a number, now as text, now as an object.

use serde_json::Value;

/// Returns the field as text; empty if it is absent or null.
pub(super) fn text(object: &Value, field: &str) -> String {
    match &object[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the field as a number; 0 if it is none.
pub(super) fn number(object: &Value, field: &str) -> u64 {
    match &object[field] {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    }
}

/// Returns whether the field says yes.
pub(super) fn flag(object: &Value, field: &str) -> bool {
    matches!(text(object, field).as_str(), "true" | "1")
}

/// Returns the elements of a list, which may be written as text; none if it is absent.
pub(super) fn list(object: &Value, field: &str) -> Vec<Value> {
    match parsed(&object[field]) {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// Returns an object or list that may be written as text.
pub(super) fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_read_in_each_of_its_forms() {
        let odd = json!({
            "n": "9007199254740993", "m": 9_007_199_254_740_993_u64, "o": {"a": 1}, "z": null,
            "l": "[1,2]", "k": [3], "y": ["1", "true"],
        });
        assert_eq!([number(&odd, "n"), number(&odd, "m")], [9_007_199_254_740_993; 2]);
        assert_eq!([number(&odd, "o"), number(&odd, "z"), number(&odd, "absent")], [0; 3]);
        assert_eq!(text(&odd, "m"), "9007199254740993");
        assert_eq!(text(&odd, "o"), r#"{"a":1}"#);
        assert_eq!(text(&odd, "z"), "");
        assert_eq!(
            (list(&odd, "l").len(), list(&odd, "k").len(), list(&odd, "o").len()),
            (2, 1, 0)
        );
        for yes in [json!({"f": true}), json!({"f": 1}), json!({"f": "1"}), json!({"f": "true"})] {
            assert!(flag(&yes, "f"), "{yes}");
        }
        for no in [json!({"f": false}), json!({"f": 0}), json!({"f": "0"}), json!({})] {
            assert!(!flag(&no, "f"), "{no}");
        }
    }
}
