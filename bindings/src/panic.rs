//! Two panics on demand, only in a build with the feature `test-panic`: the proof that a bug of
//! ours is an exception in Kotlin, not the end of the app.

use std::sync::Arc;

use crate::{Call, SessionService, VoidCallback};

/// Panics on the caller's thread, and returns nothing.
#[uniffi::export]
pub fn test_panic() {
    panic!("provoked by test_panic");
}

#[uniffi::export]
impl SessionService {
    /// A call that panics on a thread of the runtime; `callback` is told.
    pub fn test_panic_in_call(&self, callback: Arc<dyn VoidCallback>) -> Arc<Call> {
        self.runtime.start(callback, async { panic!("provoked by test_panic_in_call") })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::{
        CallFailure, CallbackError, SessionError, TokenProvider, TokenProviderError, options,
    };

    struct NoToken;

    impl TokenProvider for NoToken {
        fn token(&self, _refresh: bool) -> Result<String, TokenProviderError> {
            Err(TokenProviderError::Thrown)
        }
    }

    struct Recorder(Sender<Result<(), String>>);

    impl VoidCallback for Recorder {
        fn on_success(&self) -> Result<(), CallbackError> {
            self.0.send(Ok(())).map_err(|_| CallbackError::Thrown)
        }
        fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError> {
            self.0.send(Err(failure.detail)).map_err(|_| CallbackError::Thrown)
        }
        fn on_exception(&self, error: SessionError) -> Result<(), CallbackError> {
            self.0.send(Err(error.to_string())).map_err(|_| CallbackError::Thrown)
        }
    }

    #[test]
    fn a_panic_is_an_exception_and_the_service_goes_on() {
        let options = options::of_server("http://127.0.0.1:1".to_owned());
        let service = SessionService::new(options, Arc::new(NoToken), None, None).unwrap();
        for _ in 0..10 {
            let (sender, told) = channel();
            service.test_panic_in_call(Arc::new(Recorder(sender)));
            let text = told.recv().unwrap().unwrap_err();
            assert!(text.starts_with("internal error: a call panicked"), "{text}");
            assert!(told.recv().is_err(), "told twice");
        }
    }
}
