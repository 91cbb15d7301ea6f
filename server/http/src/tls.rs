//! TLS of the listener: certificate and key by their files, which are read again when they change;
//! and what a peer may do before it has shaken hands. The crypto is ring's, as in the SDK: it
//! cross-compiles with nothing but a C compiler.

use std::{
    convert::Infallible,
    fmt,
    fs::File,
    future::poll_fn,
    io::{self, Read as _},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWrite as _;
use tokio_rustls::TlsAcceptor;

use crate::{peer_stream::PeerStream, socket::Socket};

/// Longest file of a certificate or a key: a chain of some hundred certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Pause between two looks at the files. A renewal comes weeks before the old certificate ends.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// First byte of every TLS handshake.
const HANDSHAKE_RECORD: u8 = 0x16;
/// Most bytes that a peer may send for its handshake: four times a long hello, and what follows in
/// the same read. rustls alone would keep 64 KiB.
const HANDSHAKE_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a request without TLS that are read so that its answer is not lost.
const PLAIN_REQUEST_BYTES_MAX: usize = 64 * 1024;
/// What speaks HTTP without TLS is answered, in clear.
const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 57\r\n\
    connection: close\r\n\r\n\
    this port speaks TLS: the address must begin with https:\n";

/// The files of a certificate and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and then those between it and the root.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// Why a certificate cannot be shown. No text quotes a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system does not give a file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is something else in a file.
    #[error("{} holds no {what} in PEM", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The two cannot be used, or not together.
    #[error("the key in {} does not serve the certificate in {}: {source}", files.key.display(),
        files.certificate.display())]
    Refused {
        /// The files.
        files: TlsFiles,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// The system has no randomness.
    #[error("cannot draw the key of TLS session tickets: {0}")]
    Tickets(rustls::Error),
}

impl Error {
    /// Tells whether this file is the one to look at.
    pub fn is_about(&self, file: &Path) -> bool {
        match self {
            Self::Read { path, .. } | Self::Content { path, .. } => path == file,
            Self::Refused { files, .. } => files.key == file,
            Self::Tickets(_) => false,
        }
    }
}

/// A server's certificate, as it is shown now. Clones share it.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    files: TlsFiles,
    current: ArcSwap<CertifiedKey>,
    /// Digest of what was read last, also if it was of no use: each fault is logged once.
    seen: Mutex<[u8; 32]>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Error`] names the file.
    pub fn load(files: TlsFiles) -> Result<Self, Error> {
        let (seen, certified) = read(&files);
        let current = ArcSwap::from_pointee(certified?);
        Ok(Self(Arc::new(Shared { files, current, seen: seen.into() })))
    }

    /// Reads the files again, and shows what they hold from the next handshake on. Connections go
    /// on, and what is of no use changes nothing; the log says so.
    pub async fn reload(&self) {
        self.look(true).await;
    }

    /// Looks at the files for ever, and reloads them once they have changed.
    pub async fn watch(&self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look(false).await;
        }
    }

    async fn look(&self, also_unchanged: bool) {
        let shared = Arc::clone(&self.0);
        let looked = tokio::task::spawn_blocking(move || {
            let (digest, certified) = read(&shared.files);
            // Nothing under this lock panics.
            let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = *seen != digest;
            *seen = digest;
            (is_new || also_unchanged).then(|| certified.map(|it| shared.current.store(it.into())))
        });
        let certificate = self.0.files.certificate.display();
        match looked.await {
            Ok(None) => {}
            Ok(Some(Ok(()))) => tracing::info!(%certificate, "TLS certificate reloaded"),
            Ok(Some(Err(error))) => {
                tracing::error!(%error, "TLS certificate not reloaded: the old one stays");
            }
            Err(error) => tracing::error!(%error, "cannot look at the TLS certificate"),
        }
    }
}

/// Reads both files; the digest tells them from other contents and from other faults.
fn read(files: &TlsFiles) -> ([u8; 32], Result<CertifiedKey, Error>) {
    let mut digest = Sha256::new();
    let mut read_file = |path: &Path| {
        let text = read_file(path);
        match &text {
            Ok(text) => digest.update(Sha256::digest(text)),
            Err(error) => digest.update(Sha256::digest(error.to_string())),
        }
        text
    };
    let (chain, key) = (read_file(&files.certificate), read_file(&files.key));
    let certified = chain.and_then(|chain| certify(files, &chain, &key?));
    (digest.finalize().into(), certified)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

fn certify(files: &TlsFiles, chain: &[u8], key: &[u8]) -> Result<CertifiedKey, Error> {
    let TlsFiles { certificate, key: key_file } = files;
    let content = |path: &Path, what| Error::Content { path: path.to_owned(), what };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| content(certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| content(key_file, "private key"))?;
    CertifiedKey::from_der(chain, key, &provider())
        .map_err(|source| Error::Refused { files: files.clone(), source })
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// Shows the certificate of the moment, whatever name the peer asks for.
struct Shown(Certificates);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.0.current.load_full())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

/// Makes what shakes hands: TLS 1.2 and 1.3, h2 and http/1.1, no early data, no client's
/// certificate.
///
/// # Errors
/// If the system has no randomness.
pub(crate) fn acceptor(certificates: &Certificates) -> Result<TlsAcceptor, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(certificates.clone())));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A returning client brings its session along, sealed: here nothing is kept of it.
    config.ticketer = ring::Ticketer::new().map_err(Error::Tickets)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Why there is no TLS with a peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFailure {
    #[error("the peer took too long to shake hands")]
    TooSlow,
    #[error("the peer speaks HTTP without TLS")]
    Plain,
    #[error("no TLS handshake")]
    Io(#[from] io::Error),
}

impl HandshakeFailure {
    /// Returns it as it is counted.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TooSlow => "slow tls handshake",
            Self::Plain => "http without tls",
            Self::Io(_) => "failed tls handshake",
        }
    }
}

/// Shakes hands within the wait. A peer that is silent costs a socket and nothing else.
pub(crate) async fn shake_hands(
    mut socket: Socket,
    acceptor: &TlsAcceptor,
    wait: Duration,
) -> Result<PeerStream, HandshakeFailure> {
    let shake = async {
        let mut first = [0];
        if socket.tcp().peek(&mut first).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if first != [HANDSHAKE_RECORD] {
            answer_in_clear(socket).await?;
            return Err(HandshakeFailure::Plain);
        }
        socket.limit_reads(Some(HANDSHAKE_BYTES_MAX));
        let mut stream = acceptor.accept(socket).await?;
        stream.get_mut().0.limit_reads(None);
        Ok(PeerStream::tls(stream))
    };
    tokio::time::timeout(wait, shake).await.unwrap_or(Err(HandshakeFailure::TooSlow))
}

/// Answers what is no TLS, and reads what it sends, because closing before would lose the answer.
async fn answer_in_clear(mut socket: Socket) -> io::Result<()> {
    socket.tcp().writable().await?;
    // It fits into the empty buffer of a new connection.
    socket.tcp().try_write(PLAIN_ANSWER)?;
    poll_fn(|context| Pin::new(&mut socket).poll_shutdown(context)).await?;
    let stream = socket.tcp();
    let (mut buffer, mut left) = ([0; 1_024], PLAIN_REQUEST_BYTES_MAX);
    while left > 0 {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => left = left.saturating_sub(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_in_clear_has_the_length_that_it_says() {
        let answer = str::from_utf8(PLAIN_ANSWER).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
