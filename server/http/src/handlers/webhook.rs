//! Receives NIM's message copies. NIM takes 200 and 500 as received and sends again after any other
//! status, so the answer is 200 only for a durable copy, and never 500.

use std::any::Any;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use huihua_core::AppKey;
use huihua_nim::copy;
use huihua_store::Outcome;

use super::{answers::json_text, context::Context, input};
use crate::{app::App, error::Error};

/// Largest copy, in bytes.
const COPY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest body without a signature: only the address check `{}` has none.
const UNSIGNED_BYTES_MAX: usize = 64;

/// The answer to a copy.
enum CopyAnswer {
    Received,
    Refused,
    Malformed,
    TooLarge,
    SendAgain,
}

impl IntoResponse for CopyAnswer {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::Received => (StatusCode::OK, 200),
            Self::Refused => (StatusCode::FORBIDDEN, 414),
            Self::Malformed => (StatusCode::BAD_REQUEST, 414),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 414),
            Self::SendAgain => (StatusCode::SERVICE_UNAVAILABLE, 503),
        };
        (status, json_text(format!("{{\"code\":{code}}}"))).into_response()
    }
}

pub(super) async fn receive(State(context): State<Context>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let header = |name| input::header(headers, name);
    let [app_key, cur_time, check_sum] = ["AppKey", "CurTime", "CheckSum"].map(header);
    let app = app_key.and_then(|key| context.apps.get(&AppKey::new(key).ok()?));
    if app.is_none() && (app_key.is_some() || check_sum.is_some()) {
        return CopyAnswer::Refused.into_response();
    }
    let bytes_max = if app.is_some() { COPY_BYTES_MAX } else { UNSIGNED_BYTES_MAX };
    let body = match input::whole_body(headers, body, bytes_max).await {
        Ok(body) => body,
        Err(_) if app.is_none() => return CopyAnswer::Refused.into_response(),
        Err(Error::BodyTooLarge { .. }) => return CopyAnswer::TooLarge.into_response(),
        Err(_) => return CopyAnswer::SendAgain.into_response(),
    };
    let Some(app) = app else {
        // NIM's console sends this to check the address.
        if copy::is_address_check(&body) {
            return CopyAnswer::Received.into_response();
        }
        return CopyAnswer::Refused.into_response();
    };
    let (cur_time, check_sum) = (cur_time.unwrap_or(""), check_sum.unwrap_or(""));
    if !copy::verify(app.secret.expose(), &body, cur_time, check_sum) {
        return CopyAnswer::Refused.into_response();
    }
    ingest(&context, app, &body).await.into_response()
}

async fn ingest(context: &Context, app: &App, body: &[u8]) -> CopyAnswer {
    let app_key = app.key.as_str();
    let events = match copy::decode(body) {
        Ok(events) if events.is_empty() => return CopyAnswer::Received,
        Ok(events) => events,
        Err(reason) => {
            tracing::warn!(app_key, bytes = body.len(), %reason, "a message copy is malformed");
            return CopyAnswer::Malformed;
        }
    };
    match context.store.ingest(&app.key, events, context.clock.now_ms()).await {
        Ok(outcomes) if outcomes.contains(&Outcome::TooFarAhead) => {
            tracing::error!(
                app_key,
                "a message copy is more than 10 minutes ahead of this machine's clock: check the \
                 clock; NIM will send the copy again"
            );
            CopyAnswer::SendAgain
        }
        Ok(_) => CopyAnswer::Received,
        Err(error) => {
            tracing::error!(app_key, %error, "cannot store a message copy: NIM will send it again");
            CopyAnswer::SendAgain
        }
    }
}

/// Answers a panic with 503, so that NIM sends the copy again: a bug must lose no message.
pub(super) fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    CopyAnswer::SendAgain.into_response()
}
