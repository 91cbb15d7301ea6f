//! `dev`: a server without any preparation. Its data folder holds a configuration with new keys and
//! `dev.json` for scripts; four curl commands show what the server does.

use std::{
    fs, io,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use huihua_core::paths;
use huihua_http::{
    app::{App, Secret},
    auth,
};
use huihua_nim::copy;

use crate::{
    config::{self, Config, Overrides},
    data_folder,
};

/// The configuration inside a data folder of `dev`.
pub(crate) const CONFIG_FILE: &str = "huihua.toml";
/// The file for scripts, inside a data folder of `dev`; it exists once the server listens.
pub(crate) const DEV_JSON: &str = "dev.json";
/// Address of the operator's listener, with its console, unless the environment names one.
const ADMIN_LISTEN: &str = "127.0.0.1:0";
/// Path of the console there.
const CONSOLE: &str = "/console/";
/// The account of the printed token.
const ACCOUNT: &str = "alice";
/// Lifetime of the printed token, in seconds: a week.
const TOKEN_TTL_S: u64 = 7 * 24 * 60 * 60;

/// Why `dev` cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The data folder or a file in it failed.
    #[error("cannot {attempt} {path}")]
    Io {
        attempt: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The configuration in the folder is damaged.
    #[error("cannot load {path} (delete it to get new keys)")]
    Config {
        path: PathBuf,
        #[source]
        source: config::Error,
    },
}

fn io_error(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { attempt, path, source }
}

/// Loads the configuration of a data folder; the first start creates it with keys, readable by the
/// user only.
///
/// # Errors
/// [`Error`] names the file.
pub(crate) fn prepare(data: &Path, listen: SocketAddr, is_insecure: bool) -> Result<Config, Error> {
    let path = data.join(CONFIG_FILE);
    data_folder::make(data).map_err(io_error("create", data))?;
    if !path.exists() {
        let text = new_config(data, listen).map_err(io_error("create keys for", &path))?;
        write_private(&path, &text).map_err(io_error("write", &path))?;
    }
    let mut overrides = Overrides::of_environment();
    // Flags, because the folder may have been moved, and the address is this start's.
    for (name, value) in [("listen", listen.to_string()), ("data", data.display().to_string())] {
        overrides.flags.insert(name.to_owned(), (format!("--{name}"), value));
    }
    // Its sessions are in its folder, whatever the environment says to `serve`.
    overrides.flags.insert("store".to_owned(), ("--data".to_owned(), "redb".to_owned()));
    if is_insecure {
        let flag = ("--insecure-listen".to_owned(), "true".to_owned());
        overrides.flags.insert("insecure_listen".to_owned(), flag);
    }
    // Several of them run on one machine: each takes a free port, and prints it.
    let admin = ("--data".to_owned(), ADMIN_LISTEN.to_owned());
    if !overrides.environment.contains_key("HUIHUA_ADMIN_LISTEN") {
        overrides.flags.insert("admin_listen".to_owned(), admin);
    }
    Config::load(&path, &overrides).map_err(|source| Error::Config { path, source })
}

/// Deletes an old `dev.json`, which names a server that is gone: this process has the store now. A
/// start that is refused, because another server has it, leaves that server's file.
///
/// # Errors
/// [`Error`] names the file.
pub(crate) fn remove_dev_json(data: &Path) -> Result<(), Error> {
    let path = data.join(DEV_JSON);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path)(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn new_config(data: &Path, listen: SocketAddr) -> io::Result<String> {
    let random = |bytes: usize| {
        let mut buffer = vec![0; bytes];
        getrandom::fill(&mut buffer).map(|()| hex::encode(buffer)).map_err(io::Error::other)
    };
    let data = std::path::absolute(data)?.to_string_lossy().into_owned();
    let data = toml::Value::String(data);
    let (key, secret) = (random(16)?, random(16)?);
    let (token_key, ingest_key) = (random(32)?, random(32)?);
    Ok(format!(
        "# Created by `huihua-server dev`. It holds keys: keep it private.\n\
         listen = \"{listen}\"\ndata = {data}\n\n[[app]]\nkey = \"{key}\"\n\
         accounts = \"nim\"\nsecret = \"{secret}\"\n\
         token_keys = [\"{token_key}\"]\ningest_key = \"{ingest_key}\"\n"
    ))
}

/// Writes a file that only its owner may read, completely or not at all.
///
/// # Errors
/// If it cannot be written; then nothing is there under its name but what was there before.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // tempfile makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Where a server listens.
pub(crate) struct Addresses {
    pub(crate) public: SocketAddr,
    /// The operator's listener.
    pub(crate) admin: Option<SocketAddr>,
    /// The token of the console there.
    pub(crate) console_token: Option<Secret>,
}

/// Writes `dev.json` and returns the text for the user.
///
/// # Errors
/// [`Error`] names the file.
pub(crate) fn announce(
    config: &Config,
    addresses: Addresses,
    now_ms: u64,
) -> Result<String, Error> {
    let app = config.apps.values().min_by(|a, b| a.key.cmp(&b.key));
    let app = app.expect("a configuration has at least one app");
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", addresses.public);
    let admin_url = addresses.admin.map(|address| format!("http://{address}"));
    let mut json = serde_json::json!({
        "url": url,
        "appKey": app.key.as_str(),
        "appSecret": app.secret.expose(),
        "tokenKey": app.token_keys[0].expose(),
        "ingestKey": app.ingest_key().expose(),
    });
    if let Some(url) = &admin_url {
        json["adminUrl"] = url.as_str().into();
    }
    let data = config.data().expect("dev keeps its sessions in a folder");
    let path = data.join(DEV_JSON);
    write_private(&path, &format!("{json:#}\n")).map_err(io_error("write", &path))?;
    let docs = config.limits.describes_api.then(|| format!("{url}{}", paths::DOCS));
    let console = admin_url.zip(addresses.console_token);
    let console = console.map(|(url, token)| format!("{url}{CONSOLE}#token={}", token.expose()));
    let places = Places { url, docs, console };
    Ok(welcome(app, &places, data, now_ms))
}

/// Where a user finds what: addresses.
struct Places {
    url: String,
    /// The description of the API; `None`: it is switched off.
    docs: Option<String>,
    /// With its token, as this is for the machine's own user; `None`: it is switched off.
    console: Option<String>,
}

fn welcome(app: &App, places: &Places, data: &Path, now_ms: u64) -> String {
    let url = &places.url;
    let token = token(app, now_ms);
    let [config, dev_json] =
        [CONFIG_FILE, DEV_JSON].map(|name| data.join(name).display().to_string());
    let word = shell_word(&data.to_string_lossy());
    let off = || "off".to_owned();
    let console = places.console.clone().unwrap_or_else(off);
    let docs = places.docs.clone().unwrap_or_else(off);
    let every_call = places.docs.as_ref().map(|docs| format!("{docs} for every call, and "));
    let every_call = every_call.unwrap_or_default();
    let [message, copy] = [message_line(app, url, now_ms), copy_line(app, url, now_ms)];
    let sessions = format!("{url}{}", paths::SESSIONS);
    format!(
        "Huihua listens on {url}\n\
         console  {console}\n\
         API      {docs}\n\
         app key  {}\n\
         account  {ACCOUNT}\n\
         token    {token}\n\
         more:    huihua-server token --data {word} --account bob --ttl 1h\n\
         keys     {config} has the ingest key, with which your server sends events, the app secret \
         and the token key; {dev_json} has them for scripts\n\
         NIM's server SDKs: endpoint {url}/nimserver, app key as above, app secret in {config}\n\n\
         # your server sends a first message: the bearer is the ingest key\n{message}\n\n\
         # a message copy from bob, as NIM delivers it\n{copy}\n\n\
         # alice's list\n\
         curl -sS -w '\\n' '{sessions}?limit=20' -H 'Authorization: Bearer {token}'\n\n\
         # alice pins the conversation\n\
         curl -sS -w '\\n' -X PUT '{sessions}/p2p%7Cbob/ext' \
         -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' -d '{{\"ext\":\"pinned\"}}'\n\n\
         # 350 message copies of a sample app; then look at lin's list in the console\n\
         huihua-server samples --to {url} --data {word}\n\n\
         Read next: {every_call}in the repository docs/android.md and docs/jvm.md for apps, \
         docs/from-nim.md for an app that uses NIM, docs/operate.md for a server that stays \
         (huihua-server serve)\n",
        app.key
    )
}

fn token(app: &App, now_ms: u64) -> String {
    let account = app.accounts.account(ACCOUNT).expect("a constant account is valid");
    auth::sign(app, &account, now_ms / 1_000, TOKEN_TTL_S).expect("a week is allowed")
}

/// Returns the command with which an app's own server sends a message.
fn message_line(app: &App, url: &str, now_ms: u64) -> String {
    let events = format!(
        r#"{{"events":[{{"type":"message","sessionType":"p2p","from":"carol","to":"{ACCOUNT}","time":{now_ms},"messageId":"{now_ms}1","msgType":"text","body":"Hello, Alice"}}]}}"#
    );
    format!(
        "curl -sS -w '\\n' '{url}{}' -H 'Authorization: Bearer {}' \
         -H 'Content-Type: application/json' -d '{events}'",
        paths::EVENTS,
        app.ingest_key().expose()
    )
}

/// Returns the command with which NIM would deliver a message copy.
fn copy_line(app: &App, url: &str, now_ms: u64) -> String {
    let message = format!(
        r#"{{"eventType":"1","convType":"PERSON","to":"{ACCOUNT}","fromAccount":"bob","fromNick":"Bob","msgTimestamp":"{now_ms}","msgType":"TEXT","msgidServer":"{now_ms}","body":"你好, Alice"}}"#
    );
    let time = now_ms.to_string();
    let sum = copy::check_sum(app.secret.expose(), message.as_bytes(), &time);
    format!(
        "curl -sS -w '\\n' '{url}{}' -H 'AppKey: {}' -H 'CurTime: {time}' -H 'CheckSum: {sum}' \
         -H 'Content-Type: application/json' -d '{message}'",
        paths::NIM_COPY,
        app.key
    )
}

fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
