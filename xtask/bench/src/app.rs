//! The apps of the server under test: their configuration, their users' tokens, and the headers
//! that NIM signs copies with. Pure, but for the clock.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

pub(crate) const APP_KEY: &str = "bench";
const SECRET: &str = "the secret of the bench";
const TOKEN_KEY: &str = "the token key of the bench, 32 bytes and more";
pub(crate) const INGEST_KEY: &str = "the ingest key of the bench, 32 bytes and more";
/// Another app, whose calls `bench overload` looks at while the first one floods the server.
pub(crate) const OTHER: OtherApp = OtherApp {
    key: "other",
    secret: "the secret of the other app",
    token_key: "the token key of the other app, 32 bytes and more",
    ingest_key: "the ingest key of the other app, 32 bytes and more",
};

/// Key and secrets of an app.
pub(crate) struct OtherApp {
    key: &'static str,
    secret: &'static str,
    token_key: &'static str,
    pub(crate) ingest_key: &'static str,
}
/// Longer than any run.
const TOKEN_TTL_S: u64 = 24 * 60 * 60;

/// What `memory_mb` is set to, where the server knows the key.
pub(crate) const MEMORY_MB: u32 = 256;
const MEMORY_KEY: &str = "memory_mb";

/// Whether the server's default configuration names the budget of its memory.
pub(crate) fn has_memory_key(default_config: &str) -> bool {
    default_config.lines().any(|line| {
        let name = line.trim_start_matches(['#', ' ']).split('=').next();
        name.is_some_and(|name| name.trim_end() == MEMORY_KEY) && line.contains('=')
    })
}

/// The configuration file of the server under test.
pub(crate) fn config(data: &Path, port: u16, has_memory_key: bool) -> String {
    let memory = match has_memory_key {
        true => format!("{MEMORY_KEY} = {MEMORY_MB}\n"),
        false => String::new(),
    };
    config_of(port, &format!("data = \"{}\"\n{memory}", data.display()))
}

/// Where a server on Cassandra keeps its lists.
#[derive(Clone, Copy)]
pub(crate) struct Keyspace<'k> {
    /// Host and port of a node.
    pub(crate) node: &'k str,
    pub(crate) name: &'k str,
    /// How long the server keeps teams in its memory, in ms.
    pub(crate) head_cache_ms: u32,
}

/// The same of a server on one node of Cassandra, with one copy.
pub(crate) fn cassandra_config(keyspace: &Keyspace<'_>, port: u16) -> String {
    let Keyspace { node, name, head_cache_ms } = keyspace;
    let store = format!(
        "store = \"cassandra\"\ncassandra_nodes = [\"{node}\"]\n\
         cassandra_data_centre = \"dc1\"\ncassandra_keyspace = \"{name}\"\n\
         cassandra_replication = [\"dc1:1\"]\n\
         cassandra_head_cache_ms = {head_cache_ms}\n"
    );
    config_of(port, &store)
}

fn config_of(port: u16, store: &str) -> String {
    format!(
        "listen = \"127.0.0.1:{port}\"\n{store}[[app]]\nkey = \"{APP_KEY}\"\n\
         accounts = \"nim\"\nsecret = \"{SECRET}\"\ntoken_keys = [\"{TOKEN_KEY}\"]\n\
         ingest_key = \"{INGEST_KEY}\"\n"
    )
}

fn since_1970() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl OtherApp {
    /// The table of the configuration file that adds it.
    pub(crate) fn config(&self) -> String {
        let Self { key, secret, token_key, ingest_key } = self;
        format!(
            "[[app]]\nkey = \"{key}\"\naccounts = \"nim\"\nsecret = \"{secret}\"\n\
             token_keys = [\"{token_key}\"]\ningest_key = \"{ingest_key}\"\n"
        )
    }

    /// A token of an account.
    pub(crate) fn token(&self, account: &str) -> String {
        sign(self.key, self.token_key, account)
    }
}

/// A token of an account.
pub(crate) fn token(account: &str) -> String {
    sign(APP_KEY, TOKEN_KEY, account)
}

fn sign(app_key: &str, token_key: &str, account: &str) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT", "kid": app_key });
    let claims = json!({ "sub": account, "exp": since_1970().as_secs() + TOKEN_TTL_S });
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mac = Hmac::<Sha256>::new_from_slice(token_key.as_bytes());
    let mac = mac.expect("HMAC takes a key of any length").chain_update(&signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The headers of a copy, signed now.
pub(crate) fn copy_headers(body: &[u8]) -> Vec<(&'static str, String)> {
    let (md5, time) = (hex::encode(Md5::digest(body)), since_1970().as_millis().to_string());
    vec![
        ("content-type", "application/json".to_owned()),
        ("appkey", APP_KEY.to_owned()),
        ("checksum", check_sum(SECRET, &md5, &time)),
        ("md5", md5),
        ("curtime", time),
    ]
}

fn check_sum(secret: &str, md5: &str, time: &str) -> String {
    hex::encode(Sha1::digest(format!("{secret}{md5}{time}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_memory_is_set_only_where_the_server_knows_it() {
        for (config, expected) in [
            ("memory_mb = 512\n", true),
            ("# memory_mb = 512\n", true),
            ("# see memory_mb\n", false),
            ("memory_mb_max = 1\n", false),
            ("", false),
        ] {
            assert_eq!(has_memory_key(config), expected, "{config}");
        }
        assert!(config(Path::new("d"), 1, true).contains("\nmemory_mb = 256\n[[app]]"));
        assert!(!config(Path::new("d"), 1, false).contains(MEMORY_KEY));
    }

    #[test]
    fn a_token_has_three_parts_and_names_its_account() {
        let token = token("amy");
        let parts: Vec<&str> = token.split('.').collect();
        let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        assert_eq!(parts.len(), 3);
        assert!(String::from_utf8(claims).unwrap().contains(r#""sub":"amy""#));
    }

    #[test]
    fn a_sum_is_of_secret_md5_and_time_in_this_order() {
        let sum = check_sum("s", "e10adc3949ba59abbe56e057f20f883e", "1440570500855");
        assert_eq!(sum, "c13351b713a13ca36cfd5c74749023a52aa2cded");
    }
}
