//! What is read from a peer and written to it, with TLS or without: HTTP sees no difference.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::{limits::READ_BUFFER_BYTES, socket::Socket};

/// What a peer may choose in its handshake beside HTTP/1.1.
const HTTP2: &[u8] = b"h2";
/// Bytes that are read at a time while nothing of the peer is due.
const READ_AHEAD_BYTES: usize = 256;

/// A peer's bytes, as HTTP reads and writes them.
pub(crate) struct PeerStream {
    layer: Layer,
    /// What is read before anything of the peer.
    read_first: Bytes,
}

enum Layer {
    Plain(Socket),
    /// Boxed: it is some 1,000 bytes, which a connection without TLS need not have.
    Tls(Box<TlsStream<Socket>>),
}

impl PeerStream {
    pub(crate) fn plain(socket: Socket) -> Self {
        Self { layer: Layer::Plain(socket), read_first: Bytes::new() }
    }

    pub(crate) fn tls(stream: TlsStream<Socket>) -> Self {
        Self { layer: Layer::Tls(Box::new(stream)), read_first: Bytes::new() }
    }

    /// Tells whether the peer has chosen HTTP/2. Without TLS there is no choice.
    pub(crate) fn is_http2(&self) -> bool {
        match &self.layer {
            Layer::Plain(_) => false,
            Layer::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(HTTP2),
        }
    }

    /// Lets these bytes be read before anything of the peer.
    pub(crate) fn read_first(&mut self, bytes: Bytes) {
        self.read_first = bytes;
    }

    /// Ends when the peer has gone. Over TLS its goodbye is data, so what comes is read; a next
    /// request goes to `read_ahead`.
    pub(crate) async fn gone(&mut self, read_ahead: &mut Vec<u8>) {
        let stream = match &mut self.layer {
            Layer::Plain(socket) => return socket.gone().await,
            Layer::Tls(stream) => stream,
        };
        poll_fn(|context| {
            while read_ahead.len() < READ_BUFFER_BYTES {
                let mut bytes = [0; READ_AHEAD_BYTES];
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(&mut **stream).poll_read(context, &mut buffer) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                        read_ahead.extend_from_slice(buffer.filled());
                    }
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
            // It sends on and on; what it holds is bounded, and its wait ends by itself.
            Poll::Pending
        })
        .await;
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read_first.is_empty() {
            let bytes = self.read_first.len().min(buffer.remaining());
            buffer.put_slice(&self.read_first.split_to(bytes));
            return Poll::Ready(Ok(()));
        }
        match &mut self.layer {
            Layer::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Layer::Tls(stream) => Pin::new(&mut **stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.layer {
            Layer::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Layer::Tls(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.layer {
            Layer::Plain(socket) => Pin::new(socket).poll_write_vectored(context, slices),
            Layer::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.layer {
            Layer::Plain(socket) => socket.is_write_vectored(),
            Layer::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Plain(socket) => Pin::new(socket).poll_flush(context),
            Layer::Tls(stream) => Pin::new(&mut **stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Layer::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(context),
        }
    }
}
