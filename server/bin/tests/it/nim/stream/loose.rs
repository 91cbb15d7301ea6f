//! Writes NIM's copies as loosely as NIM does: a field as a string, a number, an object or an
//! array, in any order, with blanks, escapes, nulls and fields that nobody knows.

use serde_json::Value;

use crate::nim::seed::Seed;

/// What a field holds, before it is written.
#[derive(Debug, Clone)]
pub(super) enum LooseField {
    /// An id, a time or a name: a string, or a number where its text is one.
    Name(String),
    /// Content: a string, or the JSON that its text is.
    Content(String),
    /// Exactly this JSON.
    Raw(String),
}

/// The copy as an object.
pub(super) fn object(seed: &mut Seed, fields: &[(&str, LooseField)]) -> String {
    let mut written: Vec<(String, String)> = Vec::new();
    for (name, field) in fields {
        let json = match field {
            LooseField::Name(text) => name_json(seed, text),
            LooseField::Content(text) if text.is_empty() => match seed.below(3) {
                0 => continue,
                1 => "null".to_owned(),
                _ => "\"\"".to_owned(),
            },
            LooseField::Content(text) => content_json(seed, text),
            LooseField::Raw(json) => json.clone(),
        };
        written.push(((*name).to_owned(), json));
    }
    let unknown = [
        ("ip", "\"1.2.3.4\""),
        ("port", "55555"),
        ("customSafeFlag", "{\"a\":[]}"),
        ("antispam", "false"),
        ("yidunRes", "null"),
        ("a_later_field", "[1e400, {\"id\":4}]"),
    ];
    for (name, json) in unknown {
        if fields.iter().all(|(known, _)| *known != name) && seed.one_in(6) {
            written.push((name.to_owned(), json.to_owned()));
        }
    }
    seed.shuffle(&mut written);
    let blank = seed.pick(&["", "", " ", "\n\t"]);
    let pairs = written.iter().map(|(name, json)| format!("\"{name}\"{blank}:{blank}{json}"));
    let pairs: Vec<String> = pairs.collect();
    format!("{{{blank}{}{blank}}}", pairs.join(&format!("{blank},{blank}")))
}

fn name_json(seed: &mut Seed, text: &str) -> String {
    if is_whole_number(text) && seed.one_in(2) { text.to_owned() } else { string(seed, text) }
}

fn content_json(seed: &mut Seed, text: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let raw = matches!(
        parsed,
        Some(Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_))
    );
    if raw && text == text.trim() && seed.one_in(2) { text.to_owned() } else { string(seed, text) }
}

/// Whether the text is one as JSON writes it.
fn is_whole_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// A JSON string; any of its characters may be escaped, which says the same.
pub(super) fn string(seed: &mut Seed, text: &str) -> String {
    let often = if seed.one_in(4) { 3 } else { usize::MAX };
    let mut json = String::from("\"");
    for c in text.chars() {
        if seed.one_in(often) {
            let mut units = [0; 2];
            json.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            let quoted = serde_json::to_string(&c).unwrap();
            json.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    json.push('"');
    json
}

/// A list of accounts as JSON: an array with strings and numbers, or Java's `[a, b]` or the text of
/// an array, as a string.
pub(super) fn accounts(seed: &mut Seed, names: &[&str]) -> String {
    let array = |seed: &mut Seed| {
        let items: Vec<String> = names.iter().map(|name| name_json(seed, name)).collect();
        format!("[{}]", items.join(seed.pick(&[",", ", "])))
    };
    match seed.below(3) {
        0 => array(seed),
        1 => string(seed, &format!("[{}]", names.join(", "))),
        _ => {
            let array = Value::from(names.to_vec()).to_string();
            string(seed, &array)
        }
    }
}
