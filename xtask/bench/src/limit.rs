//! The limit of any such server: the same HTTP, and behind it nothing but a constant answer, for
//! writes after an append and one fdatasync for all that came meanwhile.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Arc,
    thread,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post, put},
    serve::ListenerExt as _,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use crate::work::EVENTS_HEADER;

/// The file with a process's address, in its folder; it ends in a line break.
pub(crate) const ADDRESS_FILE: &str = "address";
/// What a row of the list takes on a disk; a message changes two.
pub(crate) const ROW_BYTES: usize = 428;
/// Writes that wait for the one writer: more than there are callers.
const WAITING_MAX: usize = 1_024;
/// Past this length the file starts again, so that a long run does not fill the disk.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The names of the files with answers.
pub(crate) const PAGE: &str = "page";
/// One session.
pub(crate) const ONE: &str = "one";
/// A sync without a change.
pub(crate) const SYNC: &str = "sync";

struct Append {
    bytes: usize,
    done: oneshot::Sender<()>,
}

struct Limit {
    page: Bytes,
    one: Bytes,
    sync: Bytes,
    appends: mpsc::Sender<Append>,
}

/// Answers until it is killed.
///
/// # Errors
/// When a file is missing or no port can be had.
pub(crate) async fn serve(folder: &Path) -> Result<()> {
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name)).with_context(|| format!("read {name}"))?;
        anyhow::Ok(Bytes::from(bytes))
    };
    let file = File::create(folder.join("appended")).context("make the file to append to")?;
    let (appends, waiting) = mpsc::channel(WAITING_MAX);
    thread::spawn(move || write(file, waiting));
    let limit = Limit { page: read(PAGE)?, one: read(ONE)?, sync: read(SYNC)?, appends };
    let routes = Router::new()
        .route("/v1/sessions", get(page))
        .route("/v1/sync", get(sync))
        .route("/v1/sessions/{id}", get(one))
        .route("/v1/sessions/{id}/ext", put(set_ext))
        .route("/v1/events", post(ingest))
        .route("/nim/copy", post(copy))
        .with_state(Arc::new(limit));
    listen(folder, routes).await
}

/// Serves routes on a free port, which the address file in the folder then says.
///
/// # Errors
/// When no port can be had.
pub(crate) async fn listen(folder: &Path, routes: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listen")?;
    let address = listener.local_addr().context("ask for the port")?;
    fs::write(folder.join(ADDRESS_FILE), format!("{address}\n")).context("write the address")?;
    let listener = listener.tap_io(|stream| {
        // Without it an answer may wait; with an error it does, and that is all.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await.context("serve")
}

/// A success with a body.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// How many events a request says that it holds.
fn events(headers: &HeaderMap) -> usize {
    let count = headers.get(EVENTS_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    count.unwrap_or(1)
}

async fn page(State(limit): State<Arc<Limit>>) -> Response {
    json(limit.page.clone())
}

async fn sync(State(limit): State<Arc<Limit>>) -> Response {
    json(limit.sync.clone())
}

async fn one(State(limit): State<Arc<Limit>>) -> Response {
    json(limit.one.clone())
}

async fn ingest(State(limit): State<Arc<Limit>>, headers: HeaderMap, _body: Bytes) -> Response {
    let events = events(&headers);
    let results = vec![r#"{"status":"applied"}"#; events].join(",");
    append(&limit, 2 * events, format!(r#"{{"results":[{results}]}}"#).into()).await
}

async fn copy(State(limit): State<Arc<Limit>>, _body: Bytes) -> Response {
    append(&limit, 2, Bytes::from_static(br#"{"code":200}"#)).await
}

async fn set_ext(State(limit): State<Arc<Limit>>, _body: Bytes) -> Response {
    append(&limit, 1, limit.one.clone()).await
}

async fn append(limit: &Limit, rows: usize, answer: Bytes) -> Response {
    let (done, is_done) = oneshot::channel();
    let append = Append { bytes: rows * ROW_BYTES, done };
    if limit.appends.send(append).await.is_err() || is_done.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    json(answer)
}

/// Appends what waits, makes it durable once, answers all; ends at the first error.
fn write(mut file: File, mut waiting: mpsc::Receiver<Append>) {
    let mut length = 0;
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while let Ok(next) = waiting.try_recv() {
            group.push(next);
        }
        let bytes: usize = group.iter().map(|append| append.bytes).sum();
        if length > FILE_BYTES_MAX {
            length = 0;
            if file.set_len(0).is_err() || file.seek(SeekFrom::Start(0)).is_err() {
                return;
            }
        }
        if file.write_all(&vec![b'x'; bytes]).is_err() || file.sync_data().is_err() {
            return;
        }
        length += bytes as u64;
        for append in group {
            // Whoever asked may be gone.
            let _ = append.done.send(());
        }
    }
}
