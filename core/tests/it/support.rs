//! A scripted server on a real TCP socket: each test defines the bytes of every reply. It is
//! hand-written because an HTTP framework cannot misbehave on demand. Other shared test helpers.

use std::{
    future::Future,
    io::Write as _,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_core::client::{
    LogLevel, Logger, Options, ProviderError, SessionService, TokenProvider,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Holds one received request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl ReceivedRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Defines what the server does with one request.
#[derive(Clone)]
pub(crate) enum ScriptedReply {
    /// Sends these bytes and keeps the connection for another request.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes: in the middle of an answer, a truncation.
    BytesThenClose(Vec<u8>),
    /// Sends these bytes and resets the connection (RST).
    BytesThenReset(Vec<u8>),
    /// Sends these bytes, then nothing for as long as the client waits.
    BytesThenStall(Vec<u8>),
    /// Waits, then does the other reply.
    After(Duration, Box<ScriptedReply>),
    /// Does the reply that this future returns.
    Later(Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ScriptedReply> + Send>> + Send + Sync>),
}

/// Makes a complete answer.
pub(crate) fn answer(status: u16, content_type: &str, body: &str) -> ScriptedReply {
    answer_with(status, &format!("content-type: {content_type}\r\n"), body)
}

/// Makes a complete answer with any header lines, each ended by CR LF.
pub(crate) fn answer_with(status: u16, headers: &str, body: &str) -> ScriptedReply {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
    ScriptedReply::Bytes([head.as_bytes(), body.as_bytes()].concat())
}

/// Makes a 200 with JSON.
pub(crate) fn json(body: &str) -> ScriptedReply {
    answer(200, "application/json", body)
}

/// Makes a 204, the answer to a delete.
pub(crate) fn no_content() -> ScriptedReply {
    ScriptedReply::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
}

/// Makes an error of the wire's table.
pub(crate) fn problem(status: u16, code: u16, headers: &str) -> ScriptedReply {
    let body = format!(
        concat!(
            r#"{{"type":"about:blank","title":"t","status":{},"#,
            r#""detail":"d","code":{},"requestId":"r1"}}"#
        ),
        status, code
    );
    answer_with(status, &format!("content-type: application/problem+json\r\n{headers}"), &body)
}

/// Compresses as a server may: the best that gzip does.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Makes a complete answer whose body is said to be gzip, of JSON.
pub(crate) fn gzipped(status: u16, body: &[u8]) -> Vec<u8> {
    let kind = if status == 200 { "json" } else { "problem+json" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/{kind}\r\n\
         content-length: {length}\r\ncontent-encoding: gzip\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

type Script = dyn Fn(usize, &ReceivedRequest) -> ScriptedReply + Send + Sync;

/// Answers requests by its script. Dropping it cuts every connection, as a crash does.
pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
    listener: tokio::task::JoinHandle<()>,
}

impl ScriptedServer {
    /// Answers the n-th request (from 0) with the script's reply.
    pub(crate) async fn start(
        script: impl Fn(usize, &ReceivedRequest) -> ScriptedReply + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(script, None).await
    }

    /// Starts at the address of an earlier server.
    pub(crate) async fn restart(
        address: SocketAddr,
        script: impl Fn(usize, &ReceivedRequest) -> ScriptedReply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(TcpListener::bind(address).await.unwrap(), script, None)
    }

    /// Starts with TLS, if there is an acceptor.
    pub(crate) async fn start_on(
        script: impl Fn(usize, &ReceivedRequest) -> ScriptedReply + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), script, tls)
    }

    fn listen(
        listener: TcpListener,
        script: impl Fn(usize, &ReceivedRequest) -> ScriptedReply + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<ReceivedRequest>>>::default();
        let (script, kept): (Arc<Script>, _) = (Arc::new(script), seen.clone());
        let accept = async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen, tls) = (script.clone(), kept.clone(), tls.clone());
                connections.spawn(async move {
                    // A client that goes away is an ordinary end of a connection here.
                    let _ = match tls {
                        None => serve(stream, &*script, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &*script, &seen).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        };
        Self { address, seen, listener: tokio::spawn(accept) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns every request so far, in order of arrival.
    pub(crate) fn seen(&self) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Resets a TCP stream; a stream of another kind is only closed.
pub(crate) trait Reset {
    fn reset_on_close(&self) {}
}

impl Reset for TcpStream {
    fn reset_on_close(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Reset for tokio_rustls::server::TlsStream<TcpStream> {}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Reset>(
    mut stream: S,
    script: &Script,
    seen: &Mutex<Vec<ReceivedRequest>>,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await? {
        let mut reply = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            script(seen.len() - 1, &request)
        };
        loop {
            reply = match reply {
                ScriptedReply::After(wait, then) => {
                    tokio::time::sleep(wait).await;
                    *then
                }
                ScriptedReply::Later(when) => when().await,
                now => {
                    reply = now;
                    break;
                }
            };
        }
        match reply {
            ScriptedReply::Bytes(bytes) => stream.write_all(&bytes).await?,
            ScriptedReply::BytesThenClose(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            ScriptedReply::BytesThenReset(bytes) => {
                stream.write_all(&bytes).await?;
                stream.reset_on_close();
                return Ok(());
            }
            ScriptedReply::BytesThenStall(bytes) => {
                stream.write_all(&bytes).await?;
                // Ends when the client gives up and closes.
                let _ = stream.read(&mut [0]).await;
                return Ok(());
            }
            ScriptedReply::After(..) | ScriptedReply::Later(..) => unreachable!("unwrapped above"),
        }
    }
    Ok(())
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<ReceivedRequest>> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut seen = ReceivedRequest { method, target, headers, body: String::new() };
    let length: usize = seen.header("content-length").map_or(0, |n| n.parse().unwrap());
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    seen.body = String::from_utf8(buffer[head_end..head_end + length].to_vec()).unwrap();
    buffer.drain(..head_end + length);
    Ok(Some(seen))
}

type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + 'a>>;

/// Returns `token-1`, `token-2`, … and counts.
#[derive(Default)]
pub(crate) struct CountingProvider {
    pub(crate) asked: AtomicUsize,
}

impl TokenProvider for CountingProvider {
    fn token(&self, _refresh: bool) -> TokenFuture<'_> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { Ok(format!("token-{n}")) })
    }
}

/// Makes a provider of an async closure.
pub(crate) struct ClosureProvider<F>(pub(crate) F);

impl<F, R> TokenProvider for ClosureProvider<F>
where
    F: Fn(bool) -> R + Send + Sync,
    R: Future<Output = Result<String, ProviderError>> + Send + 'static,
{
    fn token(&self, refresh: bool) -> TokenFuture<'_> {
        Box::pin((self.0)(refresh))
    }
}

/// Records the client's log.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<(LogLevel, String)>>);

impl Lines {
    pub(crate) fn all(&self) -> Vec<(LogLevel, String)> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for a line that contains `text`.
    pub(crate) async fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.all().iter().any(|(_, line)| line.contains(text)) {
            assert!(Instant::now() < deadline, "no line with {text:?}: {:?}", self.all());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Logger for Lines {
    fn log(&self, level: LogLevel, line: &str) {
        self.0.lock().unwrap().push((level, line.to_owned()));
    }
}

pub(crate) fn options(url: impl Into<String>) -> Options {
    Options::new(url, Arc::new(CountingProvider::default()))
}

pub(crate) fn service(server: &ScriptedServer) -> SessionService {
    SessionService::new(options(server.url())).unwrap()
}

/// Makes concurrent calls, each of which must succeed.
pub(crate) async fn storm(service: &SessionService, callers: usize) {
    let calls: Vec<_> = (0..callers)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.query_my_session("p2p|bob").await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}
