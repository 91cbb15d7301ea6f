//! The threads that calls run on: two workers of our own, so that no app needs a tokio and no
//! call ever runs on an app's thread.

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    runtime::Builder,
    task::{AbortHandle, JoinError},
};

use crate::{
    Call, Failure, SessionError,
    callback::{Answer, Listener},
};

/// Calls wait, they do not compute: two workers keep one slow conversion from holding up the rest.
const WORKERS: usize = 2;
/// The deepest stack is rustls' handshake, far below this; the default of 2 MiB is for servers.
const STACK_BYTES: usize = 1024 * 1024;
/// Name look-ups and the token provider block; more than this at a time waits.
const BLOCKING_THREADS_MAX: usize = 8;

/// Owns the workers. Dropping it ends every call at once and waits for nothing.
pub(crate) struct Runtime {
    workers: Option<tokio::runtime::Runtime>,
    closed: Closed,
}

/// Whether the runtime goes or has gone. Its tasks are dropped one after the other: a call may see
/// its connection go before it goes itself, and must not take that for a failure of the network.
#[derive(Clone, Default)]
pub(crate) struct Closed(Arc<AtomicBool>);

impl Closed {
    pub(crate) fn is_true(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Runtime {
    pub(crate) fn new() -> io::Result<Self> {
        let workers = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_stack_size(STACK_BYTES)
            .thread_name("huihua-runtime")
            .enable_all()
            .build()?;
        Ok(Self { workers: Some(workers), closed: Closed::default() })
    }

    /// Runs `work` and tells `listener`, exactly once, unless the returned call is aborted first.
    pub(crate) fn start<L: Listener>(
        &self,
        listener: L,
        work: impl Future<Output = Result<L::Value, Failure>> + Send + 'static,
    ) -> Arc<Call> {
        let told = Arc::new(AtomicBool::new(false));
        let answer = Answer::new(listener, told.clone());
        let workers = self.workers.as_ref().expect("only drop takes it");
        // Two tasks, so that a panic in the first is an outcome for the second to tell.
        let task = workers.spawn(work);
        let call = Call::new(told, task.abort_handle());
        let closed = self.closed();
        workers.spawn(async move {
            let outcome = task.await.unwrap_or_else(|error| Err(ended(&error)));
            match outcome {
                Err(_) if closed.is_true() => answer.tell(Err(SessionError::Closed.into())),
                outcome => answer.tell(outcome),
            }
        });
        call
    }

    /// Runs `work`, which tells its own outcome.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.workers.as_ref().expect("only drop takes it").spawn(work).abort_handle()
    }

    /// For work that outlives this reference and tells failures.
    pub(crate) fn closed(&self) -> Closed {
        self.closed.clone()
    }
}

/// What is told of a panic. Its own text stays out: it may quote what the server sent.
pub(crate) const PANICKED: &str = "a call panicked; this is a bug in the SDK";

fn ended(error: &JoinError) -> Failure {
    if error.is_panic() {
        return SessionError::Internal { reason: PANICKED.to_owned() }.into();
    }
    SessionError::Closed.into()
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.closed.0.store(true, Ordering::Release);
        if let Some(workers) = self.workers.take() {
            // Never `drop`: it would wait, and panic when a callback closes its own service.
            workers.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, Sender, channel},
        time::Duration,
    };

    use super::*;
    use crate::{CallFailure, CallbackError};

    const PATIENCE: Duration = Duration::from_secs(10);
    /// Long enough for a second answer to show, were there one.
    const SILENCE: Duration = Duration::from_millis(100);

    struct Recorder(Sender<String>);

    impl Listener for Recorder {
        type Value = i32;
        fn success(&self, value: i32) -> Result<(), CallbackError> {
            self.note(format!("success {value}"))
        }
        fn failed(&self, failure: CallFailure) -> Result<(), CallbackError> {
            self.note(format!("failed {}", failure.code))
        }
        fn exception(&self, error: SessionError) -> Result<(), CallbackError> {
            self.note(format!("exception {error}"))
        }
    }

    impl Recorder {
        fn note(&self, what: String) -> Result<(), CallbackError> {
            self.0.send(what).expect("the test holds the receiver");
            // Whatever a callback throws, the next call must work.
            Err(CallbackError::Thrown)
        }
    }

    fn start(
        runtime: &Runtime,
        work: impl Future<Output = Result<i32, Failure>> + Send + 'static,
    ) -> (Arc<Call>, Receiver<String>) {
        let (sender, answers) = channel();
        (runtime.start(Recorder(sender), work), answers)
    }

    /// One answer, then none: after it the listener itself is gone.
    fn only(answers: &Receiver<String>) -> String {
        let answer = answers.recv_timeout(PATIENCE).unwrap();
        assert!(answers.recv_timeout(PATIENCE).is_err(), "told twice");
        answer
    }

    #[test]
    fn every_ending_is_told_exactly_once() {
        let runtime = Runtime::new().unwrap();
        let (call, answers) = start(&runtime, async { Ok(7) });
        assert_eq!(only(&answers), "success 7");
        assert!(!call.abort(), "nothing is left to abort");
        let (_, answers) = start(&runtime, async { Err(Failure::invalid("limit")) });
        assert_eq!(only(&answers), "failed 414");
        let (_, answers) = start(&runtime, async { panic!("a bug, with a secret in it") });
        let text = only(&answers);
        assert!(text.starts_with("exception internal error") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn abort_is_true_once_and_then_nobody_is_told() {
        let runtime = Runtime::new().unwrap();
        let (call, answers) = start(&runtime, std::future::pending());
        assert!(call.abort());
        assert!(!call.abort());
        assert!(answers.recv_timeout(SILENCE).is_err());
    }

    #[test]
    fn a_dropped_handle_does_not_stop_its_call() {
        let runtime = Runtime::new().unwrap();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (call, answers) = start(&runtime, async {
            wait.await.unwrap();
            Ok(1)
        });
        drop(call);
        go.send(()).unwrap();
        assert_eq!(only(&answers), "success 1");
    }

    /// What a call meets when its connection is dropped before it: a failure that is none.
    #[test]
    fn a_call_that_fails_while_its_runtime_goes_was_closed() {
        let runtime = Runtime::new().unwrap();
        runtime.closed.0.store(true, Ordering::Release);
        let (_call, answers) = start(&runtime, async { Err(Failure::invalid("limit")) });
        assert_eq!(only(&answers), "exception the session service was closed");
        let (_call, answers) = start(&runtime, async { Ok(7) });
        assert_eq!(only(&answers), "success 7");
    }

    #[test]
    fn a_runtime_that_goes_away_tells_its_calls() {
        let runtime = Runtime::new().unwrap();
        let (_call, answers) = start(&runtime, std::future::pending());
        drop(runtime);
        assert_eq!(only(&answers), "exception the session service was closed");
    }
}
