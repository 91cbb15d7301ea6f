//! Requests of the operator to a running server, over a Unix socket in its data folder: a backup.
//! Only the server's own user and root may send them. A request is one JSON line, its answer JSON
//! lines.

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use huihua_store::{self as store, Progress};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

/// The socket's name in the data folder.
const SOCKET_NAME: &str = "admin.sock";
/// Pause after a request that broke off: a socket that always fails must cost little.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest line of a request, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;

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
    #[error("the server ended during the backup: start it and run the command again")]
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
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AdminLine {
    Progress { done: u64, all: u64 },
    Done,
    Failed(String),
}

/// Serves requests one after another, for ever, on a socket in the data folder. `backup` writes a
/// backup into a file. This process holds the store there, so an old socket is dead.
/// Without a socket (its path may have about 100 bytes) the server runs, but is backed up only when
/// stopped.
pub(crate) async fn serve(
    data: &Path,
    backup: impl AsyncFn(PathBuf, Progress) -> Result<(), store::Error>,
) -> Infallible {
    let socket = match AdminSocket::bind(data.join(SOCKET_NAME)) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "cannot open the admin socket: no backup while the server runs");
            return std::future::pending().await;
        }
    };
    loop {
        let served = match socket.listener.accept().await {
            Ok((stream, _)) => answer(stream, &backup).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            tracing::warn!(%error, "a request on the admin socket broke off");
            tokio::time::sleep(PAUSE).await;
        }
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

async fn answer(
    mut stream: UnixStream,
    backup: &impl AsyncFn(PathBuf, Progress) -> Result<(), store::Error>,
) -> io::Result<()> {
    let own = rustix::process::getuid().as_raw();
    if ![0, own].contains(&stream.peer_cred()?.uid()) {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let mut text = String::new();
    let (reading, mut writing) = stream.split();
    BufReader::new(reading.take(LINE_BYTES_MAX)).read_line(&mut text).await?;
    let Ok(AdminRequest::Backup(to)) = serde_json::from_str(&text) else {
        return write(&mut writing, &AdminLine::Failed("unknown request".to_owned())).await;
    };
    let (lines, mut reports) = mpsc::unbounded_channel();
    let progress: Progress = Box::new(move |done, all| {
        // The backup goes on if the operator is gone.
        let _ = lines.send(AdminLine::Progress { done, all });
    });
    let report = async {
        while let Some(line) = reports.recv().await {
            write(&mut writing, &line).await?;
        }
        Ok::<_, io::Error>(())
    };
    let (done, reported) = tokio::join!(backup(to, progress), report);
    reported?;
    let last = done.map_or_else(|error| AdminLine::Failed(error.to_string()), |()| AdminLine::Done);
    write(&mut writing, &last).await
}

async fn write(to: &mut (impl tokio::io::AsyncWrite + Unpin), line: &AdminLine) -> io::Result<()> {
    let mut text = serde_json::to_string(line).expect("a line has string keys only");
    text.push('\n');
    to.write_all(text.as_bytes()).await
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
            return Ok(false);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut request = serde_json::to_string(&AdminRequest::Backup(to.to_owned()))
        .map_err(|error| failed(io::Error::other(error)))?;
    request.push('\n');
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        match serde_json::from_str(&line) {
            Ok(AdminLine::Progress { done, all }) => progress(done, all),
            Ok(AdminLine::Done) => return Ok(true),
            Ok(AdminLine::Failed(reason)) => return Err(Error::Failed { reason }),
            Err(error) => return Err(failed(error.into())),
        }
    }
    Err(Error::Ended)
}
