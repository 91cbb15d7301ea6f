//! A peer's socket: each answer must be taken whole within its time, however small the steps, and
//! a peer that goes away while its request is in progress ends it.

use std::{
    future::{Future as _, poll_fn},
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

/// A socket whose writes fail once the peer has left an answer unread for too long.
pub(crate) struct Socket {
    stream: TcpStream,
    answer_wait: Duration,
    /// Of the answer that the peer has not taken whole; `None` as long as writes go through.
    deadline: Option<Pin<Box<Sleep>>>,
    /// What may still be read; `None`: any number of bytes.
    readable_bytes: Option<usize>,
    progress: Arc<Progress>,
}

/// How far a connection is, for its stream and for whoever serves it.
#[derive(Default)]
pub(crate) struct Progress {
    /// A request is in progress.
    pub(crate) is_busy: AtomicBool,
    /// There is an answer that the socket has not taken whole.
    is_writing: AtomicBool,
}

impl Progress {
    /// Tells whether all that was answered so far is on its way.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.is_writing.load(Relaxed)
    }
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, answer_wait: Duration, progress: Arc<Progress>) -> Self {
        Self { stream, answer_wait, deadline: None, readable_bytes: None, progress }
    }

    /// Lets so many bytes be read and no more, or any number.
    pub(crate) fn limit_reads(&mut self, bytes: Option<usize>) {
        self.readable_bytes = bytes;
    }

    /// Returns the socket itself, for what comes before HTTP.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.stream
    }

    /// Ends when the peer has gone.
    pub(crate) async fn gone(&self) {
        poll_fn(|context| match self.check_peer(context) {
            Ok(()) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        })
        .await;
    }

    /// Fails if the peer has gone. hyper could find that out itself, by a read into a second buffer
    /// of 8 KiB that it keeps as long as the request lasts.
    fn check_peer(&self, context: &mut Context<'_>) -> io::Result<()> {
        let mut byte = [0];
        match self.stream.poll_peek(context, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Ok(0)) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Ready(Err(error)) => Err(error),
            // The next request, perhaps.
            Poll::Ready(Ok(_)) | Poll::Pending => Ok(()),
        }
    }

    /// Lets a write wait until the deadline, which begins with the answer's first wait.
    fn check<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let wait = self.answer_wait;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        match deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(left) = &mut self.readable_bytes {
            let read = buffer.filled().len() - before;
            *left = left.checked_sub(read).ok_or(io::ErrorKind::FileTooLarge)?;
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.progress.is_writing.store(true, Relaxed);
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.progress.is_writing.store(true, Relaxed);
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.check(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has written all it has, and whenever it waits for an answer.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.deadline = None;
        self.progress.is_writing.store(false, Relaxed);
        if self.progress.is_busy.load(Relaxed) {
            self.check_peer(context)?;
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
