//! NIM's server API: an app's backend that speaks NIM drives us unchanged. Every answer has HTTP
//! status 200, whatever happened; what happened stands in `code`, and in `desc` in words.

mod accounts;
mod messages;
mod sessions;
mod teams;

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
    routing::any,
};
use huihua_core::AppKey;

use super::{Context, input, json_text, now_ms};
use crate::{
    config::App,
    error::Error as HttpError,
    nim::rest::{self, Fault, Form, Signature},
    store::{
        self, Attempt, IdempotencyKey,
        directory::{Action, Done, Refusal},
    },
};

/// Largest form, in bytes: 500 accounts of the longest, percent-encoded, with a body fit ten times.
const FORM_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What stands before NIM's paths where its own servers are.
const PREFIX: &str = "/nimserver";

/// All calls, with NIM's prefix and without.
pub(super) fn routes() -> Router<Context> {
    let calls = Router::new()
        .route("/history/querySessionList.action", any(sessions::list))
        .route("/msg/sendMsg.action", any(messages::send))
        .route("/msg/sendBatchMsg.action", any(messages::send_batch))
        .route("/msg/recall.action", any(messages::recall))
        .route("/msg/delMsgOneWay.action", any(messages::delete_one_way))
        .route("/msg/delMsg.action", any(messages::delete))
        .route("/msg/delRoamSession.action", any(messages::delete_roaming))
        .route("/superteam/sendMsg.action", any(messages::send_to_super_team))
        .route("/superteam/recallMsg.action", any(messages::recall_in_super_team))
        .route("/team/create.action", any(teams::create))
        .route("/team/add.action", any(teams::add))
        .route("/team/kick.action", any(teams::kick))
        .route("/team/leave.action", any(teams::leave))
        .route("/team/remove.action", any(teams::remove))
        .route("/team/joinTeams.action", any(teams::joined))
        .route("/superteam/create.action", any(teams::create_super))
        .route("/superteam/invite.action", any(teams::invite_super))
        .route("/superteam/kick.action", any(teams::kick_super))
        .route("/superteam/leave.action", any(teams::leave_super))
        .route("/superteam/dismiss.action", any(teams::dismiss_super))
        .route("/user/create.action", any(accounts::create))
        .route("/user/update.action", any(accounts::update))
        .route("/user/refreshToken.action", any(accounts::refresh_token))
        // Asked by NIM's SDKs, with GET and unsigned, before they choose between two endpoints.
        .route("/health/liveness.action", any(async || done()));
    Router::new().nest(PREFIX, calls.clone()).merge(calls)
}

/// Whether a path that is no route is answered as NIM would.
pub(super) fn is_nims(uri: &Uri) -> bool {
    uri.path().ends_with(".action") || uri.path().split('/').nth(1) == Some(&PREFIX[1..])
}

/// Why a call is not done.
pub(super) enum Error {
    /// Unknown app, wrong or old signature, or a wrong parameter.
    Fault(Fault),
    /// No such call.
    NoSuchCall,
    /// Not POST.
    Method,
    /// The body cannot be had.
    Body(HttpError),
    /// The store.
    Store(store::Error),
    /// A bug.
    Panic,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Error {
    /// The table: NIM's code, and the words beside it. They never hold a value.
    fn row(&self) -> (u16, String) {
        match self {
            Self::Fault(fault) => (414, fault.to_string()),
            Self::NoSuchCall => (404, "there is no such call".to_owned()),
            Self::Method => (414, "calls are made with POST".to_owned()),
            Self::Body(error @ HttpError::BodyTooLarge { .. }) => (414, error.to_string()),
            Self::Body(_) => (503, "the body did not come whole".to_owned()),
            Self::Store(store::Error::Refused(refusal)) => {
                let code = match refusal {
                    Refusal::AccountExists => 414,
                    Refusal::NoSuchTeam => 803,
                    Refusal::NotOwner | Refusal::OwnerStays => 403,
                    Refusal::NotIn => 404,
                };
                (code, refusal.to_string())
            }
            Self::Store(error @ (store::Error::StalePageToken | store::Error::KeyReused)) => {
                (414, error.to_string())
            }
            Self::Store(error @ store::Error::TooManySessions { .. }) => (416, error.to_string()),
            Self::Store(store::Error::Unavailable { .. }) => {
                (503, "the store cannot do this now: send it again".to_owned())
            }
            Self::Store(store::Error::Damaged { .. }) | Self::Panic => {
                (500, "this server cannot do it: its log says more".to_owned())
            }
        }
    }

    fn log(&self) {
        match self {
            Self::Store(error @ store::Error::Damaged { .. }) => {
                tracing::error!(%error, "a call of NIM's API failed");
            }
            Self::Store(error @ store::Error::Unavailable { .. }) => {
                tracing::warn!(%error, "a call of NIM's API was not served");
            }
            // The panic hook has told of it.
            Self::Panic => {}
            Self::Fault(_)
            | Self::NoSuchCall
            | Self::Method
            | Self::Body(_)
            | Self::Store(
                store::Error::Refused(_)
                | store::Error::StalePageToken
                | store::Error::KeyReused
                | store::Error::TooManySessions { .. },
            ) => {
                let (code, desc) = self.row();
                tracing::debug!(code, desc, "a call of NIM's API was refused");
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let (code, desc) = self.row();
        json_text(rest::refusal(code, &desc))
    }
}

/// What is not there is told as NIM tells it.
pub(super) fn no_such_call() -> Response {
    Error::NoSuchCall.into_response()
}

/// A bug of ours is told as NIM tells it.
pub(super) fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    Error::Panic.into_response()
}

/// A signed call.
struct Call {
    context: Context,
    app_key: AppKey,
    form: Form,
    attempt: Attempt,
}

impl Call {
    fn app(&self) -> &App {
        self.context.apps.get(&self.app_key).expect("its signature was checked with it")
    }

    async fn act(&self, action: Action) -> Result<Done, store::Error> {
        self.context.store.act(&self.app_key, Arc::new(action), &self.attempt).await
    }
}

impl FromRequest<Context> for Call {
    type Rejection = Error;

    async fn from_request(request: Request, context: &Context) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            return Err(Error::Method);
        }
        let now = now_ms();
        let app_key = signer(context, &parts.headers, now / 1_000)?;
        let body =
            input::whole_body(&parts.headers, body, FORM_BYTES_MAX).await.map_err(Error::Body)?;
        let form = Form::parse(&body)?;
        let key = match input::header(&parts.headers, "RequestId") {
            // One that is too long for a key names nothing: the call is done, as without one.
            Some(id) => form.name_request(id, parts.uri.path()),
            None => None,
        };
        let key = key.as_deref().and_then(IdempotencyKey::new);
        Ok(Self { context: context.clone(), app_key, form, attempt: Attempt { now, key } })
    }
}

/// The app whose secret signed the request. `now` in seconds since 1970.
fn signer(context: &Context, headers: &HeaderMap, now: u64) -> Result<AppKey, Fault> {
    let header = |name| input::header(headers, name).ok_or_else(|| Fault::new(name, "is missing"));
    let app = AppKey::new(header("AppKey")?).ok().and_then(|key| context.apps.get(&key));
    let signature = Signature {
        nonce: header("Nonce")?,
        cur_time: header("CurTime")?,
        check_sum: header("CheckSum")?,
    };
    let app = app.ok_or_else(|| Fault::new("AppKey", "is no app of this server"))?;
    rest::verify(app.secret.expose(), signature, now)?;
    Ok(app.key.clone())
}

/// The answer to a call that tells nothing.
fn done() -> Response {
    json_text(rest::DONE.to_owned())
}
