//! What waits for the writer: apps take turns, bytes are bounded, a caller that goes away gives its
//! bytes back, and the writer outlives a file that redb gives up.

use std::{
    collections::BTreeSet,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use huihua_core::{AppKey, QueryMySessionOption};
use huihua_event::{Event, Owner, Place, Post};
use huihua_store::{Engine as _, Error, Outcome, Store as _, suite::support::amy};
use redb::Database;
use tokio::sync::oneshot::Receiver;

use super::medium::{Medium, MediumFault};
use crate::{
    Memory, QueueLimits,
    job::Job,
    opening::explain,
    queue::{BatchTime, JobQueue, JobSize, QueuePlace},
    store::RedbStore,
    transaction::Tx,
};

type Waiting = (QueuePlace, Receiver<Result<(), Error>>);

fn size(app: &str, registers: usize, bytes: usize) -> (Option<AppKey>, JobSize) {
    (Some(app.parse().unwrap()), JobSize { registers, bytes })
}

fn push(queue: &Arc<JobQueue>, (app, size): (Option<AppKey>, JobSize)) -> Result<Waiting, Error> {
    let (job, result) = Job::new(|_| Ok(()));
    Ok((queue.push(app, vec![(size, job)])?, result))
}

/// Takes a batch, and returns how many jobs it has.
fn take(queue: &JobQueue) -> usize {
    let batch = queue.take(BatchTime::default()).unwrap();
    let jobs = batch.len();
    let error = || Error::Unavailable { reason: "taken".into() };
    batch.into_iter().for_each(|job| job.fail(error()));
    jobs
}

fn is_taken(waiting: &mut Waiting) -> bool {
    waiting.1.try_recv().is_ok()
}

#[test]
fn one_apps_flood_leaves_another_apps_job_in_the_next_small_batch() {
    let queue = JobQueue::new(QueueLimits::DEFAULT);
    let mut flood: Vec<_> = (0..3_000).map(|_| push(&queue, size("a", 2, 800)).unwrap()).collect();
    assert!(take(&queue) >= 500, "alone, an app fills its batches");
    let mut probe = push(&queue, (None, JobSize { registers: 1, bytes: 0 })).unwrap();
    assert!(take(&queue) >= 500, "the store's own jobs are no other app's");
    assert!(is_taken(&mut probe));
    for round in 0..3 {
        let mut other = push(&queue, size("b", 2, 800)).unwrap();
        let jobs = take(&queue);
        assert!(is_taken(&mut other), "round {round}");
        assert!((10..=64).contains(&jobs), "round {round}: {jobs} jobs");
    }
    let done = flood.iter_mut().filter_map(|waiting| is_taken(waiting).then_some(())).count();
    assert!(done > 500, "the flood goes on: {done}");
}

/// Issue 14: a batch that had room for one message more took the whole request that it began, and
/// the file grew by that many pages.
#[test]
fn a_request_that_does_not_fit_begins_the_next_batch_whole() {
    let queue = JobQueue::new(QueueLimits::DEFAULT);
    let request = |messages: usize| {
        let (app, size) = size("a", 2, 800);
        let jobs = (0..messages).map(|_| (size, Job::new(|_| Ok(())).0)).collect();
        queue.push(app, jobs).unwrap()
    };
    let _places = [500, 200, 500, 100, 2_000, 1].map(request);
    // A batch too few is no wait for one that never comes.
    queue.close();
    let batches: Vec<_> = (0..4).map(|_| take(&queue)).collect();
    assert_eq!(batches, [700, 600, 2_000, 1], "2,000 fit nowhere, and go alone");
}

#[test]
fn a_large_job_is_neither_shut_out_by_small_ones_nor_put_into_their_batch() {
    let queue = JobQueue::new(QueueLimits::DEFAULT);
    let mut large = push(&queue, size("a", 1_000, 0)).unwrap();
    let mut behind = push(&queue, size("a", 2, 0)).unwrap();
    let mut batches = Vec::new();
    for _ in 0..3 {
        let mut small = push(&queue, size("b", 2, 0)).unwrap();
        take(&queue);
        batches.push((is_taken(&mut large), is_taken(&mut small)));
    }
    assert_eq!(batches.iter().filter(|(large, _)| *large).count(), 1, "{batches:?}");
    assert!(batches.iter().all(|(large, small)| !(*large && *small)), "{batches:?}");
    assert!(is_taken(&mut behind));
}

#[test]
fn beyond_its_bytes_an_app_is_refused_at_once_and_another_is_not_until_all_is_full() {
    let limits = QueueLimits { app_bytes_max: 100_000, bytes_max: 150_000 };
    let queue = JobQueue::new(limits);
    let mut waiting = Vec::new();
    let mut fill = |app: &str| loop {
        match push(&queue, size(app, 2, 9_000)) {
            Ok(one) => waiting.push(one),
            Err(Error::Unavailable { reason }) => {
                assert!(reason.contains("overloaded"), "{reason}");
                return waiting.len();
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!([fill("a"), fill("b"), fill("c")], [9, 14, 14]);
    // A caller goes away.
    drop(waiting.remove(0));
    waiting.push(push(&queue, size("a", 2, 9_000)).unwrap());
    assert!(push(&queue, size("a", 2, 9_000)).is_err());
    // The writer takes them.
    let mut taken = 0;
    while taken < 14 {
        taken += take(&queue);
    }
    assert!((0..9).all(|_| push(&queue, size("a", 2, 9_000)).is_ok()));
}

/// Its job would be refused for ever: it waits alone.
#[test]
fn a_job_larger_than_the_limit_is_taken_when_nothing_else_waits() {
    let queue = JobQueue::new(QueueLimits { app_bytes_max: 10, bytes_max: 10 });
    let _large = push(&queue, size("a", 2, 9_000)).unwrap();
    assert!(push(&queue, size("b", 2, 0)).is_err());
    assert_eq!(take(&queue), 1);
}

fn message(n: u64) -> Event {
    let from = format!("peer{n}").parse().unwrap();
    let last_msg = format!(r#"{{"9":"{}"}}"#, "x".repeat(300));
    let post = Post { time: n, message_id: n.to_string(), last_msg };
    let place = Place::P2p { from, to: amy().account };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_flood_some_are_refused_and_nothing_acknowledged_is_lost() {
    const CALLS: u64 = 400;
    let folder = tempfile::tempdir().unwrap();
    let limits = QueueLimits { app_bytes_max: 60_000, bytes_max: 90_000 };
    let store =
        Arc::new(RedbStore::open_with(folder.path(), Memory::default(), limits, 0).unwrap());
    let other: AppKey = "other".parse().unwrap();
    let calls: Vec<_> = (0..CALLS)
        .map(|n| {
            let (store, app) = (Arc::clone(&store), amy().app);
            tokio::spawn(async move { (n, store.ingest(&app, vec![message(n)], 1_000).await) })
        })
        .collect();
    store.ingest(&other, vec![message(1)], 1_000).await.unwrap();
    let mut acknowledged = BTreeSet::new();
    for call in calls {
        match call.await.unwrap() {
            (n, Ok(_)) => _ = acknowledged.insert(n),
            (_, Err(Error::Unavailable { .. })) => {}
            (_, Err(error)) => panic!("{error}"),
        }
    }
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    store.close().await;
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let mut listed = BTreeSet::new();
    let mut option = QueryMySessionOption::default();
    loop {
        let page = store.list_page(&amy(), &option).await.unwrap();
        listed.extend(page.session_list.iter().map(|row| row.update_time));
        let Some(token) = page.next_page_token else { break };
        option = QueryMySessionOption { page_token: Some(token), ..Default::default() };
    }
    assert!(listed.is_superset(&acknowledged));
    let of_other = Owner { app: other, ..amy() };
    let page = store.list_page(&of_other, &QueryMySessionOption::default()).await.unwrap();
    assert_eq!(page.session_list.len(), 1);
    store.close().await;
}

/// Holds the writer in a job until what it returns is dropped: all other jobs wait together.
fn hold_writer(store: &Arc<RedbStore>) -> std::sync::mpsc::Sender<()> {
    let (begun, begins) = std::sync::mpsc::channel();
    let (end, ends) = std::sync::mpsc::channel();
    let store = Arc::clone(store);
    tokio::spawn(async move {
        let hold = move |_: &mut Tx<'_>| {
            begun.send(()).unwrap();
            // The other end is dropped.
            let _ = ends.recv();
            Ok(())
        };
        store.write(None, JobSize { registers: 1, bytes: 0 }, hold).await.unwrap();
    });
    begins.recv().unwrap();
    end
}

/// Lets a call put its jobs into the queue.
async fn begin<F: Future + Unpin>(call: &mut F) {
    tokio::select! {
        biased;
        _ = call => panic!("the writer is not held"),
        () = std::future::ready(()) => {}
    }
}

fn messages(numbers: Range<u64>) -> Vec<Event> {
    numbers.map(message).collect()
}

fn commits(store: &RedbStore) -> u64 {
    store.report().batch_jobs.classes.iter().map(|class| class.1).sum()
}

/// Issue 15: a flood of requests of many events cost another app more than three times its quiet
/// p99, because each was one job: what it waits for is the commit before its own.
#[tokio::test(flavor = "multi_thread")]
async fn while_apps_compete_no_commit_holds_more_than_a_turn_of_large_requests() {
    const SIZE: JobSize = JobSize { registers: 128, bytes: 0 };
    const REGISTERS: u64 = 3 * 500 * 2;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(folder.path(), Memory::default()).unwrap());
    let (app, other) = (amy().app, "other".parse::<AppKey>().unwrap());
    let held = hold_writer(&store);
    let mut flood = Vec::new();
    for request in 0..3 {
        flood.push(store.ingest(&app, messages(500 * request..500 * (request + 1)), 10_000));
        begin(flood.last_mut().unwrap()).await;
    }
    let mut writes = Vec::new();
    for _ in 0..4 {
        // Every register of the flood has a version of its own. It writes nothing: no commit.
        writes.push(Box::pin(store.write(Some(&other), SIZE, |tx| Ok(tx.version()))));
        begin(writes.last_mut().unwrap()).await;
    }
    let before = commits(&store);
    drop(held);
    let mut versions = Vec::new();
    for write in writes {
        versions.push(write.await.unwrap());
    }
    for request in flood {
        assert_eq!(request.await.unwrap().len(), 500);
    }
    let made = commits(&store) - before;
    assert!(made >= REGISTERS / 128, "{made} commits");
    let between: Vec<_> = versions.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(between.iter().all(|registers| *registers <= 256), "{between:?}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_apps_large_request_is_one_commit_and_answered_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(folder.path(), Memory::default()).unwrap());
    let app = amy().app;
    store.ingest(&app, messages(100..101), 10_000).await.unwrap();
    let before = commits(&store);
    let outcomes = store.ingest(&app, messages(0..500), 10_000).await.unwrap();
    assert_eq!(commits(&store), before + 1);
    let stale = (0..500).filter(|at| outcomes[*at] == Outcome::Stale).collect::<Vec<_>>();
    assert_eq!((outcomes.len(), stale), (500, vec![100]));
    store.close().await;
}

/// Issue 15: a panic of redb as it opens the file again ended the writer for good.
#[tokio::test]
async fn after_a_panic_while_the_file_is_opened_again_the_writer_goes_on() {
    let (medium, opened) = (Medium::new(Vec::new()), Arc::new(AtomicUsize::new(0)));
    let (under, count) = (medium.clone(), Arc::clone(&opened));
    let open = move || {
        assert!(!(1..=2).contains(&count.fetch_add(1, Ordering::Relaxed)), "redb gives it up");
        let db = Database::builder().create_with_backend(under.one_sync());
        db.map_err(|error| explain(error, Path::new("a medium")))
    };
    let store =
        RedbStore::with_opener(Box::new(open), super::MUCH_BYTES, QueueLimits::DEFAULT).unwrap();
    medium.fail(MediumFault::NoSync);
    let failed = store.ingest(&amy().app, vec![message(1)], 1_000).await;
    assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
    medium.fail(MediumFault::None);
    for n in 2..5 {
        // One of them may still meet the second panic.
        let _ = store.ingest(&amy().app, vec![message(n)], 1_000).await;
    }
    assert!(opened.load(Ordering::Relaxed) > 2);
    store.ingest(&amy().app, vec![message(9)], 1_000).await.unwrap();
    let page = store.list_page(&amy(), &QueryMySessionOption::default()).await.unwrap();
    assert_eq!(page.session_list[0].update_time, 9);
    store.close().await;
}
