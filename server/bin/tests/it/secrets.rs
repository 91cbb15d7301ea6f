//! A run over every route, with good and bad input, at the log's most talkative level: no token, no
//! key, no ext and no message is in the log, in an error's answer or in the metrics.

use reqwest::Method;
use tempfile::TempDir;

use crate::{
    every_route::{OWNERS, Walk, credentials, good_body, mark},
    operator::admin,
    support::{app, token},
};

/// What may be in none of them: keys, tokens, and whatever came in under a name with PRIVATE.
fn private(walk: &Walk) -> Vec<(String, String)> {
    let mut all = vec![("a user's text".to_owned(), "PRIVATE".to_owned())];
    for app_key in ["a", "ab"] {
        let this = app(app_key);
        all.push((format!("app secret of {app_key}"), this.secret.expose().to_owned()));
        all.push((format!("ingest key of {app_key}"), this.ingest_key().expose().to_owned()));
        let keys = this.token_keys.iter();
        all.extend(keys.map(|key| (format!("token key of {app_key}"), key.expose().to_owned())));
    }
    let tokens = walk.nim_tokens.iter();
    all.extend(tokens.map(|token| ("a token of NIM's API".to_owned(), token.clone())));
    for (app_key, account) in OWNERS {
        // The claims of every token of this account, whenever it was signed, and the head of all.
        let token = token(&app(app_key), account);
        let head = token.split('.').next().unwrap().to_owned();
        all.push((format!("a JWT of {app_key} {account}"), head));
    }
    all
}

async fn check(format: &str) {
    let folder = TempDir::new().unwrap();
    let format = format!("log_format={format}");
    let set = ["access_log=true", &format, "connections_max=100"];
    let set = set.map(|set| ["--set", set]).concat();
    let mut walk = Walk::start(folder.path(), &set, "trace").await;
    let of_one = |name: &str| !name.contains(" of ab") && !name.contains(" bc");
    let mut credentials = credentials(&walk.nim_tokens);
    credentials.retain(|credential| of_one(&credential.name));
    for route in huihua_http::routes() {
        for credential in &credentials {
            walk.send(&route, credential, "", &good_body(&route)).await;
        }
        for credential in credentials.iter().filter(|credential| credential.may_call(&route)) {
            let query = "?limit=PRIVATE&cursor=PRIVATE&pageToken=PRIVATE&waitMs=PRIVATE";
            walk.send(&route, credential, query, &good_body(&route)).await;
            for body in [
                "PRIVATE",
                r#"{"ext":["PRIVATE"],"sessionIds":["PRIVATE"],"events":[{"type":"PRIVATE"}]}"#,
                r#"{"ext":"PRIVATE","sessionIds":"PRIVATE","events":"PRIVATE"}"#,
                r#"{"eventType":"1","convType":"PERSON","fromAccount":"PRIVATE|","to":"PRIVATE"}"#,
                "accid=PRIVATE%7C&from=PRIVATE%7C&to=PRIVATE&tid=PRIVATE&tids=PRIVATE&ope=PRIVATE",
                "accid=PRIVATE&limit=PRIVATE&token=PRIVATE&type=PRIVATE&body=PRIVATE%00",
            ] {
                walk.send(&route, credential, "", body).await;
            }
        }
    }
    let unknown = [("Authorization", "Bearer PRIVATE"), ("traceparent", "00-PRIVATE-0-0")];
    for path in ["/PRIVATE", "/v1/sessions/PRIVATE/PRIVATE", "/nimserver/PRIVATE.action"] {
        let answer = walk.server.http.send(Method::GET, path, &unknown, "PRIVATE").await;
        walk.refusals.push(answer.body);
    }
    let metrics = admin(&walk.server).send(Method::GET, "/metrics", &[], "").await.body;
    assert!(walk.server.terminate().await);
    let log = walk.server.log();
    assert!(metrics.contains("huihua_refusals_total") && log.contains("answered"));
    assert!(walk.refusals.len() > 1_000, "{} refusals", walk.refusals.len());
    assert!(log.to_lowercase().contains("trace"), "at its most talkative level");
    let refusals = walk.refusals.join("\n");
    for (what, private) in private(&walk) {
        for (place, text) in [("the log", &log), ("an answer", &refusals), ("metrics", &metrics)] {
            let lines: Vec<_> = text.lines().filter(|line| line.contains(&private)).collect();
            assert!(lines.is_empty(), "{what} is in {place}: {:#?}", &lines[..lines.len().min(3)]);
        }
    }
    assert!(mark("a", "c").contains("PRIVATE"), "what others wrote is looked for too");
}

#[tokio::test]
async fn nothing_private_is_in_the_log_in_answers_or_in_metrics() {
    check("text").await;
}

#[tokio::test]
async fn nothing_private_is_in_a_log_of_json() {
    check("json").await;
}
