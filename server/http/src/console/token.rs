//! Why a client's token opens nothing: what it says, and what the verifier of `/v1` says of it. The
//! token itself is neither answered nor logged.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::{Request, State as AxumState},
    response::Response,
};
use huihua_event::Owner;
use jsonwebtoken::dangerous::insecure_decode;
use serde::Serialize;
use serde_json::Value;

use super::{access::Looker, api, state::State};
use crate::{
    auth::{AuthenticatedCaller, authenticate},
    error::Error,
    handlers::{answers::json, input},
};

/// Most names of claims that are shown, and most characters of a text.
const CLAIMS_MAX: usize = 32;
const TEXT_CHARS_MAX: usize = 128;
/// What a line of a log or of a header begins with.
const PREFIX: &str = "Bearer ";

/// What is told of a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenAnswer {
    /// What it says of itself, if it is a JWT.
    jwt: Option<ReadJwt>,
    is_accepted: bool,
    /// NIM's code, when it is not.
    code: Option<u16>,
    reason: Option<String>,
    /// Of a token that is accepted, or would be but for a block.
    app_key: Option<String>,
    account: Option<String>,
    expires_at: Option<u64>,
    /// ms since 1970: what the times were compared with.
    now: u64,
}

/// The parts of a JWT that our tokens have. Other claims may hold anything: their names are told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadJwt {
    alg: String,
    kid: Option<String>,
    sub: Option<String>,
    /// Seconds since 1970, as the others.
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    other_claims: Vec<String>,
}

pub(super) async fn check(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    input::query(&parts.uri, &[])?;
    let fields = input::fields(&parts, body, &["token"]).await?;
    let token: String = input::value(&fields, "token", "must be a string")?;
    let token = token.trim();
    let token = token.strip_prefix(PREFIX).unwrap_or(token).trim();
    if token.is_empty() {
        return Err(Error::invalid("token", "is empty: paste the token of a client"));
    }
    let context = &state.context;
    let (store, now) = (&*context.store, context.clock.now_ms());
    let (caller, refusal) =
        match authenticate(&context.apps.verifier(), store, token, now / 1_000).await? {
            Ok(caller) => {
                let blocked = match caller.refuse_blocked(store).await {
                    Ok(()) => None,
                    Err(blocked @ Error::Blocked) => Some(blocked),
                    Err(failure) => return Err(failure),
                };
                (Some(caller), blocked)
            }
            Err(refusal) => (None, Some(refusal)),
        };
    if let Some(AuthenticatedCaller { owner, .. }) = &caller {
        api::audit(&looker, owner, "token");
    }
    Ok(json(&answer(token, caller, refusal, now)))
}

fn answer(
    token: &str,
    caller: Option<AuthenticatedCaller>,
    refusal: Option<Error>,
    now: u64,
) -> TokenAnswer {
    let (owner, expires_at) = caller.map(|caller| (caller.owner, caller.expires_at)).unzip();
    let (app_key, account) =
        owner.map(|Owner { app, account }| (app.to_string(), account.to_string())).unzip();
    TokenAnswer {
        jwt: read(token),
        is_accepted: refusal.is_none(),
        code: refusal.as_ref().map(Error::code_number),
        reason: refusal.map(|error| error.to_string()),
        app_key,
        account,
        expires_at,
        now,
    }
}

/// Reads a JWT without a look at its signature: nothing of it counts.
fn read(token: &str) -> Option<ReadJwt> {
    let jwt = insecure_decode::<BTreeMap<String, Value>>(token).ok()?;
    let shown = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
    let mut claims = jwt.claims;
    let sub = claims.remove("sub").map(|sub| sub.as_str().map_or_else(String::new, shown));
    let [exp, nbf, iat] = ["exp", "nbf", "iat"].map(|name| claims.remove(name)?.as_f64());
    let other_claims = claims.keys().take(CLAIMS_MAX).map(|name| shown(name)).collect();
    let alg = format!("{:?}", jwt.header.alg);
    let kid = jwt.header.kid.as_deref().map(shown);
    Some(ReadJwt { alg, kid, sub, exp, nbf, iat, other_claims })
}
