//! The OpenAPI document that is served: its examples, sent to a real server; what it says of
//! parameters, bodies and events, tried one by one; its page; and the switch that hides both.
//! `nim/openapi.rs` does so for NIM's calls; step `openapi` of `cargo xtask test` tries what nobody
//! thought of.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use huihua_http::server::Limits;
use huihua_nim::copy;
use reqwest::Method;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{ReceivedAnswer, T0, TestServer};

const JSON: &str = "application/json";
/// Every operation, in an order in which the examples are one story.
const STORY: [&str; 13] = [
    "ingestEvents",
    "receiveCopy",
    "getAccount",
    "listSessions",
    "getSession",
    "setExt",
    "sync",
    "deleteSessions",
    "livez",
    "readyz",
    "getOpenapi",
    "getOpenapiOfNim",
    "getDocs",
];
/// Fields that differ each time.
const VOLATILE: [&str; 3] = ["expiresAt", "syncCursor", "cursor"];

/// The document as the server gives it.
struct Served {
    server: TestServer,
    document: Value,
}

/// An operation of the document.
#[derive(Clone)]
struct Operation {
    method: String,
    path: String,
    value: Value,
}

impl Operation {
    fn id(&self) -> &str {
        self.value["operationId"].as_str().unwrap()
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        let all = self.value["parameters"].as_array().into_iter().flatten();
        all.filter(move |parameter| parameter["in"] == place)
    }

    /// The example of its body, if it has one.
    fn body(&self) -> Option<&Value> {
        Some(&self.value["requestBody"]["content"][JSON]["example"]).filter(|body| !body.is_null())
    }
}

impl Served {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let document = server.http.get("/openapi.json", "").await.ok();
        Self { server, document }
    }

    fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, of_path) in self.document["paths"].as_object().unwrap() {
            for (method, value) in of_path.as_object().unwrap() {
                let (method, path) = (method.to_uppercase(), path.clone());
                operations.push(Operation { method, path, value: value.clone() });
            }
        }
        operations
    }

    fn operation(&self, id: &str) -> Operation {
        self.operations().into_iter().find(|operation| operation.id() == id).unwrap()
    }

    fn schema(&self, name: &str) -> &Value {
        &self.document["components"]["schemas"][name]
    }

    /// Sends a request of this operation with the credential that the document asks for.
    async fn send(
        &self,
        operation: &Operation,
        query: &str,
        body: Option<&Value>,
    ) -> ReceivedAnswer {
        let app = self.server.app("a");
        let body = body.map_or(String::new(), Value::to_string);
        let mut headers = Vec::new();
        if !body.is_empty() {
            headers.push(("Content-Type", JSON.to_owned()));
        }
        let security = &operation.value["security"][0];
        if !security["token"].is_null() {
            headers.push(("Authorization", format!("Bearer {}", self.server.token("a", "alice"))));
        } else if !security["ingestKey"].is_null() {
            headers.push(("Authorization", format!("Bearer {}", app.ingest_key().expose())));
        } else if operation.value["tags"][0] == "NIM" {
            let (time, key) = (T0.to_string(), app.key.as_str().to_owned());
            let sum = copy::check_sum(app.secret.expose(), body.as_bytes(), &time);
            headers.extend([("AppKey", key), ("CurTime", time), ("CheckSum", sum)]);
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut path = operation.path.clone();
        for parameter in operation.parameters("path") {
            let example = parameter["example"].as_str().unwrap().replace('|', "%7C");
            path = path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &example);
        }
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        self.server.http.send(method, &format!("{path}{query}"), &headers, body).await
    }

    /// Sends one event; why it was rejected, if it was.
    async fn rejection(&self, event: &Value) -> Option<String> {
        let operation = self.operation("ingestEvents");
        let answer = self.send(&operation, "", Some(&json!({"events": [event]}))).await.ok();
        let result = &answer["results"][0];
        let is_rejected = result["status"] == "rejected";
        is_rejected.then(|| result["reason"].as_str().unwrap().to_owned())
    }
}

/// Whether the answer is the example, but for what differs each time.
fn is_example(example: &Value, got: &Value) -> bool {
    match (example, got) {
        (Value::Object(example), Value::Object(got)) => {
            let same = |(name, value): (&String, &Value)| {
                got.get(name).is_some_and(|got| {
                    let is_volatile = VOLATILE.contains(&name.as_str());
                    is_example(value, got) || (is_volatile && value.is_string() == got.is_string())
                })
            };
            example.len() == got.len() && example.iter().all(same)
        }
        (Value::Array(example), Value::Array(got)) => {
            example.len() == got.len() && example.iter().zip(got).all(|(e, g)| is_example(e, g))
        }
        _ => example == got,
    }
}

#[tokio::test]
async fn the_examples_are_what_the_server_answers() {
    let served = Served::start().await;
    let described: BTreeSet<String> =
        served.operations().iter().map(|operation| operation.id().to_owned()).collect();
    assert_eq!(described, STORY.map(str::to_owned).into(), "every operation has its place");
    for id in STORY {
        let operation = served.operation(id);
        let pairs =
            operation.parameters("query").filter(|parameter| parameter["example"] != Value::Null);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs =
            pairs.map(|of| format!("{}={}", of["name"].as_str().unwrap(), text(&of["example"])));
        let query = pairs.collect::<Vec<_>>().join("&");
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let answer = served.send(&operation, &query, operation.body()).await;
        let responses = operation.value["responses"].as_object().unwrap();
        let (status, described) =
            responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
        assert_eq!(&answer.status.to_string(), status, "{id}: {answer:?}");
        let Some((kind, content)) =
            described["content"].as_object().and_then(|all| all.iter().next())
        else {
            assert_eq!(answer.body, "", "{id}");
            continue;
        };
        assert!(answer.header("content-type").starts_with(kind.as_str()), "{id}: {answer:?}");
        if !content["example"].is_null() {
            let (example, got) = (&content["example"], answer.json());
            assert!(is_example(example, &got), "{id}: the document shows\n{example}\nnot\n{got}");
        }
    }
}

/// What the document calls a parameter is one, and its limits are those of the server.
#[tokio::test]
async fn the_query_parameters_are_those_that_the_server_reads() {
    let served = Served::start().await;
    let mut tried = 0;
    for operation in served.operations() {
        for parameter in operation.parameters("query") {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let mut good: Vec<Value> = schema["enum"].as_array().cloned().unwrap_or_default();
            let mut wrong = vec![json!("x y")];
            good.extend([&schema["minimum"], &schema["maximum"]].into_iter().cloned());
            good.push(schema["default"].clone());
            if let Some(max) = schema["maximum"].as_u64() {
                wrong.push((max + 1).into());
            }
            if let Some(min) = schema["minimum"].as_u64().filter(|min| *min > 0) {
                wrong.push((min - 1).into());
            }
            let query = |value: &Value| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("?{name}={}", text.replace(' ', "%20"))
            };
            // Nothing changes for so long as a wait may last.
            for value in good.iter().filter(|value| !value.is_null() && **value != 30_000) {
                let answer = served.send(&operation, &query(value), None).await;
                assert_eq!(answer.status, 200, "{name}={value}: {answer:?}");
            }
            for value in wrong {
                let answer = served.send(&operation, &query(&value), None).await;
                // Any text may be a cursor; a wrong one resets.
                if name == "cursor" {
                    assert_eq!(answer.ok()["reset"], true);
                    continue;
                }
                answer.assert_problem(400, 414, name);
                assert!(!answer.body.contains("unknown"), "{name}: {answer:?}");
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 9, "parameters of two calls");
}

#[tokio::test]
async fn the_fields_of_bodies_are_those_that_the_server_reads() {
    let served = Served::start().await;
    for id in ["ingestEvents", "setExt", "deleteSessions"] {
        let operation = served.operation(id);
        let body = operation.body().unwrap();
        let reference = &operation.value["requestBody"]["content"][JSON]["schema"]["$ref"];
        let schema = served.schema(reference.as_str().unwrap().rsplit('/').next().unwrap());
        let [required, properties] = [
            schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
            schema["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>(),
        ];
        assert_eq!(required, properties, "{id}: each field must be there");
        for name in required {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(&name);
            served.send(&operation, "", Some(&without)).await.assert_problem(400, 414, &name);
        }
        let mut with = body.clone();
        with["more"] = 1.into();
        served.send(&operation, "", Some(&with)).await.assert_problem(400, 414, "");
    }
    let (ext, delete) = (served.operation("setExt"), served.operation("deleteSessions"));
    let longest = served.schema("ExtBody")["properties"]["ext"]["maxLength"].as_u64().unwrap();
    let most =
        served.schema("DeleteBody")["properties"]["sessionIds"]["maxItems"].as_u64().unwrap();
    let ids = |count: u64| {
        let ids: Vec<String> = (0..count).map(|n| format!("p2p|{n}")).collect();
        json!({ "sessionIds": ids })
    };
    let text = |count: u64| json!({"ext": "x".repeat(usize::try_from(count).unwrap())});
    assert_eq!(served.send(&ext, "", Some(&text(longest))).await.status, 200);
    served.send(&ext, "", Some(&text(longest + 1))).await.assert_problem(400, 414, "ext");
    assert_eq!(served.send(&delete, "", Some(&ids(most))).await.status, 204);
    served.send(&delete, "", Some(&ids(most + 1))).await.assert_problem(400, 414, "sessionIds");
}

/// A value that a field of an event may have.
fn sample(name: &str) -> Value {
    match name {
        "sessionType" => "team".into(),
        "msgType" => "text".into(),
        "time" => (T0 + 10).into(),
        "messageTime" => T0.into(),
        "accounts" => json!(["bob"]),
        "needUpdateSession" => true.into(),
        other => other.to_lowercase().into(),
    }
}

/// Each kind of event: whole, without each of its fields, with each value of each choice, and with
/// one field too many.
#[tokio::test]
async fn the_fields_of_events_are_those_that_the_server_reads() {
    let served = Served::start().await;
    let kinds = served.schema("Event")["oneOf"].as_array().unwrap().clone();
    assert_eq!(kinds.len(), 6);
    for kind in &kinds {
        let parts = kind["allOf"].as_array().unwrap();
        let reference = parts.iter().find_map(|part| part["$ref"].as_str()).unwrap();
        let tag = parts.iter().find_map(|part| part["properties"]["type"]["enum"][0].as_str());
        let schema = served.schema(reference.rsplit('/').next().unwrap());
        let properties = schema["properties"].as_object().unwrap();
        let required: BTreeSet<&str> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let mut event = json!({"type": tag.unwrap()});
        for name in properties.keys() {
            event[name] = sample(name);
        }
        assert_eq!(served.rejection(&event).await, None, "{event}");
        for (name, of) in properties {
            let mut without = event.clone();
            without.as_object_mut().unwrap().remove(name);
            let rejection = served.rejection(&without).await;
            if required.contains(name.as_str()) {
                assert_eq!(rejection, Some(format!("{name}: is missing")), "{event}");
            } else {
                assert_eq!(rejection, None, "{without}");
            }
            check_choices(&served, &event, (name, of)).await;
        }
        event["more"] = 1.into();
        assert_eq!(served.rejection(&event).await.as_deref(), Some("more: unknown field"));
    }
}

/// Tries every value of a field that has a choice, and one that is not in it.
async fn check_choices(served: &Served, event: &Value, (name, of): (&String, &Value)) {
    let Some(reference) = of["$ref"].as_str() else { return };
    let Some(choices) = served.schema(reference.rsplit('/').next().unwrap())["enum"].as_array()
    else {
        return;
    };
    let with = |value: &Value| {
        let mut fields: Map<String, Value> = event.as_object().unwrap().clone();
        fields.insert(name.clone(), value.clone());
        Value::Object(fields)
    };
    for choice in choices {
        assert_eq!(served.rejection(&with(choice)).await, None, "{name}: {choice}");
    }
    let rejection = served.rejection(&with(&"other".into())).await.unwrap();
    for choice in choices {
        assert!(rejection.contains(choice.as_str().unwrap()), "{name}: {rejection}");
    }
}

#[tokio::test]
async fn the_page_shows_every_call_and_asks_no_other_host() {
    let server = TestServer::start().await;
    let page = server.http.send(Method::GET, "/docs", &[], "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for document in ["/openapi.json", "/openapi-nim.json"] {
        let document = server.http.get(document, "").await.ok();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let call = format!("<h3><code>{} {path}</code></h3>", method.to_uppercase());
                assert!(page.body.contains(&call), "{call}");
                let id = operation["operationId"].as_str().unwrap();
                assert!(
                    page.body.contains(&format!("-{id}\">{} {path}</a>", method.to_uppercase()))
                );
            }
        }
    }
    let after = |attribute: &str| -> Vec<&str> {
        page.body.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
    };
    let ids: BTreeSet<&str> = after(" id=\"").into_iter().collect();
    for link in after("href=\"") {
        let inside = link.strip_prefix('#').is_some_and(|id| ids.contains(id));
        assert!(inside || ["openapi.json", "openapi-nim.json"].contains(&link), "{link}");
    }
    for other in ["<script", " src=", "@import", "url("] {
        assert!(!page.body.contains(other), "{other}");
    }
    let (_, rest) = page.body.split_once("<style>").unwrap();
    let style = rest.split_once("</style>").unwrap().0;
    let policy = page.header("content-security-policy");
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(
        policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}'")),
        "{policy}"
    );
}

#[tokio::test]
async fn the_description_is_switched_off_and_the_calls_stay() {
    let limits = Limits { describes_api: false, ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    for path in ["/openapi.json", "/openapi-nim.json", "/docs"] {
        server.http.get(path, "").await.assert_problem(404, 404, "no such path");
    }
    assert_eq!(server.http.get("/livez", "").await.status, 200);
    let token = server.token("a", "alice");
    assert_eq!(server.http.get("/v1/account", &token).await.status, 200);
}
