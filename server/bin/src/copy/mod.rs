//! `copy`: moves everything of a store into another one, of the same kind or not. What is done is
//! kept in a file, so that a copy that was broken off goes on; in the end every list is compared.

mod compare;
mod state;

use std::{
    error::Error,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use huihua_http::clock;
use huihua_store::{self as store, Engine, StoredItem};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{args::CopyArguments, engine, progress};

use self::{
    compare::Comparison,
    state::{Phase, State, StateFile},
};

/// Items read and put at one time: at most some MiB of texts.
const BATCH_ITEMS: usize = 200;
/// How often a batch that a store does not take is sent again, a second apart: a node that is
/// restarted is back by then.
const TRIES_MAX: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);

/// Copies, and compares.
#[tokio::main]
pub(crate) async fn run(arguments: &CopyArguments) -> Result<(), Box<dyn Error>> {
    let names = [&arguments.from, &arguments.to].map(ToString::to_string);
    if names[0] == names[1] {
        return Err("--from and --to name one store: name two".into());
    }
    // From here on they end it after a batch, and not in its middle.
    let mut stops = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    let (file, mut state) = StateFile::open(&arguments.state, &names)?;
    let from: Arc<dyn Engine> =
        Arc::from(engine::open_for_command(&arguments.from.config()?).await?);
    let to: Arc<dyn Engine> = Arc::from(engine::open_empty(&arguments.to.config()?).await?);
    if file.is_new() {
        if has_lists(&*to).await? {
            let to = &names[1];
            return Err(format!("{to} holds lists already: copy into a store that is empty").into());
        }
        // Before the first item is there: one that is killed then goes on.
        file.write(&state)?;
    }
    let copied = copy(&file, &mut state, [&from, &to], &mut stops).await;
    from.close().await;
    to.close().await;
    let Some(comparison) = copied? else {
        let kept_in = arguments.state.display();
        let what = match state.phase {
            Phase::Copy => format!("{} items are copied", state.done),
            Phase::Compare => "all is copied, but not yet compared".to_owned(),
        };
        let reason = format!("interrupted: {what}; start it again, {kept_in} keeps what is done");
        return Err(reason.into());
    };
    file.remove()?;
    comparison.finish()
}

/// Does both phases from where the state says; `None` when it is interrupted.
async fn copy(
    file: &StateFile,
    state: &mut State,
    [from, to]: [&Arc<dyn Engine>; 2],
    [interrupts, terminations]: &mut [Signal; 2],
) -> Result<Option<Comparison>, Box<dyn Error>> {
    let mut comparison = Comparison::new(from, to);
    loop {
        let (bar, progress) = progress::of_rows();
        loop {
            let batch = from.items(state.next.as_deref(), BATCH_ITEMS).await?;
            match state.phase {
                Phase::Copy => put(&**to, batch.items).await?,
                Phase::Compare => comparison.take(&batch.items).await?,
            }
            progress(batch.done, batch.all);
            (state.done, state.next) = (batch.done, batch.next);
            if state.next.is_none() {
                break;
            }
            // A comparison that is broken off begins anew: it has compared nothing until it ends.
            if state.phase == Phase::Copy {
                file.write(state)?;
            }
            let is_interrupted = tokio::select! {
                biased;
                _ = interrupts.recv() => true,
                _ = terminations.recv() => true,
                () = std::future::ready(()) => false,
            };
            if is_interrupted {
                bar.finish_and_clear();
                return Ok(None);
            }
        }
        bar.finish_and_clear();
        match state.phase {
            Phase::Copy => {
                let _ = writeln!(io::stderr(), "copied {} items; comparing every list", state.done);
                (state.phase, state.done) = (Phase::Compare, 0);
                file.write(state)?;
            }
            Phase::Compare => {
                comparison.end().await?;
                return Ok(Some(comparison));
            }
        }
    }
}

/// Puts a batch, again and again while the store is away: repeating it changes nothing.
async fn put(to: &dyn Engine, items: Vec<StoredItem>) -> Result<(), store::Error> {
    for _ in 1..TRIES_MAX {
        match to.put_items(items.clone(), clock::now_ms()).await {
            Err(store::Error::Unavailable { reason }) => tracing::warn!(reason, "put again"),
            done => return done,
        }
        tokio::time::sleep(PAUSE).await;
    }
    to.put_items(items, clock::now_ms()).await
}

/// Tells whether a store holds anything but numbers of its own.
async fn has_lists(store: &dyn Engine) -> Result<bool, store::Error> {
    let mut at = None;
    loop {
        let batch = store.items(at.as_deref(), 1).await?;
        let is_own = |item: &StoredItem| {
            matches!(item, StoredItem::AccountForm(..) | StoredItem::LastIds { .. })
        };
        if !batch.items.iter().all(is_own) {
            return Ok(true);
        }
        let Some(next) = batch.next else { return Ok(false) };
        at = Some(next);
    }
}
