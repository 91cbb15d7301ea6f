//! Accounts and their tokens. A token that the server draws is computed from a random seed and the
//! app's token key: the seed alone is no token, so it may be stored for a retried call.

use axum::response::Response;
use huihua_core::Account;
use huihua_event::{Action, NewToken, TokenHash};
use huihua_nim::rest::accounts::{self, AccountRequest};
use huihua_store as store;

use super::{answers::done, call::SignedCall, error::CallError};
use crate::{app::App, auth, handlers::answers::json_text};

pub(super) async fn create(call: SignedCall) -> Result<Response, CallError> {
    let AccountRequest { account, name, token } = accounts::read(&call.form)?;
    let new = new_token(call.app(), token.as_deref())?;
    let action = Action::CreateAccount { account: account.clone(), name, token: new };
    answer(&call, &account, token, action).await
}

/// Sets the token, if one is given. No list needs what else NIM keeps of an account.
pub(super) async fn update(call: SignedCall) -> Result<Response, CallError> {
    let AccountRequest { account, token, .. } = accounts::read(&call.form)?;
    if let Some(token) = token {
        let token = new_token(call.app(), Some(&token))?;
        call.act(Action::SetToken { account, token }).await?;
    }
    Ok(done())
}

/// Draws a new token, as NIM does, whatever is given.
pub(super) async fn refresh_token(call: SignedCall) -> Result<Response, CallError> {
    let AccountRequest { account, .. } = accounts::read(&call.form)?;
    let token = new_token(call.app(), None)?;
    let action = Action::SetToken { account: account.clone(), token };
    answer(&call, &account, None, action).await
}

/// Ends the account's tokens and waiting syncs, and refuses it until it is unblocked.
pub(super) async fn block(call: SignedCall) -> Result<Response, CallError> {
    let account = call.form.account("accid")?;
    call.act(Action::Block { account }).await?;
    Ok(done())
}

pub(super) async fn unblock(call: SignedCall) -> Result<Response, CallError> {
    let account = call.form.account("accid")?;
    call.act(Action::Unblock { account }).await?;
    Ok(done())
}

async fn answer(
    call: &SignedCall,
    account: &Account,
    given: Option<String>,
    action: Action,
) -> Result<Response, CallError> {
    let done = call.act(action).await?;
    // From the seed of the first attempt, so that a further one gets the token that is valid.
    let drawn = || done.seed.as_deref().map(|seed| auth::draw_token(call.app(), seed));
    let token = given.or_else(drawn).unwrap_or_default();
    Ok(json_text(accounts::token_answer(account, &done.name, &token)))
}

fn new_token(app: &App, given: Option<&str>) -> Result<NewToken, store::Error> {
    if let Some(token) = given {
        return Ok(NewToken { hash: TokenHash::of(token), seed: None });
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| store::Error::Unavailable { reason: format!("draw a token: {error}") })?;
    let seed = hex::encode(random);
    Ok(NewToken { hash: TokenHash::of(&auth::draw_token(app, &seed)), seed: Some(seed) })
}
