//! The console of a real server process: what it shows is what clients see, with its token alone,
//! and every look is in the audit log.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    config::{ConfiguredServer, signed, signed_for, write_config, write_private},
    nim::{sdk::Sdk, seed::Seed},
    operator::admin,
    support::{Http, ReceivedAnswer, T0, event, membership, message},
};

/// A server with its console.
struct ConsoleServer {
    server: ConfiguredServer,
    admin: Http,
    token: String,
    folder: TempDir,
}

impl ConsoleServer {
    async fn start() -> Self {
        Self::start_with(&[], "info").await
    }

    async fn start_with(arguments: &[&str], level: &str) -> Self {
        let folder = TempDir::new().unwrap();
        write_config(&folder.path().join("huihua.toml"), &["o"]);
        let server = ConfiguredServer::start_logging(folder.path(), arguments, level).await;
        let token = drawn_token(folder.path());
        Self { admin: admin(&server), server, token, folder }
    }

    async fn get(&self, path: &str) -> ReceivedAnswer {
        self.admin.get(&format!("/console/api/{path}"), &self.token).await
    }

    async fn session(&self, account: &str, id: &str) -> Value {
        let id = id.replace('|', "%7C");
        let path = format!("session?app=a&account={account}&sessionId={id}");
        self.get(&path).await.ok()["inspected"].clone()
    }

    async fn events(&self, events: Value) {
        self.server.http.events(&"i".repeat(32), events).await.ok();
    }

    /// What the verifier says of a token.
    async fn check(&self, token: &str) -> Value {
        let body = json!({ "token": token }).to_string();
        self.admin.call(Method::POST, "/console/api/token", &self.token, &body).await.ok()
    }
}

fn drawn_token(folder: &Path) -> String {
    let path = folder.join("data/console-token");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for the server's user alone");
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

#[tokio::test]
async fn without_its_token_from_another_origin_or_by_another_name_nothing_is_shown() {
    let console = ConsoleServer::start().await;
    console.events(json!([event("p2p", "PRIVATE", "amy", 1)])).await;
    let paths = [
        "status",
        "account?app=a&account=amy",
        "sessions?app=a&account=amy",
        "session?app=a&account=amy&sessionId=p2p%7Cprivate",
        "sync?app=a&account=amy",
        "copies",
        "token",
        "no-such-path",
    ];
    let bearer = format!("Bearer {}", console.token);
    let client = format!("Bearer {}", signed("o"));
    let ingest = format!("Bearer {}", "i".repeat(32));
    let cookie = format!("token={}", console.token);
    let right = ("Authorization", bearer.as_str());
    let others: [(u16, &[(&str, &str)]); 9] = [
        (401, &[]),
        (401, &[("Authorization", &client)]),
        (401, &[("Authorization", &ingest)]),
        (401, &[("Cookie", &cookie)]),
        (403, &[right, ("Origin", "http://evil.example")]),
        (403, &[right, ("Origin", "null")]),
        (403, &[right, ("Sec-Fetch-Site", "cross-site")]),
        (403, &[right, ("Host", "evil.example")]),
        (403, &[right, ("Host", "localhost.evil.example:80")]),
    ];
    for path in paths {
        let path = format!("/console/api/{path}");
        for (status, headers) in others {
            let answer = console.admin.send(Method::GET, &path, headers, "").await;
            // After ten wrong tokens no other is looked at.
            let expected = if answer.status == 429 && status == 401 { 429 } else { status };
            assert_eq!(answer.status, expected, "{path} {headers:?}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            for name in ["access-control-allow-origin", "set-cookie"] {
                assert!(!answer.headers.contains_key(name), "{name}");
            }
            assert!(!answer.body.contains("PRIVATE") && !answer.body.contains("private"));
        }
    }
    let preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "GET")];
    let answer = console.admin.send(Method::OPTIONS, "/console/api/status", &preflight, "").await;
    assert!(answer.status >= 400 && !answer.headers.contains_key("access-control-allow-origin"));
    // Nor is a right one.
    let blocked = console.get("status").await;
    blocked.assert_problem(429, 416, "wrong token");
    assert!(blocked.header("retry-after").parse::<u64>().unwrap() <= 60);
    // The pages hold nothing, and the clients' door has none of them.
    let page = console.admin.send(Method::GET, "/console/", &[], "").await;
    assert_eq!(page.status, 200);
    assert_eq!(console.server.http.get("/console/", "").await.status, 404);
}

#[tokio::test]
async fn a_list_and_its_changes_are_byte_for_byte_what_their_client_gets() {
    let console = ConsoleServer::start().await;
    let events: Vec<_> = (1..60).map(|n| event("p2p", &format!("peer{n}"), "amy", n)).collect();
    console.events(events.into()).await;
    let (http, token) = (&console.server.http, signed("o"));
    let mut walked = 0;
    let mut query = "limit=25".to_owned();
    loop {
        let told = console.get(&format!("sessions?app=a&account=AMY&{query}")).await;
        let seen = http.get(&format!("/v1/sessions?{query}"), &token).await;
        assert_eq!((told.status, seen.status), (200, 200), "{told:?}");
        let [told, seen] = [told, seen].map(|answer| answer.json());
        // Tokens of two answers differ, and lead to the same rows.
        assert_eq!(told["sessionList"].to_string(), seen["sessionList"].to_string());
        assert_eq!(told["hasMore"], seen["hasMore"]);
        walked += told["sessionList"].as_array().unwrap().len();
        let Some(next) = told["nextPageToken"].as_str() else { break };
        query = format!("limit=25&pageToken={next}");
    }
    assert_eq!(walked, 59);
    let cursor = http.latest(&token).await;
    let sync = format!("cursor={cursor}&waitMs=20000");
    let path = format!("sync?app=a&account=amy&{sync}");
    let (told, seen, ()) = tokio::join!(console.get(&path), http.sync(&token, &sync), async {
        console.events(json!([event("p2p", "peer7", "amy", 90)])).await;
    });
    let told = told.ok();
    assert_eq!(told["changes"].to_string(), seen["changes"].to_string());
    assert_eq!(told["changes"][0]["session"]["sessionId"], "p2p|peer7");
}

#[tokio::test]
async fn why_lin_does_not_see_team_42_is_said_until_lin_does() {
    let console = ConsoleServer::start().await;
    let mut sent = event("team", "bob", "42", 5);
    sent["body"] = "secret plan".into();
    console.events(json!([membership("join", "42", &["bob"], T0), sent])).await;
    let token = signed_for("o", "lin");
    let seen = async || console.server.http.get("/v1/sessions/team%7C42", &token).await;
    let check = async |reason: &str, state: &str| {
        let told = console.session("lin", "team|42").await;
        let explanation = &told["explanation"];
        assert_eq!(explanation["last"]["code"], reason, "{told}");
        assert_eq!(explanation["membership"]["state"], state, "{told}");
        let seen = seen().await;
        match explanation["visibleBy"].as_str() {
            None => {
                assert_eq!(seen.status, 404);
                assert_eq!(told["session"], Value::Null);
            }
            Some(_) => assert_eq!(told["session"].to_string(), seen.ok().to_string()),
        }
        told
    };
    let told = check("notKnownToBeIn", "unknown").await;
    assert_eq!(told["team"]["last"]["message"]["key"]["time"], T0 + 5, "who asks sees its head");
    console.events(json!([membership("join", "42", &["lin"], T0 + 9)])).await;
    let told = check("beforeItCameIn", "in").await;
    assert_eq!(told["explanation"]["steps"][0]["effect"], "cameIn");
    assert_eq!(told["registers"]["notices"][0]["in"], T0 + 9);
    console.events(json!([event("team", "bob", "42", 12)])).await;
    check("message", "in").await;
    assert_eq!(console.server.http.delete(&["team|42"], &token).await.status, 204);
    let told = check("deleted", "in").await;
    assert_eq!(told["registers"]["floor"]["time"], T0 + 12);
    console.events(json!([membership("leave", "42", &["lin"], T0 + 20)])).await;
    check("left", "out").await;
    let dissolve =
        json!({ "type": "dissolve", "sessionType": "team", "teamId": "42", "time": T0 + 30 });
    console.events(json!([membership("join", "42", &["lin"], T0 + 25), dissolve])).await;
    check("dissolved", "out").await;
    // The account's own text, and a hint: whose client writes to a team is in it.
    assert_eq!(console.server.http.set_ext("team|43", &token, "pinned").await.status, 200);
    let copy = message("TEAM", "lin", "43", 40);
    let copy = copy.replacen('{', r#"{"fromClientType":"AOS","#, 1);
    assert_eq!(console.server.http.try_copy("a", "s", &copy).await.unwrap().status, 200);
    let told = console.session("lin", "team|43").await;
    assert_eq!((&told["ext"], &told["registers"]["hint"]), (&"pinned".into(), &(T0 + 40).into()));
    assert_eq!(told["explanation"]["membership"]["byHint"], true, "{told}");
    // A session that nothing is known of is told of too, and is not made by that.
    let nothing = console.session("lin", "p2p|nobody").await;
    assert_eq!(nothing["explanation"]["last"]["code"], "noMessage");
    assert_eq!(console.server.http.list(&token).await.len(), 2);
}

/// At a level that silences all else too; and nothing but names and ids is in it.
#[tokio::test]
async fn every_look_at_an_account_is_in_the_audit_log_and_no_text_is() {
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    let tokens = ["l", "k"].map(|letter| letter.repeat(40));
    let file = format!("lin {}\nkim {}\n", tokens[0], tokens[1]);
    write_private(&folder.path().join("tokens"), &file);
    let arguments = ["--set", "console_token_file=tokens", "--set", "log_format=json"];
    let mut server = ConfiguredServer::start_logging(folder.path(), &arguments, "trace").await;
    let admin = admin(&server);
    let mut sent = event("p2p", "bob", "amy", 1);
    sent["body"] = "PRIVATE-BODY".into();
    server.http.events(&"i".repeat(32), json!([sent])).await.ok();
    assert_eq!(server.http.set_ext("p2p|bob", &signed("o"), "PRIVATE-EXT").await.status, 200);
    let looks = [
        ("account?app=a&account=Amy", "account"),
        ("sessions?app=a&account=amy", "list"),
        ("session?app=a&account=amy&sessionId=p2p%7Cbob", "session p2p|bob"),
        ("sync?app=a&account=amy", "changes"),
    ];
    for (path, _) in looks {
        let answer = admin.get(&format!("/console/api/{path}"), &tokens[1]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let body = json!({ "token": signed("o") }).to_string();
    admin.call(Method::POST, "/console/api/token", &tokens[0], &body).await.ok();
    assert_eq!(admin.get("/console/api/copies", &tokens[0]).await.status, 200);
    assert!(server.terminate().await);
    let log = server.log();
    let audit: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["target"] == "audit")
        .collect();
    assert_eq!(audit.len(), looks.len() + 2, "{audit:?}");
    for (line, (_, what)) in audit.iter().zip(looks) {
        assert_eq!((&line["what"], &line["who"]), (&what.into(), &"kim".into()), "{line}");
        assert_eq!((&line["app"], &line["account"]), (&"a".into(), &"amy".into()), "{line}");
        assert_eq!(line["address"], "127.0.0.1");
    }
    assert_eq!((&audit[4]["what"], &audit[4]["who"]), (&"token".into(), &"lin".into()));
    assert_eq!((&audit[5]["what"], &audit[5]["who"]), (&"copies".into(), &"lin".into()));
    for private in ["PRIVATE", &tokens[0], &tokens[1], &signed("o")] {
        assert!(!log.contains(private), "{private} is in the log");
    }
}

#[tokio::test]
async fn the_audit_log_is_written_at_every_level_but_off() {
    // Lines of the start are not seen there: the file of the token says that it has begun.
    let console = ConsoleServer::start_with(&[], "huihua_server=info,error").await;
    assert_eq!(console.get("account?app=a&account=amy").await.status, 200);
    let line = console.server.until_logged("an operator looked at an account").await;
    assert!(line.contains("audit"), "{line}");
    let silent = ConsoleServer::start_with(&[], "info,audit=off").await;
    assert_eq!(silent.get("account?app=a&account=amy").await.status, 200);
    assert!(!silent.server.log().contains("an operator looked"));
}

#[tokio::test]
async fn a_token_is_explained_by_the_check_of_every_request_and_never_repeated() {
    let console = ConsoleServer::start().await;
    let (http, right) = (&console.server.http, signed("o"));
    let bent = format!("{}AAAA", &right[..right.len() - 4]);
    for token in [right.as_str(), &signed("x"), &bent, "no token", "a.b.c"] {
        let told = console.check(&format!("  Bearer {token}\n")).await;
        let seen = http.get("/v1/account", token).await;
        assert_eq!(told["isAccepted"], seen.status == 200, "{told}");
        let signature = token.rsplit('.').next().unwrap();
        assert!(signature.len() < 9 || !told.to_string().contains(signature), "{told}");
        if seen.status == 200 {
            let seen = seen.json();
            assert_eq!((&told["account"], &told["appKey"]), (&seen["account"], &seen["appKey"]));
            assert_eq!(told["expiresAt"], seen["expiresAt"]);
            assert_eq!(
                (&told["jwt"]["sub"], &told["jwt"]["alg"]),
                (&"amy".into(), &"HS256".into())
            );
        } else {
            assert_eq!(told["code"], 302, "{told}");
            assert_eq!(told["reason"], seen.json()["detail"], "{told}");
        }
    }
    assert_eq!(console.check("no token").await["jwt"], Value::Null);
    // A claim that is not of our tokens may hold anything: its name alone is told.
    let [header, claims] = [
        json!({ "alg": "HS256", "kid": "a" }),
        json!({ "sub": "amy", "exp": 1_700_000_000, "email": "PRIVATE-CLAIM" }),
    ]
    .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let told = console.check(&format!("{header}.{claims}.AAAA")).await;
    assert_eq!(told["jwt"]["otherClaims"], json!(["email"]), "{told}");
    assert_eq!(told["jwt"]["exp"], 1_700_000_000.0, "{told}");
    assert!(!told.to_string().contains("PRIVATE"), "{told}");
    let now = huihua_http::clock::now_ms();
    assert!(now.abs_diff(told["now"].as_u64().unwrap()) < 60_000, "{told}");
    console
        .admin
        .call(Method::POST, "/console/api/token", &console.token, r#"{"token":" "}"#)
        .await
        .assert_problem(400, 414, "token: is empty");
}

#[tokio::test]
async fn a_token_of_a_blocked_account_is_told_to_be_blocked() {
    let console = ConsoleServer::start().await;
    let sdk = Sdk::new(&console.server.http.url, "a", "s", Seed::printed("console"));
    sdk.ok("/user/block.action", &[("accid", "amy")]).await;
    let told = console.check(&signed("o")).await;
    let seen = console.server.http.get("/v1/account", &signed("o")).await;
    assert_eq!((&told["isAccepted"], seen.status), (&false.into(), 403), "{told}");
    assert_eq!((&told["code"], &told["account"]), (&422.into(), &"amy".into()), "{told}");
    assert_eq!(told["reason"], seen.json()["detail"]);
    assert_eq!(console.get("account?app=a&account=amy").await.ok()["isBlocked"], true);
}

#[tokio::test]
async fn copies_come_with_their_reasons_and_without_their_texts() {
    let console = ConsoleServer::start().await;
    let http = &console.server.http;
    let good = message("PERSON", "bob", "amy", 1).replace("body 1", "PRIVATE-BODY");
    assert_eq!(http.try_copy("a", "s", &good).await.unwrap().status, 200);
    assert_eq!(http.try_copy("a", "PRIVATE-SECRET", &good).await.unwrap().status, 403);
    assert_eq!(http.try_copy("PRIVATE-KEY", "s", &good).await.unwrap().status, 403);
    let malformed = good.replace("msgTimestamp", "PRIVATE-FIELD");
    assert_eq!(http.try_copy("a", "s", &malformed).await.unwrap().status, 400);
    assert_eq!(http.try_copy("a", "s", r#"{"eventType":"6"}"#).await.unwrap().status, 200);
    let answer = console.get("copies").await;
    assert!(!answer.body.contains("PRIVATE"), "{answer:?}");
    let told = answer.ok();
    let copies = told["copies"].as_array().unwrap();
    let reasons: Vec<_> = copies.iter().map(|copy| copy["reason"].as_str()).collect();
    let wrong = [Some("copy with wrong sum"), Some("copy of unknown app"), Some("malformed copy")];
    assert_eq!(reasons, [&[None][..], &wrong, &[None]].concat());
    let content = &copies[0]["content"];
    assert_eq!((&content["kind"], &content["from"]), (&"message".into(), &"bob".into()));
    assert_eq!((&content["to"], &content["messageId"]), (&"amy".into(), &"1".into()));
    assert_eq!((&content["time"], &copies[0]["appKey"]), (&(T0 + 1).into(), &"a".into()));
    assert!(copies[3]["detail"].as_str().unwrap().contains("msgTimestamp is missing"));
    assert_eq!((&copies[2]["appKey"], &copies[4]["content"]), (&Value::Null, &Value::Null));
    // Who waits gets the next one alone.
    let path = format!("copies?after={}&waitMs=20000", told["last"]);
    let team = message("TEAM", "bob", "42", 2);
    let (next, sent) = tokio::join!(console.get(&path), http.try_copy("a", "s", &team));
    assert_eq!(sent.unwrap().status, 200);
    let next = next.ok();
    assert_eq!(next["copies"].as_array().unwrap().len(), 1);
    assert_eq!(next["copies"][0]["content"]["to"], "team|42");
    assert_eq!(next["hasMissed"], false);
}

#[tokio::test]
async fn wrong_questions_are_refused_by_name_and_health_is_told() {
    let console = ConsoleServer::start().await;
    for (path, detail) in [
        ("account", "app: is missing"),
        ("account?app=a", "account: is missing"),
        ("account?app=b&account=amy", "app: no app of this server has this key"),
        ("account?app=a&account=a%7Cb", "account: "),
        ("account?app=a&account=amy&x=1", "x: unknown query parameter"),
        ("sessions?app=a&account=amy&limit=101", "limit: must be 1..=100"),
        ("session?app=a&account=amy", "sessionId: "),
        ("session?app=a&account=amy&sessionId=group%7C1", "sessionId: "),
        ("sync?app=a&account=amy&waitMs=30001", "waitMs: must be 0..=30000"),
        ("copies?waitMs=30001", "waitMs: must be 0..=30000"),
        ("copies?after=x", "after: must be a whole number"),
    ] {
        console.get(path).await.assert_problem(400, 414, detail);
    }
    console.get("nothing").await.assert_problem(404, 404, "no such path");
    let wrong = console.admin.call(Method::POST, "/console/api/status", &console.token, "").await;
    wrong.assert_problem(405, 414, "method");
    let status = console.get("status").await.ok();
    assert_eq!(status["notReady"], Value::Null);
    assert_eq!(
        status["apps"][0],
        json!({ "appKey": "a", "accounts": "nim", "tokenKeys": 1, "ingestKeys": 1 })
    );
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    // Each limit has the key and the value of the configuration.
    let defaults = include_str!("../../../config.default.toml");
    for limit in status["limits"].as_array().unwrap() {
        let key = limit["key"].as_str().unwrap();
        // That one is at most what the machine's limit of open files allows.
        match limit["value"].clone() {
            _ if key == "connections_max" => {}
            Value::Null => assert!(defaults.contains(&format!("# {key} = ")), "{key}"),
            value => assert!(defaults.contains(&format!("\n{key} = {value}\n")), "{key} {value}"),
        }
    }
}

#[tokio::test]
async fn a_console_keeps_its_token_over_restarts_and_is_gone_when_switched_off() {
    let mut first = ConsoleServer::start().await;
    assert!(first.server.terminate().await);
    let folder = first.folder;
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    let again = admin(&server).get("/console/api/status", &first.token).await;
    assert_eq!(again.status, 200);
    drop(server);
    let server = ConfiguredServer::start(folder.path(), &["--set", "console=false"]).await;
    for path in ["/console/", "/console/api/status"] {
        assert_eq!(admin(&server).get(path, &first.token).await.status, 404);
    }
    assert_eq!(admin(&server).get("/livez", "").await.status, 200);
}

#[tokio::test]
async fn the_pages_are_whole_ask_no_other_host_and_run_no_script_of_a_text() {
    let console = ConsoleServer::start().await;
    let page = async |path: &str| console.admin.send(Method::GET, path, &[], "").await;
    let index = page("/console/").await;
    let answers =
        [&index, &page("/console/no-such-page").await, &page("/console/api/status").await];
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert!(answers.iter().all(|answer| answer.header(name) == value), "{name}: {answers:?}");
    }
    let policy = index.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert!(!index.body.contains("<style") && !index.body.contains(" on"), "no script inline");
    let mut waiting = vec!["/console/console.css".to_owned(), "/console/main.js".to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(path) = waiting.pop() {
        if seen.contains(&path) {
            continue;
        }
        let file = page(&path).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        for outside in ["http://", "https://", "innerHTML", "eval(", "document.cookie"] {
            assert!(!file.body.contains(outside), "{path} has {outside}");
        }
        let imports = file.body.split(" from './").skip(1);
        waiting
            .extend(imports.map(|rest| format!("/console/{}", rest.split('\'').next().unwrap())));
        seen.push(path);
    }
    assert_eq!(seen.len(), 11, "{seen:?}");
    assert_eq!(page("/console").await.status, 200, "it leads to the pages");
    assert_eq!(page("/console/secret").await.status, 404);
}

/// A view that says a thing in English alone.
#[test]
fn every_word_is_there_in_both_languages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../http/src/console/assets");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let keys = |text: &str| {
        let mut keys = Vec::new();
        let begin = text.find(" = {").unwrap();
        let end = text[begin..].find("\n};").unwrap() + begin;
        // A key is what stands before a colon and a quote, outside of texts.
        let mut parts = text[begin + 4..end].split('\'');
        while let Some(outside) = parts.next() {
            let outside = outside.trim().trim_start_matches(',').trim();
            match (outside.strip_suffix(':'), outside) {
                (Some(""), _) => {}
                (Some(name), _) => keys.push(name.lines().last().unwrap().trim().to_owned()),
                (None, _) => {
                    let Some(quoted) = parts.next() else { break };
                    keys.push(quoted.to_owned());
                    // The colon between this key and its text.
                    parts.next();
                }
            }
            parts.next();
        }
        keys.sort();
        keys
    };
    let (english, chinese) = (keys(&read("words.js")), keys(&read("words-zh.js")));
    assert!(english.len() > 150, "{english:?}");
    assert_eq!(english, chinese);
}
