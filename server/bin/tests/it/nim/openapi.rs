//! `api/openapi-nim.json`, the OpenAPI document of NIM's server API that the server serves. It is
//! made of what the other tests hold to the code: the tables of `docs/from-nim.md`, the calls that
//! are tried, and the exact forms of their answers.

use std::{collections::BTreeMap, fs};

use serde_json::{Map, Value, json};

use super::{
    calls::{CALLS, CallValues, NimCall},
    fixture::Fixture,
    pages::{self, CallRow},
    schema,
};

const DOCUMENT: &str = "../../api/openapi-nim.json";
const PAGE: &str = "from-nim.md";
/// Content type of the calls.
const FORM: &str = "application/x-www-form-urlencoded";
/// The teams of the examples.
const TEAM: &str = "2530000000";
const SUPER_TEAM: &str = "2530000001";

/// What each call does, and beside it in the document the row of "Differences".
const SUMMARIES: [(&str, &str); 32] = [
    ("/history/querySessionList.action", "Returns one page of an account's list, newest first"),
    ("/user/create.action", "Registers an account and returns its token"),
    ("/user/update.action", "Sets an account's token"),
    ("/user/refreshToken.action", "Gives an account a new token"),
    ("/user/block.action", "Blocks an account"),
    ("/user/unblock.action", "Lets a blocked account in again"),
    ("/msg/sendMsg.action", "Sends a message to an account or a team"),
    ("/msg/sendBatchMsg.action", "Sends one message to many accounts"),
    ("/msg/recall.action", "Recalls a message of an account or a team"),
    ("/msg/delMsgOneWay.action", "Recalls a message one-way, which moves no list"),
    ("/msg/delMsg.action", "Deletes a message from the history, which moves no list"),
    ("/msg/delRoamSession.action", "Deletes a roaming session, which moves no list"),
    ("/superteam/sendMsg.action", "Sends a message to a super team"),
    ("/superteam/recallMsg.action", "Recalls a message of a super team"),
    ("/team/create.action", "Creates a team"),
    ("/team/add.action", "Brings accounts into a team"),
    ("/team/kick.action", "Sends accounts away from a team"),
    ("/team/leave.action", "Lets a member leave a team"),
    ("/team/remove.action", "Dissolves a team"),
    ("/team/changeOwner.action", "Gives a team to another member"),
    ("/team/joinTeams.action", "Lists the teams of an account"),
    ("/team/query.action", "Describes teams, with their members if `ope` is 1"),
    ("/team/queryDetail.action", "Describes a team with its members"),
    ("/superteam/create.action", "Creates a super team"),
    ("/superteam/invite.action", "Brings accounts into a super team"),
    ("/superteam/kick.action", "Sends accounts away from a super team"),
    ("/superteam/leave.action", "Lets a member leave a super team"),
    ("/superteam/changeOwner.action", "Gives a super team to another member"),
    ("/superteam/dismiss.action", "Dissolves a super team"),
    ("/superteam/getTinfos.action", "Describes super teams"),
    ("/superteam/getTlists.action", "Lists the members of a super team, page by page"),
    ("/superteam/joinTeams.action", "Lists the super teams of an account"),
];

const DESCRIPTION: &str = "\
The calls of NIM's server API, version 1, byte for byte as NIM's server SDKs send and read them.
Each path is served with the prefix `/nimserver` too. The HTTP status is always 200: `code` says
what happened, and `desc` says it in words. Unknown parameters are ignored, and an empty one is as
good as none. An unknown call and a path of version 2 (`/im/v2…`) get code 404.

With `RequestId`, up to 128 bytes, a call is safe to repeat: for 10 minutes, across restarts, the
same id with the same call and parameters gets the first answer and changes nothing. A body has at
most 4 MiB, and so has an answer.

| code | when |
|---|---|
";

fn document() -> Value {
    let (rows, differences) = (pages::calls(PAGE), differences());
    let codes = pages::table(PAGE, 2).filter(|cells| cells[1].parse::<u16>().is_ok());
    let codes: Vec<(u16, String)> =
        codes.map(|cells| (cells[1].parse().unwrap(), cells[2].to_owned())).collect();
    let table = codes.iter().map(|(code, when)| format!("| {code} | {when} |"));
    let table = table.collect::<Vec<_>>().join("\n");
    let refusals: Vec<u16> =
        codes.iter().map(|(code, _)| *code).filter(|code| *code != 200).collect();
    let (mut paths, mut tags) = (Map::new(), Vec::new());
    for (path, summary) in SUMMARIES {
        let row = &rows[path];
        let calls: Vec<&NimCall> = CALLS.iter().filter(|call| call.path == path).collect();
        let tag = tag(path);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        let mut operation = json!({
            "operationId": path.trim_matches('/').replace(".action", "").replace('/', "_"),
            "tags": [tag], "summary": summary, "requestBody": body(row, &calls),
            "parameters": [{"$ref": "#/components/parameters/RequestId"}],
            "responses": {"200": answer(path)},
        });
        if let Some(difference) = differences.get(path) {
            operation["description"] = difference.as_str().into();
        }
        paths.insert(path.to_owned(), json!({ "post": operation }));
    }
    let probe = json!({
        "operationId": "health_liveness", "tags": ["health"], "security": [],
        "summary": "Answers 200 while the process runs: NIM's SDKs choose an endpoint by it",
        "responses": {"200": answer("/health/liveness.action")},
    });
    paths.insert("/health/liveness.action".to_owned(), json!({ "post": probe }));
    tags.push("health");
    let tags: Vec<Value> = tags.into_iter().map(|tag| json!({ "name": tag })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Huihua: NIM's server API", "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{DESCRIPTION}{table}"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}, {"url": "/nimserver"}],
        "security": [{"AppKey": [], "Nonce": [], "CurTime": [], "CheckSum": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "parameters": {"RequestId": {
                "name": "RequestId", "in": "header", "schema": {"type": "string"},
                "description": "Names the call for its retries.",
            }},
            "schemas": {"Refusal": {
                "type": "object", "required": ["code", "desc"],
                "description": "Why a call was not done.",
                "properties": {
                    "code": {"type": "integer", "enum": refusals},
                    "desc": {"type": "string", "minLength": 1},
                },
            }},
            "securitySchemes": {
                "AppKey": header("AppKey", "The app key."),
                "Nonce": header("Nonce", "A random text of 1 to 128 bytes."),
                "CurTime": header("CurTime", "Seconds, within 5 minutes of the server's clock."),
                "CheckSum": header("CheckSum", "Hex of SHA-1 of app secret + `Nonce` + `CurTime`."),
            },
        },
    })
}

fn header(name: &str, description: &str) -> Value {
    json!({"type": "apiKey", "in": "header", "name": name, "description": description})
}

fn tag(path: &str) -> &str {
    path.split('/').nth(1).unwrap()
}

/// What the page says of the calls that differ from NIM's.
fn differences() -> BTreeMap<String, String> {
    let mut of_calls = BTreeMap::new();
    for cells in pages::table(PAGE, 2).filter(|cells| cells[1].starts_with("`/")) {
        let text = cells[2];
        let sentence = format!("{}{}.", text[..1].to_uppercase(), text[1..].trim_end_matches('.'));
        of_calls.extend(pages::quoted(cells[1]).into_iter().map(|path| (path, sentence.clone())));
    }
    of_calls
}

/// The form of a call: what must be there, what is read, and in words what is not.
fn body(row: &CallRow, calls: &[&NimCall]) -> Value {
    let parameter = |name: &String| (name.clone(), form_of(name, calls));
    let properties: Map<String, Value> = row.needed.union(&row.read).map(parameter).collect();
    // One account may stand instead of the list.
    let required =
        row.needed.iter().filter(|name| *name != "members" || !row.read.contains("member"));
    let mut body = json!({
        "type": "object", "properties": properties, "required": required.collect::<Vec<_>>(),
    });
    if !row.not_kept.is_empty() {
        let names: Vec<String> = row.not_kept.iter().map(|name| format!("`{name}`")).collect();
        body["description"] = format!("Accepted and not read: {}.", names.join(", ")).into();
    }
    let values = CallValues {
        team: TEAM.to_owned(),
        super_team: SUPER_TEAM.to_owned(),
        ended: String::new(),
    };
    let example = |(n, call): (usize, &&NimCall)| {
        let form: Map<String, Value> = call
            .good(&values)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        ((n + 1).to_string(), json!({ "value": form }))
    };
    let examples: Map<String, Value> = calls.iter().enumerate().map(example).collect();
    json!({
        "required": true,
        "content": {FORM: {"schema": body, "examples": examples}},
    })
}

/// The form of one parameter.
fn form_of(name: &str, calls: &[&NimCall]) -> Value {
    let has = |names: &str| names.split_whitespace().any(|known| known == name);
    if let Some((_, max)) = calls.iter().flat_map(|call| call.lists).find(|(list, _)| *list == name)
    {
        let text = format!("JSON array of accounts, at most {max}.");
        return json!({"type": "string", "description": text});
    }
    if name == "tids" {
        return json!({"type": "string", "description": "JSON array of team ids, at most 100."});
    }
    if calls.iter().any(|call| has(call.numbers)) {
        return json!({"type": "integer", "minimum": 0});
    }
    if calls.iter().any(|call| has(call.accounts)) {
        return json!({"type": "string", "description": "An account.", "minLength": 1});
    }
    json!({"type": "string"})
}

/// The answers of a call: its success, or why it was refused.
fn answer(path: &str) -> Value {
    let mut success = match schema::success(path) {
        Some(form) => json_schema(&form),
        None => session_page(),
    };
    if path == "/msg/sendBatchMsg.action" {
        success["properties"]["msgids"] = json!({
            "type": "object", "additionalProperties": {"type": "integer"},
            "description": "Message ids by account, with `returnMsgid`.",
        });
    }
    let refusal = json!({"$ref": "#/components/schemas/Refusal"});
    let schema = json!({"oneOf": [success, refusal]});
    json!({
        "description": "Done, and on the disk; or refused",
        "content": {"application/json": {"schema": schema}},
    })
}

/// The JSON Schema of one of the tests' forms.
fn json_schema(form: &Value) -> Value {
    match form {
        Value::String(kind) => match kind.as_str() {
            "number" => json!({"type": "integer", "minimum": 0}),
            "bool" => json!({"type": "boolean"}),
            "tid" => json!({"type": ["integer", "string"]}),
            kind => json!({ "type": kind }),
        },
        Value::Array(of) => json!({"type": "array", "items": json_schema(&of[0])}),
        Value::Object(fields) => {
            let of = |(name, form): (&String, &Value)| (name.clone(), json_schema(form));
            let properties: Map<String, Value> = fields.iter().map(of).collect();
            let required: Vec<&String> = fields.keys().collect();
            json!({
                "type": "object", "properties": properties, "required": required,
                "additionalProperties": false,
            })
        }
        number => json!({ "const": number }),
    }
}

/// The page of a list: the forms of its rows are those that `schema::row_form` holds to the code.
fn session_page() -> Value {
    let mut row = json_schema(&json!({
        "sessionType": "number", "updateTime": "number", "ext": "string",
    }));
    row["properties"]["sessionType"] = json!({
        "enum": [1, 2, 3], "description": "1 p2p, 2 team, 3 super team.",
    });
    row["properties"]["accid"] = json!({"type": "string", "description": "Of a p2p session."});
    row["properties"]["tid"] = json_schema(&"tid".into());
    row["properties"]["lastMsgType"] = json!({
        "enum": ["MESSAGE", "RECALL"], "description": "Absent without a last message.",
    });
    let forms = ["MESSAGE", "RECALL"].map(|kind| {
        let of = json!({"sessionType": 1, "lastMsgType": kind});
        json_schema(&schema::row_form(&of)["lastMsg"])
    });
    row["properties"]["lastMsg"] = json!({ "oneOf": forms });
    let mut page =
        json_schema(&json!({"code": 200, "data": {"hasMore": "bool", "sessions": "rows"}}));
    page["properties"]["data"]["properties"]["sessions"] = json!({"type": "array", "items": row});
    page
}

#[test]
fn the_committed_document_is_the_one_of_what_the_tests_hold_to_the_code() {
    let document = document();
    if std::env::var_os("OPENAPI_WRITE").is_some() {
        fs::write(DOCUMENT, format!("{document:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT).unwrap()).unwrap();
    let how = "OPENAPI_WRITE=1 cargo test -p huihua-server --test it openapi writes it anew";
    assert!(committed == document, "{DOCUMENT} differs from the calls that are tried: {how}");
}

/// Every example of the document, as it stands but for the ids of the teams, is done by a server;
/// and so are the required parameters alone.
#[tokio::test]
async fn the_examples_of_the_document_are_done_and_their_answers_are_of_its_form() {
    let fixture = Fixture::new().await;
    let document: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT).unwrap()).unwrap();
    let mut sent = 0;
    // In the order of the calls that are tried: those that end a team come last.
    let mut tried: Vec<&str> = Vec::new();
    for call in &CALLS {
        if tried.contains(&call.path) {
            continue;
        }
        tried.push(call.path);
        let body = &document["paths"][call.path]["post"]["requestBody"]["content"][FORM];
        for example in body["examples"].as_object().unwrap().values() {
            let real = |value: &Value| {
                let text = value.as_str().unwrap().replace(TEAM, &fixture.values.team);
                text.replace(SUPER_TEAM, &fixture.values.super_team)
            };
            let form = example["value"].as_object().unwrap();
            let form: Vec<_> =
                form.iter().map(|(name, value)| (name.as_str(), real(value))).collect();
            let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = fixture.sdk.ok(call.path, &form).await;
            match schema::success(call.path) {
                Some(form) => schema::assert_form(&form, &answer, call.path),
                None => drop(schema::session_rows(&answer)),
            }
            sent += 1;
        }
    }
    assert_eq!(sent, CALLS.len());
}
