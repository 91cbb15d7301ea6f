//! A server's configuration from outside: what is refused and how it is said, and keys that are
//! rotated while clients call.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_core::{AccountForm, AppKey};
use huihua_http::app::{App, Secret};
use tempfile::TempDir;

use crate::support::{Http, Signal, WAIT_MAX, binary, send, token};

/// Writes a configuration of one app that holds these token keys.
pub(crate) fn write_config(path: &Path, token_keys: &[&str]) {
    write_keys(path, token_keys, &["i"]);
}

/// The same, with these ingest keys.
pub(crate) fn write_keys(path: &Path, token_keys: &[&str], ingest_keys: &[&str]) {
    let mut text = "listen = \"127.0.0.1:0\"\ndata = \"data\"\n[[app]]\nkey = \"a\"\n".to_owned();
    let quoted = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| format!("\"{}\"", key.repeat(32))).collect();
        keys.join(", ")
    };
    let ingest_keys = match ingest_keys {
        [one] => format!("ingest_key = {}", quoted(&[one])),
        two => format!("ingest_keys = [{}]", quoted(two)),
    };
    let token_keys = quoted(token_keys);
    write!(
        text,
        "accounts = \"nim\"\nsecret = \"s\"\ntoken_keys = [{token_keys}]\n{ingest_keys}\n",
    )
    .unwrap();
    write_private(path, &text);
}

/// Writes a configuration that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) {
    // As an editor does: never half a file under its name.
    let part = path.with_extension("part");
    std::fs::write(&part, text).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&part, private).unwrap();
    std::fs::rename(part, path).unwrap();
}

/// A token of amy that this key signed.
pub(crate) fn signed(token_key: &str) -> String {
    signed_for(token_key, "amy")
}

/// A token of this account.
pub(crate) fn signed_for(token_key: &str, account: &str) -> String {
    let app = App {
        key: AppKey::new("a").unwrap(),
        accounts: AccountForm::Nim,
        secret: Secret::new("s"),
        token_keys: vec![Secret::new(token_key.repeat(32))],
        ingest_keys: vec![Secret::new("i".repeat(32))],
    };
    token(&app, account)
}

/// `serve` on a configuration file.
pub(crate) struct ConfiguredServer {
    child: Child,
    log: PathBuf,
    pub(crate) http: Http,
}

impl ConfiguredServer {
    pub(crate) async fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_logging(folder, arguments, "info").await
    }

    /// With this level of the log, or this filter; it must show the line of the start.
    pub(crate) async fn start_logging(folder: &Path, arguments: &[&str], level: &str) -> Self {
        let log = folder.join("log");
        let child = binary()
            .args(["serve", "--config", "huihua.toml"])
            .args(arguments)
            .current_dir(folder)
            .env("HUIHUA_LOG", level)
            .env("HUIHUA_ADMIN_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { child, log, http: Http::new(String::new()) };
        let line = server.until_logged("listening").await;
        // As text, or as JSON.
        let after = ["\"address\":\"", " address="].iter().find_map(|key| line.split_once(key));
        let address = after.unwrap().1.split([' ', '"']).next().unwrap();
        server.http = Http::new(format!("http://{address}"));
        server
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends SIGTERM; returns whether it ended well.
    pub(crate) async fn terminate(&mut self) -> bool {
        send(&self.child, Signal::TERM);
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(since.elapsed() < 3 * WAIT_MAX, "does not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn hang_up(&self) {
        send(&self.child, Signal::HUP);
    }

    /// Returns the last line of the log that holds this text, once there is one.
    pub(crate) async fn until_logged(&self, text: &str) -> String {
        self.until_logged_times(text, 1).await
    }

    pub(crate) async fn until_logged_times(&self, text: &str, times: usize) -> String {
        let since = Instant::now();
        loop {
            let log = self.log();
            let lines: Vec<_> = log.lines().filter(|line| line.contains(text)).collect();
            if lines.len() >= times {
                return lines.last().unwrap().to_string();
            }
            assert!(since.elapsed() < 3 * WAIT_MAX, "no {text:?} in {log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for ConfiguredServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One rotation as `docs/operate.md` tells it: the new key comes in first, clients get tokens of
/// it, the old key goes. A thousand requests run meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_a_token_key_is_rotated() {
    const REQUESTS: usize = 1_000;
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["o"]);
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    let [old, new] = [signed("o"), signed("n")];
    assert_eq!(server.http.get("/v1/account", &new).await.status, 401, "not yet");
    // 0: the old token is used; 1: both keys are valid, and the new one is used.
    let stage = Arc::new(AtomicUsize::new(0));
    let sent = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (http, stage, sent) = (server.http.clone(), stage.clone(), sent.clone());
            let tokens = [old.clone(), new.clone()];
            tokio::spawn(async move {
                while sent.fetch_add(1, Ordering::SeqCst) < REQUESTS {
                    let token = &tokens[stage.load(Ordering::SeqCst)];
                    let answer = http.get("/v1/sessions", token).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        })
        .collect();
    let since = Instant::now();
    let until_sent = async |share: usize| {
        while since.elapsed() < 3 * WAIT_MAX && sent.load(Ordering::SeqCst) < REQUESTS * share / 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    until_sent(1).await;
    write_config(&config, &["n", "o"]);
    server.hang_up();
    server.until_logged_times("configuration reloaded", 1).await;
    until_sent(2).await;
    stage.store(1, Ordering::SeqCst);
    until_sent(3).await;
    // A request with the old token may still be on its way: the old key stays until it ends.
    write_config(&config, &["n"]);
    server.hang_up();
    server.until_logged_times("configuration reloaded", 2).await;
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(server.http.get("/v1/account", &new).await.status, 200);
    assert_eq!(server.http.get("/v1/account", &old).await.status, 401, "its key is gone");
}

#[tokio::test]
async fn a_wrong_file_at_a_reload_leaves_the_old_configuration() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["o"]);
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    let works = async || server.http.get("/v1/account", &signed("o")).await.status == 200;
    for (text, reason) in [
        ("data = 1\n", "huihua.toml:1: data: must be a string"),
        // Its ids were written as NIM's at the first start.
        ("exact", "was begun with accounts = "),
    ] {
        let text = match text {
            "exact" => {
                write_config(&config, &["n"]);
                std::fs::read_to_string(&config).unwrap().replace("\"nim\"", "\"exact\"")
            }
            text => text.to_owned(),
        };
        std::fs::write(&config, text).unwrap();
        let before = server.log().matches("configuration not reloaded").count();
        server.hang_up();
        server.until_logged_times("configuration not reloaded", before + 1).await;
        let log = server.log();
        assert!(log.contains(reason), "{log}");
        assert!(works().await && server.http.get("/v1/account", &signed("n")).await.status == 401);
    }
    write_config(&config, &["o"]);
    let text = std::fs::read_to_string(&config).unwrap().replace("\"data\"", "\"elsewhere\"");
    std::fs::write(&config, text).unwrap();
    server.hang_up();
    let line = server.until_logged("need a restart").await;
    assert!(line.contains("settings=\"data\"") && works().await, "{line}");
    assert!(!folder.path().join("elsewhere").exists());
    let log = server.log();
    assert!(!log.contains("oooo") && !log.contains("nnnn") && !log.contains("iiii"), "{log}");
}

/// Runs a command that must fail; returns what it prints to stderr. One that serves instead is
/// ended.
pub(crate) fn refused(command: &mut Command) -> String {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > WAIT_MAX {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The level that nobody knows was taken for a module's name, and nothing was logged at all.
#[test]
fn a_misspelt_log_level_silenced_everything() {
    let folder = TempDir::new().unwrap();
    let mut command = binary();
    command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("d"));
    let printed = refused(command.env("HUIHUA_LOG", "inof"));
    assert!(printed.contains("HUIHUA_LOG holds 'inof'"), "{printed}");
    assert!(printed.contains("off, error, warn, info, debug, trace"), "{printed}");
    assert!(!folder.path().join("d").exists());
}

/// A mistyped path made folders, and lists that began empty.
#[test]
fn a_data_folder_under_a_missing_parent_was_made_in_silence() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["o"]);
    let run = |arguments: &[&str]| {
        refused(binary().args(arguments).args(["--data", "mnt/data"]).current_dir(folder.path()))
    };
    for arguments in [
        ["serve", "--config", "huihua.toml"].as_slice(),
        &["config", "check", "--config", "huihua.toml"],
        &["dev", "--listen", "127.0.0.1:0"],
    ] {
        let printed = run(arguments);
        assert!(printed.contains("there is no folder mnt to make mnt/data in"), "{printed}");
        assert!(!folder.path().join("mnt").exists());
    }
}

#[test]
fn a_configuration_is_checked_and_printed_without_a_start() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["o", "n"]);
    let run = |arguments: &[&str]| {
        let mut command = binary();
        command.arg("config").args(arguments).args(["--config", "huihua.toml"]);
        command.current_dir(folder.path()).env("HUIHUA_CONNECTIONS_MAX", "7").output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let good = run(&["check"]);
    assert!(good.status.success() && good.stderr.is_empty(), "{good:?}");
    assert_eq!(text(&good.stdout), "huihua.toml is right; apps: 1\n");
    let printed = text(&run(&["print", "--set", "listen=127.0.0.1:9"]).stdout);
    assert!(printed.contains("listen = \"127.0.0.1:9\"  # --set listen\n"), "{printed}");
    assert!(printed.contains("connections_max = 7  # HUIHUA_CONNECTIONS_MAX\n"), "{printed}");
    assert!(printed.contains("data = \"data\"  # huihua.toml:2\n"), "{printed}");
    assert!(!printed.contains("oooo") && !printed.contains("iiii"), "{printed}");

    let broken = std::fs::read_to_string(&config).unwrap().replace("\"s\"", "\"<app secret>\"");
    std::fs::write(&config, broken.replace("ingest_key", "ingest_kye")).unwrap();
    let bad = run(&["check"]);
    let said = text(&bad.stderr);
    assert!(!bad.status.success() && bad.stdout.is_empty(), "{bad:?}");
    assert!(said.contains("huihua.toml:6: app[0].secret: is the example's placeholder"), "{said}");
    assert!(
        said.contains("huihua.toml:8: app[0].ingest_kye: is unknown: did you mean ingest_key?")
    );
    assert!(!folder.path().join("data").exists());
}
