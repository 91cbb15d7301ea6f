//! Every refusal of NIM's server API: HTTP says 200, the body says NIM's code, and nothing changes.

use reqwest::Method;
use serde_json::json;

use super::{
    calls::{CALLS, WrongParameter},
    fixture::{Fixture, borrowed, sdk_of},
    schema,
    sdk::{Sdk, SdkRequest, now_s},
};
use crate::support::TestServer;

/// The parameters with one of them set otherwise, or gone.
fn spoilt(
    good: &[(&'static str, String)],
    (name, value, _): &WrongParameter,
) -> Vec<(&'static str, String)> {
    let mut parameters = good.to_vec();
    parameters.retain(|(known, _)| known != name);
    parameters.extend(value.clone().map(|value| (*name, value)));
    parameters
}

#[tokio::test]
async fn every_wrong_parameter_is_refused_with_nims_code_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let before = fixture.state().await;
    let mut refusals = 0;
    for call in &CALLS {
        let good = call.good(&fixture.values);
        for fault in call.faults(&fixture.values) {
            let answer = fixture.sdk.call(call.path, &borrowed(&spoilt(&good, &fault))).await;
            let (name, value, code) = fault;
            let value = value.unwrap_or_else(|| "(absent)".to_owned());
            let what = format!("{} {name}={:.40}", call.path, value);
            schema::assert_refused(&answer, code, &what);
            let desc = answer["desc"].as_str().unwrap();
            assert!(value.len() < 5 || !desc.contains(&value), "{what}: {desc} shows the value");
            refusals += 1;
        }
        fixture.assert_unchanged(&before, call.path).await;
    }
    println!("{refusals} refusals");
    for call in &CALLS {
        let answer = fixture.sdk.ok(call.path, &borrowed(&call.good(&fixture.values))).await;
        if let Some(form) = schema::success(call.path) {
            schema::assert_form(&form, &answer, &format!("the control: {}", call.path));
        }
    }
    assert_ne!(fixture.state().await, before, "the control: the good calls change lists");
}

/// A message to bob that would show in two lists.
fn good(sdk: &Sdk) -> SdkRequest {
    let parameters = [
        ("from", "eve"),
        ("to", "amy"),
        ("ope", "0"),
        ("type", "0"),
        ("body", "{\"msg\":\"stolen\"}"),
    ];
    sdk.request("/msg/sendMsg.action", &parameters)
}

/// The good request with a header missing, wrong or old.
fn unsigned(server: &TestServer, sdk: &Sdk) -> Vec<(String, SdkRequest)> {
    let mut wrong: Vec<(String, SdkRequest)> = Vec::new();
    for name in ["AppKey", "Nonce", "CurTime", "CheckSum"] {
        wrong.push((format!("no {name}"), good(sdk).without(name)));
        for value in ["", "0", "a b", "é", "nobody"] {
            wrong.push((format!("{name} is {value:?}"), good(sdk).with(name, value)));
        }
        let mut twice = good(sdk);
        let value = twice.header(name).clone();
        twice.headers.push((name, format!("{value}x")));
        wrong.push((format!("two of {name}"), twice));
    }
    wrong.push(("the other app's key".to_owned(), good(sdk).with("AppKey", "ab")));
    let other = sdk_of(server, "ab");
    wrong.push(("the other app's secret".to_owned(), good(&other).with("AppKey", "a")));
    let mut cut = good(sdk);
    cut.header("CheckSum").pop();
    wrong.push(("a sum cut short".to_owned(), cut));
    let mut nonce = good(sdk);
    nonce.header("Nonce").push('0');
    wrong.push(("another nonce".to_owned(), nonce));
    let now = now_s();
    let off = 5 * 60 + 5;
    for cur_time in [now - off, now + off, 0, now * 1_000, 1_700_000_000] {
        let signed = sdk.signed_at(good(sdk), &cur_time.to_string());
        wrong.push((format!("signed at {cur_time}"), signed));
    }
    for cur_time in
        [format!("+{now}"), format!("{now}.0"), format!("0x{now:x}"), format!("{now}0000000000")]
    {
        let signed = sdk.signed_at(good(sdk), &cur_time);
        wrong.push((format!("signed at {cur_time}"), signed));
    }
    wrong
}

#[tokio::test]
async fn a_wrong_signature_is_refused_on_every_call_and_an_old_one_too() {
    let fixture = Fixture::new().await;
    let (server, sdk) = (&fixture.server, &fixture.sdk);
    let before = fixture.state().await;
    for (what, request) in unsigned(server, sdk) {
        let answer = sdk.send(&request).await;
        schema::assert_refused(&answer, 414, &what);
        let desc = answer["desc"].as_str().unwrap();
        assert!(!desc.contains(server.app("a").secret.expose()), "{what}: {desc}");
    }
    for call in &CALLS {
        let request = sdk.request(call.path, &borrowed(&call.good(&fixture.values)));
        let answer = sdk.send(&request.with("CheckSum", &"0".repeat(40))).await;
        schema::assert_refused(&answer, 414, call.path);
    }
    fixture.assert_unchanged(&before, "all of them").await;
    for off in [-295, 295] {
        let at = now_s().saturating_add_signed(off).to_string();
        let answer = sdk.send(&sdk.signed_at(good(sdk), &at)).await;
        assert_eq!(answer["code"], 200, "the control: {off} s off: {answer}");
    }
    assert_ne!(fixture.state().await, before, "the control: the good ones do");
}

#[tokio::test]
async fn what_is_no_call_of_nims_gets_200_and_a_code() {
    let fixture = Fixture::new().await;
    let sdk = &fixture.sdk;
    let before = fixture.state().await;
    let mut cases: Vec<(SdkRequest, u64)> = Vec::new();
    for path in
        ["/msg/sendMessage.action", "/user/getUinfos.action", "/x.action", "/team/a/b.action"]
    {
        cases.push((sdk.request(path, &[]), 404));
        let unsigned = SdkRequest { headers: Vec::new(), ..sdk.request(path, &[]) };
        cases.push((unsigned, 404));
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        cases.push((SdkRequest { method, ..good(sdk) }, 414));
    }
    // Not a form: JSON, broken UTF-8, and one that is larger than any call.
    let json = b"{\"from\":\"eve\",\"to\":\"amy\"}".to_vec();
    cases.push((SdkRequest { body: json.clone(), ..good(sdk) }, 414));
    let json = SdkRequest { body: json, ..good(sdk) };
    cases.push((json.with("Content-Type", "application/json"), 414));
    for body in
        [&b"from=%FF&to=amy&ope=0&type=0&body=%7B%22msg%22%3A%22x%22%7D"[..], b"from=\xff", b""]
    {
        cases.push((SdkRequest { body: body.to_vec(), ..good(sdk) }, 414));
    }
    for bytes in [5 << 20, 12 << 20] {
        let body = [b"from=eve&x=".to_vec(), vec![b'x'; bytes]].concat();
        cases.push((SdkRequest { body, ..good(sdk) }, 414));
    }
    for (request, code) in cases {
        let body: String = String::from_utf8_lossy(&request.body).chars().take(40).collect();
        let what = format!("{} {} {body}", request.method, request.path);
        schema::assert_refused(&sdk.send(&request).await, code, &what);
    }
    fixture.assert_unchanged(&before, "all of them").await;
}

/// NIM's SDKs throw on any other status, and lose a text that is not under `msg`.
#[tokio::test]
async fn version_2_of_nims_api_got_http_404() {
    let server = TestServer::start().await;
    for path in ["/im/v2", "/im/v2/accounts/amy", "/im/v2.1/messages", "/nimserver/im/v2/teams/1"] {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            let answer = server.http.send(method.clone(), path, &[], "").await;
            assert_eq!(answer.header("content-type"), "application/json");
            let json = answer.ok();
            schema::assert_form(&json!({"code": 404, "msg": "string"}), &json, path);
        }
    }
    for path in ["/im/v3/accounts", "/v1/im/v2/x", "/nimserverx/im/v2"] {
        server.http.get(path, "").await.assert_problem(404, 404, "no such path");
    }
}

#[tokio::test]
async fn the_health_probe_of_the_sdk_is_answered() {
    let server = TestServer::start().await;
    for prefix in ["", "/nimserver"] {
        let path = format!("{prefix}/health/liveness.action");
        assert_eq!(server.http.send(Method::GET, &path, &[], "").await.status, 200, "{path}");
    }
}
