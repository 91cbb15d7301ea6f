//! The log of the process: lines on stderr, quiet on success.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

/// Holds the level, or a filter of `tracing`.
const LEVEL_VARIABLE: &str = "HUIHUA_LOG";

/// Starts logging for the whole process; a second call does nothing.
pub(crate) fn init() {
    let filter = EnvFilter::builder()
        .with_env_var(LEVEL_VARIABLE)
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written (its disk is full) is lost. By default the error is printed to
    // stderr, which would panic too and end the thread.
    let lines = lines.log_internal_errors(false);
    if lines.with_ansi(false).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Logs the place of a panic, and its text only if it is constant: a formatted one may quote a
/// message.
fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let text = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
    tracing::error!(place, text, "a bug: the code panicked");
}
