//! What the fuzz targets of `server/fuzz` call: readers of this crate that nobody else may, as the
//! handlers call them. Present with the feature `fuzz` alone.

use std::sync::Arc;

use axum::http::{HeaderValue, Request, header::AUTHORIZATION};
use huihua_core::AccountForm;
use huihua_event::{Event, Owner};

use crate::{
    app::Apps,
    auth::{TokenVerifier, bearer},
    events_json,
};

/// Reads the body of `POST /v1/events`: each event, or why it is refused.
///
/// # Errors
/// Why the whole body is refused.
pub fn read_events(
    body: &[u8],
    accounts: AccountForm,
) -> Result<Vec<Result<Event, String>>, String> {
    let events = events_json::decode(body, accounts).map_err(|refusal| refusal.to_string())?;
    Ok(events.into_iter().map(|one| one.map_err(|refusal| refusal.to_string())).collect())
}

/// Verifies the JWTs of these apps.
pub struct Tokens(TokenVerifier);

/// The owner of a token's list.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenOwner {
    /// App and account.
    pub owner: Owner,
    /// Expiry of the token, ms since 1970.
    pub expires_at: u64,
}

impl Tokens {
    /// Makes the verifier of these apps.
    pub fn new(apps: Apps) -> Self {
        Self(TokenVerifier::new(Arc::new(apps)))
    }

    /// Reads an Authorization header. `now` in seconds since 1970.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn read(&self, authorization: &[u8], now: u64) -> Result<TokenOwner, String> {
        let header = HeaderValue::from_bytes(authorization).map_err(|error| error.to_string())?;
        let mut request = Request::new(());
        request.headers_mut().insert(AUTHORIZATION, header);
        let parts = request.into_parts().0;
        let token = bearer(&parts, "token").map_err(|refusal| refusal.to_string())?;
        let caller = self.0.verify(token, now).map_err(|refusal| refusal.to_string())?;
        Ok(TokenOwner { owner: caller.owner, expires_at: caller.expires_at })
    }
}
