//! The answers that all calls share.

use serde::Serialize;

/// Answer of the calls that return nothing.
pub const DONE: &str = r#"{"code":200}"#;

/// Writes the answer to a refused call.
pub fn refusal(code: u16, desc: &str) -> String {
    #[derive(Serialize)]
    struct RefusalBody<'a> {
        code: u16,
        desc: &'a str,
    }
    to_json(&RefusalBody { code, desc })
}

/// Writes an answer as JSON.
pub(super) fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("answers have string keys only")
}
