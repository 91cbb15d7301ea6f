//! The apps of a server and their secrets. Reading them from a configuration file is not done here.

use std::{collections::HashMap, fmt};

use huihua_core::{AccountForm, AppKey};

/// The apps of one server by their keys.
pub type Apps = HashMap<AppKey, App>;

/// A secret text. `Debug` does not show it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, for signing and comparing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One tenant and its keys.
#[derive(Debug, Clone)]
pub struct App {
    /// The app key.
    pub key: AppKey,
    /// How its account ids are written: the only way from a text to one of its accounts.
    pub accounts: AccountForm,
    /// NIM's app secret: checks the signatures of NIM's copies and of calls of its server API.
    pub secret: Secret,
    /// Keys of client tokens, 1 or 2: each checks, the first one signs.
    pub token_keys: Vec<Secret>,
    /// Bearer tokens of the app's own servers, 1 or 2: each is accepted, our own commands use the
    /// first one.
    pub ingest_keys: Vec<Secret>,
}

impl App {
    /// Returns the ingest key that our own commands use.
    pub fn ingest_key(&self) -> &Secret {
        self.ingest_keys.first().expect("an app has an ingest key")
    }
}
