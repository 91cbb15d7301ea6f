//! A proxy: every connection goes through it, and its password appears nowhere.

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use huihua_core::{
    Code,
    client::{Error, Options, Resolver, SessionService},
};
use rcgen::{KeyPair, PublicKeyData as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    support::{Lines, ScriptedServer, json, options},
    tls::{GOOD, TestCertificate, accepting, acceptor, authority, certificate, root},
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

/// First line and `proxy-authorization` of a CONNECT.
type Connect = (String, Option<String>);

/// Runs a proxy that only tunnels, and records its requests.
struct Tunnels {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Connect>>>,
    task: JoinHandle<()>,
}

impl Drop for Tunnels {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tunnels {
    /// Tunnels every request to `target`.
    async fn start(target: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let kept = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, tls) = (kept.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => tunnel(stream, target, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => tunnel(stream, target, &seen).await,
                            Err(error) => Err(error),
                        },
                    }
                });
            }
        });
        Self { address, seen, task }
    }

    fn seen(&self) -> Vec<Connect> {
        self.seen.lock().unwrap().clone()
    }
}

async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    target: SocketAddr,
    seen: &Mutex<Vec<Connect>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let credentials = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    });
    seen.lock().unwrap().push((head.lines().next().unwrap().to_owned(), credentials));
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut stream, &mut server).await.map(drop)
}

/// Counts its calls, of which there must be none: the proxy resolves names.
#[derive(Default)]
struct NoNames(AtomicUsize);

impl Resolver for NoNames {
    fn resolve(
        &self,
        _host: &str,
    ) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(std::io::Error::other("nobody should ask")) })
    }
}

fn basic(user_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

#[tokio::test]
async fn plain_http_goes_through_the_proxy_only() {
    // What a proxy forwards and what a server gets differ in the target alone.
    let proxy = ScriptedServer::start(|_, _| json(ROW)).await;
    let names = Arc::<NoNames>::default();
    let service = SessionService::new(Options {
        cleartext_allowed: true,
        proxy_url: Some(format!("http://amy:p%40ss@{}", proxy.address)),
        resolver: Some(names.clone()),
        ..options("http://im.example.test/prefix")
    });
    service.unwrap().query_my_session("p2p|bob").await.unwrap();
    let [seen] = &proxy.seen()[..] else { panic!("{:?}", proxy.seen()) };
    assert_eq!(seen.target, "http://im.example.test/prefix/v1/sessions/p2p%7Cbob");
    assert_eq!(seen.header("proxy-authorization"), Some(&basic("amy:p@ss")[..]));
    assert_eq!(seen.header("authorization"), Some("Bearer token-1"));
    assert_eq!(names.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn https_is_tunnelled_through_the_proxy() {
    let (authority, proxys) = (authority(), authority());
    let shown = TestCertificate { name: "im.example.test", ..GOOD };
    let (leaf, key) = certificate(&authority, &shown);
    let pin = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info());
    let pin = format!("sha256/{}", STANDARD.encode(pin));
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(accepting(vec![leaf], key, &shown))).await;
    for (scheme, tls) in [("http", None), ("https", Some(acceptor(&proxys, &GOOD)))] {
        let proxy = Tunnels::start(server.address, tls).await;
        let service = SessionService::new(Options {
            // The proxy's own certificate need not be pinned; the server's must be all the same.
            root_certificates: vec![root(&authority), root(&proxys)],
            certificate_pins: vec![pin.clone()],
            proxy_url: Some(format!("{scheme}://amy:secret@{}", proxy.address)),
            resolver: Some(Arc::<NoNames>::default()),
            ..options("https://im.example.test:8443")
        });
        let before = server.seen().len();
        service.unwrap().query_my_session("p2p|bob").await.unwrap();
        let connect = "CONNECT im.example.test:8443 HTTP/1.1".to_owned();
        assert_eq!(proxy.seen(), [(connect, Some(basic("amy:secret")))], "{scheme}");
        let seen = &server.seen()[before];
        assert_eq!(seen.target, "/v1/sessions/p2p%7Cbob");
        assert_eq!(seen.header("proxy-authorization"), None);
        let other = ring::digest::digest(
            &ring::digest::SHA256,
            &KeyPair::generate().unwrap().subject_public_key_info(),
        );
        let service = SessionService::new(Options {
            root_certificates: vec![root(&authority), root(&proxys)],
            certificate_pins: vec![format!("sha256/{}", STANDARD.encode(other))],
            proxy_url: Some(format!("{scheme}://{}", proxy.address)),
            ..options("https://im.example.test:8443")
        });
        let error = service.unwrap().query_my_session("p2p|bob").await.unwrap_err();
        assert!(error.to_string().contains("chain is pinned"), "{scheme}: {error}");
        assert_eq!(server.seen().len(), before + 1);
    }
}

#[tokio::test]
async fn a_failing_proxy_is_never_bypassed() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let authority = authority();
    let secure =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    let refusing = ScriptedServer::start(|_, _| {
        crate::support::answer_with(407, "proxy-authenticate: Basic realm=\"x\"\r\n", "")
    })
    .await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for proxy in [nobody, refusing.address] {
        for url in [server.url(), format!("https://{}", secure.address)] {
            let lines = Arc::<Lines>::default();
            let options = Options {
                root_certificates: vec![root(&authority)],
                proxy_url: Some(format!("http://amy:s3cret@{proxy}")),
                logger: Some(lines.clone()),
                ..options(url)
            };
            let service = SessionService::new(options).unwrap();
            let error = service.query_my_session("p2p|bob").await.unwrap_err();
            let is_expected = match &error {
                Error::Failed { code, .. } => *code == Code::Connection,
                Error::Answer { status, .. } => *status == 407,
                other => panic!("{other:?}"),
            };
            assert!(is_expected, "{error:?}");
            let text = format!("{error} {error:?} {:?}", lines.all());
            assert!(!text.contains("s3cret") && !text.contains("amy"), "{text}");
        }
    }
    assert_eq!((server.seen(), secure.seen()), (vec![], vec![]));
}

#[test]
fn a_malformed_proxy_url_is_an_invalid_option_and_is_not_quoted() {
    for bad in [
        "",
        "127.0.0.1:3128",
        "socks5://amy:s3cret@127.0.0.1",
        "http://amy:s3cret@",
        "http://amy:s3cret@127.0.0.1/path",
        "http://amy:s3cret@127.0.0.1?a=1",
        "http://amy:s3cret@127.0.0.1:99999",
    ] {
        let options =
            Options { proxy_url: Some(bad.to_owned()), ..options("http://127.0.0.1:8480") };
        assert!(!format!("{options:?}").contains("s3cret"));
        let error = SessionService::new(options).unwrap_err();
        assert!(matches!(error, Error::Option { field: "proxy_url", .. }), "{bad}: {error:?}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
