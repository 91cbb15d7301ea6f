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

/// Writes the answer to a refused call of version 2 of the API, which has the text under `msg`.
pub fn refusal_v2(code: u16, msg: &str) -> String {
    #[derive(Serialize)]
    struct RefusalV2Body<'a> {
        code: u16,
        msg: &'a str,
    }
    to_json(&RefusalV2Body { code, msg })
}

/// Writes an answer as JSON.
pub(super) fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("answers have string keys only")
}
