//! `samples`: delivers the sample message copies to a running server, as NIM does: signed, over
//! several connections, again while the server is unavailable.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use huihua_core::{AppKey, client::Backoff, paths};
use huihua_http::{app::Secret, clock};
use huihua_nim::copy;
use reqwest::{
    Client,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{
    args::{KeyArguments, SamplesArguments},
    config,
    progress::ImportProgress,
    server_client::{FOREIGN, InvalidUrl, RETRY_AFTER_MAX, header, http_client, no_answer},
};

/// One copy a line; `samples/README.md` tells their story.
const COPIES: &str = include_str!("../../../samples/nim-copy.jsonl");
/// The account whose list they fill most.
const ACCOUNT: &str = "lin";
/// What NIM's console posts to check an address.
const ADDRESS_CHECK: &str = "{}";
/// NIM sends over several connections, so copies pass one another.
const CONNECTIONS: usize = 4;
/// Longest time of one attempt; the server answers after its disk.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest ceiling of the backoff between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Why the delivery ended early. What was delivered stays; delivering it again changes nothing.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "name where the app's key and secret are: --data (a folder of dev), --config, or --app \
         with --secret-file"
    )]
    NoKeys,
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("cannot read {path}")]
    SecretFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("--to: {0}")]
    Url(#[from] InvalidUrl),
    #[error(
        "the server refused the signature (403, code 414: so NIM would be answered too): it has no \
         app {app_key}, or that app has another secret. Compare both with the [[app]] of its \
         configuration; its log says which of the two it is"
    )]
    WrongSecret { app_key: AppKey },
    #[error(
        "the server refused {what} as malformed (status {status}, code 414): it is of another \
         version than this program"
    )]
    Malformed { what: String, status: u16 },
    #[error(
        "{FOREIGN}: status {status} from {}. --to is the server's address without that path",
        paths::NIM_COPY
    )]
    Foreign { status: u16 },
    #[error(
        "gave up at {what} after {attempts} attempts: {reason}. Deliver the samples again once the \
         server is available: those that it has change nothing"
    )]
    GaveUp { what: String, attempts: u32, reason: String },
}

/// Delivers all copies, and says where to look.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: SamplesArguments) -> Result<(), Box<dyn std::error::Error>> {
    let (app_key, secret) = keys(&arguments)?;
    let url = arguments.to.trim_end_matches('/').to_owned();
    let http = http_client(&url, ATTEMPT_TIMEOUT).map_err(Error::from)?;
    let retry_for = arguments.retry_for;
    let sender = Sender { http, url, app_key, secret, retry_for };
    let copies: Vec<&str> = COPIES.lines().collect();
    let progress = Arc::new(ImportProgress::new("copies", copies.len() as u64));
    let delivered = deliver(Arc::new(sender), &copies, &progress).await;
    progress.finish();
    delivered?;
    let token = token_command(&arguments);
    writeln!(
        io::stdout(),
        "{} sample copies delivered to {}: each is on the server's disk, or moves no list.\n\
         The fullest list is {ACCOUNT}'s; its token: {token}",
        copies.len(),
        arguments.to,
    )?;
    Ok(())
}

/// Reads the app's key and secret from where the arguments name them.
fn keys(arguments: &SamplesArguments) -> Result<(AppKey, Secret), Error> {
    let SamplesArguments { data, config, secret_file, app, .. } = arguments;
    if let (Some(path), Some(app_key)) = (secret_file, app) {
        let failed = |source| Error::SecretFile { path: path.clone(), source };
        let text = fs::read_to_string(path).map_err(failed)?;
        return Ok((app_key.clone(), Secret::new(text.trim_end_matches(['\n', '\r']))));
    }
    if data.is_none() && config.is_none() {
        return Err(Error::NoKeys);
    }
    let keys = KeyArguments { data: data.clone(), config: config.clone(), app: app.clone() };
    let app = keys.load()?;
    Ok((app.key, app.secret))
}

/// Returns the command that prints a token for the fullest list.
fn token_command(arguments: &SamplesArguments) -> String {
    let place = match (&arguments.data, &arguments.config) {
        (Some(data), _) => format!("--data {}", data.display()),
        (None, Some(config)) => format!("--config {}", config.display()),
        (None, None) => "--config FILE".to_owned(),
    };
    let app = arguments.app.as_ref().map_or(String::new(), |app| format!(" --app {app}"));
    format!("huihua-server token {place}{app} --account {ACCOUNT}")
}

/// Delivers the address check, then every copy, each connection the next one. An error ends all.
async fn deliver(
    sender: Arc<Sender>,
    copies: &[&'static str],
    progress: &Arc<ImportProgress>,
) -> Result<(), Error> {
    // A wrong address or secret shows before anything is delivered.
    sender.send("the address check", ADDRESS_CHECK, progress).await?;
    let (next, copies) = (Arc::new(AtomicUsize::new(0)), Arc::new(copies.to_vec()));
    let mut connections: JoinSet<Result<(), Error>> = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (sender, progress) = (Arc::clone(&sender), Arc::clone(progress));
        let (next, copies) = (Arc::clone(&next), Arc::clone(&copies));
        connections.spawn(async move {
            loop {
                let at = next.fetch_add(1, Relaxed);
                let Some(copy) = copies.get(at) else { return Ok(()) };
                sender.send(&format!("copy {}", at + 1), copy, &progress).await?;
                progress.advance(1);
            }
        });
    }
    while let Some(ended) = connections.join_next().await {
        ended.expect("a delivery neither panics nor is aborted")?;
    }
    Ok(())
}

/// Delivers copies of one app to one server.
struct Sender {
    http: Client,
    /// Without a slash at its end.
    url: String,
    app_key: AppKey,
    secret: Secret,
    retry_for: Duration,
}

/// How one attempt ended.
enum Attempt {
    Received,
    Retry { reason: String, retry_after: Option<Duration> },
    Refused { status: u16 },
    Foreign { status: u16 },
}

impl Sender {
    /// Sends a copy until it is received. `what` names it for a user.
    #[expect(clippy::disallowed_methods, reason = "the time to retry begins here")]
    async fn send(&self, what: &str, copy: &str, progress: &ImportProgress) -> Result<(), Error> {
        let (began, mut attempts, mut backoff) = (Instant::now(), 0, Backoff::new(BACKOFF_MAX));
        loop {
            attempts += 1;
            let (reason, retry_after) = match self.attempt(copy).await {
                Attempt::Received => return Ok(()),
                Attempt::Refused { status: 403 } => {
                    return Err(Error::WrongSecret { app_key: self.app_key.clone() });
                }
                Attempt::Refused { status } => {
                    return Err(Error::Malformed { what: what.to_owned(), status });
                }
                Attempt::Foreign { status } => return Err(Error::Foreign { status }),
                Attempt::Retry { reason, retry_after } => (reason, retry_after),
            };
            let time_left = self.retry_for.saturating_sub(began.elapsed());
            let pause = backoff.next_pause_within(time_left, retry_after, Backoff::random());
            let Some(pause) = pause else {
                return Err(Error::GaveUp { what: what.to_owned(), attempts, reason });
            };
            progress.line(&format!("{what}: {reason}; the next attempt is in {pause:.1?}"));
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, copy: &str) -> Attempt {
        let time = clock::now_ms().to_string();
        let sum = copy::check_sum(self.secret.expose(), copy.as_bytes(), &time);
        let request = self
            .http
            .post(format!("{}{}", self.url, paths::NIM_COPY))
            .header(CONTENT_TYPE, "application/json")
            .header("AppKey", self.app_key.as_str())
            .header("CurTime", time)
            .header("CheckSum", sum)
            .body(copy.to_owned());
        let retry = |error| Attempt::Retry { reason: no_answer(error), retry_after: None };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return retry(error),
        };
        let status = response.status().as_u16();
        let retry_after = header(&response, &RETRY_AFTER)
            .and_then(|text| text.parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return retry(error),
        };
        read(status, &body, retry_after)
    }
}

/// Reads what a server answers to a copy, by its status and NIM's code.
fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Attempt {
    #[derive(Deserialize)]
    struct CopyAnswer {
        code: u16,
    }
    let code = serde_json::from_slice::<CopyAnswer>(body).ok().map(|answer| answer.code);
    match (status, code) {
        (200, Some(200)) => Attempt::Received,
        (400 | 403 | 413, Some(414)) => Attempt::Refused { status },
        (503, Some(503)) => {
            let reason = "status 503, the server could not store it".to_owned();
            Attempt::Retry { reason, retry_after }
        }
        // Of a proxy before it.
        (429 | 502..=504, _) => Attempt::Retry { reason: format!("status {status}"), retry_after },
        _ => Attempt::Foreign { status },
    }
}
