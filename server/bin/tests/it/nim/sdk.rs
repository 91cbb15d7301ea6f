//! Speaks as NIM's server SDKs do: signed, form-encoded as Java's `URLEncoder` writes, parameters
//! in no order, absent where null, a `RequestId` for each call that its retries keep, over
//! connections that stay. Every answer must be HTTP 200 and JSON.

use std::{sync::Mutex, time::Duration};

use huihua_http::clock::{self, Clock};
use reqwest::{Client, Method};
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::seed::Seed;

/// Longest wait for an answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// A request of the SDK, whole but not yet sent.
#[derive(Debug, Clone)]
pub(crate) struct SdkRequest {
    pub(crate) method: Method,
    /// With the prefix.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl SdkRequest {
    pub(crate) fn header(&mut self, name: &str) -> &mut String {
        let header = self.headers.iter_mut().find(|(known, _)| *known == name);
        &mut header.unwrap_or_else(|| panic!("the SDK sends no {name}")).1
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.header(name);
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        value.clone_into(self.header(name));
        self
    }
}

/// NIM's SDK for one app.
pub(crate) struct Sdk {
    client: Client,
    url: String,
    app_key: String,
    secret: String,
    seed: Mutex<Seed>,
    clock: Clock,
}

impl Sdk {
    pub(crate) fn new(url: &str, app_key: &str, secret: &str, seed: Seed) -> Self {
        let client = Client::builder().no_proxy().timeout(ANSWER_WAIT_MAX);
        Self {
            client: client.build().unwrap(),
            url: url.to_owned(),
            app_key: app_key.to_owned(),
            secret: secret.to_owned(),
            seed: Mutex::new(seed),
            clock: Clock::default(),
        }
    }

    /// The same with another clock.
    pub(crate) fn at(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The request of a call, as the SDK makes it now. `path` without `/nimserver`.
    pub(crate) fn request(&self, path: &str, parameters: &[(&str, &str)]) -> SdkRequest {
        let mut seed = self.seed.lock().unwrap();
        let hex = |seed: &mut Seed| format!("{:016x}{:016x}", seed.next(), seed.next());
        let (nonce, request_id) = (hex(&mut seed), hex(&mut seed));
        let cur_time = (self.clock.now_ms() / 1_000).to_string();
        let check_sum = check_sum(&self.secret, &nonce, &cur_time);
        let headers = vec![
            ("AppKey", self.app_key.clone()),
            ("CurTime", cur_time),
            ("Nonce", nonce),
            ("CheckSum", check_sum),
            ("RequestId", request_id),
            ("User-Agent", "nim-server-sdk-java/1.0".to_owned()),
            ("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned()),
            ("Accept-Encoding", "gzip".to_owned()),
        ];
        let mut pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", url_encode(name), url_encode(value)))
            .collect();
        seed.shuffle(&mut pairs);
        let prefix = seed.pick(&["", "/nimserver"]);
        SdkRequest {
            method: Method::POST,
            path: format!("{prefix}{path}"),
            headers,
            body: pairs.join("&").into(),
        }
    }

    /// Signs the request anew for another time, in seconds.
    pub(crate) fn signed_at(&self, request: SdkRequest, cur_time: &str) -> SdkRequest {
        let mut request = request;
        let sum = check_sum(&self.secret, request.header("Nonce"), cur_time);
        request.with("CurTime", cur_time).with("CheckSum", &sum)
    }

    /// Status, content type and body; an error when no whole answer came.
    pub(crate) async fn try_send(
        &self,
        request: &SdkRequest,
    ) -> Result<(u16, String, String), reqwest::Error> {
        let url = format!("{}{}", self.url, request.path);
        let mut built = self.client.request(request.method.clone(), url);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        let answer = built.body(request.body.clone()).send().await?;
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap());
        let kind = kind.unwrap_or("").to_owned();
        Ok((answer.status().as_u16(), kind, answer.text().await?))
    }

    /// The answer's JSON; `code` is a number.
    pub(crate) async fn send(&self, request: &SdkRequest) -> Value {
        let what = format!("{} {}", request.method, request.path);
        let (status, kind, body) = self.try_send(request).await.unwrap();
        assert_eq!(status, 200, "{what}: {body}");
        assert!(kind.starts_with("application/json"), "{what}: {kind:?}");
        let json: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
        assert!(json["code"].is_u64(), "{what}: {json}");
        json
    }

    pub(crate) async fn call(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        self.send(&self.request(path, parameters)).await
    }

    /// The answer, whose code must be 200.
    pub(crate) async fn ok(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = self.call(path, parameters).await;
        assert_eq!(answer["code"], 200, "{path} {parameters:?}: {answer}");
        answer
    }
}

pub(crate) fn now_s() -> u64 {
    clock::now_ms() / 1_000
}

/// hex(sha1(app secret + nonce + curTime)), from NIM's documents.
fn check_sum(secret: &str, nonce: &str, cur_time: &str) -> String {
    hex::encode(Sha1::digest(format!("{secret}{nonce}{cur_time}")))
}

/// As `java.net.URLEncoder` in UTF-8: letters, digits and `.-*_` stay, a space is `+`.
fn url_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
