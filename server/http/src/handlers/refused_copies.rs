//! Why copies are refused, and the log of it. An operator who sets the wrong secret in the console
//! sees the reason here; NIM's console does not show answers.

use axum::http::StatusCode;
use huihua_nim::copy;
use huihua_store as store;

use crate::{error::Error, line_rate::LineRate};

/// Why a copy is refused. The text names headers and fields, never what they hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyRefusal {
    #[error("unknown app key: AppKey must be there once and name an app of this server")]
    UnknownAppKey,
    #[error("no CurTime: it must be there once, as digits")]
    NoCurTime,
    #[error("wrong sum: CheckSum must be there once and come of the app's secret")]
    WrongSum,
    #[error("malformed: {0}")]
    Malformed(copy::Malformed),
    #[error("too large: a copy has at most {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
}

impl CopyRefusal {
    /// Names the reason for the counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownAppKey => "copy of unknown app",
            Self::NoCurTime => "copy without CurTime",
            Self::WrongSum => "copy with wrong sum",
            Self::Malformed(_) => "malformed copy",
            Self::TooLarge { .. } => "copy too large",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownAppKey | Self::NoCurTime | Self::WrongSum => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// Why NIM has to send a good copy again.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendAgain {
    #[error("more copies a second than copies_per_s allows this app")]
    TooFrequent,
    #[error("{0}")]
    Body(Error),
    #[error("a time in it is more than 10 minutes ahead of this machine's clock: check the clock")]
    ClockBehind,
    #[error("{0}")]
    Store(store::Error),
}

impl SendAgain {
    /// Names the reason for the counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::TooFrequent => "copies too frequent",
            Self::Body(_) | Self::ClockBehind | Self::Store(_) => "copy not stored",
        }
    }
}

/// Logs copies that are refused or not taken, one line a second and reason at most: NIM sends each
/// again and again.
#[derive(Debug, Default)]
pub(crate) struct RefusedCopies {
    /// Texts are made of our words, NIM's names of fields and keys of apps.
    lines: LineRate,
}

impl RefusedCopies {
    /// Counts a refused copy, and writes the line that is due. `now` in ms since 1970.
    pub(super) fn log(&self, refusal: &CopyRefusal, app_key: Option<&str>, now: u64) {
        let reason = refusal.to_string();
        let Some(count) = self.lines.count(&reason, now) else { return };
        let app_key = app_key.unwrap_or("");
        tracing::warn!(app_key, reason, count, "message copies were refused");
    }

    /// Counts a copy that NIM has to send again, and writes the line that is due.
    pub(super) fn log_sent_again(&self, reason: &SendAgain, app_key: Option<&str>, now: u64) {
        let (text, app_key) = (reason.to_string(), app_key.unwrap_or(""));
        let Some(count) = self.lines.count(&format!("{app_key} {text}"), now) else { return };
        match reason {
            SendAgain::TooFrequent | SendAgain::Body(_) => {
                tracing::warn!(
                    app_key,
                    reason = text,
                    count,
                    "message copies were not taken: NIM will send them again"
                );
            }
            SendAgain::ClockBehind | SendAgain::Store(_) => {
                tracing::error!(
                    app_key,
                    reason = text,
                    count,
                    "cannot store message copies: NIM will send them again"
                );
            }
        }
    }
}
