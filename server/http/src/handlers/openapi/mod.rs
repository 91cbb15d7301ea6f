//! Makes the OpenAPI document of the handlers' attributes, the list of routes and the table of
//! errors, and compares it with `api/openapi.json`, which is committed and served. Tests alone
//! do that: what ships holds the file.

mod examples;

use std::{collections::BTreeSet, fs};

use huihua_core::Code;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

use super::{Caller, RouteInfo};

/// The files that are served.
const DOCUMENT: &str = "../../api/openapi.json";
const DOCUMENT_OF_NIM: &str = "../../api/openapi-nim.json";
/// What the whole of the document says; the table of errors follows.
const DESCRIPTION: &str = include_str!("description.md");

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Huihua: the cloud session list",
        description = "",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        super::sessions::account,
        super::sessions::list,
        super::sessions::get,
        super::sessions::set_ext,
        super::sessions::delete,
        super::sync::sync,
        super::events::ingest,
        super::webhook::receive,
        super::health::livez,
        super::health::readyz,
        super::api_docs::openapi,
        super::api_docs::openapi_nim,
        super::api_docs::docs,
    ),
    components(schemas(huihua_core::Problem))
)]
struct Handlers;

/// Makes the document. A route that no handler describes is a panic here.
fn document() -> Value {
    let mut document = serde_json::to_value(Handlers::openapi()).unwrap();
    let info = &mut document["info"];
    info["version"] = env!("CARGO_PKG_VERSION").into();
    info["description"] = format!("{DESCRIPTION}{}", table_of_codes()).into();
    document["tags"] = json!([
        {"name": "Clients", "description": "Bearer: a token of the account."},
        {"name": "Servers", "description": "Of an app. Bearer: the app's ingest key."},
        {"name": "NIM", "description": "Message copies, signed with the app's secret. The calls of \
            NIM's server API have [a document of their own](openapi-nim.json)."},
        {"name": "Operators", "description": "For anybody: nothing of any app is here."},
    ]);
    document["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description":
            "A JWT, HS256 with a token key of the app; header `kid` = the app key; claims `sub` = \
             the account, `exp` at most 90 days ahead, no `aud`. Or a token that NIM's server API \
             gave (`user/create`, `user/refreshToken`)."},
        "ingestKey": {"type": "http", "scheme": "bearer", "description": "The app's ingest key."},
    });
    for status in [400, 401, 403, 404, 413, 415, 429, 500, 503] {
        document["components"]["responses"][name_of(status)] = problem(status);
    }
    for route in routes().iter().filter(|route| is_described_here(route)) {
        complete(route, &mut document["paths"][&route.path][route.method.to_lowercase()]);
    }
    for kind in document["components"]["schemas"]["Event"]["oneOf"].as_array_mut().unwrap() {
        kind["unevaluatedProperties"] = false.into();
    }
    examples::add(&mut document["paths"]);
    without_words_for_the_code(&mut document);
    document
}

/// Every route but those of links, which are no calls for people to write: `docs/from-nim.md` has
/// what they are for.
fn routes() -> Vec<RouteInfo> {
    super::all().into_iter().map(|route| route.info).collect()
}

/// Whether the route is in this document, and not in that of NIM's server API.
fn is_described_here(route: &RouteInfo) -> bool {
    route.caller != Caller::SignedCall && !route.path.ends_with(".action")
}

/// Adds what follows from who may call a route: its group, its credential, its errors.
fn complete(route: &RouteInfo, operation: &mut Value) {
    assert!(operation.is_object(), "no handler describes {} {}", route.method, route.path);
    let (tag, security, mut errors) = match route.caller {
        Caller::Client => ("Clients", json!([{"token": []}]), vec![400, 401, 403, 429, 500, 503]),
        Caller::IngestKey => ("Servers", json!([{"ingestKey": []}]), vec![400, 401, 429, 500, 503]),
        Caller::SignedCopy => ("NIM", json!([]), vec![]),
        Caller::Anybody => ("Operators", json!([]), vec![500, 503]),
        Caller::SignedCall => unreachable!("it is in the other document"),
    };
    if operation["requestBody"].is_object() && route.caller != Caller::SignedCopy {
        errors.extend([413, 415]);
    }
    if route.method == "GET" && route.path.contains('{') {
        errors.push(404);
    }
    operation["tags"] = json!([tag]);
    operation["security"] = security;
    let responses = operation["responses"].as_object_mut().unwrap();
    for status in errors {
        let reference = json!({"$ref": format!("#/components/responses/{}", name_of(status))});
        responses.entry(status.to_string()).or_insert(reference);
    }
}

fn name_of(status: u16) -> String {
    format!("Problem{status}")
}

/// Describes an error answer, with an example for each code that comes with its status.
fn problem(status: u16) -> Value {
    let (text, details): (&str, &[&str]) = match status {
        400 => (
            "A parameter is missing, malformed or out of range, or its name is unknown; or a page \
             token is stale. `detail` names it.",
            &["limt: unknown query parameter"],
        ),
        401 => (
            "No valid token or ingest key: `detail` says what is wrong with it.",
            &["the token has expired: get a new one"],
        ),
        403 => (
            "The account is known, but may not.",
            &["not allowed", "the account is blocked: only your app's server can unblock it"],
        ),
        404 => (
            "There is no such session, or no such path.",
            &["there is no such session in the list"],
        ),
        413 => ("The body is too large.", &["the body is larger than 65536 bytes"]),
        415 => ("The body is not JSON.", &["the body must have Content-Type: application/json"]),
        429 => (
            "Too many requests, waits, or sessions by ext alone.",
            &["too many requests of this account: send fewer a second"],
        ),
        500 => (
            "A bug, or a damaged row.",
            &["internal error: the server's log says more under this requestId"],
        ),
        503 => (
            "Not on the disk, overloaded or stopping. A write may have taken effect; repeating it \
             is safe.",
            &["the store is unavailable: the server's log says more under this requestId"],
        ),
        other => unreachable!("{other} is no status of ours"),
    };
    let rows = Code::ALL.map(Code::row).into_iter().filter(|row| {
        let is_wrong_request = row.number == Code::InvalidParameter.number();
        row.http_status == Some(status) || (is_wrong_request && matches!(status, 413 | 415))
    });
    let examples: Map<String, Value> = rows
        .zip(details)
        .map(|(row, detail)| {
            let value = json!({
                "type": "about:blank", "title": row.title, "status": status, "detail": detail,
                "code": row.number, "requestId": "5f0c9a3e7b21d846", "retryable": row.retryable,
            });
            (row.number.to_string(), json!({ "value": value }))
        })
        .collect();
    assert_eq!(examples.len(), details.len(), "{status}");
    let content = json!({"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples});
    let mut answer = json!({"description": text, "content": {"application/problem+json": content}});
    if matches!(status, 429 | 503) {
        answer["headers"] = json!({"Retry-After": {
            "description": "Seconds after which a retry may succeed.", "required": true,
            "schema": {"type": "integer", "minimum": 1},
        }});
    }
    answer
}

/// The table of errors, as it is in core.
fn table_of_codes() -> String {
    let rows = Code::ALL.map(Code::row).into_iter().filter_map(|row| {
        let status = row.http_status?;
        let also = if row.number == 414 { ", 405, 413, 415" } else { "" };
        let [again, applied] =
            [row.retryable, row.may_have_applied].map(|is| if is { "yes" } else { "" });
        let row_of =
            format!("| {} | {status}{also} | {} | {again} | {applied} |", row.number, row.title);
        Some(row_of)
    });
    let head =
        "| code | status | title | retry | a write may have applied |\n|---|---|---|---|---|";
    std::iter::once(head.to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

/// Takes out what is for readers of the code: links of doc comments, which lead nowhere here, and
/// the widths of numbers, which `format` calls signed.
fn without_words_for_the_code(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_number = fields.get("type").is_some_and(|kind| kind == "integer");
            fields.retain(|name, _| name != "format" || !is_number);
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "description" || name == "summary" => {
                        *text = for_users(text);
                    }
                    other => without_words_for_the_code(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_words_for_the_code),
        _ => {}
    }
}

fn for_users(doc: &str) -> String {
    let paragraphs = doc.split("\n\n").filter(|text| !text.starts_with("`Debug`"));
    let mut text = paragraphs.collect::<Vec<_>>().join("\n\n");
    for words in [", see [`", ", [`"] {
        while let Some((before, rest)) = text.split_once(words) {
            let (_, after) = rest.split_once("`]").expect("a link ends");
            text = format!("{before}{after}");
        }
    }
    text.replace("[`", "`").replace("`]", "`").trim().to_owned()
}

fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_committed_document_is_the_one_of_the_handlers() {
    let document = document();
    if std::env::var_os("OPENAPI_WRITE").is_some() {
        fs::write(DOCUMENT, format!("{document:#}\n")).unwrap();
    }
    let how = "OPENAPI_WRITE=1 cargo test -p huihua-http openapi writes it anew";
    assert!(read(DOCUMENT) == document, "{DOCUMENT} differs from the handlers: {how}");
}

/// A route without a description fails here, and a description without a route.
#[test]
fn the_documents_list_exactly_the_routes_of_the_router() {
    let mut described = BTreeSet::new();
    for (path, prefixes) in [(DOCUMENT, &[""][..]), (DOCUMENT_OF_NIM, &["", "/nimserver"])] {
        for (path, operations) in read(path)["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let with = |prefix: &&str| (method.to_uppercase(), format!("{prefix}{path}"));
                described.extend(prefixes.iter().map(with));
            }
        }
    }
    let served: BTreeSet<_> =
        routes().into_iter().map(|route| (route.method.to_owned(), route.path)).collect();
    assert_eq!(described, served);
}

#[test]
fn every_error_with_a_status_is_in_the_document() {
    let document = document();
    for row in Code::ALL.map(Code::row) {
        let Some(status) = row.http_status else { continue };
        let answer = &document["components"]["responses"][name_of(status)];
        let examples = &answer["content"]["application/problem+json"]["examples"];
        assert!(examples[row.number.to_string()].is_object(), "{}", row.number);
    }
}

#[test]
fn every_operation_has_words_and_examples() {
    let document = document();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{what}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{what}: {parameter}");
            }
            let body = &operation["requestBody"];
            let example = &body["content"]["application/json"]["example"];
            assert!(body.is_null() || !example.is_null(), "{what}: no example of a body");
        }
    }
}
