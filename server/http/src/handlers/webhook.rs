//! Receives NIM's message copies. NIM takes 200 and 500 as received and sends again after any other
//! status, so the answer is 200 only for a durable copy, and never 500.

use std::{any::Any, fmt::Display};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use huihua_core::AppKey;
use huihua_nim::copy::{self, CopySignature};
use huihua_store::Outcome;

use super::{
    answers::json_text,
    context::Context,
    input,
    recent_copies::{CopyContent, RecentCopy, kind_and_time},
    refused_copies::{CopyRefusal, SendAgain},
};
use crate::{
    answer_notes::{HeldBack, RefusalReason},
    app::{App, Apps},
    error::Error,
};

const APP_KEY: &str = "AppKey";
/// Largest copy, in bytes.
const COPY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest copy that names no app but has a sum, in bytes: nobody knows yet who sends it, and NIM
/// sends such ones; a message with all its fields fits even with every character escaped.
const UNNAMED_BYTES_MAX: usize = 256 * 1024;
/// Largest body without a signature: only the address check `{}` has none.
const UNSIGNED_BYTES_MAX: usize = 64;

/// The answer to a copy.
enum CopyAnswer {
    Received,
    Refused(CopyRefusal),
    SendAgain(SendAgain),
}

impl From<CopyRefusal> for CopyAnswer {
    fn from(refusal: CopyRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for CopyAnswer {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::Received => (StatusCode::OK, 200),
            Self::Refused(refusal) => (refusal.status(), 414),
            // Also of one that comes too often: NIM repeats what is not 200 or 500.
            Self::SendAgain(SendAgain::TooFrequent) => {
                let mut response = send_again();
                response.extensions_mut().insert(HeldBack);
                return response;
            }
            Self::SendAgain(_) => return send_again(),
        };
        (status, json_text(format!("{{\"code\":{code}}}"))).into_response()
    }
}

/// Answers a copy that NIM has to send again.
fn send_again() -> Response {
    let wait = [(header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, wait, json_text(r#"{"code":503}"#)).into_response()
}

/// Takes a message copy (消息抄送) of NIM.
///
/// `CheckSum` is the hex of SHA-1 of app secret + hex of the body's MD5 + `CurTime`. Every field of
/// a copy may be a string, number, object or array, and unknown ones are ignored: docs/protocol.md
/// names those that are read. NIM takes 200 and 500 as received and repeats everything else, so 200
/// means that the copy is on the disk or concerns no list, and 500 is never sent. An empty object
/// is the address check of NIM's console: it needs no signature.
#[cfg_attr(test, utoipa::path(
    post, path = huihua_core::paths::NIM_COPY, operation_id = "receiveCopy",
    params(super::described::CopyHeaders),
    request_body(
        content = Object, content_type = "application/json",
        description = "At most 4 MiB; 256 KiB without `AppKey`",
    ),
    responses(
        (status = 200, description = "On the disk, or of no concern",
            body = super::described::CopyAnswerBody),
        (status = 400, description = "No object, or a needed field is missing or malformed",
            body = super::described::CopyAnswerBody),
        (status = 403, description = "Unknown app key, or a missing or wrong sum",
            body = super::described::CopyAnswerBody),
        (status = 413, description = "Too large", body = super::described::CopyAnswerBody),
        (status = 503, description = "Not on the disk, overloaded, more than `copies_per_s`, or a \
            time in it is more than 10 minutes ahead of the server's clock: NIM sends it again",
            body = super::described::CopyAnswerBody,
            headers(("Retry-After" = u32, description = "Seconds"))),
    ),
))]
pub(super) async fn receive(State(context): State<Context>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let apps = context.apps.load();
    let mut content = None;
    let answer = match signed(&apps, &parts, body).await {
        Ok((app, body)) => ingest(&context, app, &body, &mut content).await,
        Err(answer) => answer,
    };
    // A key that is no app's may be anything, even a secret: it is not in the log.
    let app_key = || named_app(&apps, &parts.headers).map(|app| app.key.as_str());
    let (log, now) = (&context.refused_copies, context.clock.now_ms());
    let (reason, detail) = match &answer {
        CopyAnswer::Received => (None, None),
        CopyAnswer::Refused(refusal) => {
            log.log(refusal, app_key(), now);
            (Some(refusal.reason()), Some(refusal as &dyn Display))
        }
        CopyAnswer::SendAgain(reason) => {
            log.log_sent_again(reason, app_key(), now);
            (Some(reason.reason()), Some(reason as &dyn Display))
        }
    };
    context.recent_copies.note(|| RecentCopy {
        at: now,
        app_key: app_key().map(str::to_owned),
        reason,
        detail: detail.map(ToString::to_string),
        content,
    });
    let mut response = answer.into_response();
    if let Some(reason) = reason {
        response.extensions_mut().insert(RefusalReason(reason.to_owned()));
    }
    response
}

/// Returns the app of a copy and its body, once the signature is right.
async fn signed<'c>(
    apps: &'c Apps,
    parts: &Parts,
    body: Body,
) -> Result<(&'c App, Bytes), CopyAnswer> {
    let headers = &parts.headers;
    let named = named_app(apps, headers);
    if named.is_none() && headers.contains_key(APP_KEY) {
        return Err(CopyRefusal::UnknownAppKey.into());
    }
    let [cur_time, check_sum] = ["CurTime", "CheckSum"].map(|name| input::header(headers, name));
    if named.is_some() && check_sum.is_none() {
        // Refused whatever it holds: nothing of it is kept.
        return Err(CopyRefusal::WrongSum.into());
    }
    let is_signed = check_sum.is_some();
    let bytes_max = match (named, is_signed) {
        (Some(_), _) => COPY_BYTES_MAX,
        (None, true) => UNNAMED_BYTES_MAX,
        (None, false) => UNSIGNED_BYTES_MAX,
    };
    let body = match input::whole_body(parts, body, bytes_max).await {
        Ok(body) => body,
        Err(_) if !is_signed => return Err(CopyRefusal::WrongSum.into()),
        Err(Error::BodyTooLarge { .. }) => return Err(CopyRefusal::TooLarge { bytes_max }.into()),
        Err(error) => return Err(CopyAnswer::SendAgain(SendAgain::Body(error))),
    };
    // NIM's console sends this to check the address.
    if !is_signed && copy::is_address_check(&body) {
        return Err(CopyAnswer::Received);
    }
    let check_sum = check_sum.ok_or(CopyRefusal::WrongSum)?;
    let signature = CopySignature::new(&body, cur_time.unwrap_or(""), check_sum)
        .ok_or(CopyRefusal::NoCurTime)?;
    let app = match named {
        Some(app) => Some(app).filter(|app| signature.is_of(app.secret.expose())),
        None => signer(apps, &signature),
    };
    Ok((app.ok_or(CopyRefusal::WrongSum)?, body))
}

/// Returns the app that the header AppKey names.
fn named_app<'c>(apps: &'c Apps, headers: &HeaderMap) -> Option<&'c App> {
    apps.get(&AppKey::new(input::header(headers, APP_KEY)?).ok()?)
}

/// Finds the app whose secret fits the sum: NIM leaves the app key out of many copies.
fn signer<'c>(apps: &'c Apps, signature: &CopySignature<'_>) -> Option<&'c App> {
    // Every app is compared, so that the time does not reveal which one it was. No two have one
    // secret: the configuration refuses it.
    let mut found = None;
    for app in apps.values() {
        if signature.is_of(app.secret.expose()) {
            found = Some(app);
        }
    }
    found
}

/// Stores what a copy holds; notes in `content` what that is, if somebody may look at it.
async fn ingest(
    context: &Context,
    app: &App,
    body: &[u8],
    content: &mut Option<CopyContent>,
) -> CopyAnswer {
    let events = match copy::decode(body, app.accounts) {
        Ok(events) if events.is_empty() => {
            context.metrics.count_copy("ignored", None);
            return CopyAnswer::Received;
        }
        Ok(events) => events,
        Err(reason) => return CopyRefusal::Malformed(reason).into(),
    };
    if context.recent_copies.are_kept() {
        *content = CopyContent::of(&events);
    }
    if context.rates.count_copy(&app.key).is_err() {
        return CopyAnswer::SendAgain(SendAgain::TooFrequent);
    }
    let now = context.clock.now_ms();
    let (kind, time) = kind_and_time(&events);
    match context.store.ingest(&app.key, events, now).await {
        Ok(outcomes) if outcomes.contains(&Outcome::TooFarAhead) => {
            CopyAnswer::SendAgain(SendAgain::ClockBehind)
        }
        Ok(_) => {
            context.metrics.count_copy(kind, time.map(|time| now.saturating_sub(time)));
            CopyAnswer::Received
        }
        Err(error) => CopyAnswer::SendAgain(SendAgain::Store(error)),
    }
}

/// Answers a panic with 503, so that NIM sends the copy again: a bug must lose no message.
pub(super) fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    send_again()
}
