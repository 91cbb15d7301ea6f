//! TLS with certificates made at test time: only the roots of the option are trusted.

use std::sync::Arc;

use huihua_core::{
    Code,
    client::{Error, SessionService},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        version,
    },
};

use crate::support::{ScriptedServer, json, options};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Describes the certificate of a server.
pub(crate) struct TestCertificate {
    pub(crate) name: &'static str,
    pub(crate) last_year: i32,
    pub(crate) version: &'static SupportedProtocolVersion,
    pub(crate) alpn: &'static [&'static str],
}

pub(crate) const GOOD: TestCertificate =
    TestCertificate { name: "127.0.0.1", last_year: 2999, version: &version::TLS13, alpn: &[] };

pub(crate) fn acceptor(authority: &Authority, shown: &TestCertificate) -> TlsAcceptor {
    let (chain, key) = certificate(authority, shown);
    accepting(vec![chain], key, shown)
}

/// A server's certificate and its key.
pub(crate) fn certificate(
    authority: &CertifiedIssuer<'static, KeyPair>,
    shown: &TestCertificate,
) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::new(vec![shown.name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(shown.last_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().der().clone(), key)
}

pub(crate) fn accepting(
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    shown: &TestCertificate,
) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[shown.version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = shown.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

fn client(server: &ScriptedServer, roots: Vec<Vec<u8>>) -> Result<SessionService, Error> {
    let mut options = options(format!("https://{}", server.address));
    options.root_certificates = roots;
    SessionService::new(options)
}

pub(crate) fn root(authority: &Authority) -> Vec<u8> {
    authority.der().to_vec()
}

#[tokio::test]
async fn the_root_of_the_option_is_trusted_over_tls_1_2_and_1_3() {
    let authority = authority();
    for version in [&version::TLS12, &version::TLS13] {
        let shown = TestCertificate { version, ..GOOD };
        let server =
            ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &shown))).await;
        let service = client(&server, vec![root(&authority)]).unwrap();
        service.query_my_session("p2p|bob").await.unwrap();
        service.query_my_session("p2p|bob").await.unwrap();
        assert_eq!(server.seen().len(), 2);
    }
}

/// One HTTP/2 connection: resets the first request's stream, answers the others; gives the paths.
async fn serve_http_2(listener: TcpListener, acceptor: TlsAcceptor) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let stream = acceptor.accept(stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let mut paths = Vec::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        paths.push(request.uri().path().to_owned());
        if paths.len() == 1 {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
        } else {
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            body.send_data(ROW.into(), true).unwrap();
        }
    }
    paths
}

#[tokio::test]
async fn http_2_is_used_if_the_server_supports_it() {
    let authority = authority();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options(format!("https://{}", listener.local_addr().unwrap()));
    options.root_certificates = vec![root(&authority)];
    let shown = TestCertificate { alpn: &["h2", "http/1.1"], ..GOOD };
    let server = tokio::spawn(serve_http_2(listener, acceptor(&authority, &shown)));
    let service = SessionService::new(options).unwrap();
    service.update_my_session("p2p|bob", "").await.unwrap();
    service.query_my_session("p2p|bob").await.unwrap();
    drop(service);
    let update = "/v1/sessions/p2p%7Cbob/ext";
    assert_eq!(server.await.unwrap(), [update, update, "/v1/sessions/p2p%7Cbob"]);
}

#[tokio::test]
async fn http_1_is_used_if_the_server_supports_nothing_else() {
    let authority = authority();
    let shown = TestCertificate { alpn: &["http/1.1"], ..GOOD };
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &shown))).await;
    client(&server, vec![root(&authority)]).unwrap().query_my_session("p2p|bob").await.unwrap();
}

#[tokio::test]
async fn a_service_without_a_readable_root_is_an_invalid_option() {
    let authority = authority();
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    for roots in [vec![], vec![b"no certificate".to_vec()]] {
        let error = client(&server, roots).unwrap_err();
        assert!(matches!(error, Error::Option { field: "root_certificates", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_invalid_certificate_is_415_and_no_request_is_sent() {
    let (authority, stranger) = (authority(), authority());
    let cases = [
        ("signed by none of the trusted roots", GOOD, &stranger),
        ("expired", TestCertificate { last_year: 2001, ..GOOD }, &authority),
        ("for another name", TestCertificate { name: "example.com", ..GOOD }, &authority),
    ];
    for (reason, shown, trusted) in cases {
        let server =
            ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &shown))).await;
        let service = client(&server, vec![root(trusted)]).unwrap();
        let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
        let Error::Failed { code, detail, may_have_applied, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((*code, *may_have_applied), (Code::Connection, false), "{reason}");
        assert!(detail.contains(reason), "{detail}");
        assert!(!format!("{error:?}").contains("127.0.0.1"), "{error:?}");
        assert_eq!(server.seen(), []);
    }
}

#[tokio::test]
async fn an_unanswered_handshake_ends_with_the_connect_timeout() {
    let authority = authority();
    // It waits for an HTTP request that never ends.
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let mut options = options(format!("https://{}", server.address));
    options.root_certificates = vec![root(&authority)];
    options.connect_timeout_ms = 100;
    let service = SessionService::new(options).unwrap();
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    let Error::Failed { code: Code::Connection, may_have_applied: false, detail, .. } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(detail, "no connection within the connect timeout");
}

#[tokio::test]
async fn a_server_without_tls_is_415() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut options = options(format!("https://{address}"));
    options.root_certificates = vec![root(&authority())];
    let service = SessionService::new(options).unwrap();
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    let Error::Failed { code: Code::Connection, may_have_applied: false, detail, .. } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(detail, "TLS with the server failed");
}
