//! The bearer token: asked for once, kept until the server refuses it, refreshed once for all that
//! were refused.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderValue;
use tokio::{sync::watch, task::AbortHandle};

use super::{Error, TokenProvider};

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
/// The provider is asked by a task, not by the call that needs the token: a call that is dropped
/// meanwhile neither stops the asking nor makes the next call ask a second time. The task ends with
/// the provider's answer, after `patience`, or with the service.
pub(super) struct Tokens {
    provider: Arc<dyn TokenProvider>,
    /// Longest wait for the provider. Without it one that hangs would hang every later call too.
    patience: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    current: Option<Bearer>,
    flight: Option<Flight>,
}

/// The provider is being asked.
struct Flight {
    landing: Landing,
    task: AbortHandle,
}

/// The answer, once it is there. The channel closes without one if the task is stopped or panics.
type Landing = watch::Receiver<Option<Result<Bearer, SharedError>>>;

impl Tokens {
    pub(super) fn new(provider: Arc<dyn TokenProvider>, patience: Duration) -> Self {
        Self { provider, patience, state: Arc::default() }
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
        let mut landing = {
            let mut state = lock(&self.state);
            if let Some(bearer) = &state.current
                && refused.is_none_or(|refused| bearer.generation > refused)
            {
                return Ok(bearer.clone());
            }
            self.join_flight(&mut state, refused.is_some())
        };
        let answer = match landing.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone(),
            Err(_) => None,
        };
        let stopped = || Err(ProviderFault::Stopped.into());
        answer
            .unwrap_or_else(stopped)
            .map_err(|error| Error::TokenProvider { source: error.into(), may_have_applied: false })
    }

    /// The flight that is in the air, else a new one. One whose channel is closed has crashed.
    fn join_flight(&self, state: &mut State, refresh: bool) -> Landing {
        if let Some(flight) = &state.flight
            && flight.landing.has_changed().is_ok()
        {
            return flight.landing.clone();
        }
        let (tell, landing) = watch::channel(None);
        let generation = state.current.as_ref().map_or(0, |bearer| bearer.generation) + 1;
        let (provider, patience) = (self.provider.clone(), self.patience);
        let kept = self.state.clone();
        let task = tokio::spawn(async move {
            let answer = ask(&*provider, refresh, patience).await;
            let answer = answer.map(|header| Bearer { header, generation });
            let mut state = lock(&kept);
            if let Ok(bearer) = &answer {
                state.current = Some(bearer.clone());
            }
            state.flight = None;
            drop(state);
            // Nobody waits any more: the token is kept for the next call.
            let _ = tell.send(Some(answer));
        });
        state.flight = Some(Flight { landing: landing.clone(), task: task.abort_handle() });
        landing
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        if let Some(flight) = &lock(&self.state).flight {
            flight.task.abort();
        }
    }
}

/// Nothing that runs under the lock can leave the state half written.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn ask(
    provider: &dyn TokenProvider,
    refresh: bool,
    patience: Duration,
) -> Result<HeaderValue, SharedError> {
    match tokio::time::timeout(patience, provider.token(refresh)).await {
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

/// What a provider did wrong, when it is not an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    /// A token that no header can carry.
    #[error("the token is empty or holds a character that is not printable ASCII")]
    UnusableToken,
    /// No answer for as long as a whole call may take.
    #[error("the token provider did not answer in the time of a call")]
    Silent,
    /// It panicked, or its runtime ended.
    #[error("the token provider panicked or was stopped")]
    Stopped,
}

/// One failure of the provider, given to every call that waited for it.
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
