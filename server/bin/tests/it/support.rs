//! A real server for each test: in this process, or as the real binary. Nothing is mocked.

use std::{
    collections::HashMap,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use huihua_core::{AccountForm, AppKey};
use huihua_http::{
    app::{App, Apps, Secret},
    auth,
    clock::{self, Clock},
    live::Live,
    server::{Limits, Server, StartError},
};
use huihua_nim::copy;
use huihua_store_redb::{Memory, RedbStore};
use reqwest::{Client, ClientBuilder, Method, header::CONTENT_TYPE};
pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

/// A time long ago, so that no test depends on the clock.
pub(crate) const T0: u64 = 1_700_000_000_000;
/// Longest wait for a child process to do what it must.
const CHILD_WAIT_MAX: Duration = Duration::from_secs(30);

/// Longest wait for an answer: longer than the server holds a sync. Without it a call once waited
/// for ever, where its server had been killed and no connection was left; hyper#2312 describes the
/// like.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);

/// Longest wait for what must happen at once.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);

/// Sends a signal. Not by the program `kill`, which not every machine has.
pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct ReceivedAnswer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
    pub(crate) version: reqwest::Version,
}

impl ReceivedAnswer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// The JSON of a success.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Asserts an error: status, NIM's code, and what the detail must name.
    pub(crate) fn assert_problem(&self, status: u16, code: u16, detail: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self:?}");
        assert_eq!(problem["code"], code, "{self:?}");
        let shown = problem["detail"].as_str().unwrap();
        assert!(shown.contains(detail), "{shown:?} does not name {detail:?}");
    }
}

/// An HTTP client of one server.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    pub(crate) url: String,
}

impl Http {
    pub(crate) fn new(url: String) -> Self {
        Self::with(|client| client, url)
    }

    /// A client with other settings.
    pub(crate) fn with(change: impl FnOnce(ClientBuilder) -> ClientBuilder, url: String) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        });
        let client = change(Client::builder().no_proxy().timeout(ANSWER_WAIT_MAX));
        Self { client: client.build().unwrap(), url }
    }

    /// The address of its server.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// A request with any headers; an error when no whole answer came.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<ReceivedAnswer, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let version = response.version();
        Ok(ReceivedAnswer { status, headers, body: response.text().await?, version })
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> ReceivedAnswer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    /// A client's request; a body goes as JSON.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &str,
    ) -> ReceivedAnswer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !body.is_empty() {
            headers.push((CONTENT_TYPE.as_str(), "application/json"));
        }
        self.send(method, path, &headers, body.to_owned()).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> ReceivedAnswer {
        self.call(Method::GET, path, token, "").await
    }

    pub(crate) async fn set_ext(&self, id: &str, token: &str, ext: &str) -> ReceivedAnswer {
        let path = format!("/v1/sessions/{}/ext", id.replace('|', "%7C"));
        let body = serde_json::json!({ "ext": ext }).to_string();
        self.call(Method::PUT, &path, token, &body).await
    }

    pub(crate) async fn delete(&self, ids: &[&str], token: &str) -> ReceivedAnswer {
        let body = serde_json::json!({ "sessionIds": ids }).to_string();
        self.call(Method::POST, "/v1/sessions/delete", token, &body).await
    }

    /// Events of the app with this ingest key.
    pub(crate) async fn events(&self, ingest_key: &str, events: Value) -> ReceivedAnswer {
        let body = serde_json::json!({ "events": events }).to_string();
        self.call(Method::POST, "/v1/events", ingest_key, &body).await
    }

    /// `GET /v1/sync`; `query` without `?`.
    pub(crate) async fn sync(&self, token: &str, query: &str) -> Value {
        self.get(&format!("/v1/sync?{query}"), token).await.ok()
    }

    /// The cursor of now.
    pub(crate) async fn latest(&self, token: &str) -> String {
        self.sync(token, "cursor=latest").await["cursor"].as_str().unwrap().to_owned()
    }

    /// A message copy, signed as NIM signs it.
    pub(crate) async fn try_copy(
        &self,
        app_key: &str,
        secret: &str,
        body: &str,
    ) -> Result<ReceivedAnswer, reqwest::Error> {
        let time = T0.to_string();
        let sum = copy::check_sum(secret, body.as_bytes(), &time);
        let headers = [("AppKey", app_key), ("CurTime", &time), ("CheckSum", &sum)];
        self.try_send(Method::POST, "/nim/copy", &headers, body.to_owned()).await
    }

    /// Session ids of the whole list, newest first, walked by page token.
    pub(crate) async fn list(&self, token: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut path = "/v1/sessions".to_owned();
        loop {
            let page = self.get(&path, token).await.ok();
            rows.extend(page["sessionList"].as_array().unwrap().iter().cloned());
            let Some(next) = page["nextPageToken"].as_str() else { return rows };
            assert_eq!(page["hasMore"], true);
            path = format!("/v1/sessions?pageToken={next}");
        }
    }
}

/// A server in this process, with two apps whose names and accounts collide if glued together.
pub(crate) struct TestServer {
    pub(crate) http: Http,
    pub(crate) apps: Apps,
    pub(crate) live: Arc<Live>,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// One of the two apps of every [`TestServer`]: `a` writes its account ids as NIM does, `ab` as
/// they come.
pub(crate) fn app(key: &str) -> App {
    let secret = |use_: &str| Secret::new(format!("{use_}-of-{key}-0123456789abcdef0123456789"));
    App {
        key: AppKey::new(key).unwrap(),
        accounts: if key == "a" { AccountForm::Nim } else { AccountForm::Exact },
        secret: secret("secret"),
        token_keys: vec![secret("token-key"), secret("old-token-key")],
        ingest_keys: vec![secret("ingest-key"), secret("old-ingest-key")],
    }
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), Limits::default()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_in(TempDir::new().unwrap(), limits).await
    }

    pub(crate) async fn start_in(folder: TempDir, limits: Limits) -> Self {
        Self::start_at(folder, limits, Clock::default()).await
    }

    /// Starts it with a clock of the test's.
    pub(crate) async fn start_at(folder: TempDir, limits: Limits, clock: Clock) -> Self {
        Self::start_as(folder, limits, clock, Ok).await
    }

    /// Starts it with another listener, which `change` makes of the usual one.
    pub(crate) async fn start_as(
        folder: TempDir,
        limits: Limits,
        clock: Clock,
        change: impl FnOnce(Server) -> Result<Server, StartError>,
    ) -> Self {
        let apps: Apps = ["a", "ab"].map(|key| (AppKey::new(key).unwrap(), app(key))).into();
        let store = Arc::new(RedbStore::open(folder.path(), Memory::default()).unwrap());
        let listen = "127.0.0.1:0".parse().unwrap();
        let server = Server::bind(listen, apps.clone(), store, limits, clock).await.unwrap();
        let server = change(server).unwrap();
        let http = Http::new(format!("http://{}", server.local_addr()));
        let live = server.live();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { http, apps, live, folder, stop, running }
    }

    /// Stops it and starts another on the same data.
    pub(crate) async fn restart(self) -> Self {
        Self::start_in(self.stop().await, Limits::default()).await
    }

    /// Stops it; the data stays.
    pub(crate) async fn stop(self) -> TempDir {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
        self.folder
    }

    pub(crate) fn app(&self, key: &str) -> &App {
        &self.apps[&AppKey::new(key).unwrap()]
    }

    pub(crate) fn token(&self, app_key: &str, account: &str) -> String {
        token(self.app(app_key), account)
    }

    /// Sends events as app `a`'s own server; the statuses, after the whole was answered 200.
    pub(crate) async fn events(&self, events: Value) -> Vec<String> {
        let answer = self.http.events(self.app("a").ingest_key().expose(), events).await.ok();
        let results = answer["results"].as_array().unwrap().iter();
        results.map(|one| one["status"].as_str().unwrap().to_owned()).collect()
    }

    /// Ends when so many syncs wait.
    pub(crate) async fn until_waiting(&self, count: usize) {
        let since = Instant::now();
        while self.live.waiting() != count {
            assert!(since.elapsed() < WAIT_MAX, "{} wait, not {count}", self.live.waiting());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) async fn copy(&self, app_key: &str, body: &str) -> ReceivedAnswer {
        let secret = self.app(app_key).secret.expose();
        self.http.try_copy(app_key, secret, body).await.unwrap()
    }

    /// Delivers copies to app `a`; each must be accepted.
    pub(crate) async fn deliver(&self, copies: &[String]) {
        for body in copies {
            let answer = self.copy("a", body).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"code":200}"#), "{body}");
        }
    }
}

pub(crate) fn token(app: &App, account: &str) -> String {
    let now = clock::now_ms() / 1_000;
    auth::sign(app, &account.parse().unwrap(), now, 3_600).unwrap()
}

/// A text message of one kind: PERSON, TEAM or SUPER_TEAM.
pub(crate) fn message(kind: &str, from: &str, to: &str, id: u64) -> String {
    let time = T0 + id;
    serde_json::json!({
        "eventType": "1", "convType": kind, "to": to, "fromAccount": from,
        "msgTimestamp": time.to_string(), "msgType": "TEXT", "msgidServer": id.to_string(),
        "msgidClient": format!("c{id}"), "body": format!("body {id}"),
    })
    .to_string()
}

/// A notice of a team with an attach.
pub(crate) fn notice(kind: &str, from: &str, to: &str, id: u64, attach: &Value) -> String {
    let mut copy: Value = serde_json::from_str(&message(kind, from, to, id)).unwrap();
    copy["msgType"] = "NOTIFICATION".into();
    copy["attach"] = attach.to_string().into();
    copy.to_string()
}

/// The edit of a message; `after`: ms after `T0`.
pub(crate) fn edit(kind: &str, from: &str, to: &str, id: u64, after: u64, text: &str) -> String {
    let event_type = match kind {
        "PERSON" => 89,
        "TEAM" => 90,
        _ => 91,
    };
    serde_json::json!({
        "eventType": event_type, "from": from, "to": to, "msgId": id, "clientId": format!("c{id}"),
        "fromClientType": "AOS", "modifyAccountId": from, "modifyTime": (T0 + after).to_string(),
        "text": text,
    })
    .to_string()
}

/// The recall of a message that claims this time for it.
pub(crate) fn recall(kind: &str, from: &str, to: &str, id: u64, claimed: u64) -> String {
    let event_type = match kind {
        "PERSON" => 7,
        "TEAM" => 8,
        _ => 25,
    };
    serde_json::json!({
        "eventType": event_type, "clientId": format!("c{id}"), "msgId": id.to_string(),
        "from": from, "to": to, "fromClientType": "AOS", "sendTime": claimed.to_string(),
        "deleteTime": claimed.max(T0 + id) + 1, "selfMsg": "oops",
    })
    .to_string()
}

/// A text message as an app's own server sends it.
pub(crate) fn event(kind: &str, from: &str, to: &str, id: u64) -> Value {
    serde_json::json!({
        "type": "message", "sessionType": kind, "from": from, "to": to, "time": T0 + id,
        "messageId": id.to_string(), "msgType": "text", "body": format!("body {id}"),
    })
}

/// Accounts come into a team, or leave it.
pub(crate) fn membership(what: &str, team: &str, accounts: &[&str], time: u64) -> Value {
    serde_json::json!({
        "type": what, "sessionType": "team", "teamId": team, "accounts": accounts, "time": time,
    })
}

/// The changes of a sync, each as `id` or `-id`.
pub(crate) fn changed_ids(page: &Value) -> Vec<String> {
    let change = |change: &Value| match change["deleted"].as_str() {
        Some(id) => format!("-{id}"),
        None => change["session"]["sessionId"].as_str().unwrap().to_owned(),
    };
    page["changes"].as_array().unwrap().iter().map(change).collect()
}

/// Ids of rows, in order.
pub(crate) fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["sessionId"].as_str().unwrap()).collect()
}

/// The real binary, running `dev` on a data folder.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) http: Http,
    /// What `dev.json` says.
    pub(crate) dev: HashMap<String, String>,
}

impl ServerProcess {
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_logging(data, "error").await
    }

    /// Its log goes to the file `stderr` in the data folder, its output to `stdout`.
    pub(crate) async fn start_logging(data: &Path, level: &str) -> Self {
        let mut command = binary();
        command.stderr(std::fs::File::create(data.join("stderr")).unwrap());
        Self::start_by(command, data, level, "127.0.0.1:0").await
    }

    /// With these settings of the environment.
    pub(crate) async fn start_set(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = binary();
        command.envs(settings.iter().copied());
        Self::start_by(command, data, "error", "127.0.0.1:0").await
    }

    /// On this address.
    pub(crate) async fn start_at(data: &Path, listen: &str) -> Self {
        Self::start_by(binary(), data, "error", listen).await
    }

    /// No file of its may grow beyond this, in bytes, and its log is on a full disk from the
    /// start; [`Self::raise_file_limit`] makes room for the files.
    pub(crate) async fn start_limited(data: &Path, file_bytes_max: u64) -> Self {
        let mut command = Command::new("prlimit");
        // Without the trap the kernel would kill it; with it, writes fail as on a full disk.
        let shell = r#"trap "" XFSZ; exec "$0" "$@""#;
        command
            .arg(format!("--fsize={file_bytes_max}:unlimited"))
            .args(["sh", "-c", shell, &server_path()])
            .stdin(Stdio::null());
        command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
        Self::start_by(command, data, "error", "127.0.0.1:0").await
    }

    /// Makes room; the server is not shown.
    pub(crate) fn raise_file_limit(&self) {
        let pid = format!("--pid={}", self.child.id());
        let done = Command::new("prlimit").args([&pid, "--fsize=unlimited:unlimited"]).status();
        assert!(done.unwrap().success());
    }

    async fn start_by(mut command: Command, data: &Path, level: &str, listen: &str) -> Self {
        let dev_json = data.join("dev.json");
        // A killed server leaves its own behind; waiting for the file must not find that one.
        let _ = std::fs::remove_file(&dev_json);
        let mut child = command
            .args(["dev", "--listen", listen, "--data"])
            .arg(data)
            .env("HUIHUA_LOG", level)
            .stdout(std::fs::File::create(data.join("stdout")).unwrap())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !dev_json.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the server ended at its start");
            assert!(started.elapsed() < CHILD_WAIT_MAX, "no dev.json");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let dev: HashMap<String, String> =
            serde_json::from_str(&std::fs::read_to_string(dev_json).unwrap()).unwrap();
        Self { child, http: Http::new(dev["url"].clone()), dev }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends events as the app's own server; each must be answered.
    pub(crate) async fn events(&self, events: Value) -> Value {
        self.http.events(&self.dev["ingestKey"], events).await.ok()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits for the end; whether it ended well.
    pub(crate) async fn terminate(&mut self) -> bool {
        self.signal(Signal::TERM).await
    }

    /// Sends a signal and waits for the end; whether it ended well.
    pub(crate) async fn signal(&mut self, signal: Signal) -> bool {
        send(&self.child, signal);
        let sent = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(sent.elapsed() < CHILD_WAIT_MAX, "does not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn copy(&self, body: &str) -> Result<ReceivedAnswer, reqwest::Error> {
        self.http.try_copy(&self.dev["appKey"], &self.dev["appSecret"], body).await
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Path of the real binary, read at run time: a copied checkout runs its own.
fn server_path() -> String {
    std::env::var("CARGO_BIN_EXE_huihua-server").unwrap()
}

/// The real binary, quiet.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(server_path());
    command.env("HUIHUA_LOG", "error").stdin(Stdio::null());
    command
}

/// What `huihua-server token --data` prints.
pub(crate) fn printed_token(data: &Path, account: &str) -> String {
    let output = binary()
        .args(["token", "--account", account, "--ttl", "1h", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "a token and nothing else");
    text.trim_end().to_owned()
}
