//! The threads that calls run on: two workers of the SDK, so that an app needs no tokio runtime and
//! no call runs on an app's thread.

use std::{
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use tokio::{runtime::Builder, task::AbortHandle};

use crate::{Call, CallCallback, CallOutcome, Failure, SessionError, callback::CallDelivery};

/// Calls wait, they do not compute: two workers keep one slow conversion from holding up the rest.
const WORKERS: usize = 2;
/// Size of a thread's stack, far above the deepest one, that of rustls' handshake.
const STACK_BYTES: usize = 1024 * 1024;
/// Limit of the threads for name resolution and token providers, which block.
const BLOCKING_THREADS_MAX: usize = 8;

/// Owns the workers. Dropping it ends every call without waiting.
pub(crate) struct Runtime {
    workers: Option<tokio::runtime::Runtime>,
    closed: Closed,
}

/// Reports whether the runtime is closing or closed.
///
/// Its tasks are dropped one after the other: a call may lose its connection first, and must not
/// report that as a failure of the network.
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

    /// Runs `work` and delivers its outcome exactly once, unless the call is aborted first.
    pub(crate) fn start(
        &self,
        callback: Arc<dyn CallCallback>,
        work: impl Future<Output = Result<CallOutcome, Failure>> + Send + 'static,
    ) -> Arc<Call> {
        let delivered = Arc::new(AtomicBool::new(false));
        let delivery = CallDelivery::new(callback, delivered.clone());
        let closed = self.closed();
        // One task: a second one, to deliver a panic of the first, would wake another worker.
        let task = self.spawn(async move {
            let outcome = match unless_it_panics(work).await {
                Ok(result) => result,
                Err(_) if closed.is_true() => Failure::from(SessionError::Closed).into(),
                Err(failure) => failure.into(),
            };
            delivery.deliver(outcome);
        });
        Call::new(delivered, task)
    }

    /// Runs `work`, which delivers its own outcome.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.workers.as_ref().expect("only drop takes it").spawn(work).abort_handle()
    }

    /// Returns a flag for work that outlives this reference and reports failures.
    pub(crate) fn closed(&self) -> Closed {
        self.closed.clone()
    }
}

/// Describes a panic. The panic's own text is left out: it may quote what the server sent.
pub(crate) const PANICKED: &str = "a call panicked; this is a bug in the SDK";

/// Runs `work`. A panic is its failure; what it leaves behind is only dropped.
async fn unless_it_panics<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            Poll::Ready(Err(SessionError::Internal { reason: PANICKED.to_owned() }.into()))
        })
    })
    .await
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
    use crate::{AccountInfo, CallbackError};

    const OUTCOME_TIMEOUT: Duration = Duration::from_secs(10);
    /// Long enough for a second outcome to arrive, if there were one.
    const SILENCE: Duration = Duration::from_millis(100);

    struct CallRecorder(Sender<String>);

    impl CallCallback for CallRecorder {
        fn on_end(&self, outcome: CallOutcome) -> Result<(), CallbackError> {
            let what = match outcome {
                CallOutcome::Account { account } => format!("success {}", account.expires_at),
                CallOutcome::Failed { failure: Failure::Failed { failure } } => {
                    format!("failed {}", failure.code)
                }
                CallOutcome::Failed { failure: Failure::Exception { error } } => {
                    format!("exception {error}")
                }
                _ => "another result".to_owned(),
            };
            self.0.send(what).expect("the test holds the receiver");
            // A callback that throws must not affect the next call.
            Err(CallbackError::Thrown)
        }
    }

    fn start(
        runtime: &Runtime,
        work: impl Future<Output = Result<i64, Failure>> + Send + 'static,
    ) -> (Arc<Call>, Receiver<String>) {
        let (sender, outcomes) = channel();
        let work = async {
            let (account, app_key) = (String::new(), String::new());
            let account = AccountInfo { account, app_key, expires_at: work.await? };
            Ok(CallOutcome::Account { account })
        };
        (runtime.start(Arc::new(CallRecorder(sender)), work), outcomes)
    }

    /// Asserts that there is one outcome only, after which the listener is dropped.
    fn only(outcomes: &Receiver<String>) -> String {
        let outcome = outcomes.recv_timeout(OUTCOME_TIMEOUT).unwrap();
        assert!(outcomes.recv_timeout(OUTCOME_TIMEOUT).is_err(), "delivered twice");
        outcome
    }

    #[test]
    fn every_outcome_is_delivered_exactly_once() {
        let runtime = Runtime::new().unwrap();
        let (call, outcomes) = start(&runtime, async { Ok(7) });
        assert_eq!(only(&outcomes), "success 7");
        assert!(!call.abort(), "nothing is left to abort");
        let (_, outcomes) = start(&runtime, async { Err(Failure::negative("limit")) });
        assert_eq!(only(&outcomes), "failed 414");
        let (_, outcomes) = start(&runtime, async { panic!("a bug, with a secret in it") });
        let text = only(&outcomes);
        assert!(text.starts_with("exception internal error") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn abort_is_true_once_and_then_nothing_is_delivered() {
        let runtime = Runtime::new().unwrap();
        let (call, outcomes) = start(&runtime, std::future::pending());
        assert!(call.abort());
        assert!(!call.abort());
        assert!(outcomes.recv_timeout(SILENCE).is_err());
    }

    #[test]
    fn a_dropped_handle_does_not_stop_its_call() {
        let runtime = Runtime::new().unwrap();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (call, outcomes) = start(&runtime, async {
            wait.await.unwrap();
            Ok(1)
        });
        drop(call);
        go.send(()).unwrap();
        assert_eq!(only(&outcomes), "success 1");
    }

    /// A call whose connection is dropped before it seems to fail.
    #[test]
    fn a_failure_while_the_runtime_closes_is_delivered_as_closed() {
        let runtime = Runtime::new().unwrap();
        runtime.closed.0.store(true, Ordering::Release);
        let (_call, outcomes) = start(&runtime, async { Err(Failure::negative("limit")) });
        assert_eq!(only(&outcomes), "exception the session service was closed");
        let (_call, outcomes) = start(&runtime, async { Ok(7) });
        assert_eq!(only(&outcomes), "success 7");
    }

    #[test]
    fn dropping_a_runtime_ends_its_calls_as_closed() {
        let runtime = Runtime::new().unwrap();
        let (_call, outcomes) = start(&runtime, std::future::pending());
        drop(runtime);
        assert_eq!(only(&outcomes), "exception the session service was closed");
    }
}
