//! The bearer token: asked for once, kept until the server refuses it, refreshed by one caller for
//! all that were refused.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::{Error, TokenProvider, options::ProviderError};

/// A token ready to be sent, and which one it is.
#[derive(Clone)]
pub(super) struct Bearer {
    /// `Bearer <token>`, marked sensitive so that nothing prints it.
    pub(super) header: HeaderValue,
    /// Counts the tokens: a refusal names the one that was refused.
    generation: u64,
}

/// The token of one service.
///
/// The lock is held while the provider is asked, and that is the single flight: who waits for it
/// finds the outcome of whoever held it. A caller dropped while it holds the lock releases it, and
/// the next one asks the provider itself.
pub(super) struct Tokens {
    provider: Arc<dyn TokenProvider>,
    state: Mutex<State>,
    /// How many times the provider has answered. Read before waiting for the lock: an answer that
    /// came while a caller waited is that caller's answer too.
    answers: AtomicU64,
}

#[derive(Default)]
struct State {
    current: Option<Bearer>,
    /// The provider's latest failure, if its latest answer was one.
    failure: Option<SharedError>,
}

impl Tokens {
    pub(super) fn new(provider: Arc<dyn TokenProvider>) -> Self {
        Self { provider, state: Mutex::default(), answers: AtomicU64::new(0) }
    }

    /// The token to send.
    pub(super) async fn current(&self) -> Result<Bearer, Error> {
        self.newer_than(None).await
    }

    /// The token that replaces a refused one.
    pub(super) async fn replace(&self, refused: &Bearer) -> Result<Bearer, Error> {
        self.newer_than(Some(refused.generation)).await
    }

    async fn newer_than(&self, refused: Option<u64>) -> Result<Bearer, Error> {
        let answers_before = self.answers.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(bearer) = &state.current
            && refused.is_none_or(|refused| bearer.generation > refused)
        {
            return Ok(bearer.clone());
        }
        if let Some(failure) = &state.failure
            && self.answers.load(Ordering::Acquire) != answers_before
        {
            return Err(failure.clone().into());
        }
        let answer = self.provider.token(refused.is_some()).await;
        let generation = self.answers.fetch_add(1, Ordering::AcqRel) + 1;
        match answer.and_then(|token| header(&token).map_err(Into::into)) {
            Ok(header) => {
                let bearer = Bearer { header, generation };
                *state = State { current: Some(bearer.clone()), failure: None };
                Ok(bearer)
            }
            Err(error) => {
                let failure = SharedError(error.into());
                state.failure = Some(failure.clone());
                Err(failure.into())
            }
        }
    }
}

/// A token that no header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is empty or holds a character that is not printable ASCII")]
pub struct UnusableToken;

fn header(token: &str) -> Result<HeaderValue, UnusableToken> {
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(UnusableToken);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| UnusableToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// One failure of the provider, given to every caller that waited for it.
#[derive(Clone)]
struct SharedError(Arc<dyn std::error::Error + Send + Sync>);

impl From<SharedError> for Error {
    fn from(error: SharedError) -> Self {
        Self::TokenProvider { source: ProviderError::from(error), may_have_applied: false }
    }
}

impl fmt::Debug for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
