//! Work on many items, a few at one time.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinSet;

use super::{context::ImportContext, error::Error};

/// Items that are worked on at one time: enough for 100 calls a second at 80 ms each.
const WORKERS: usize = 8;

/// Does the work on each item, as a step of this name for the user. The first error ends it; what
/// the other workers do is then dropped.
pub(super) async fn each<T, W, F>(
    context: &Arc<ImportContext>,
    unit: &'static str,
    items: Vec<T>,
    work: W,
) -> Result<(), Error>
where
    T: Send + 'static,
    W: Fn(Arc<ImportContext>, T) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send,
{
    context.steps.begin(unit, items.len());
    let (queue, work) = (Arc::new(Mutex::new(items.into_iter())), Arc::new(work));
    let mut workers: JoinSet<Result<(), Error>> = JoinSet::new();
    for _ in 0..WORKERS {
        let (context, queue) = (Arc::clone(context), Arc::clone(&queue));
        let work = Arc::clone(&work);
        workers.spawn(async move {
            loop {
                let item = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(item) = item else { return Ok(()) };
                work(Arc::clone(&context), item).await?;
                context.steps.advance();
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    }
    context.steps.end();
    Ok(())
}
