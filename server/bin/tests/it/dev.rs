//! The commands `dev`, `token` and `serve`, as a person and as a script uses them.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use tempfile::TempDir;

use crate::support::{Http, ServerProcess, binary, printed_token};

#[tokio::test]
async fn the_printed_lines_work_when_pasted() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let printed = std::fs::read_to_string(folder.path().join("stdout")).unwrap();
    assert!(printed.contains(&server.dev["appKey"]) && printed.contains(&server.dev["url"]));
    let lines: Vec<_> = printed.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 4, "{printed}");
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("no curl here: the lines are not pasted");
        return;
    }
    let paste = |line: &str| {
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let statuses = ["applied", "stale"].map(|_| paste(lines[0])["results"][0]["status"].clone());
    assert_eq!(statuses, ["applied", "stale"], "the message is sent, and again changes nothing");
    for _ in 0..2 {
        assert_eq!(paste(lines[1])["code"], 200);
    }
    let list = paste(lines[2]);
    // Of one time: by the bytes of the id.
    let rows = ["p2p|bob", "p2p|carol"].into_iter().zip(["你好, Alice", "Hello, Alice"]);
    for (row, (id, text)) in list["sessionList"].as_array().unwrap().iter().zip(rows) {
        assert_eq!((&row["sessionId"], &row["lastMsg"]["9"]), (&id.into(), &text.into()));
    }
    assert_eq!(paste(lines[3])["ext"], "pinned");
    assert_eq!(paste(lines[2])["sessionList"][0]["ext"], "pinned");
}

/// The line after these words, up to its end.
fn printed_after<'p>(printed: &'p str, words: &str) -> &'p str {
    let line = printed.lines().find_map(|line| line.strip_prefix(words));
    line.unwrap_or_else(|| panic!("no {words:?} in {printed}")).trim()
}

#[tokio::test]
async fn every_address_and_file_that_is_printed_is_there() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let printed = std::fs::read_to_string(folder.path().join("stdout")).unwrap();
    let console = printed_after(&printed, "console ");
    let (console, console_token) = console.split_once("#token=").expect("its token");
    let admin = console.strip_suffix("/console/").expect("the console's path");
    assert_eq!(admin, server.dev["adminUrl"]);
    assert!(admin.starts_with("http://127.0.0.1:"), "this machine alone reaches it: {admin}");
    let admin = Http::new(admin.to_owned());
    assert_eq!(admin.get("/readyz", "").await.status, 200);
    assert_eq!(admin.get("/console/", "").await.status, 200);
    assert_eq!(admin.get("/console/api/status", console_token).await.status, 200);
    assert_eq!(admin.get("/console/api/status", "x").await.status, 401);
    let docs = printed_after(&printed, "API ");
    let page = Http::new(docs.to_owned()).get("", "").await;
    assert!(page.status == 200 && page.body.contains("/v1/events"), "{page:?}");
    let keys = printed_after(&printed, "keys ");
    let (config, rest) = keys.split_once(" has the ingest key").unwrap();
    let config = std::fs::read_to_string(config).unwrap();
    assert!(config.contains(&format!("ingest_key = \"{}\"", server.dev["ingestKey"])));
    let json = rest.rsplit_once("; ").unwrap().1.split_once(" has them for scripts").unwrap().0;
    assert!(std::fs::read_to_string(json).unwrap().contains(&server.dev["ingestKey"]));
    // The last command delivers the samples; the program is the one that is tested here.
    let samples = printed.lines().find(|line| line.starts_with("huihua-server samples")).unwrap();
    let program = binary().get_program().to_owned().into_string().unwrap();
    let line = samples.replacen("huihua-server", &program, 1);
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    let token = printed_token(folder.path(), "lin");
    assert!(server.http.list(&token).await.len() > 20);
}

#[tokio::test]
async fn two_dev_servers_run_at_once_each_with_its_console() {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let first = ServerProcess::start(folders[0].path()).await;
    let second = ServerProcess::start(folders[1].path()).await;
    assert_ne!(first.dev["adminUrl"], second.dev["adminUrl"]);
}

#[tokio::test]
async fn keys_are_made_once_and_are_private() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("made");
    std::fs::create_dir(&data).unwrap();
    let mut server = ServerProcess::start(&data).await;
    let first = server.dev.clone();
    for name in ["url", "appKey", "appSecret", "tokenKey", "ingestKey"] {
        assert!(!first[name].is_empty(), "{name}");
    }
    assert!(first["tokenKey"].len() >= 32 && first["ingestKey"].len() >= 32);
    for file in ["dev.json", "huihua.toml"] {
        let mode = std::fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let token = printed_token(&data, "bob");
    let account = server.http.get("/v1/account", &token).await.ok();
    assert_eq!(
        (&account["account"], &account["appKey"]),
        (&"bob".into(), &first["appKey"].as_str().into())
    );
    assert!(server.terminate().await);
    let again = ServerProcess::start(&data).await;
    for name in ["appKey", "appSecret", "tokenKey", "ingestKey"] {
        assert_eq!(again.dev[name], first[name], "{name} stays");
    }
    assert_eq!(again.http.get("/v1/account", &token).await.status, 200);
}

#[test]
fn a_wrong_command_says_what_is_wrong_and_shows_no_key() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    let path = config.to_str().unwrap();
    let key = "k".repeat(32);
    let app = |name: &str, n: u8| {
        format!(
            "[[app]]\nkey = \"{name}\"\naccounts = \"nim\"\nsecret = \"s{n}\"\n\
             token_keys = [\"t{n}{key}\"]\ningest_key = \"i{n}{key}\"\n"
        )
    };
    std::fs::write(&config, format!("data = \"d\"\n{}{}", app("a", 1), app("b", 2))).unwrap();
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, format!("data = \"d\"\nlisten = 5\n{}", app("a", 1))).unwrap();
    let broken = broken.to_str().unwrap();
    for (arguments, expected) in [
        (vec!["serve", "--config", "/nowhere/x.toml"], "cannot read /nowhere/x.toml"),
        (vec!["serve", "--config", broken], "listen: must be a string"),
        (vec!["token", "--account", "a"], "--data"),
        (vec!["token", "--account", "a|b", "--config", path], "account holds"),
        (vec!["token", "--account", "a", "--config", path], "several apps: choose one"),
        (vec!["token", "--account", "a", "--config", path, "--app", "c"], "no app has this key"),
        (vec!["token", "--account", "a", "--config", path, "--app", "a", "--ttl", "91d"], "90d"),
        (vec!["token", "--account", "a", "--config", path, "--app", "a", "--ttl", "0s"], "1s"),
    ] {
        let output = binary().args(&arguments).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
        assert!(printed.contains(expected), "{printed:?} does not say {expected:?}");
        assert!(!printed.contains(&key), "{printed}");
    }
    let output = binary()
        .args(["token", "--account", "a", "--config", path, "--app", "b", "--ttl", "90d"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn one_data_folder_has_one_server() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let second = binary()
        .args(["serve", "--config"])
        .arg(folder.path().join("huihua.toml"))
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(!second.stderr.is_empty());
    assert!(server.terminate().await);
}
