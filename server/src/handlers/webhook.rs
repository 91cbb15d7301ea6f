//! NIM's message copies come in here. NIM takes 200 and 500 as received and sends again for
//! anything else: so 200 is said only for what is durable, and 500 never.

use std::any::Any;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use huihua_core::AppKey;

use super::{Context, input, json_text, now_ms};
use crate::{config::App, error::Error, nim::copy, store::Outcome};

/// Largest copy, in bytes.
const COPY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest body without a signature: only the address check `{}` has none.
const UNSIGNED_BYTES_MAX: usize = 64;

/// How a copy is answered.
enum Answer {
    Received,
    Refused,
    Malformed,
    TooLarge,
    SendAgain,
}

impl IntoResponse for Answer {
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
        return Answer::Refused.into_response();
    }
    let bytes_max = if app.is_some() { COPY_BYTES_MAX } else { UNSIGNED_BYTES_MAX };
    let body = match input::whole_body(headers, body, bytes_max).await {
        Ok(body) => body,
        Err(_) if app.is_none() => return Answer::Refused.into_response(),
        Err(Error::BodyTooLarge { .. }) => return Answer::TooLarge.into_response(),
        Err(_) => return Answer::SendAgain.into_response(),
    };
    let Some(app) = app else {
        // NIM's console asks so whether the address answers.
        let answer = if copy::is_address_check(&body) { Answer::Received } else { Answer::Refused };
        return answer.into_response();
    };
    let (cur_time, check_sum) = (cur_time.unwrap_or(""), check_sum.unwrap_or(""));
    if !copy::verify(app.secret.expose(), &body, cur_time, check_sum) {
        return Answer::Refused.into_response();
    }
    take(&context, app, &body).await.into_response()
}

async fn take(context: &Context, app: &App, body: &[u8]) -> Answer {
    let app_key = app.key.as_str();
    let events = match copy::decode(body) {
        Ok(events) if events.is_empty() => return Answer::Received,
        Ok(events) => events,
        Err(reason) => {
            tracing::warn!(app_key, bytes = body.len(), %reason, "a message copy is malformed");
            return Answer::Malformed;
        }
    };
    match context.store.ingest(&app.key, events, now_ms()).await {
        Ok(outcomes) if outcomes.contains(&Outcome::TooFarAhead) => {
            tracing::error!(
                app_key,
                "a message copy is more than 10 minutes ahead of this machine's clock: check the \
                 clock; NIM will send the copy again"
            );
            Answer::SendAgain
        }
        Ok(_) => Answer::Received,
        Err(error) => {
            tracing::error!(app_key, %error, "a message copy is not stored: NIM will send again");
            Answer::SendAgain
        }
    }
}

/// A bug here must not lose a message: NIM sends again what is answered 503.
pub(super) fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    Answer::SendAgain.into_response()
}
