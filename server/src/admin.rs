//! What the operator asks of a running server, over a Unix socket in its data folder: today a
//! backup. Only the server's own user and root are heard. One JSON line asks, JSON lines answer.

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use crate::store::{Progress, Store};

/// The socket's name in the data folder.
const SOCKET_NAME: &str = "admin.sock";
/// After a request that broke off, so that a socket that always fails costs nothing.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest line of a request, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;

/// Why a request to a running server failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket cannot be used.
    #[error("{path}")]
    Socket {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The server ended in the middle of its answer.
    #[error("the server ended before it was done: start it and ask again")]
    Ended,
    /// The server could not do it.
    #[error("{reason}")]
    Failed {
        /// In the server's words.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum Request {
    /// Back up into this file, an absolute path.
    Backup(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Progress { done: u64, all: u64 },
    Done,
    Failed(String),
}

/// Serves operators for ever, one request after another, on a socket in the data folder. This
/// process holds the store there, so a socket left there is dead. Without a socket (its path may
/// have about 100 bytes) the server runs all the same, and is backed up when it is stopped.
pub async fn serve(data: &Path, store: Arc<dyn Store>) -> Infallible {
    let socket = match Socket::bind(data.join(SOCKET_NAME)) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "no admin socket: no backup while the server runs");
            return std::future::pending().await;
        }
    };
    loop {
        let served = match socket.listener.accept().await {
            Ok((stream, _)) => answer(stream, &store).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            tracing::warn!(%error, "an operator's request broke off");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    fn bind(path: PathBuf) -> io::Result<Self> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(Self { listener: UnixListener::bind(&path)?, path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What is left over is removed by the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, store: &Arc<dyn Store>) -> io::Result<()> {
    let own = rustix::process::getuid().as_raw();
    if ![0, own].contains(&stream.peer_cred()?.uid()) {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let mut text = String::new();
    let (reading, mut writing) = stream.split();
    BufReader::new(reading.take(LINE_BYTES_MAX)).read_line(&mut text).await?;
    let Ok(Request::Backup(to)) = serde_json::from_str(&text) else {
        return write(&mut writing, &Line::Failed("unknown request".to_owned())).await;
    };
    let (lines, mut told) = mpsc::unbounded_channel();
    let progress: Progress = Box::new(move |done, all| {
        // Nobody listening is no fault: the backup goes on.
        let _ = lines.send(Line::Progress { done, all });
    });
    let backup = store.backup(&to, progress);
    let tell = async {
        while let Some(line) = told.recv().await {
            write(&mut writing, &line).await?;
        }
        Ok::<_, io::Error>(())
    };
    let (done, told) = tokio::join!(backup, tell);
    told?;
    let last = done.map_or_else(|error| Line::Failed(error.to_string()), |()| Line::Done);
    write(&mut writing, &last).await
}

async fn write(to: &mut (impl tokio::io::AsyncWrite + Unpin), line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line).expect("a line has string keys only");
    text.push('\n');
    to.write_all(text.as_bytes()).await
}

/// Asks the server that runs on this data folder to back up into `to`, an absolute path. `false`
/// when none runs.
///
/// # Errors
/// When the server fails, or is asked by another user.
pub async fn request_backup(data: &Path, to: &Path, progress: &Progress) -> Result<bool, Error> {
    let path = data.join(SOCKET_NAME);
    let failed = |source| Error::Socket { path: path.clone(), source };
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
    let mut request = serde_json::to_string(&Request::Backup(to.to_owned()))
        .map_err(|error| failed(io::Error::other(error)))?;
    request.push('\n');
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        match serde_json::from_str(&line) {
            Ok(Line::Progress { done, all }) => progress(done, all),
            Ok(Line::Done) => return Ok(true),
            Ok(Line::Failed(reason)) => return Err(Error::Failed { reason }),
            Err(error) => return Err(failed(error.into())),
        }
    }
    Err(Error::Ended)
}
