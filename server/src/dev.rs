//! `dev`: a server that needs nothing. Its data folder holds a configuration with keys made
//! there, and `dev.json` for scripts; three curl lines show what it does.

use std::{
    fs, io,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use huihua_core::{Account, paths};

use crate::{
    auth,
    config::{App, Config},
    nim::copy,
};

/// The configuration inside a data folder of `dev`.
pub const CONFIG_FILE: &str = "huihua.toml";
/// What scripts read, inside a data folder of `dev`; there once the server listens.
pub const DEV_JSON: &str = "dev.json";
/// The account that the printed token is of.
const ACCOUNT: &str = "alice";
/// Life of the printed token, in seconds: a week.
const TOKEN_TTL_S: u64 = 7 * 24 * 60 * 60;

/// Why `dev` cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder or a file in it.
    #[error("cannot {attempt} {path}")]
    Io {
        /// What was tried.
        attempt: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The configuration in the folder is damaged.
    #[error("{path} (delete it to get new keys)")]
    Config {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: crate::config::Error,
    },
}

fn io_error(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { attempt, path, source }
}

/// The configuration of a data folder: its keys are made at the first start, private to the user.
/// An old `dev.json` goes: it names a server that is no more.
///
/// # Errors
/// [`Error`] names the file.
pub fn prepare(data: &Path, listen: SocketAddr) -> Result<Config, Error> {
    let path = data.join(CONFIG_FILE);
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(data).map_err(io_error("make", data))?;
    match fs::remove_file(data.join(DEV_JSON)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove", &data.join(DEV_JSON))(e));
        }
        _ => {}
    }
    if !path.exists() {
        let text = new_config(data, listen).map_err(io_error("make keys for", &path))?;
        write_private(&path, &text).map_err(io_error("write", &path))?;
    }
    let mut config =
        Config::load(&path).map_err(|source| Error::Config { path: path.clone(), source })?;
    config.listen = listen;
    config.data = data.to_owned();
    Ok(config)
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
        "# Made by `huihua-server dev`. Keys: keep this file to yourself.\n\
         listen = \"{listen}\"\ndata = {data}\n\n[[app]]\nkey = \"{key}\"\nsecret = \"{secret}\"\n\
         token_keys = [\"{token_key}\"]\ningest_key = \"{ingest_key}\"\n"
    ))
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // tempfile makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Writes `dev.json` and returns what the user is shown. The server listens at `address`.
///
/// # Errors
/// [`Error`] names the file.
pub fn announce(config: &Config, address: SocketAddr, now_ms: u64) -> Result<String, Error> {
    let app = config.apps.values().min_by(|a, b| a.key.cmp(&b.key));
    let app = app.expect("a configuration has at least one app");
    let url = format!("http://{address}");
    let json = serde_json::json!({
        "url": url,
        "appKey": app.key.as_str(),
        "appSecret": app.secret.expose(),
        "tokenKey": app.token_keys[0].expose(),
        "ingestKey": app.ingest_key.expose(),
    });
    let path = config.data.join(DEV_JSON);
    write_private(&path, &format!("{json:#}\n")).map_err(io_error("write", &path))?;
    Ok(welcome(app, &url, &config.data, now_ms))
}

fn welcome(app: &App, url: &str, data: &Path, now_ms: u64) -> String {
    let account = Account::new(ACCOUNT).expect("a constant account is valid");
    let token = auth::sign(app, &account, now_ms / 1_000, TOKEN_TTL_S).expect("a week is allowed");
    let message = format!(
        r#"{{"eventType":"1","convType":"PERSON","to":"{ACCOUNT}","fromAccount":"bob","fromNick":"Bob","msgTimestamp":"{now_ms}","msgType":"TEXT","msgidServer":"{now_ms}","body":"你好, Alice"}}"#
    );
    let time = now_ms.to_string();
    let sum = copy::check_sum(app.secret.expose(), message.as_bytes(), &time);
    let config = data.join(CONFIG_FILE);
    let config = config.display();
    let [sessions, nim_copy, data] =
        [paths::SESSIONS, paths::NIM_COPY, &shell_word(&data.to_string_lossy())];
    format!(
        "Huihua listens on {url}\n\
         app key  {}\n\
         account  {ACCOUNT}\n\
         token    {token}\n\
         another: huihua-server token --data {data} --account bob --ttl 1h\n\
         NIM's server SDKs: endpoint {url}/nimserver, app key as above, app secret in {config}\n\n\
         # a message from bob comes in, as NIM would deliver it\n\
         curl -sS -w '\\n' '{url}{nim_copy}' -H 'AppKey: {}' -H 'CurTime: {time}' \
         -H 'CheckSum: {sum}' \
         -H 'Content-Type: application/json' -d '{message}'\n\n\
         # alice's list\n\
         curl -sS -w '\\n' '{url}{sessions}?limit=20' -H 'Authorization: Bearer {token}'\n\n\
         # alice pins the conversation\n\
         curl -sS -w '\\n' -X PUT '{url}{sessions}/p2p%7Cbob/ext' \
         -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' -d '{{\"ext\":\"pinned\"}}'\n",
        app.key, app.key
    )
}

fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
