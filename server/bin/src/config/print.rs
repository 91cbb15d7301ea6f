//! The configuration as it counts: every setting with its value and where it comes from, no secret.

use std::fmt::Write as _;

use huihua_http::app::Secret;
use toml::Value;

use super::{Config, setting::Setting};

impl Config {
    /// Writes it as TOML, each secret redacted.
    pub(crate) fn redacted(&self) -> String {
        let mut text = String::new();
        for Setting { name, value, place } in &self.settings {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name} = {value}  # {place}");
        }
        let mut apps: Vec<_> = self.apps.values().collect();
        apps.sort_by(|a, b| a.key.cmp(&b.key));
        for app in apps {
            let redacted = |keys: &[Secret]| vec!["\"(redacted)\""; keys.len()].join(", ");
            let [token_keys, ingest_keys] =
                [&app.token_keys, &app.ingest_keys].map(|k| redacted(k));
            let key = Value::String(app.key.as_str().to_owned());
            let accounts = app.accounts.as_str();
            let _ = write!(
                text,
                "\n[[app]]\nkey = {key}\naccounts = \"{accounts}\"\nsecret = \"(redacted)\"\n\
                 token_keys = [{token_keys}]\ningest_keys = [{ingest_keys}]\n",
            );
        }
        text
    }
}
