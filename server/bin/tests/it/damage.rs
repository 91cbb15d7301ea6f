//! Random bytes flipped in copies of a real store: `verify`, a start, every list, a write, a stop,
//! all by the real binary. 24 stores here; more by
//! `HUIHUA_DAMAGED_STORES=1000 cargo test -p huihua-server --test it random_bytes`, and with
//! `HUIHUA_DAMAGE_SEED` others; `HUIHUA_DAMAGE_SERVER` names another binary, such as the release's.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use huihua_store_redb::FILE_NAME;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Http, ServerProcess, Signal, WAIT_MAX, binary, edit, event, ids, membership, printed_token,
    recall, send,
};

const OBSERVED: [&str; 6] = ["amy", "bob", "u1", "u57", "u123", "cat"];
const APART: Duration = Duration::from_millis(3);

/// A store as a server left it, and what it answered last.
struct RealStore {
    folder: TempDir,
    bytes: Vec<u8>,
    /// Account, its token, its list.
    lists: Vec<(&'static str, String, Vec<Value>)>,
}

/// Sessions of both kinds, teams, exts, deletions, edits, recalls, first results.
async fn real_store() -> RealStore {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let mut n = 0;
    let mut next = || {
        n += 1;
        n
    };
    for _ in 0..4 {
        let mut events = Vec::new();
        for peer in 0..160 {
            events.push(event("p2p", &format!("u{peer}"), "amy", next()));
            events.push(event("p2p", "bob", &format!("u{peer}"), next()));
        }
        server.events(events.into()).await;
    }
    let teams: Vec<_> = (1..40).map(|team| team.to_string()).collect();
    for team in &teams {
        let join = membership("join", team, &["amy", "bob", "u1"], 1_700_000_000_000);
        server.events(json!([join, event("team", "bob", team, next())])).await;
    }
    for n in [3, 5] {
        let copies = [edit("PERSON", "u1", "amy", n, 9, "x"), recall("PERSON", "u2", "amy", n, n)];
        for copy in copies {
            assert_eq!(server.copy(&copy).await.unwrap().status, 200);
        }
    }
    let amy = printed_token(folder.path(), "amy");
    let deleted: Vec<String> = (60..90).map(|peer| format!("p2p|u{peer}")).collect();
    let deleted: Vec<&str> = deleted.iter().map(String::as_str).collect();
    assert_eq!(server.http.delete(&deleted, &amy).await.status, 204);
    for peer in 0..20 {
        let answer = server.http.set_ext(&format!("p2p|u{peer}"), &amy, "pinned").await;
        assert_eq!(answer.status, 200);
    }
    let mut lists = Vec::new();
    for account in OBSERVED {
        let token = printed_token(folder.path(), account);
        let list = server.http.list(&token).await;
        lists.push((account, token, list));
    }
    assert!(server.terminate().await);
    let bytes = std::fs::read(folder.path().join(FILE_NAME)).unwrap();
    RealStore { folder, bytes, lists }
}

/// xorshift, so that a run repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

/// Flips one to eight bytes: anywhere, among those in use, or in the header.
fn flip(bytes: &mut [u8], random: &mut Random) -> Vec<usize> {
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let count = 1 + random.below(8);
    let flipped = (0..count).map(|_| {
        let at = match random.below(10) {
            0 => random.below(320),
            1..4 => random.below(bytes.len()),
            _ => used[random.below(used.len())],
        };
        bytes[at] ^= u8::try_from(1 + random.below(255)).unwrap();
        at
    });
    flipped.collect()
}

fn server_binary() -> Command {
    match std::env::var_os("HUIHUA_DAMAGE_SERVER") {
        None => binary(),
        Some(path) => {
            let mut command = Command::new(path);
            command.env("HUIHUA_LOG", "error").stdin(Stdio::null());
            command
        }
    }
}

/// How a command ended, and what it said.
struct Ended {
    status: ExitStatus,
    said: String,
}

impl Ended {
    /// Ended by itself, with one of the codes that are documented.
    fn is_orderly(&self) -> bool {
        self.status.signal().is_none() && matches!(self.status.code(), Some(0 | 1))
    }
}

fn verify(data: &Path) -> Ended {
    let output = server_binary().args(["verify", "--data"]).arg(data).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ended { status: output.status, said }
}

/// A server on a damaged store: it runs, or it ended at its start.
struct OnDamage {
    child: Child,
    log: PathBuf,
}

impl OnDamage {
    fn start(data: &Path, checks_all: bool) -> Self {
        let log = data.join("log");
        let child = server_binary()
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            // Of a large store a start checks little.
            .env("HUIHUA_CHECK_AT_START_MB", if checks_all { "32" } else { "0" })
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Its address once it listens, or how it ended.
    async fn until_listening(&mut self, data: &Path) -> Result<Http, Ended> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(self.ended(status));
            }
            if let Ok(text) = std::fs::read_to_string(data.join("dev.json")) {
                let dev: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
                return Ok(Http::new(dev["url"].clone()));
            }
            assert!(since.elapsed() < 3 * WAIT_MAX, "does not start: {}", self.said());
            tokio::time::sleep(APART).await;
        }
    }

    async fn stop(&mut self) -> Ended {
        send(&self.child, Signal::TERM);
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return self.ended(status);
            }
            assert!(since.elapsed() < 3 * WAIT_MAX, "does not stop: {}", self.said());
            tokio::time::sleep(APART).await;
        }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        Ended { status, said: self.said() }
    }
}

impl Drop for OnDamage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Walks a list; `Err` holds the status that ended the walk.
async fn walk(http: &Http, token: &str) -> Result<Vec<Value>, String> {
    let (mut rows, mut path) = (Vec::new(), "/v1/sessions".to_owned());
    let bearer = format!("Bearer {token}");
    loop {
        let headers = [("Authorization", bearer.as_str())];
        let answer = http.try_send(Method::GET, &path, &headers, "").await;
        let answer = answer.map_err(|error| format!("no answer: {error}"))?;
        if answer.status != 200 {
            let kind = answer.header("content-type");
            assert_eq!(kind, "application/problem+json", "{answer:?}");
            return Err(answer.status.to_string());
        }
        let page = answer.json();
        rows.extend(page["sessionList"].as_array().unwrap().iter().cloned());
        let Some(next) = page["nextPageToken"].as_str() else { return Ok(rows) };
        path = format!("/v1/sessions?pageToken={next}");
    }
}

#[derive(Debug, Default)]
struct Outcomes {
    /// Every list is right, and `verify` says so.
    intact: usize,
    /// `verify` says no.
    found: usize,
    /// The server does not start.
    refused: usize,
    /// A list is not served.
    refused_lists: usize,
    /// A list is wrong, and `verify` says no.
    found_wrong: usize,
    /// Every list is right, and `verify` says no.
    found_elsewhere: usize,
}

/// Whether `verify` says that the store is intact.
fn check_verify(data: &Path, flipped: &[u8]) -> Result<bool, String> {
    let ended = verify(data);
    let Ended { status, said } = &ended;
    if !ended.is_orderly() || said.contains("panicked") {
        return Err(format!("verify: {status:?}: {said}"));
    }
    let names_remedy = said.contains("damaged") && said.contains("Restore");
    if !status.success() && !names_remedy {
        return Err(format!("verify names no remedy: {said}"));
    }
    let is_changed = std::fs::read(data.join(FILE_NAME)).unwrap() != flipped;
    if is_changed && std::env::var_os("HUIHUA_DAMAGE_SERVER").is_none() {
        return Err("verify changed the file".into());
    }
    Ok(status.success())
}

/// A start that was refused: only of a damaged store, by its name, with the remedy.
fn check_refusal(ended: &Ended, is_intact: bool) -> Result<(), String> {
    let named = ended.said.contains(FILE_NAME) || ended.said.contains("damaged");
    let has_remedy = ended.said.contains("Restore") && !is_intact;
    if ended.is_orderly() && named && has_remedy && !ended.said.contains("panicked") {
        return Ok(());
    }
    Err(format!("start (verified {is_intact}): {:?}: {}", ended.status, ended.said))
}

/// Reads every list, writes, and stops. Returns the lists that are wrong, and how many are refused.
async fn check_serving(
    real: &RealStore,
    data: &Path,
    (server, http): (&mut OnDamage, &Http),
) -> Result<(Vec<String>, usize), String> {
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for (account, token, list) in &real.lists {
        match walk(http, token).await {
            Ok(rows) if rows == *list => {}
            Ok(rows) => wrong.push(format!("{account}: {} of {}", rows.len(), list.len())),
            Err(status) if status == "500" || status == "503" => refused += 1,
            Err(status) => return Err(format!("list of {account}: {status}: {}", server.said())),
        }
    }
    let dev = std::fs::read_to_string(data.join("dev.json")).unwrap();
    let dev: Value = serde_json::from_str(&dev).unwrap();
    let written = json!([event("p2p", "u9", "amy", 9_999), event("team", "bob", "3", 9_998)]);
    let answer = http.events(dev["ingestKey"].as_str().unwrap(), written).await;
    if ![200, 500, 503].contains(&answer.status) {
        return Err(format!("write: {answer:?}"));
    }
    let ended = server.stop().await;
    if !ended.is_orderly() || ended.said.contains("panicked") {
        return Err(format!("stop: {:?}: {}", ended.status, ended.said));
    }
    if ["body ", "pinned", "oops"].iter().any(|text| ended.said.contains(text)) {
        return Err(format!("a log with texts: {}", ended.said));
    }
    Ok((wrong, refused))
}

/// What must hold of one damaged store; otherwise what does not.
async fn check_one(
    real: &RealStore,
    flipped: &[u8],
    checks_all: bool,
    outcomes: &mut Outcomes,
) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    for name in ["huihua.toml", "huihua.pages"] {
        std::fs::copy(real.folder.path().join(name), data.join(name)).unwrap();
    }
    std::fs::write(data.join(FILE_NAME), flipped).unwrap();
    let is_intact = check_verify(data, flipped)?;
    std::fs::write(data.join(FILE_NAME), flipped).unwrap();
    outcomes.found += usize::from(!is_intact);
    let mut server = OnDamage::start(data, checks_all);
    let http = match server.until_listening(data).await {
        Ok(http) => http,
        Err(ended) => {
            outcomes.refused += 1;
            return check_refusal(&ended, is_intact);
        }
    };
    let (wrong, refused) = check_serving(real, data, (&mut server, &http)).await?;
    outcomes.refused_lists += usize::from(refused > 0);
    match (wrong.is_empty() && refused == 0, is_intact) {
        (true, true) => outcomes.intact += 1,
        (true, false) => outcomes.found_elsewhere += 1,
        (false, false) => outcomes.found_wrong += usize::from(!wrong.is_empty()),
        (false, true) => return Err(format!("verified, but {wrong:?}, {refused} refused")),
    }
    Ok(())
}

#[tokio::test]
async fn random_bytes_flipped_in_a_store_gave_lists_with_missing_rows_panics_and_aborts() {
    let number = |name: &str, or: u64| std::env::var(name).map_or(or, |n| n.parse().unwrap());
    let stores = number("HUIHUA_DAMAGED_STORES", 24);
    let seed = number("HUIHUA_DAMAGE_SEED", 1);
    let real = real_store().await;
    assert!(ids(&real.lists[0].2).len() > 150);
    let mut outcomes = Outcomes::default();
    check_one(&real, &real.bytes, true, &mut outcomes).await.unwrap();
    assert_eq!((outcomes.intact, outcomes.found), (1, 0), "an intact store");
    let mut failures = Vec::new();
    for store in 0..stores {
        let mut random = Random((seed << 32 | store).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.below(2);
        let mut flipped = real.bytes.clone();
        let at = flip(&mut flipped, &mut random);
        let checked = check_one(&real, &flipped, store % 4 == 0, &mut outcomes).await;
        if let Err(failure) = checked {
            println!("store {store}, bytes {at:?}: {failure}");
            failures.push(store);
        }
    }
    println!("{outcomes:?} of {stores} stores of {} bytes", real.bytes.len());
    assert!(failures.is_empty(), "{} of {stores} stores: {failures:?}", failures.len());
}
