//! Accounts and their tokens. A token that is drawn here is made of a random seed and the app's
//! token key: the seed may be stored for a retried call, and is no token by itself.

use axum::response::Response;
use huihua_core::Account;

use super::{super::json_text, Call, Error, done};
use crate::{
    auth,
    config::App,
    nim::rest::accounts::{self, Asked},
    store::{
        self,
        directory::{Action, NewToken, TokenHash},
    },
};

pub(super) async fn create(call: Call) -> Result<Response, Error> {
    let Asked { account, name, token } = accounts::read(&call.form)?;
    let new = new_token(call.app(), token.as_deref())?;
    let action = Action::CreateAccount { account: account.clone(), name, token: new };
    answer(&call, &account, token, action).await
}

/// What else NIM keeps of an account is none of a list's concern.
pub(super) async fn update(call: Call) -> Result<Response, Error> {
    let Asked { account, token, .. } = accounts::read(&call.form)?;
    if let Some(token) = token {
        let token = new_token(call.app(), Some(&token))?;
        call.act(Action::SetToken { account, token }).await?;
    }
    Ok(done())
}

/// Always draws a token, as NIM does.
pub(super) async fn refresh_token(call: Call) -> Result<Response, Error> {
    let Asked { account, .. } = accounts::read(&call.form)?;
    let token = new_token(call.app(), None)?;
    let action = Action::SetToken { account: account.clone(), token };
    answer(&call, &account, None, action).await
}

async fn answer(
    call: &Call,
    account: &Account,
    given: Option<String>,
    action: Action,
) -> Result<Response, Error> {
    let done = call.act(action).await?;
    // Of the first try's seed, so that a further try is answered with the token that counts.
    let drawn = || done.seed.as_deref().map(|seed| auth::draw_token(call.app(), seed));
    let token = given.or_else(drawn).unwrap_or_default();
    Ok(json_text(accounts::answer_token(account, &done.name, &token)))
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
