//! A job of the writer: its work inside a transaction, and the caller that waits for its result.

use huihua_store::Error;
use tokio::sync::oneshot;

use crate::{failure::StoreFailure, transaction::Tx};

/// One write that waits for its turn: its work, and the caller that waits for its result.
pub(crate) struct Job {
    work: Box<dyn Work>,
}

impl Job {
    /// Makes a job, and the end at which its caller waits. The work may be called again when the
    /// transaction of its first call was not written.
    pub(crate) fn new<T: Send + 'static>(
        work: impl Fn(&mut Tx<'_>) -> Result<T, StoreFailure> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (reply, waiting) = oneshot::channel();
        (Self { work: Box::new(Pending { work, result: None, reply }) }, waiting)
    }
}

impl Job {
    /// Does the work and keeps its result.
    pub(crate) fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreFailure> {
        self.work.run(tx)
    }

    /// Gives the result to the caller.
    pub(crate) fn reply(self) {
        self.work.reply();
    }

    /// Gives the caller an error instead.
    pub(crate) fn fail(self, error: Error) {
        self.work.fail(error);
    }
}

/// A job's work without the type of its result.
trait Work: Send {
    /// Does the work and keeps its result.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreFailure>;
    /// Gives the result to the caller; a caller that went away is no fault.
    fn reply(self: Box<Self>);
    /// Gives the caller an error instead.
    fn fail(self: Box<Self>, error: Error);
}

struct Pending<T, W> {
    work: W,
    result: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, W> Work for Pending<T, W>
where
    T: Send,
    W: Fn(&mut Tx<'_>) -> Result<T, StoreFailure> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreFailure> {
        self.result = Some(match (self.work)(tx) {
            Ok(result) => Ok(result),
            Err(StoreFailure::Refused(error)) => Err(error),
            Err(failure @ (StoreFailure::Damaged { .. } | StoreFailure::File { .. })) => {
                return Err(failure);
            }
        });
        Ok(())
    }

    fn reply(self: Box<Self>) {
        let result = self.result.expect("a job is run before it is answered");
        let _ = self.reply.send(result);
    }

    fn fail(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}
