//! The log of the process: lines on stderr, quiet on success.

use std::{io::Write as _, panic::PanicHookInfo};

use huihua_store_redb::{PanicIn, note_panic};
use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter},
};

/// Holds the level, or a filter of `tracing`.
const LEVEL_VARIABLE: &str = "HUIHUA_LOG";
/// The levels by their names, quietest first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Target of the lines about who looked at an account in the console.
const AUDIT: &str = "audit";
const AUDIT_DIRECTIVE: &str = "audit=info";
/// The crate of Cassandra's driver.
const DRIVER: &str = "scylla";

/// What a panic of redb means.
const FILE_DAMAGED: &str =
    "damaged: redb gives the file of the store up. Restore the store from a backup";

/// The variable holds neither a level nor a filter.
#[derive(Debug, thiserror::Error)]
#[error(
    "{LEVEL_VARIABLE} holds '{part}': it must be one of {}, or a filter like {}",
    LEVELS.join(", "),
    "huihua_http=debug,info"
)]
pub(crate) struct InvalidLevel {
    part: String,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|format| format.name() == name)
    }
}

/// Reads what is to be logged from the environment.
///
/// # Errors
/// If the variable is wrong: a level that nobody knows would silence everything.
pub(crate) fn filter_of_environment() -> Result<EnvFilter, InvalidLevel> {
    filter(&std::env::var_os(LEVEL_VARIABLE).unwrap_or_default().to_string_lossy())
}

/// Starts logging for the whole process; a second call does nothing.
pub(crate) fn start(filter: EnvFilter, format: LogFormat) {
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written (its disk is full) is lost. By default the error is printed to
    // stderr, which would panic too and end the thread.
    let lines = lines.log_internal_errors(false).with_ansi(false);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Reads a level or a filter; an empty text is the default. A bare word that is no level would be
/// taken for the name of a module, and nothing else be logged.
fn filter(text: &str) -> Result<EnvFilter, InvalidLevel> {
    let builder = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let is_level = LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level));
        if !is_level && (!part.contains('=') || builder.clone().parse(part).is_err()) {
            return Err(InvalidLevel { part: part.to_owned() });
        }
    }
    let with_driver = with_quiet_driver(text);
    let filter = builder.parse(with_driver).map_err(|_| InvalidLevel { part: text.to_owned() })?;
    // Who looked at whose list is written at every level, unless somebody says otherwise.
    let is_silent = text.trim().eq_ignore_ascii_case("off") || text.contains(AUDIT);
    if is_silent {
        return Ok(filter);
    }
    let audit: Directive = AUDIT_DIRECTIVE.parse().expect("a constant directive is valid");
    Ok(filter.add_directive(audit))
}

/// Adds that Cassandra's driver logs warnings and errors alone, unless the text names it or wants
/// less: it greets every connection.
fn with_quiet_driver(text: &str) -> String {
    let mut parts = text.split(',').map(str::trim);
    let wants_less = |part: &str| ["off", "error"].iter().any(|l| part.eq_ignore_ascii_case(l));
    if parts.any(|part| wants_less(part) || part.starts_with(DRIVER)) {
        return text.to_owned();
    }
    let text = if text.trim().is_empty() { LevelFilter::INFO.to_string() } else { text.to_owned() };
    format!("{text},{DRIVER}=warn")
}

/// Logs the place of a panic, and its text only if it is constant: a formatted one may quote a
/// message.
#[expect(clippy::disallowed_methods, reason = "the process would abort, and say nothing")]
fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    match note_panic() {
        PanicIn::OtherWork => {
            let text = info.payload().downcast_ref::<&'static str>();
            let text = text.copied().unwrap_or("(not shown)");
            tracing::error!(place, text, "a bug: the code panicked");
        }
        PanicIn::Store => {
            tracing::error!(place, "{FILE_DAMAGED}: run `huihua-server verify`");
        }
        PanicIn::StoreCleanup => {
            // The process would abort. Its last line comes whatever is logged.
            let _ = writeln!(std::io::stderr(), "huihua-server: {FILE_DAMAGED} (at {place})");
            std::process::exit(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_of_cassandra_is_quiet_unless_it_is_asked() {
        for (text, expected) in [
            ("", "info,scylla=warn"),
            ("debug", "debug,scylla=warn"),
            ("huihua_http=debug,info", "huihua_http=debug,info,scylla=warn"),
            ("error", "error"),
            ("OFF", "OFF"),
            ("scylla=debug,info", "scylla=debug,info"),
        ] {
            assert_eq!(with_quiet_driver(text), expected);
            assert!(filter(text).is_ok());
        }
    }

    #[test]
    fn an_unknown_level_is_named_with_the_valid_ones() {
        for good in ["", "info", "WARN", "off", "huihua_http=debug,info", " debug ", "info,"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["inof", "2", "huihua_http", "info,inof", "huihua_http=loud"] {
            let error = filter(bad).unwrap_err().to_string();
            assert!(error.contains("off, error, warn, info, debug, trace"), "{error}");
        }
    }
}
