//! Why a call of NIM's server API is not done, with NIM's code for each reason.

use std::any::Any;

use axum::response::{IntoResponse, Response};
use huihua_core::AppKey;
use huihua_nim::rest::{self, RequestFault};
use huihua_store::{self as store, Refusal};

use crate::{
    answer_notes::{HeldBack, RefusalReason},
    error::{Error as HttpError, log_unserved},
    handlers::answers::json_text,
};

/// Why a call is not done.
pub(super) enum CallError {
    /// Unknown app, wrong or old signature, or a wrong parameter.
    Fault(RequestFault),
    /// No such call.
    NoSuchCall,
    /// Not POST.
    Method,
    /// More calls a second than the app may make.
    TooFrequent,
    /// The answer has no pages, and would be larger than any may be.
    AnswerTooLarge,
    /// The body did not arrive whole.
    Body(HttpError),
    /// The directory does not allow it.
    Refused {
        refusal: Refusal,
        /// The app of the call, for the log.
        app_key: AppKey,
    },
    /// The store.
    Store(store::Error),
    /// A bug.
    Panic,
}

impl From<RequestFault> for CallError {
    fn from(fault: RequestFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<store::Error> for CallError {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl CallError {
    /// Returns NIM's code and description: the one table of them. A description never holds a
    /// value.
    fn row(&self) -> (u16, String) {
        match self {
            Self::Fault(fault) => (414, fault.to_string()),
            Self::NoSuchCall => (404, "there is no such call".to_owned()),
            Self::Method => (414, "calls are made with POST".to_owned()),
            Self::TooFrequent => {
                (416, "too many calls of this app: make fewer a second".to_owned())
            }
            Self::AnswerTooLarge => {
                let reason = "the answer would be larger than 4 MiB: ask for fewer at a time";
                (414, reason.to_owned())
            }
            Self::Body(error @ HttpError::BodyTooLarge { .. }) => (414, error.to_string()),
            Self::Body(error @ HttpError::Overloaded { .. }) => (503, error.to_string()),
            Self::Body(_) => (503, "the body did not arrive whole".to_owned()),
            Self::Refused { refusal, .. } => {
                let code = match refusal {
                    Refusal::AccountExists => 414,
                    Refusal::NoSuchTeam => 803,
                    Refusal::NotOwner | Refusal::OwnerStays => 403,
                    Refusal::NotIn => 404,
                    Refusal::ClockBehind => 503,
                };
                (code, refusal.to_string())
            }
            Self::Store(error @ (store::Error::StalePageToken | store::Error::KeyReused)) => {
                (414, error.to_string())
            }
            Self::Store(error @ store::Error::TooManySessions { .. }) => (416, error.to_string()),
            Self::Store(store::Error::Unavailable { .. }) => {
                (503, "the store is unavailable: send the call again".to_owned())
            }
            Self::Store(store::Error::Damaged { .. }) | Self::Panic => {
                (500, "internal error: the log of this server says more".to_owned())
            }
        }
    }

    fn log(&self) {
        match self {
            Self::Store(error @ store::Error::Damaged { .. }) => {
                tracing::error!(%error, "a call of NIM's API failed");
            }
            Self::Store(error @ store::Error::Unavailable { .. }) => {
                log_unserved("calls of NIM's API were not served", error);
            }
            Self::Body(error) if !matches!(error, HttpError::BodyTooLarge { .. }) => {
                log_unserved("calls of NIM's API were not served", error);
            }
            Self::Refused { refusal: refusal @ Refusal::ClockBehind, app_key } => {
                tracing::error!(%app_key, %refusal, "a call of NIM's API was not served");
            }
            // The panic hook has logged it.
            Self::Panic => {}
            Self::Fault(_)
            | Self::NoSuchCall
            | Self::Method
            | Self::TooFrequent
            | Self::AnswerTooLarge
            | Self::Body(_)
            | Self::Refused {
                refusal:
                    Refusal::AccountExists
                    | Refusal::NoSuchTeam
                    | Refusal::NotOwner
                    | Refusal::OwnerStays
                    | Refusal::NotIn,
                ..
            }
            | Self::Store(
                store::Error::StalePageToken
                | store::Error::KeyReused
                | store::Error::TooManySessions { .. },
            ) => {
                let (code, desc) = self.row();
                tracing::debug!(code, desc, "a call of NIM's API was refused");
            }
        }
    }
}

impl IntoResponse for CallError {
    fn into_response(self) -> Response {
        self.log();
        let (code, desc) = self.row();
        let mut response = json_text(rest::refusal(code, &desc));
        // By its HTTP status nobody sees it.
        if matches!(self, Self::TooFrequent) {
            let reason = RefusalReason("calls of NIM's API too frequent".to_owned());
            response.extensions_mut().insert(reason);
            response.extensions_mut().insert(HeldBack);
        }
        response
    }
}

/// Answers an unknown call as NIM does.
pub(super) fn no_such_call() -> Response {
    CallError::NoSuchCall.into_response()
}

/// Answers a call of version 2 of NIM's API, which is not served. NIM's SDKs throw on any HTTP
/// status but 200.
pub(super) fn no_version_2() -> Response {
    CallError::NoSuchCall.log();
    let (code, _) = CallError::NoSuchCall.row();
    json_text(rest::refusal_v2(code, "version 2 of NIM's API is not served: use version 1"))
}

/// Answers a panic as NIM does.
pub(crate) fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    CallError::Panic.into_response()
}
