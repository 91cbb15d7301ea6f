//! The configuration file: where to listen, where to keep data, the apps and their keys.
//! `server/config.default.toml` names and explains every key.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use huihua_core::{AccountForm, AppKey};
use huihua_http::{
    app::{App, Apps, Secret},
    server::CONNECTIONS_DEFAULT,
};
use toml::{Table, Value};

/// Shortest token key and ingest key, in bytes: HS256 is as strong as its key.
pub(crate) const KEY_BYTES_MIN: usize = 32;
/// Most connections that the file may allow; beyond, the memory of one machine is the limit.
pub(crate) const CONNECTIONS_MAX: usize = 1_000_000;
/// Most token keys of an app that are valid at once: the old and the new one of a rotation.
pub(crate) const TOKEN_KEYS_MAX: usize = 2;

/// The configuration of a server.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// The folder of the store.
    pub(crate) data: PathBuf,
    /// Most connections at once, 1..=1,000,000; further ones wait in the kernel's queue.
    pub(crate) connections_max: usize,
    /// The apps by their keys.
    pub(crate) apps: Apps,
}

/// Why a configuration is refused. Names the field and the remedy, never a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// From the TOML parser.
        reason: String,
    },
    /// A field is missing, unknown or wrong.
    #[error("{field}: {reason}")]
    Field {
        /// Its name with its place, `app[0].secret`.
        field: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

fn field_error(field: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Field { field: field.into(), reason: reason.into() }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error`] says what to change in the file.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Checks a file's text.
    ///
    /// # Errors
    /// [`Error`] says what to change in the text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            // Only the message: the error's own Display quotes the line, and a secret may be in it.
            Error::Syntax { line: before.split('\n').count(), reason: e.message().to_owned() }
        })?;
        let mut fields = TableFields { table, prefix: String::new() };
        let listen = fields.text("listen")?.unwrap_or_else(|| "127.0.0.1:8480".to_owned());
        let listen = listen.parse().map_err(|_| {
            field_error("listen", "must be an IP address and a port, like \"0.0.0.0:8480\"")
        })?;
        let data = fields
            .text("data")?
            .ok_or_else(|| field_error("data", "is missing: name the folder for the sessions"))?;
        let connections_max = fields.count("connections_max", CONNECTIONS_MAX)?;
        let mut apps = Apps::new();
        for (n, value) in fields.list("app")?.into_iter().enumerate() {
            let app = read_app(value, &format!("app[{n}]"))?;
            let key = app.key.clone();
            if apps.insert(key, app).is_some() {
                let reason = "another app has this key: give each app its own";
                return Err(field_error(format!("app[{n}].key"), reason));
            }
        }
        fields.refuse_unknown()?;
        if apps.is_empty() {
            return Err(field_error("app", "is missing: add at least one [[app]] table"));
        }
        let connections_max = connections_max.unwrap_or(CONNECTIONS_DEFAULT);
        let config = Self { listen, data: data.into(), connections_max, apps };
        config.refuse_equal_secrets()?;
        Ok(config)
    }

    /// Returns the app with this key; without a key, the only one.
    ///
    /// # Errors
    /// If there is no such app, or no key and several apps.
    pub(crate) fn app(&self, key: Option<&AppKey>) -> Result<&App, Error> {
        let mut apps = self.apps.values();
        match (key, apps.next(), apps.next()) {
            (Some(key), ..) => {
                self.apps.get(key).ok_or_else(|| field_error("app", "no app has this key"))
            }
            (None, Some(app), None) => Ok(app),
            (None, ..) => Err(field_error(
                "app",
                "the file has several apps: choose one with --app <app key>",
            )),
        }
    }

    /// Refuses a secret with two uses: its holder could use it for the other.
    fn refuse_equal_secrets(&self) -> Result<(), Error> {
        let mut seen: HashMap<&Secret, String> = HashMap::new();
        let mut apps: Vec<_> = self.apps.values().collect();
        apps.sort_by(|a, b| a.key.cmp(&b.key));
        for app in apps {
            let token_keys = app.token_keys.iter().map(|key| ("token_keys", key));
            let others = [("secret", &app.secret), ("ingest_key", &app.ingest_key)];
            for (name, secret) in token_keys.chain(others) {
                let name = format!("{name} of app '{}'", app.key);
                if let Some(other) = seen.get(secret) {
                    let reason = format!("equals {other}: use a different random text for each");
                    return Err(field_error(name, reason));
                }
                seen.insert(secret, name);
            }
        }
        Ok(())
    }
}

/// Reads one `[[app]]` table.
fn read_app(value: Value, place: &str) -> Result<App, Error> {
    let Value::Table(table) = value else {
        return Err(field_error(place, "must be a table: start it with [[app]]"));
    };
    let mut fields = TableFields { table, prefix: format!("{place}.") };
    let key = AppKey::new(fields.needed("key")?)
        .map_err(|e| field_error(format!("{place}.key"), e.to_string()))?;
    let accounts = read_account_form(fields.text("accounts")?, &key, place)?;
    let secret = fields.needed("secret")?;
    if secret.is_empty() {
        let reason = "is empty: take the App Secret from NIM's console";
        return Err(field_error(format!("{place}.secret"), reason));
    }
    let ingest_key = long_enough(fields.needed("ingest_key")?, &format!("{place}.ingest_key"))?;
    let mut token_keys = Vec::new();
    for (n, value) in fields.list("token_keys")?.into_iter().enumerate() {
        let name = format!("{place}.token_keys[{n}]");
        let Value::String(text) = value else {
            return Err(field_error(name, "must be a string"));
        };
        token_keys.push(long_enough(text, &name)?);
    }
    if token_keys.is_empty() || token_keys.len() > TOKEN_KEYS_MAX {
        let reason = "must hold one key, or two while you rotate them";
        return Err(field_error(format!("{place}.token_keys"), reason));
    }
    fields.refuse_unknown()?;
    Ok(App { key, accounts, secret: Secret::new(secret), token_keys, ingest_key })
}

/// Reads how the app writes its account ids. There is no default: neither form suits every app, and
/// a store keeps the one that it began with.
fn read_account_form(
    name: Option<String>,
    key: &AppKey,
    place: &str,
) -> Result<AccountForm, Error> {
    let fault = match name {
        None => "is missing",
        Some(name) => match AccountForm::from_name(&name) {
            Some(form) => return Ok(form),
            None => "must be \"nim\" or \"exact\"",
        },
    };
    let reason = format!(
        "{fault}. It says how app '{key}' writes its account ids. Write accounts = \"nim\" if NIM \
         delivers the app's messages or its servers call NIM's API: then ASCII letters are \
         lower-cased, so that Alice_1 and alice_1 are one account. Write accounts = \"exact\" if \
         ids stay as they come: then they are two accounts"
    );
    Err(field_error(format!("{place}.accounts"), reason))
}

fn long_enough(text: String, field: &str) -> Result<Secret, Error> {
    if text.len() < KEY_BYTES_MIN {
        let reason = format!(
            "is shorter than {KEY_BYTES_MIN} bytes: run `openssl rand -hex {KEY_BYTES_MIN}`"
        );
        return Err(field_error(field, reason));
    }
    Ok(Secret::new(text))
}

/// The fields of a table. Reading one takes it out, so the rest is unknown.
struct TableFields {
    table: Table,
    prefix: String,
}

impl TableFields {
    fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(field_error(format!("{}{name}", self.prefix), "must be a string")),
        }
    }

    fn needed(&mut self, name: &str) -> Result<String, Error> {
        self.text(name)?.ok_or_else(|| field_error(format!("{}{name}", self.prefix), "is missing"))
    }

    fn count(&mut self, name: &str, max: usize) -> Result<Option<usize>, Error> {
        let Some(value) = self.table.remove(name) else { return Ok(None) };
        let count = value.as_integer().and_then(|n| usize::try_from(n).ok());
        count.filter(|n| (1..=max).contains(n)).map(Some).ok_or_else(|| {
            let reason = format!("must be a whole number, 1..={max}");
            field_error(format!("{}{name}", self.prefix), reason)
        })
    }

    fn list(&mut self, name: &str) -> Result<Vec<Value>, Error> {
        match self.table.remove(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(field_error(format!("{}{name}", self.prefix), "must be a list")),
        }
    }

    fn refuse_unknown(self) -> Result<(), Error> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(name) => {
                let reason = "is unknown: config.default.toml lists every key";
                Err(field_error(format!("{}{name}", self.prefix), reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shipped file, every key with its comment.
    const DEFAULT_TOML: &str = include_str!("../../config.default.toml");

    const GOOD: &str = r#"
        data = "d"
        [[app]]
        key = "a"
        accounts = "nim"
        secret = "nim-secret-a"
        token_keys = ["token-key-a-0123456789abcdef0123456789"]
        ingest_key = "ingest-key-a-0123456789abcdef012345678"
        [[app]]
        key = "b"
        accounts = "exact"
        secret = "nim-secret-b"
        token_keys = ["token-key-b-0123456789abcdef0123456789", "token-key-c-0123456789abcdef0123456789"]
        ingest_key = "ingest-key-b-0123456789abcdef012345678"
    "#;

    #[test]
    fn a_good_file_is_read_and_shows_no_secret() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!((config.listen.port(), config.data.to_str()), (8480, Some("d")));
        assert_eq!((config.apps.len(), config.connections_max), (2, CONNECTIONS_DEFAULT));
        let accounts = |key: &str| config.apps[&key.parse().unwrap()].accounts;
        assert_eq!(["a", "b"].map(accounts), [AccountForm::Nim, AccountForm::Exact]);
        let shown = format!("{config:?}");
        assert!(shown.contains("Secret(…)") && !shown.contains("nim-secret"), "{shown}");
        assert!(!shown.contains("token-key") && !shown.contains("ingest-key"), "{shown}");
    }

    #[test]
    fn the_shipped_file_starts_as_soon_as_its_keys_are_filled_in() {
        let refused = Config::parse(DEFAULT_TOML).unwrap_err().to_string();
        assert!(refused.contains("32 bytes"), "placeholders are no keys: {refused}");
        let filled = DEFAULT_TOML
            .replace("<token key>", &"t".repeat(32))
            .replace("<ingest key>", &"i".repeat(32));
        assert_eq!(Config::parse(&filled).unwrap().apps.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_remedy_and_without_its_value() {
        let cases = [
            ("data = \"d\"", "", "data: is missing"),
            ("data = \"d\"", "data = 5", "data: must be a string"),
            ("data = \"d\"", "data = \"d\"\nlisten = \"here\"", "listen: must be an IP address"),
            ("data = \"d\"", "data = \"d\"\nlog = \"debug\"", "log: is unknown"),
            ("data = \"d\"", "data = \"d", "line 2: "),
            ("key = \"b\"", "key = \"a\"", "app[1].key: another app has this key"),
            ("key = \"b\"", "key = \"b|c\"", "app[1].key: app key holds"),
            ("key = \"b\"", "key = \"b\"\nsecrets = \"x\"", "app[1].secrets: is unknown"),
            (
                "accounts = \"nim\"",
                "",
                "app[0].accounts: is missing. It says how app 'a' writes its account ids. Write \
                 accounts = \"nim\" if",
            ),
            ("\"nim\"", "\"NIM\"", "app[0].accounts: must be \"nim\" or \"exact\". It says how"),
            ("\"exact\"", "5", "app[1].accounts: must be a string"),
            ("secret = \"nim-secret-a\"", "", "app[0].secret: is missing"),
            ("secret = \"nim-secret-a\"", "secret = \"\"", "app[0].secret: is empty"),
            ("nim-secret-b", "nim-secret-a", "secret of app 'b': equals secret of app 'a'"),
            ("[\"token-key-a-0123456789abcdef0123456789\"]", "[]", "app[0].token_keys: must hold"),
            (
                "[\"token-key-a-0123456789abcdef0123456789\"]",
                "5",
                "app[0].token_keys: must be a list",
            ),
            ("\"token-key-a-0123456789abcdef0123456789\"", "5", "token_keys[0]: must be a string"),
            (
                "token-key-a-0123456789abcdef0123456789",
                "short",
                "token_keys[0]: is shorter than 32",
            ),
            (
                "ingest-key-b-0123456789abcdef012345678",
                "x",
                "app[1].ingest_key: is shorter than 32",
            ),
            (
                "ingest-key-a-0123456789abcdef012345678",
                "token-key-a-0123456789abcdef0123456789",
                "ingest_key of app 'a': equals token_keys of app 'a'",
            ),
            (
                "nim-secret-b",
                "token-key-c-0123456789abcdef0123456789",
                "secret of app 'b': equals token_keys of app 'b'",
            ),
            (
                "token-key-c-0123456789abcdef0123456789",
                "token-key-b-0123456789abcdef0123456789",
                "token_keys of app 'b': equals token_keys of app 'b'",
            ),
        ];
        for (from, to, expected) in cases {
            let error = Config::parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} instead of {expected}");
            assert!(!error.contains("0123456789abcdef"), "{error} shows a secret");
        }
        let three = "\"token-key-b-0123456789abcdef0123456789\", \
             \"token-key-d-0123456789abcdef0123456789\"";
        let text = GOOD.replace("\"token-key-b-0123456789abcdef0123456789\"", three);
        assert!(Config::parse(&text).unwrap_err().to_string().contains("app[1].token_keys"));
        let no_apps = Config::parse("data = \"d\"").unwrap_err().to_string();
        assert!(no_apps.starts_with("app: is missing"), "{no_apps}");
    }
}
