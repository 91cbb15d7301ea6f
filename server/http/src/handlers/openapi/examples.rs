//! The examples of the OpenAPI document. `server/bin/tests/it/openapi.rs` sends them to a real
//! server and compares the answers.

use serde_json::{Value, json};

/// One of NIM's copies, as it comes: NIM's names are not written here.
const COPIES: &str = include_str!("../../../../../samples/nim-copy.jsonl");

/// What an operation is sent and answers.
struct Example {
    path: &'static str,
    method: &'static str,
    /// Null: it takes no body.
    body: Value,
    /// Null: it is the one without a body.
    answer: Value,
}

/// Gives each operation its example: of its body, and of the answer to it.
pub(super) fn add(paths: &mut Value) {
    for Example { path, method, body, answer } in examples() {
        let operation = &mut paths[path][method];
        assert!(operation.is_object(), "{method} {path}");
        if !answer.is_null() {
            operation["responses"]["200"]["content"]["application/json"]["example"] = answer;
        }
        if !body.is_null() {
            operation["requestBody"]["content"]["application/json"]["example"] = body;
        }
    }
}

fn examples() -> [Example; 8] {
    let of = |method, path, body, answer| Example { path, method, body, answer };
    let session = json!({
        "sessionId": "p2p|bob", "updateTime": 1_700_000_000_000_u64, "ext": "", "lastMsgType": 0,
        "lastMsg": {"0": 0, "1": "alice", "2": "bob", "6": "Bob", "7": 1_700_000_000_000_u64, "8": 0,
            "9": "Hi Alice", "12": "1001"},
    });
    let mut pinned = session.clone();
    pinned["ext"] = "pinned".into();
    let message = json!({
        "type": "message", "sessionType": "p2p", "from": "bob", "to": "alice",
        "time": 1_700_000_000_000_u64, "messageId": "1001", "msgType": "text", "body": "Hi Alice",
        "fromNick": "Bob",
    });
    let copy = COPIES.lines().find(|copy| copy.contains("\"TEXT\"")).expect("there are texts");
    let copy: Value = serde_json::from_str(copy).expect("a copy is JSON");
    let account = json!({"account": "alice", "appKey": "a", "expiresAt": 1_700_003_600_000_u64});
    let page = json!({"sessionList": [&session], "hasMore": false, "syncCursor": "opaque"});
    let changes = json!({"changes": [], "cursor": "opaque", "hasMore": false, "reset": false});
    let applied = json!({"results": [{"status": "applied"}]});
    let none = || Value::Null;
    [
        of("post", "/v1/events", json!({"events": [message]}), applied),
        of("post", "/nim/copy", copy, json!({"code": 200})),
        of("get", "/v1/account", none(), account),
        of("get", "/v1/sessions", none(), page),
        of("get", "/v1/sessions/{id}", none(), session),
        of("put", "/v1/sessions/{id}/ext", json!({"ext": "pinned"}), pinned),
        of("get", "/v1/sync", none(), changes),
        of("post", "/v1/sessions/delete", json!({"sessionIds": ["p2p|bob"]}), none()),
    ]
}
