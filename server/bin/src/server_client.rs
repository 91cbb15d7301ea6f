//! Calls of a running Huihua server, each retried until it is done: what the importing commands
//! share.

use std::time::{Duration, Instant};

use huihua_core::{
    client::{self, AttemptFailure, Backoff, HttpAnswer},
    paths,
};
use reqwest::{
    Client, Method, Response, Url,
    header::{CONTENT_TYPE, HeaderName, RETRY_AFTER},
    redirect::Policy,
};

/// Longest ceiling of the backoff between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Longest `Retry-After` that is obeyed.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// What is said of an answer that no Huihua server writes.
pub(crate) const FOREIGN: &str = "this is not an answer of a Huihua server";

/// The address is wrong, or no HTTP client can be created for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidUrl(String);

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The server refuses; a retry will not help.
    Refused { status: u16, detail: String },
    /// The server could not be reached, or was unavailable, for too long.
    GaveUp {
        attempts: u32,
        /// The result of the last attempt.
        reason: String,
    },
}

/// Why one attempt failed.
enum AttemptError {
    /// A retry may help, after this pause if the server named one.
    Retryable { reason: String, retry_after: Option<Duration> },
    /// A retry will not help.
    Refused { status: u16, detail: String },
}

/// A call: the same at each attempt.
pub(crate) struct ServerRequest<'a> {
    pub(crate) method: Method,
    /// Percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) bearer: &'a str,
    /// JSON.
    pub(crate) body: String,
    /// The status of a success.
    pub(crate) success: u16,
    pub(crate) idempotency_key: Option<&'a str>,
    /// A status after which a retry does not help here, whatever its answer says.
    pub(crate) final_status: Option<u16>,
}

/// Creates an HTTP client for an address, which it checks.
pub(crate) fn http_client(url: &str, attempt: Duration) -> Result<Client, InvalidUrl> {
    // An error means that the program has installed a provider before: that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let form = || InvalidUrl("must be https://host[:port][/prefix]".to_owned());
    let parsed = Url::parse(url).map_err(|_| form())?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.query().is_some() {
        return Err(form());
    }
    // A proxy of the environment would see the keys.
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT.min(attempt))
        .timeout(attempt)
        .build()
        .map_err(|error| InvalidUrl(error.without_url().to_string()))
}

/// An HTTP client of one server.
pub(crate) struct ServerClient {
    http: Client,
    /// Without a slash at its end.
    url: String,
    retry_for: Duration,
}

impl ServerClient {
    /// `retry_for`: how long to retry a call while the server is unavailable.
    pub(crate) fn new(url: &str, retry_for: Duration) -> Result<Self, InvalidUrl> {
        let http = http_client(url, ATTEMPT_TIMEOUT)?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), retry_for })
    }

    /// Makes the call until it is done, and returns the body of the answer. `on_retry` gets the
    /// reason before each further attempt, and the pause.
    #[expect(clippy::disallowed_methods, reason = "the time to retry begins here")]
    pub(crate) async fn call(
        &self,
        request: &ServerRequest<'_>,
        on_retry: impl Fn(&str, Duration),
    ) -> Result<Vec<u8>, CallError> {
        let (began, mut attempts, mut backoff) = (Instant::now(), 0, Backoff::new(BACKOFF_MAX));
        loop {
            attempts += 1;
            let (reason, retry_after) = match self.attempt(request).await {
                Ok(body) => return Ok(body),
                Err(AttemptError::Refused { status, detail }) => {
                    return Err(CallError::Refused { status, detail });
                }
                Err(AttemptError::Retryable { reason, retry_after }) => (reason, retry_after),
            };
            let time_left = self.retry_for.saturating_sub(began.elapsed());
            let pause = backoff.next_pause_within(time_left, retry_after, Backoff::random());
            let Some(pause) = pause else { return Err(CallError::GaveUp { attempts, reason }) };
            on_retry(&reason, pause);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &ServerRequest<'_>) -> Result<Vec<u8>, AttemptError> {
        let url = format!("{}{}", self.url, call.path);
        let mut request = self.http.request(call.method.clone(), url).bearer_auth(call.bearer);
        if let Some(key) = call.idempotency_key {
            request = request.header(paths::IDEMPOTENCY_KEY, key);
        }
        let request = request.header(CONTENT_TYPE, "application/json").body(call.body.clone());
        let no_answer =
            |error| AttemptError::Retryable { reason: no_answer(error), retry_after: None };
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let [content_type, retry_after] =
            [CONTENT_TYPE, RETRY_AFTER].map(|name| header(&response, &name));
        let body = response.bytes().await.map_err(no_answer)?.to_vec();
        let answer = HttpAnswer { status, content_type, retry_after, body };
        answer.into_body(call.success).map_err(|failure| match failed(status, failure) {
            AttemptError::Retryable { reason: detail, .. } if call.final_status == Some(status) => {
                AttemptError::Refused { status, detail }
            }
            other => other,
        })
    }
}

/// Returns a header that is text.
pub(crate) fn header(response: &Response, name: &HeaderName) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Says why a server could not be reached, or broke off. Never shows the address.
pub(crate) fn no_answer(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    // The first one knows most: "Connection refused", and not that a client had an error.
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("no answer: {cause}")
}

/// The server answered with an error.
fn failed(status: u16, failure: AttemptFailure) -> AttemptError {
    let retry_after = failure.retry_after.map(|pause| pause.min(RETRY_AFTER_MAX));
    let is_retryable = failure.error.retryable();
    let detail = match failure.error {
        client::Error::Failed { detail, .. } => detail,
        client::Error::Answer { .. } => FOREIGN.to_owned(),
        other @ (client::Error::TokenProvider { .. } | client::Error::Option { .. }) => {
            other.to_string()
        }
    };
    if is_retryable {
        return AttemptError::Retryable {
            reason: format!("status {status}, {detail}"),
            retry_after,
        };
    }
    AttemptError::Refused { status, detail }
}
