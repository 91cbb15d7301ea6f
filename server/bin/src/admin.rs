//! Requests of the operator to a running server, over a Unix socket in its data folder: a backup, a
//! verification, the export and the erasure of an account. Only the server's own user and root may
//! send them. A request is one JSON line, its answer JSON lines.

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use huihua_core::{Account, AppKey};
use huihua_event::Owner;
use huihua_store::{self as store, Engine, Erased, Progress, TakeRecord};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::JoinSet,
};

/// The socket's name in the data folder.
const SOCKET_NAME: &str = "admin.sock";
/// Pause after a request that broke off: a socket that always fails must cost little.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest line of a request, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Requests at one time; a further one waits. A silent peer holds one of them for a while only.
const REQUESTS_MAX: usize = 16;
/// Longest wait for a request's line, and for a peer to read a line of its answer.
const LINE_WAIT: Duration = Duration::from_secs(10);
/// Lines of progress that a slow peer leaves waiting; further ones are left out.
const LINES_MAX: usize = 64;

/// Why a request to a running server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The socket cannot be used.
    #[error("cannot use the admin socket {path}")]
    AdminSocket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The server ended in the middle of its answer.
    #[error("the server ended in the middle: start it and run the command again")]
    Ended,
    /// The server could not do it.
    #[error("{reason}")]
    Failed { reason: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum AdminRequest {
    /// Back up into this file, an absolute path.
    Backup(PathBuf),
    /// Check every value.
    Verify,
    /// Give every record of an account.
    Export(AccountOfApp),
    /// Erase an account.
    Erase(AccountOfApp),
}

/// An account, in its app's form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AccountOfApp {
    app: AppKey,
    account: Account,
}

impl AccountOfApp {
    fn of(owner: &Owner) -> Self {
        Self { app: owner.app.clone(), account: owner.account.clone() }
    }

    fn owner(self) -> Owner {
        Owner { app: self.app, account: self.account }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AdminLine {
    Progress {
        done: u64,
        all: u64,
    },
    Done,
    /// Every value is intact: so many.
    Verified(u64),
    /// One record of an account, as JSON.
    Record(String),
    /// All records came: so many.
    Exported(u64),
    Erased(Erased),
    Failed(String),
}

/// Writes a backup into a file.
pub(crate) type Backup = dyn Fn(PathBuf, Progress) -> BackupFuture + Send + Sync;
/// A backup while it is written.
pub(crate) type BackupFuture = Pin<Box<dyn Future<Output = Result<(), store::Error>> + Send>>;

/// What the operator may ask for.
#[derive(Clone)]
pub(crate) struct Operations {
    pub(crate) backup: Arc<Backup>,
    pub(crate) engine: Arc<dyn Engine>,
}

/// Serves requests, for ever, on a socket in the data folder. This process holds the store there,
/// so an old socket is dead.
/// Without a socket (its path may have about 100 bytes) the server runs, but is backed up only when
/// stopped.
pub(crate) async fn serve(data: &Path, operations: Operations) -> Infallible {
    let socket = match AdminSocket::bind(data.join(SOCKET_NAME)) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "cannot open the admin socket: no backup while the server runs");
            return std::future::pending().await;
        }
    };
    // They end with this function: the peer sees that the server ended.
    let mut requests = JoinSet::new();
    loop {
        while requests.len() >= REQUESTS_MAX {
            requests.join_next().await;
        }
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let operations = operations.clone();
                requests.spawn(async move {
                    if let Err(error) = answer(stream, operations).await {
                        tracing::warn!(%error, "a request on the admin socket broke off");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a request on the admin socket");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while requests.try_join_next().is_some() {}
    }
}

struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    fn bind(path: PathBuf) -> io::Result<Self> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(Self { listener: UnixListener::bind(&path)?, path })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // If this fails, the next start removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, operations: Operations) -> io::Result<()> {
    let own = rustix::process::getuid().as_raw();
    if ![0, own].contains(&stream.peer_cred()?.uid()) {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let mut text = String::new();
    let (reading, mut writing) = stream.split();
    let mut reading = BufReader::new(reading.take(LINE_BYTES_MAX));
    tokio::time::timeout(LINE_WAIT, reading.read_line(&mut text)).await??;
    let Ok(request) = serde_json::from_str(&text) else {
        return write(&mut writing, &AdminLine::Failed("unknown request".to_owned())).await;
    };
    let (lines, mut reports) = mpsc::channel(LINES_MAX);
    let report = async move {
        // Dropped when the peer is gone: an export ends then, all other work goes on.
        while let Some(line) = reports.recv().await {
            write(&mut writing, &line).await?;
        }
        Ok::<_, io::Error>(writing)
    };
    let (done, reported) = tokio::join!(carry_out(request, operations, lines), report);
    let last = done.unwrap_or_else(|error| AdminLine::Failed(error.to_string()));
    write(&mut reported?, &last).await
}

async fn carry_out(
    request: AdminRequest,
    operations: Operations,
    lines: mpsc::Sender<AdminLine>,
) -> Result<AdminLine, store::Error> {
    let engine = operations.engine;
    let records = lines.clone();
    let progress: Progress = Box::new(move |done, all| {
        // A full channel loses one report of many.
        let _ = lines.try_send(AdminLine::Progress { done, all });
    });
    match request {
        AdminRequest::Backup(to) => {
            (operations.backup)(to, progress).await.map(|()| AdminLine::Done)
        }
        AdminRequest::Verify => engine.verify(progress).await.map(AdminLine::Verified),
        AdminRequest::Export(of) => {
            // The engine gives records on a thread that may wait.
            let take: TakeRecord =
                Box::new(move |record| records.blocking_send(AdminLine::Record(record)).is_ok());
            drop(progress);
            engine.export(&of.owner(), take).await.map(AdminLine::Exported)
        }
        AdminRequest::Erase(of) => {
            drop((progress, records));
            engine.erase(&of.owner()).await.map(AdminLine::Erased)
        }
    }
}

async fn write(to: &mut (impl tokio::io::AsyncWrite + Unpin), line: &AdminLine) -> io::Result<()> {
    let mut text = serde_json::to_string(line).expect("a line has string keys only");
    text.push('\n');
    tokio::time::timeout(LINE_WAIT, to.write_all(text.as_bytes())).await?
}

/// Requests a backup into a file from the server that runs on this data folder. Returns `false` if
/// none runs. `to` is absolute.
///
/// # Errors
/// If the server fails, or runs as another user.
pub(crate) async fn request_backup(
    data: &Path,
    to: &Path,
    progress: &Progress,
) -> Result<bool, Error> {
    let request = AdminRequest::Backup(to.to_owned());
    Ok(send(data, &request, progress).await?.is_some())
}

/// Requests a verification from the server that runs on this data folder. Returns the number of
/// values; `None` if none runs.
///
/// # Errors
/// If a value is damaged; if the server fails, or runs as another user.
pub(crate) async fn request_verification(
    data: &Path,
    progress: &Progress,
) -> Result<Option<u64>, Error> {
    match send(data, &AdminRequest::Verify, progress).await? {
        None => Ok(None),
        Some(AdminLine::Verified(values)) => Ok(Some(values)),
        Some(_) => Err(Error::Ended),
    }
}

/// Requests every record of an account from the server that runs on this data folder. Returns how
/// many there are; `None` if none runs.
///
/// # Errors
/// If the server fails, or runs as another user.
pub(crate) async fn request_export(
    data: &Path,
    owner: &Owner,
    take: &mut (dyn FnMut(String) -> bool + Send),
) -> Result<Option<u64>, Error> {
    let request = AdminRequest::Export(AccountOfApp::of(owner));
    let nothing: Progress = Box::new(|_, _| {});
    match send_taking(data, &request, &nothing, take).await? {
        None => Ok(None),
        Some(AdminLine::Exported(records)) => Ok(Some(records)),
        Some(_) => Err(Error::Ended),
    }
}

/// Requests the erasure of an account from the server that runs on this data folder. Returns what
/// was erased; `None` if none runs.
///
/// # Errors
/// If the server fails, or runs as another user.
pub(crate) async fn request_erasure(data: &Path, owner: &Owner) -> Result<Option<Erased>, Error> {
    let request = AdminRequest::Erase(AccountOfApp::of(owner));
    let nothing: Progress = Box::new(|_, _| {});
    match send(data, &request, &nothing).await? {
        None => Ok(None),
        Some(AdminLine::Erased(erased)) => Ok(Some(erased)),
        Some(_) => Err(Error::Ended),
    }
}

/// Sends a request and returns the last line of its answer; `None` if no server runs.
async fn send(
    data: &Path,
    request: &AdminRequest,
    progress: &Progress,
) -> Result<Option<AdminLine>, Error> {
    send_taking(data, request, progress, &mut |_| false).await
}

async fn send_taking(
    data: &Path,
    request: &AdminRequest,
    progress: &Progress,
    take: &mut (dyn FnMut(String) -> bool + Send),
) -> Result<Option<AdminLine>, Error> {
    let path = data.join(SOCKET_NAME);
    let failed = |source| Error::AdminSocket { path: path.clone(), source };
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut text =
        serde_json::to_string(request).map_err(|error| failed(io::Error::other(error)))?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await.map_err(failed)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        match serde_json::from_str(&line) {
            Ok(AdminLine::Progress { done, all }) => progress(done, all),
            Ok(AdminLine::Failed(reason)) => return Err(Error::Failed { reason }),
            Ok(AdminLine::Record(record)) => {
                if !take(record) {
                    return Err(failed(io::ErrorKind::BrokenPipe.into()));
                }
            }
            Ok(last) => return Ok(Some(last)),
            Err(error) => return Err(failed(error.into())),
        }
    }
    Err(Error::Ended)
}
