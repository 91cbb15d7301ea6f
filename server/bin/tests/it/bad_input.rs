//! Bad input, one field at a time: each is refused by the name of the field, and nothing changes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{T0, TestServer, message};

const JSON: &str = "application/json";

struct Case {
    method: Method,
    path: String,
    /// Content type and body.
    body: Option<(&'static str, Vec<u8>)>,
    status: u16,
    code: u16,
    detail: &'static str,
}

fn get(path: &str, status: u16, detail: &'static str) -> Case {
    let code = if status == 404 { 404 } else { 414 };
    Case { method: Method::GET, path: path.to_owned(), body: None, status, code, detail }
}

fn list(query: &str, detail: &'static str) -> Case {
    get(&format!("/v1/sessions?{query}"), 400, detail)
}

fn sync(query: &str, detail: &'static str) -> Case {
    get(&format!("/v1/sync?{query}"), 400, detail)
}

fn ext(path: &str, body: impl Into<Vec<u8>>, detail: &'static str) -> Case {
    let path = format!("/v1/sessions/{path}/ext");
    let body = Some((JSON, body.into()));
    Case { method: Method::PUT, path, body, status: 400, code: 414, detail }
}

fn delete(body: impl Into<Vec<u8>>, detail: &'static str) -> Case {
    let body = Some((JSON, body.into()));
    let path = "/v1/sessions/delete".to_owned();
    Case { method: Method::POST, path, body, status: 400, code: 414, detail }
}

fn queries() -> Vec<Case> {
    vec![
        list("limit=0", "limit: must be 1..=100"),
        list("limit=101", "limit: must be 1..=100"),
        list("limit=-1", "limit: must be 1..=100"),
        list("limit=%2B5", "limit"),
        list("limit=ten", "limit"),
        list("limit=", "limit"),
        list("limit=99999999999999999999", "limit"),
        list("minTimestamp=2&maxTimestamp=1", "minTimestamp: must not be above maxTimestamp"),
        list("minTimestamp=1.5", "minTimestamp"),
        list("maxTimestamp=-1", "maxTimestamp"),
        list("maxTimestamp=18446744073709551616", "maxTimestamp"),
        list("needLastMsg=yes", "needLastMsg: must be true, false, 1 or 0"),
        list("needLastMsg=True", "needLastMsg"),
        list("offset=3", "offset: unknown query parameter"),
        list("LIMIT=3", "LIMIT: unknown"),
        list("%0Ax=3", "\\nx: unknown"),
        list("limit=3&limit=3", "limit: is given more than once"),
        list("pageToken=x", "pageToken"),
        list("pageToken=", "pageToken"),
        list("pageToken=x&minTimestamp=0", "minTimestamp: cannot be combined with pageToken"),
        list("pageToken=x&maxTimestamp=5", "maxTimestamp: cannot be combined with pageToken"),
        sync("limit=0", "limit: must be 1..=500"),
        sync("limit=501", "limit: must be 1..=500"),
        sync("limit=-1", "limit"),
        sync("waitMs=30001", "waitMs: must be 0..=30000"),
        sync("waitMs=-1", "waitMs: must be"),
        sync("waitMs=1s", "waitMs: must be"),
        sync("needLastMsg=no", "needLastMsg: must be true, false, 1 or 0"),
        sync("wait=5", "wait: unknown query parameter"),
        sync("cursor=latest&cursor=latest", "cursor: is given more than once"),
        sync("pageToken=x", "pageToken: unknown query parameter"),
        get("/v1/account?x=1", 400, "x: unknown query parameter"),
        get("/v1/sessions/p2p%7Cbob?needLastMsg=1", 400, "needLastMsg: unknown query parameter"),
        get("/v1/nowhere", 404, "no such path"),
        get("/v1/sessions/", 404, "no such path"),
        get("/v1/sessions/p2p%7Cbob/ext/more", 404, "no such path"),
        get("/", 404, "no such path"),
        get("/v1/sessions/p2p%7Cnobody", 404, "no such session"),
        get("/v1/sessions/delete", 405, "method"),
        Case { method: Method::DELETE, ..get("/v1/sessions/p2p%7Cbob", 405, "method") },
        Case { method: Method::POST, ..get("/v1/account", 405, "method") },
        get("/nim/copy", 405, "method"),
    ]
}

/// The same wrong ids, in a path and in a body.
fn wrong_ids() -> Vec<Case> {
    let long = "a".repeat(129);
    let long_team = "1".repeat(65);
    [
        ("bob".to_owned(), "session id must be"),
        ("P2P|bob".to_owned(), "session id must be"),
        ("qchat|1".to_owned(), "session id must be"),
        ("|bob".to_owned(), "session id must be"),
        ("p2p|".to_owned(), "account is empty"),
        ("team|".to_owned(), "team id is empty"),
        (format!("p2p|{long}"), "account is longer than 128 bytes"),
        (format!("super_team|{long_team}"), "team id is longer than 64 bytes"),
        ("p2p|a\0".to_owned(), "account holds a character"),
        ("p2p|a|b".to_owned(), "account holds a character"),
        ("team|1\n".to_owned(), "team id holds a character"),
    ]
    .into_iter()
    .flat_map(|(id, detail)| {
        let encoded: String = id.bytes().map(|b| format!("%{b:02X}")).collect();
        let body = json!({ "sessionIds": ["p2p|bob", id] }).to_string();
        [
            get(&format!("/v1/sessions/{encoded}"), 400, detail),
            ext(&encoded, r#"{"ext":"x"}"#, detail),
            delete(body.clone(), detail),
            delete(body, "sessionIds[1]"),
        ]
    })
    .chain([
        get("/v1/sessions/p2p%7C%FF", 400, "sessionId: must be percent-encoded UTF-8"),
        ext("p2p%7C%FF", r#"{"ext":"x"}"#, "sessionId"),
    ])
    .collect()
}

fn bodies() -> Vec<Case> {
    let bob = "p2p%7Cbob";
    let long = json!({ "ext": "x".repeat(4_097) }).to_string();
    let wide = json!({ "ext": "é".repeat(2_049) }).to_string();
    let many = json!({ "sessionIds": vec!["p2p|bob"; 101] }).to_string();
    let type_ = |kind, case: Case| Case {
        body: case.body.map(|(_, body)| (kind, body)),
        status: 415,
        detail: "application/json",
        ..case
    };
    let huge = |bytes: usize, case: Case| Case {
        body: Some((JSON, vec![b' '; bytes])),
        status: 413,
        detail: "larger than 65536 bytes",
        ..case
    };
    vec![
        ext(bob, long, "ext: is longer than 4096 bytes"),
        ext(bob, wide, "ext: is longer than 4096 bytes"),
        ext(bob, "{}", "ext: is missing"),
        ext(bob, r#"{"ext":null}"#, "ext: must be a string"),
        ext(bob, r#"{"ext":5}"#, "ext: must be a string"),
        ext(bob, r#"{"ext":{"a":1}}"#, "ext: must be a string"),
        ext(bob, r#"{"ext":"\ud800"}"#, "ext: must be a string"),
        ext(bob, r#"{"ext":"x","top":true}"#, "top: unknown field"),
        ext(bob, r#"{"ext":"x""#, "must be a JSON object"),
        ext(bob, "", "must be a JSON object"),
        ext(bob, "[]", "must be a JSON object"),
        ext(bob, b"{\"ext\":\"\xff\"}".to_vec(), ""),
        Case {
            path: format!("/v1/sessions/{bob}/ext?x=1"),
            ..ext(bob, r#"{"ext":"x"}"#, "x: unknown")
        },
        type_("text/plain", ext(bob, r#"{"ext":"x"}"#, "")),
        type_("application/jsonx", ext(bob, r#"{"ext":"x"}"#, "")),
        type_("application/x-www-form-urlencoded", delete(r#"{"sessionIds":["p2p|bob"]}"#, "")),
        huge(65_537, ext(bob, "", "")),
        huge(10 * 1024 * 1024, ext(bob, "", "")),
        huge(10 * 1024 * 1024, delete("", "")),
        delete(many, "sessionIds: must hold 1..=100 ids"),
        delete(r#"{"sessionIds":[]}"#, "sessionIds: must hold 1..=100 ids"),
        delete("{}", "sessionIds: is missing"),
        delete(r#"{"sessionIds":"p2p|bob"}"#, "sessionIds: must be a list of strings"),
        delete(r#"{"sessionIds":["p2p|bob",null]}"#, "sessionIds: must be a list of strings"),
        delete(r#"{"sessionIds":["p2p|bob"],"all":true}"#, "all: unknown field"),
    ]
}

/// What must not change: the lists of all whom the cases name.
async fn lists(server: &TestServer) -> Vec<Vec<Value>> {
    let mut lists = Vec::new();
    for (app, account) in [("a", "amy"), ("a", "bob"), ("ab", "amy")] {
        lists.push(server.http.list(&server.token(app, account)).await);
    }
    lists
}

async fn start() -> (TestServer, Vec<Vec<Value>>) {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let before = lists(&server).await;
    (server, before)
}

#[tokio::test]
async fn wrong_requests_are_refused_by_name_and_change_nothing() {
    let (server, before) = start().await;
    let bearer = format!("Bearer {}", server.token("a", "amy"));
    for case in queries().into_iter().chain(wrong_ids()).chain(bodies()) {
        let what = format!("{} {}", case.method, case.path);
        let mut headers = vec![("Authorization", bearer.as_str())];
        let body = case.body.map(|(kind, body)| {
            headers.push(("Content-Type", kind));
            body
        });
        let answer =
            server.http.send(case.method, &case.path, &headers, body.unwrap_or_default()).await;
        println!("{what}");
        answer.assert_problem(case.status, case.code, case.detail);
        assert_eq!(lists(&server).await, before, "{what}");
    }
}

/// Every route of a client, each with a request that is good but for its token.
pub(crate) const CLIENT_ROUTES: [(&str, &str, &str); 6] = [
    ("GET", "/v1/account", ""),
    ("GET", "/v1/sessions", ""),
    ("GET", "/v1/sessions/p2p%7Cbob", ""),
    ("GET", "/v1/sync?waitMs=1", ""),
    ("PUT", "/v1/sessions/p2p%7Cbob/ext", r#"{"ext":"stolen"}"#),
    ("POST", "/v1/sessions/delete", r#"{"sessionIds":["p2p|bob"]}"#),
];

#[tokio::test]
async fn wrong_tokens_open_no_route() {
    let (server, before) = start().await;
    let good = server.token("a", "amy");
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let exp = huihua_http::clock::now_ms() / 1_000 + 60;
    let claims = part(json!({"sub": "amy", "exp": exp}));
    let none = format!("{}.{claims}.", part(json!({"alg": "none", "kid": "a"})));
    let cut = good.rsplit_once('.').unwrap().0;
    let another_head = format!("{}.{}", part(json!({"alg": "HS256", "kid": "ab"})), {
        good.split_once('.').unwrap().1
    });
    let long = format!("Bearer {}", "a".repeat(10_000));
    let tokens = [
        String::new(),
        "Bearer ".to_owned(),
        "Bearer".to_owned(),
        good.clone(),
        format!("Basic {good}"),
        format!("Bearer {cut}."),
        format!("Bearer {none}"),
        format!("Bearer {another_head}"),
        format!("Bearer {good} {good}"),
        long,
    ];
    for header in &tokens {
        for (method, path, body) in CLIENT_ROUTES {
            let headers = [("Authorization", header.as_str()), ("Content-Type", JSON)];
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = server.http.send(method, path, &headers, body).await;
            answer.assert_problem(401, 302, "");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let none = server.http.send(Method::GET, "/v1/account", &[], "").await;
    none.assert_problem(401, 302, "Authorization");
    let twice = [("Authorization", "Bearer x"), ("Authorization", "Bearer y")];
    let twice = server.http.send(Method::GET, "/v1/account", &twice, "").await;
    twice.assert_problem(401, 302, "one header");
    assert_eq!(lists(&server).await, before);
}

#[tokio::test]
async fn wrong_copies_get_nims_answers_and_change_nothing() {
    let (server, before) = start().await;
    let http = &server.http;
    let good = message("PERSON", "eve", "amy", 9);
    let time = T0.to_string();
    let sum = |body: &str| {
        let secret = server.app("a").secret.expose();
        huihua_nim::copy::check_sum(secret, body.as_bytes(), &time)
    };
    let send = async |headers: &[(&str, &str)], body: Vec<u8>| {
        http.send(Method::POST, "/nim/copy", headers, body).await
    };
    let (right, of_another) = (sum(&good), sum("{}"));
    let headers = |key, time, sum| [("AppKey", key), ("CurTime", time), ("CheckSum", sum)];
    // A wrong MD5 is one over other bytes: the sum is right for them, and the header says the same.
    let md5 = "99914b932bd37a50b983c5e7c90ae93b";
    let with_md5 = [headers("a", &time, &of_another).to_vec(), vec![("MD5", md5)]].concat();
    let no_time = [("AppKey", "a"), ("CheckSum", right.as_str())];
    let no_key = [("CurTime", time.as_str()), ("CheckSum", of_another.as_str())];
    let twice = [headers("a", &time, &right).to_vec(), vec![("AppKey", "ab")]].concat();
    let refused: [&[(&str, &str)]; 10] = [
        &headers("a", &time, "0000000000000000000000000000000000000000"),
        &headers("a", &time, ""),
        &headers("a", "1700000000001", &right),
        &headers("a", "soon", &right),
        &headers("ab", &time, &right),
        &headers("nobody", &time, &right),
        &with_md5,
        &no_time,
        &no_key,
        &twice,
    ];
    for headers in refused {
        let answer = send(headers, good.clone().into()).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"code":414}"#), "{headers:?}");
    }
    let unsigned = send(&[], good.clone().into()).await;
    assert_eq!((unsigned.status, unsigned.body.as_str()), (403, r#"{"code":414}"#));

    let malformed = [
        String::new(),
        "[]".to_owned(),
        good.replace('}', ""),
        good.replace("msgTimestamp", "time"),
        good.replace("\"amy\"", "\"a|my\""),
        good.replace("\"amy\"", r#""a\u0000my""#),
        good.replace("\"amy\"", &format!("\"{}\"", "a".repeat(129))),
        good.replace(&(T0 + 9).to_string(), "soon"),
        good.replace("\"1\"", "\"one\""),
        format!(
            r#"{{"eventType":7,"msgId":"1","from":"bob","to":"amy","sendTime":{},"deleteTime":{T0}}}"#,
            T0 + 1
        ),
    ];
    for body in malformed {
        let answer = server.copy("a", &body).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"code":414}"#), "{body}");
    }
    let huge = vec![b' '; 10 * 1024 * 1024];
    let answer = send(&headers("a", &time, &right), huge).await;
    assert_eq!((answer.status, answer.body.as_str()), (413, r#"{"code":414}"#));
    assert_eq!(lists(&server).await, before);
    assert!(http.list(&server.token("a", "eve")).await.is_empty());
    server.deliver(&[good]).await;
    assert_ne!(lists(&server).await, before, "the control: the good copy does change lists");
}
