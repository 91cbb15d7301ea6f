//! A signed call of NIM's server API: its app, its form, and its attempt.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, Method},
};
use huihua_core::AppKey;
use huihua_event::{Action, Done};
use huihua_nim::rest::{self, Form, RequestFault, Signature};
use huihua_store::{Attempt, IdempotencyKey, Refusal};

use super::{error::CallError, path::call_path};
use crate::{
    app::{App, Apps},
    handlers::{context::Context, input},
};

/// Largest form, in bytes: 500 accounts of the longest, percent-encoded, with a body fit ten times.
const FORM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A call whose signature is right.
pub(super) struct SignedCall {
    pub(super) context: Context,
    /// Those that were served when the call came in.
    apps: Arc<Apps>,
    pub(super) app_key: AppKey,
    pub(super) form: Form,
    pub(super) attempt: Attempt,
}

impl SignedCall {
    pub(super) fn app(&self) -> &App {
        self.apps.get(&self.app_key).expect("its signature was checked with it")
    }

    pub(super) async fn act(&self, action: Action) -> Result<Done, CallError> {
        let done = self.context.store.act(&self.app_key, Arc::new(action), &self.attempt).await?;
        done.map_err(|refusal| self.refused(refusal))
    }

    /// Creates the error of a refused call.
    pub(super) fn refused(&self, refusal: Refusal) -> CallError {
        CallError::Refused { refusal, app_key: self.app_key.clone() }
    }
}

impl FromRequest<Context> for SignedCall {
    type Rejection = CallError;

    async fn from_request(request: Request, context: &Context) -> Result<Self, CallError> {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            return Err(CallError::Method);
        }
        let now = context.clock.now_ms();
        let apps = context.apps.load();
        let app = signer(&apps, &parts.headers, now / 1_000)?;
        context.rates.count_nim_call(&app.key).map_err(|_| CallError::TooFrequent)?;
        let body =
            input::whole_body(&parts, body, FORM_BYTES_MAX).await.map_err(CallError::Body)?;
        let form = Form::parse(&body, app.accounts)?;
        let key = match input::header(&parts.headers, "RequestId") {
            // One that is too long for a key is ignored, as if it were absent.
            Some(id) => form.name_request(id, call_path(&parts.uri)),
            None => None,
        };
        let key = key.as_deref().and_then(IdempotencyKey::new);
        let (context, app_key) = (context.clone(), app.key.clone());
        Ok(Self { context, apps, app_key, form, attempt: Attempt { now, key } })
    }
}

/// Returns the app whose secret signed the request. `now` in seconds since 1970.
fn signer<'a>(apps: &'a Apps, headers: &HeaderMap, now: u64) -> Result<&'a App, RequestFault> {
    let header =
        |name| input::header(headers, name).ok_or_else(|| RequestFault::new(name, "is missing"));
    let app = AppKey::new(header("AppKey")?).ok().and_then(|key| apps.get(&key));
    let signature = Signature {
        nonce: header("Nonce")?,
        cur_time: header("CurTime")?,
        check_sum: header("CheckSum")?,
    };
    let app = app.ok_or_else(|| RequestFault::new("AppKey", "is not an app of this server"))?;
    rest::verify(app.secret.expose(), signature, now)?;
    Ok(app)
}
