//! Calls of NIM's server API: signed, paced, and tried again where that helps. What they answer is
//! read elsewhere. A Huihua server answers them too, so its lists are read in the same way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_core::{AccountForm, client::Backoff};
use huihua_http::{
    app::{App, Secret},
    clock,
};
use huihua_nim::check_sum;
use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::Value;

use super::{error::Error, json, rate::CallRate, steps::Steps};
use crate::server_client::{RETRY_AFTER_MAX, header, http_client, no_answer};

/// Longest ceiling of the backoff between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Most attempts at one call of NIM: with the pauses between them about half a minute.
pub(super) const ATTEMPTS_MAX: u32 = 10;
/// Calls that fail one after the other before NIM counts as away: one of each worker.
const FAILURES_MAX: u32 = 8;
/// Longest text of NIM that is shown, in characters.
const DESC_CHARS_MAX: usize = 120;

/// Why a call is not answered.
pub(super) enum NimError {
    /// 403 `func not enable`.
    FeatureOff,
    /// Another code; a retry will not help.
    Refused { code: u64, desc: String },
    /// Every attempt failed.
    GaveUp { attempts: u32, reason: String },
    /// No further call would succeed.
    Fatal(Error),
}

/// Which server is called, and how patiently.
pub(super) struct NimServer<'a> {
    /// For the user.
    pub(super) whose: &'static str,
    /// The option that names it.
    pub(super) option: &'static str,
    pub(super) url: &'a str,
    pub(super) attempt: Duration,
    pub(super) attempts_max: u32,
    /// How long to retry one call.
    pub(super) retry_for: Duration,
    pub(super) calls_per_second: Option<u32>,
}

/// An HTTP client of one server's API for one app.
pub(super) struct NimApi {
    http: Client,
    whose: &'static str,
    option: &'static str,
    url: String,
    app_key: String,
    secret: Secret,
    rate: Option<CallRate>,
    attempts_max: u32,
    retry_for: Duration,
    steps: Arc<Steps>,
    /// How the app writes ids.
    pub(super) ids: AccountForm,
    answered: AtomicBool,
    failures: AtomicU32,
    too_frequent: AtomicU64,
}

/// The outcome of an attempt.
enum Attempt {
    Answer(Value),
    Retry { reason: String, retry_after: Option<Duration>, too_frequent: bool },
    Failed(NimError),
}

impl NimApi {
    pub(super) fn new(server: &NimServer<'_>, app: &App, steps: Arc<Steps>) -> Result<Self, Error> {
        let wrong = |source| Error::Url { option: server.option, source };
        Ok(Self {
            http: http_client(server.url, server.attempt).map_err(wrong)?,
            whose: server.whose,
            option: server.option,
            url: server.url.trim_end_matches('/').to_owned(),
            app_key: app.key.as_str().to_owned(),
            secret: app.secret.clone(),
            rate: server.calls_per_second.map(CallRate::new),
            attempts_max: server.attempts_max,
            retry_for: server.retry_for,
            steps,
            ids: app.accounts,
            answered: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            too_frequent: AtomicU64::new(0),
        })
    }

    /// Returns how often the server answered 416.
    pub(super) fn too_frequent(&self) -> u64 {
        self.too_frequent.load(Ordering::Relaxed)
    }

    /// Makes a call, `path` as `/team/query.action`, and returns its answer of code 200.
    pub(super) async fn call(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, NimError> {
        let outcome = self.attempts(path, form).await;
        if let Err(NimError::GaveUp { reason, .. }) = &outcome {
            let calls = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
            if calls >= FAILURES_MAX {
                let reason = reason.clone();
                return Err(NimError::Fatal(Error::NimAway { calls, reason }));
            }
        } else {
            self.failures.store(0, Ordering::Relaxed);
        }
        outcome
    }

    #[expect(clippy::disallowed_methods, reason = "the time to retry begins here")]
    async fn attempts(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, NimError> {
        let (began, mut attempts, mut backoff) = (Instant::now(), 0, Backoff::new(BACKOFF_MAX));
        loop {
            attempts += 1;
            if let Some(rate) = &self.rate {
                rate.wait().await;
            }
            let (reason, retry_after, too_frequent) = match self.attempt(path, form).await {
                Attempt::Answer(answer) => {
                    self.answered.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Attempt::Failed(error) => return Err(error),
                Attempt::Retry { reason, retry_after, too_frequent } => {
                    (reason, retry_after, too_frequent)
                }
            };
            let time_left = self.retry_for.saturating_sub(began.elapsed());
            let pause = backoff.next_pause_within(time_left, retry_after, Backoff::random());
            let pause = pause.filter(|_| attempts < self.attempts_max);
            let Some(pause) = pause else { return Err(NimError::GaveUp { attempts, reason }) };
            self.steps.waits(self.whose, &reason, pause);
            match &self.rate {
                // What NIM says to one worker is true for all of them.
                Some(rate) if too_frequent => {
                    self.too_frequent.fetch_add(1, Ordering::Relaxed);
                    rate.hold(pause);
                }
                _ => tokio::time::sleep(pause).await,
            }
        }
    }

    async fn attempt(&self, path: &str, form: &[(&str, &str)]) -> Attempt {
        let nonce = format!("{:08x}{:08x}", Backoff::random(), Backoff::random());
        let cur_time = (clock::now_ms() / 1_000).to_string();
        let sum = check_sum::of(self.secret.expose(), &nonce, &cur_time);
        let body = Url::parse_with_params("http://form", form).expect("the base is constant");
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("AppKey", &self.app_key)
            .header("Nonce", nonce)
            .header("CurTime", cur_time)
            .header("CheckSum", sum)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded;charset=utf-8")
            .body(body.query().unwrap_or_default().to_owned());
        let retry = |reason| Attempt::Retry { reason, retry_after: None, too_frequent: false };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return retry(no_answer(error)),
        };
        let status = response.status().as_u16();
        let retry_after = header(&response, &RETRY_AFTER).and_then(|text| text.parse().ok());
        let retry_after = retry_after.map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX));
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return retry(no_answer(error)),
        };
        self.outcome(status, retry_after, &body)
    }

    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Attempt {
        let retry =
            |reason: String, too_frequent| Attempt::Retry { reason, retry_after, too_frequent };
        match status {
            200 => {}
            408 | 429 | 500.. => return retry(format!("HTTP status {status}"), status == 429),
            _ if !self.answered.load(Ordering::Relaxed) => {
                let (whose, option) = (self.whose, self.option);
                let error = Error::NotTheApi { whose, option, status };
                return Attempt::Failed(NimError::Fatal(error));
            }
            _ => {
                let desc = "an HTTP status, not an answer of NIM's API".to_owned();
                return Attempt::Failed(NimError::Refused { code: status.into(), desc });
            }
        }
        let Ok(answer @ Value::Object(_)) = serde_json::from_slice(body) else {
            return retry("the answer is not JSON".to_owned(), false);
        };
        let code = json::number(&answer, "code");
        let desc: String = json::text(&answer, "desc").chars().take(DESC_CHARS_MAX).collect();
        match code {
            200 => Attempt::Answer(answer),
            408 | 416 | 500 | 503 | 514 => {
                retry(format!("code {code} {desc}").trim_end().to_owned(), code == 416)
            }
            403 if desc.to_lowercase().contains("func") => Attempt::Failed(NimError::FeatureOff),
            414 if self.is_of_signature(&desc) => {
                Attempt::Failed(NimError::Fatal(Error::Signature { whose: self.whose, desc }))
            }
            _ => Attempt::Failed(NimError::Refused { code, desc }),
        }
    }

    /// Returns whether a 414 is about the signature: it says so, or nothing was ever answered and
    /// it says nothing of an account.
    fn is_of_signature(&self, desc: &str) -> bool {
        let words: String =
            desc.to_lowercase().chars().filter(|c| c.is_ascii_alphabetic()).collect();
        let names = |names: &[&str]| names.iter().any(|name| words.contains(name));
        names(&["checksum", "curtime", "nonce", "appkey"])
            || !self.answered.load(Ordering::Relaxed)
                && !names(&["accid", "regist", "account", "uid", "tid", "team"])
    }
}

#[cfg(test)]
mod tests {
    use huihua_core::AppKey;

    use super::*;

    #[tokio::test]
    async fn a_nim_that_is_away_ends_the_import() {
        let secret = Secret::new("s");
        let app = App {
            key: AppKey::new("a").unwrap(),
            accounts: AccountForm::Nim,
            secret: secret.clone(),
            token_keys: vec![secret.clone()],
            ingest_keys: vec![secret],
        };
        // Taken and closed: nobody listens there.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = NimServer {
            whose: "NIM",
            option: "from",
            url: &format!("http://{closed}"),
            attempt: Duration::from_secs(5),
            attempts_max: 2,
            retry_for: Duration::MAX,
            calls_per_second: Some(1_000),
        };
        let api = NimApi::new(&server, &app, Arc::default()).unwrap();
        for call in 1..FAILURES_MAX {
            let failed = api.call("/x.action", &[]).await;
            assert!(matches!(failed, Err(NimError::GaveUp { attempts: 2, .. })), "{call}");
        }
        let Err(NimError::Fatal(error)) = api.call("/x.action", &[]).await else { panic!() };
        let said = error.to_string();
        assert!(said.starts_with("NIM did not answer 8 calls in a row"), "{said}");
        assert!(!said.contains("127.0.0.1"), "{said}");
    }
}
