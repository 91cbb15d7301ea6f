//! Watching a list: which events come, in which order, how often. [`Feed`] is the server's side.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use huihua_core::{
    SessionChange, SyncPage,
    client::{Options, SessionService, Watch, WatchEvent, WatchOption, WatchStatus},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener, sync::watch};

use crate::support::{ReceivedRequest, ScriptedReply, ScriptedServer, json, options};

pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Limit of the changes in one answer of a feed, small enough to need several pages.
const PAGE: usize = 3;

/// Simulates the changes of one account: the n-th deletes `p2p|n`. Answers syncs as the server
/// does; a cursor is the number of known changes.
#[derive(Clone)]
pub(crate) struct Feed {
    count: watch::Sender<usize>,
    /// Number of syncs that wait now, and its maximum.
    waiting: Arc<AtomicUsize>,
    pub(crate) waiting_max: Arc<AtomicUsize>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { count: watch::channel(0).0, waiting: Arc::default(), waiting_max: Arc::default() }
    }

    /// Adds changes.
    pub(crate) fn add(&self, count: usize) {
        self.count.send_modify(|known| *known += count);
    }

    pub(crate) fn answer(&self, seen: &ReceivedRequest) -> ScriptedReply {
        let query = |name: &str| {
            let query = seen.target.split_once('?').unwrap().1;
            query.split('&').find_map(|pair| pair.strip_prefix(name)).map(str::to_owned)
        };
        let wait_ms: u64 = query("waitMs=").map_or(0, |ms| ms.parse().unwrap());
        let now = *self.count.borrow();
        let since = match query("cursor=").as_deref() {
            None => 0,
            Some("latest") => now,
            Some(cursor) => match cursor.parse() {
                Ok(since) => since,
                Err(_) => return sync_page(&[], now, false, true),
            },
        };
        if since < now || wait_ms == 0 {
            return since_page(since, now);
        }
        let feed = self.clone();
        ScriptedReply::Later(Arc::new(move || {
            let feed = feed.clone();
            Box::pin(async move {
                let waiting = feed.waiting.fetch_add(1, Ordering::SeqCst) + 1;
                feed.waiting_max.fetch_max(waiting, Ordering::SeqCst);
                let _done = WaitGuard(&feed.waiting);
                let mut count = feed.count.subscribe();
                let wait = Duration::from_millis(wait_ms);
                let changed = tokio::time::timeout(wait, count.wait_for(|now| *now > since)).await;
                let now = changed.map_or(since, |now| *now.unwrap());
                since_page(since, now)
            })
        }))
    }

    /// Waits until a sync waits.
    pub(crate) async fn is_awaited(&self) {
        let waits = async {
            while self.waiting.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(EVENT_TIMEOUT, waits).await.expect("no sync waits");
    }

    pub(crate) async fn start(&self) -> ScriptedServer {
        let feed = self.clone();
        ScriptedServer::start(move |_, seen| feed.answer(seen)).await
    }
}

/// Counts down when a wait ends or is cut.
struct WaitGuard<'a>(&'a AtomicUsize);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn since_page(since: usize, now: usize) -> ScriptedReply {
    let end = now.min(since + PAGE);
    let deleted: Vec<_> = (since..end).collect();
    sync_page(&deleted, end, end < now, false)
}

fn sync_page(deleted: &[usize], cursor: usize, has_more: bool, reset: bool) -> ScriptedReply {
    let changes: Vec<_> = deleted.iter().map(|n| format!(r#"{{"deleted":"p2p|{n}"}}"#)).collect();
    let changes = changes.join(",");
    json(&format!(
        r#"{{"changes":[{changes}],"cursor":"{cursor}","hasMore":{has_more},"reset":{reset}}}"#
    ))
}

pub(crate) fn from(cursor: Option<&str>) -> WatchOption {
    WatchOption { cursor: cursor.map(str::to_owned), need_last_msg: true }
}

pub(crate) fn watch_of(options: Options, cursor: Option<&str>) -> Watch {
    SessionService::new(options).unwrap().watch(from(cursor))
}

/// Returns the next event as text: a status, or the numbers of the changes.
pub(crate) async fn next(watch: &mut Watch) -> String {
    let event = tokio::time::timeout(EVENT_TIMEOUT, watch.next()).await.expect("no event came");
    match event {
        None => "nothing".to_owned(),
        Some(WatchEvent::Status(WatchStatus::Connecting)) => "connecting".to_owned(),
        Some(WatchEvent::Status(WatchStatus::Live)) => "live".to_owned(),
        Some(WatchEvent::Status(WatchStatus::Broken { cause, .. })) => format!("broken: {cause}"),
        Some(WatchEvent::Status(WatchStatus::Ended { cause })) => format!("ended: {cause}"),
        Some(WatchEvent::Changes(SyncPage { reset: true, changes, .. })) => {
            assert_eq!(changes, []);
            "reset".to_owned()
        }
        Some(WatchEvent::Changes(page)) if page.changes.is_empty() => {
            format!("from {}", page.cursor)
        }
        Some(WatchEvent::Changes(page)) => numbers(&page),
    }
}

fn numbers(page: &SyncPage) -> String {
    let numbers: Vec<_> = page
        .changes
        .iter()
        .map(|change| match change {
            SessionChange::Deleted(id) => id.peer().to_owned(),
            SessionChange::Session(row) => panic!("{row:?}"),
        })
        .collect();
    assert!(!numbers.is_empty(), "an empty page is no event");
    numbers.join(" ")
}

/// Asserts that these events come next.
pub(crate) async fn expect(watch: &mut Watch, events: &[&str]) {
    for event in events {
        assert_eq!(next(watch).await, *event);
    }
}

#[tokio::test]
async fn changes_are_reported_once_and_in_order() {
    let feed = Feed::new();
    feed.add(7);
    let server = feed.start().await;
    let mut watch = watch_of(options(server.url()), Some("1"));
    assert_eq!(watch.cursor(), Some("1"));
    expect(&mut watch, &["connecting", "live", "1 2 3", "4 5 6"]).await;
    assert_eq!(watch.cursor(), Some("7"));
    for n in 7..10 {
        let (add, awaited) = (feed.clone(), feed.clone());
        let adding = async move {
            awaited.is_awaited().await;
            add.add(1);
        };
        let (reported, ()) = tokio::join!(next(&mut watch), adding);
        assert_eq!(reported, n.to_string());
    }
    assert_eq!(feed.waiting_max.load(Ordering::SeqCst), 1);
    let targets: Vec<_> = server.seen().into_iter().map(|seen| seen.target).collect();
    // The first one does not wait, so that the watch knows at once that the server is reachable.
    assert_eq!(targets[0], "/v1/sync?needLastMsg=true&limit=100&cursor=1");
    assert_eq!(targets[1], "/v1/sync?needLastMsg=true&limit=100&cursor=4&waitMs=30000");
}

#[tokio::test]
async fn a_watch_without_a_cursor_starts_at_the_beginning() {
    let feed = Feed::new();
    feed.add(2);
    let server = feed.start().await;
    let mut watch = watch_of(options(server.url()), None);
    expect(&mut watch, &["connecting", "live", "0 1"]).await;
    assert_eq!(server.seen()[0].target, "/v1/sync?needLastMsg=true&limit=100");
}

/// The cursor lets another watch resume there.
#[tokio::test]
async fn a_watch_from_now_reports_its_cursor_first() {
    let feed = Feed::new();
    feed.add(2);
    let server = feed.start().await;
    let mut watch = watch_of(options(server.url()), Some("latest"));
    expect(&mut watch, &["connecting", "live", "from 2"]).await;
    assert_eq!(watch.cursor(), Some("2"));
    let (reported, ()) = tokio::join!(next(&mut watch), async {
        feed.is_awaited().await;
        feed.add(2);
    });
    assert_eq!(reported, "2 3");
    let targets: Vec<_> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert!(targets[0].ends_with("&cursor=latest"), "{targets:?}");
    assert!(targets[1].ends_with("&cursor=2&waitMs=30000"), "{targets:?}");
}

#[tokio::test]
async fn an_empty_answer_moves_the_cursor_without_an_event() {
    let pages = ["", "", r#"{"deleted":"p2p|7"}"#];
    let server = ScriptedServer::start(move |n, _| {
        let change = pages[n.min(2)];
        json(&format!(r#"{{"changes":[{change}],"cursor":"c{n}","hasMore":false,"reset":false}}"#))
    })
    .await;
    let mut watch = watch_of(options(server.url()), Some("c"));
    expect(&mut watch, &["connecting", "live", "7"]).await;
    assert!(server.seen()[2].target.contains("&cursor=c1&"), "{:?}", server.seen());
}

#[tokio::test]
async fn no_request_is_sent_before_next_or_while_an_event_is_pending() {
    let feed = Feed::new();
    feed.add(1);
    let server = feed.start().await;
    let mut watch = watch_of(options(server.url()), None);
    assert_eq!(next(&mut watch).await, "connecting");
    assert_eq!(server.seen(), []);
    expect(&mut watch, &["live", "0"]).await;
    feed.add(1);
    // A yield for anything that might run by itself.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_invalid_cursor_is_a_reset_and_the_watch_continues_from_now() {
    let feed = Feed::new();
    feed.add(5);
    let server = feed.start().await;
    let mut watch = watch_of(options(server.url()), Some("too-old"));
    expect(&mut watch, &["connecting", "live", "reset"]).await;
    assert_eq!(watch.cursor(), Some("5"));
    let (reported, ()) = tokio::join!(next(&mut watch), async {
        feed.is_awaited().await;
        feed.add(1);
    });
    assert_eq!(reported, "5");
}

/// The reader gives up at random moments: no change is lost or repeated.
#[tokio::test]
async fn dropping_the_future_of_next_loses_no_event() {
    let feed = Feed::new();
    let server = feed.start().await;
    let mut watch = watch_of(options(server.url()), None);
    let (mut reported, mut tries, mut cut) = (Vec::new(), 0, 0);
    while reported.len() < 60 {
        if tries % 3 == 0 {
            feed.add(1);
        }
        tries += 1;
        let timeout = Duration::from_micros(tries * 709 % 3_000);
        match tokio::time::timeout(timeout, watch.next()).await {
            Err(_) => cut += 1,
            Ok(Some(WatchEvent::Changes(page))) => {
                reported.extend(numbers(&page).split(' ').map(str::to_owned));
            }
            Ok(Some(WatchEvent::Status(WatchStatus::Connecting | WatchStatus::Live))) => {}
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert!(cut > 10, "{cut}");
    let expected: Vec<_> = (0..reported.len()).map(|n| n.to_string()).collect();
    assert_eq!(reported, expected);
}

#[tokio::test]
async fn dropping_a_watch_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut watch = watch_of(options(url), None);
    let driving = tokio::spawn(async move { while watch.next().await.is_some() {} });
    let (mut connection, _) = listener.accept().await.unwrap();
    assert_ne!(connection.read(&mut [0; 4_000]).await.unwrap(), 0);
    driving.abort();
    let mut byte = [0];
    let closed = tokio::time::timeout(EVENT_TIMEOUT, connection.read(&mut byte)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}

#[tokio::test]
async fn watches_of_one_service_are_independent() {
    let feed = Feed::new();
    feed.add(2);
    let server = feed.start().await;
    let service = SessionService::new(options(server.url())).unwrap();
    let (mut first, mut second) = (service.watch(from(None)), service.watch(from(Some("1"))));
    expect(&mut first, &["connecting", "live", "0 1"]).await;
    expect(&mut second, &["connecting", "live", "1"]).await;
    drop(first);
    feed.add(1);
    expect(&mut second, &["2"]).await;
}

/// Collects the reported changes of all pages, for [`crate::watch_faults`].
#[derive(Default)]
pub(crate) struct ReportedChanges(Mutex<Vec<usize>>);

impl ReportedChanges {
    pub(crate) fn take(&self, page: &SyncPage) {
        let numbers = numbers(page);
        self.0.lock().unwrap().extend(numbers.split(' ').map(|n| n.parse::<usize>().unwrap()));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Each of the first `count` changes once, in order.
    pub(crate) fn assert_all(&self, count: usize) {
        let reported = self.0.lock().unwrap();
        assert_eq!(*reported, (0..count).collect::<Vec<_>>());
        assert_eq!(reported.iter().collect::<BTreeSet<_>>().len(), count);
    }
}
