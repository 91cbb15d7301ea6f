//! Two calls that panic, only in a build with the feature `test-panic`. They prove that a bug of
//! the SDK is an exception in Kotlin and does not end the app.

use std::sync::Arc;

use crate::{Call, CallCallback, SessionService};

/// Panics on the caller's thread.
#[uniffi::export]
pub fn test_panic() {
    panic!("provoked by test_panic");
}

#[uniffi::export]
impl SessionService {
    /// Starts a call that panics on a runtime thread; `callback` receives the failure.
    pub fn test_panic_in_call(&self, callback: Arc<dyn CallCallback>) -> Arc<Call> {
        self.runtime.start(callback, async { panic!("provoked by test_panic_in_call") })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::{CallOutcome, CallbackError, Failure, TokenProvider, TokenProviderError, options};

    struct NoToken;

    impl TokenProvider for NoToken {
        fn token(&self, _refresh: bool) -> Result<String, TokenProviderError> {
            Err(TokenProviderError::Thrown)
        }
    }

    struct PanicRecorder(Sender<Result<(), String>>);

    impl CallCallback for PanicRecorder {
        fn on_end(&self, outcome: CallOutcome) -> Result<(), CallbackError> {
            let ended = match outcome {
                CallOutcome::Failed { failure: Failure::Exception { error } } => {
                    Err(error.to_string())
                }
                CallOutcome::Failed { failure: Failure::Failed { failure } } => Err(failure.detail),
                _ => Ok(()),
            };
            self.0.send(ended).map_err(|_| CallbackError::Thrown)
        }
    }

    #[test]
    fn a_panic_is_an_exception_and_the_service_keeps_working() {
        let options = options::for_server("http://127.0.0.1:1".to_owned());
        let service = SessionService::new(options, Arc::new(NoToken), None, None).unwrap();
        for _ in 0..10 {
            let (sender, outcomes) = channel();
            service.test_panic_in_call(Arc::new(PanicRecorder(sender)));
            let text = outcomes.recv().unwrap().unwrap_err();
            assert!(text.starts_with("internal error: a call panicked"), "{text}");
            assert!(outcomes.recv().is_err(), "delivered twice");
        }
    }
}
