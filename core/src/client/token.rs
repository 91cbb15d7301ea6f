//! The bearer token: requested once, kept until the server refuses it, refreshed once for all calls
//! that were refused.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderValue;
use tokio::{sync::watch, task::AbortHandle};

use super::{Error, TokenProvider};

/// Holds a token that is ready to be sent, and its generation.
#[derive(Clone)]
pub(super) struct Bearer {
    /// `Bearer <token>`, marked sensitive so that nothing prints it.
    pub(super) header: HeaderValue,
    /// Number of the token: a refusal names the refused one.
    generation: u64,
}

/// Keeps the token of one service.
///
/// A task runs the provider, not the call that needs the token: dropping that call neither stops
/// the provider nor makes the next call start it again. The task ends with the provider's result,
/// after `timeout`, or with the service.
pub(super) struct Tokens {
    provider: Arc<dyn TokenProvider>,
    /// Longest time for the provider, which would otherwise block every later call if it hangs.
    timeout: Duration,
    state: Arc<Mutex<TokenState>>,
}

#[derive(Default)]
struct TokenState {
    current: Option<Bearer>,
    in_flight: Option<TokenRequest>,
}

/// Holds a running request to the provider.
struct TokenRequest {
    result: TokenReceiver,
    task: AbortHandle,
}

/// Receives the provider's result. The channel closes without one if the task is stopped or panics.
type TokenReceiver = watch::Receiver<Option<Result<Bearer, SharedError>>>;

impl Tokens {
    pub(super) fn new(provider: Arc<dyn TokenProvider>, timeout: Duration) -> Self {
        Self { provider, timeout, state: Arc::default() }
    }

    /// Returns the current token, or requests the first one.
    pub(super) async fn current(&self) -> Result<Bearer, Error> {
        self.newer_than(None).await
    }

    /// Returns a token that is newer than the refused one.
    pub(super) async fn replace(&self, refused: &Bearer) -> Result<Bearer, Error> {
        self.newer_than(Some(refused.generation)).await
    }

    async fn newer_than(&self, refused: Option<u64>) -> Result<Bearer, Error> {
        let mut result = {
            let mut state = lock(&self.state);
            if let Some(bearer) = &state.current
                && refused.is_none_or(|refused| bearer.generation > refused)
            {
                return Ok(bearer.clone());
            }
            self.join_request(&mut state, refused.is_some())
        };
        let outcome = match result.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        let stopped = || Err(ProviderFault::Stopped.into());
        outcome
            .unwrap_or_else(stopped)
            .map_err(|error| Error::TokenProvider { source: error.into(), may_have_applied: false })
    }

    /// Joins the running request, or starts one. A request whose channel is closed has panicked.
    fn join_request(&self, state: &mut TokenState, refresh: bool) -> TokenReceiver {
        if let Some(request) = &state.in_flight
            && request.result.has_changed().is_ok()
        {
            return request.result.clone();
        }
        let (sender, result) = watch::channel(None);
        let generation = state.current.as_ref().map_or(0, |bearer| bearer.generation) + 1;
        let (provider, timeout) = (self.provider.clone(), self.timeout);
        let kept = self.state.clone();
        let task = tokio::spawn(async move {
            let outcome = request_token(&*provider, refresh, timeout).await;
            let outcome = outcome.map(|header| Bearer { header, generation });
            let mut state = lock(&kept);
            if let Ok(bearer) = &outcome {
                state.current = Some(bearer.clone());
            }
            state.in_flight = None;
            drop(state);
            // An error means that no call waits any more: the token is kept for the next one.
            let _ = sender.send(Some(outcome));
        });
        let task = task.abort_handle();
        state.in_flight = Some(TokenRequest { result: result.clone(), task });
        result
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        if let Some(request) = &lock(&self.state).in_flight {
            request.task.abort();
        }
    }
}

/// Locks the state. No panic under the lock can leave it half written.
fn lock(state: &Mutex<TokenState>) -> MutexGuard<'_, TokenState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn request_token(
    provider: &dyn TokenProvider,
    refresh: bool,
    timeout: Duration,
) -> Result<HeaderValue, SharedError> {
    match tokio::time::timeout(timeout, provider.token(refresh)).await {
        Ok(Ok(token)) => Ok(header(&token)?),
        Ok(Err(error)) => Err(SharedError(error.into())),
        Err(_) => Err(ProviderFault::Silent.into()),
    }
}

fn header(token: &str) -> Result<HeaderValue, ProviderFault> {
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ProviderFault::UnusableToken);
    }
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| ProviderFault::UnusableToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reports a fault of a provider that did not return an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    /// The provider returned a token that no header can carry.
    #[error("the token must be printable ASCII without spaces, not empty")]
    UnusableToken,
    /// The provider took longer than [`super::Options::call_timeout_ms`].
    #[error("the token provider did not return within the timeout of a call")]
    Silent,
    /// The provider panicked, or its runtime ended.
    #[error("the token provider panicked or was stopped")]
    Stopped,
}

/// Shares one failure of the provider among the calls that waited for it.
#[derive(Clone)]
struct SharedError(Arc<dyn std::error::Error + Send + Sync>);

impl From<ProviderFault> for SharedError {
    fn from(fault: ProviderFault) -> Self {
        Self(Arc::new(fault))
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
