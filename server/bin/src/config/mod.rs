//! The configuration: where to listen, where the lists are, the apps and their keys. A setting of
//! the file gives way to the environment, and that to the command line.
//! `server/config.default.toml` names and explains every key.

mod app;
mod console;
mod fault;
mod limits;
mod link;
mod listeners;
mod print;
mod reader;
mod setting;
mod store;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, net::SocketAddr, num::NonZeroU32, path::Path};

use huihua_core::AppKey;
use huihua_http::{
    app::{App, Apps, Secret},
    server::{CONNECTIONS_DEFAULT, Limits, LinkDoor},
    tls::{Certificates, TlsFiles},
};

use crate::{data_folder, logging::LogFormat};

use self::{
    app::ReadApp,
    fault::{Fault, Faults, Place},
    limits::CONNECTIONS_MAX,
    link::ReadLink,
    listeners::ReadListeners,
    reader::{Fields, Found, Reader},
    setting::{Setting, by_default, number, setting},
    store::ReadStore,
};
pub(crate) use self::{
    console::{ConsoleConfig, parse_operators},
    fault::Error,
    reader::{Overrides, parent_of},
    store::{CassandraConfig, RedbConfig, StoreConfig},
};

/// The configuration of a server.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Its certificate and key; `None`: it speaks HTTP without TLS.
    pub(crate) tls: Option<TlsFiles>,
    /// For how many seconds browsers are told to use TLS alone.
    pub(crate) strict_s: Option<NonZeroU32>,
    /// Where the lists are.
    pub(crate) store: StoreConfig,
    /// Most connections at once, 1..=1,000,000; further ones wait in the kernel's queue.
    pub(crate) connections_max: usize,
    /// All other limits; its own `connections_max` counts for nothing.
    pub(crate) limits: Limits,
    /// Where the operator's listener is; `None`: there is none.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The console there; `None`: there is none.
    pub(crate) console: Option<ConsoleConfig>,
    pub(crate) log_format: LogFormat,
    /// Whether every request has a line in the log.
    pub(crate) access_log: bool,
    /// The door of NIM's Web SDKs; `None`: it is closed.
    pub(crate) link: Option<LinkDoor>,
    /// The apps by their keys.
    pub(crate) apps: Apps,
    /// What is dangerous but no fault, for the log: files of secrets that others can read.
    pub(crate) warnings: Vec<String>,
    /// What stands in the top table, in the order in which it is printed.
    settings: Vec<Setting>,
}

impl Config {
    /// Reads and checks a file, with what wins over it.
    ///
    /// # Errors
    /// [`Error`] names everything that must change.
    pub(crate) fn load(path: &Path, overrides: &Overrides) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text, overrides)
    }

    fn parse(path: &Path, text: &str, overrides: &Overrides) -> Result<Self, Error> {
        let mut reader = Reader::new(path, text, overrides);
        let config = reader.parse().and_then(|fields| read(&mut reader, fields));
        reader.warn_of_readers(path);
        match config {
            Some(config) if reader.faults.is_empty() => {
                Ok(Self { warnings: reader.warnings, ..config })
            }
            _ => {
                // In the order of the file; what is not in it comes before.
                reader.faults.sort_by(|a, b| a.place.cmp(&b.place));
                Err(Error::Faults(Faults(reader.faults)))
            }
        }
    }

    /// The folder of the store; `None` with Cassandra.
    pub(crate) fn data(&self) -> Option<&Path> {
        match &self.store {
            StoreConfig::Redb(redb) => Some(&redb.data),
            StoreConfig::Cassandra(_) => None,
        }
    }

    /// Checks that the data folder, if there is one, is there or can be made.
    ///
    /// # Errors
    /// [`Error`] names the setting.
    pub(crate) fn check_data_folder(&self) -> Result<(), Error> {
        let checked = self.data().map_or(Ok(()), data_folder::check);
        checked.map_err(|error| self.data_fault(&error))
    }

    /// Makes the data folder, if there is one, unless it is there.
    ///
    /// # Errors
    /// As [`Self::check_data_folder`]; and when the system refuses.
    pub(crate) fn make_data_folder(&self) -> Result<(), Error> {
        let made = self.data().map_or(Ok(()), data_folder::make);
        made.map_err(|error| self.data_fault(&error))
    }

    /// Reads the certificate of the listener, if it has one.
    ///
    /// # Errors
    /// [`Error`] names the setting and the file.
    pub(crate) fn load_tls(&self) -> Result<Option<Certificates>, Error> {
        let Some(files) = &self.tls else { return Ok(None) };
        let failed = |error: huihua_http::tls::Error| {
            let is_key = error.is_about(&files.key);
            self.fault(if is_key { "tls_key" } else { "tls_certificate" }, error.to_string())
        };
        Certificates::load(files.clone()).map(Some).map_err(failed)
    }

    fn data_fault(&self, error: &std::io::Error) -> Error {
        self.fault("data", error.to_string())
    }

    /// What is wrong with a setting's value outside the configuration.
    fn fault(&self, name: &str, reason: String) -> Error {
        let setting = self.settings.iter().find(|setting| setting.name == name);
        let place = setting.map_or(Place::Default, |setting| setting.place.clone());
        Error::Faults(Faults(vec![Fault { place, field: name.to_owned(), reason }]))
    }

    /// Returns the app with this key; without a key, the only one.
    ///
    /// # Errors
    /// If there is no such app, or no key and several apps.
    pub(crate) fn app(&self, key: Option<&AppKey>) -> Result<&App, Error> {
        let mut apps = self.apps.values();
        match (key, apps.next(), apps.next()) {
            (Some(key), ..) => self.apps.get(key).ok_or(Error::App("no app has this key")),
            (None, Some(app), None) => Ok(app),
            (None, ..) => {
                Err(Error::App("the file has several apps: choose one with --app <app key>"))
            }
        }
    }

    /// Names the settings that differ in another configuration and need a restart: all but those
    /// of the apps.
    pub(crate) fn restarts_for(&self, other: &Self) -> Vec<&'static str> {
        let value = |config: &Self, name| {
            let setting = config.settings.iter().find(|setting| setting.name == name);
            setting.map(|setting| setting.value.clone())
        };
        let only_there = other.settings.iter().filter(|of| value(self, of.name).is_none());
        let names = self.settings.iter().chain(only_there).map(|setting| setting.name);
        names.filter(|name| value(self, name) != value(other, name)).collect()
    }
}

/// Reads the top table; `None` when something is wrong, which the reader knows.
fn read(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<Config> {
    let listeners = listeners::read(reader, &mut fields);
    let read_console = console::read(reader, &mut fields);
    let ReadStore { store, settings: of_store } = store::read(reader, &mut fields);
    let connections_max = fields
        .count(reader, "connections_max", 1..=CONNECTIONS_MAX)
        .unwrap_or_else(|| by_default(CONNECTIONS_DEFAULT));
    let read_limits = limits::read(reader, &mut fields);
    let log_format = read_log_format(reader, &mut fields);
    let access_log = fields.flag(reader, "access_log").unwrap_or_else(|| by_default(false));
    let ReadLink { door, settings: of_link } = link::read(reader, &mut fields);
    let apps = read_apps(reader, &mut fields);
    fields.finish(reader);
    let store = store?;
    let ReadListeners { listen, tls, strict_s, admin_listen, settings: of_listeners } = listeners;
    let mut settings = vec![setting("listen", &listen, |address| address.to_string().into())];
    settings.extend(of_store);
    settings.extend([
        setting("connections_max", &connections_max, number),
        setting("log_format", &log_format, |format| format.name().into()),
        setting("access_log", &access_log, |is_on| (*is_on).into()),
    ]);
    settings.extend(read_limits.settings);
    settings.extend(of_listeners);
    settings.extend(read_console.settings);
    settings.extend(of_link);
    Some(Config {
        limits: read_limits.limits,
        listen: listen.value,
        tls,
        strict_s,
        store,
        connections_max: connections_max.value,
        admin_listen,
        console: read_console.console,
        log_format: log_format.value,
        access_log: access_log.value,
        link: door,
        apps: apps?,
        warnings: Vec::new(),
        settings,
    })
}

fn read_log_format(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Found<LogFormat> {
    let Some(Found { value, place }) = fields.text(reader, "log_format") else {
        return by_default(LogFormat::Text);
    };
    let format = LogFormat::from_name(&value);
    if format.is_none() {
        let reason = "must be \"text\" or \"json\"";
        reader.fault(place.clone(), fields.name("log_format"), reason);
    }
    Found { value: format.unwrap_or(LogFormat::Text), place }
}

fn read_apps(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Apps> {
    let faults = reader.faults.len();
    let tables = fields.tables(reader, "app").unwrap_or_default();
    if tables.is_empty() && reader.faults.len() == faults {
        fields.miss("app", "is missing: add at least one [[app]] table");
        return None;
    }
    let mut read_apps = Vec::new();
    for table in tables {
        read_apps.extend(app::read(reader, table));
    }
    refuse_equal_secrets(reader, &read_apps);
    let mut apps = Apps::new();
    for ReadApp { app, key_field, key_place, .. } in read_apps {
        if apps.insert(app.key.clone(), app).is_some() {
            let reason = "another app has this key: give each app its own";
            reader.fault(key_place, key_field, reason);
        }
    }
    Some(apps)
}

/// Refuses a secret with two uses: its holder could use it for the other.
fn refuse_equal_secrets(reader: &mut Reader<'_>, apps: &[ReadApp]) {
    let mut seen: HashMap<&Secret, &str> = HashMap::new();
    for (field, place, secret) in apps.iter().flat_map(|app| &app.secrets) {
        match seen.get(secret) {
            Some(other) => {
                let reason = format!("equals {other}: use a different random text for each");
                reader.fault(place.clone(), field, reason);
            }
            None => {
                seen.insert(secret, field);
            }
        }
    }
}
