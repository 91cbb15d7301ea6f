//! TLS and HTTP/2: certificates made for the test, clients that trust them, and peers that do not
//! keep to the rules.

mod certificates;
mod clients;
mod greedy;
mod measure;
mod silent;
mod stop;

use std::{path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use huihua_http::{
    clock::Clock,
    server::Limits,
    tls::{Certificates, TlsFiles},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use crate::support::{Http, TestServer};

pub(crate) const HTTP1: &[u8] = b"http/1.1";
pub(crate) const HTTP2: &[u8] = b"h2";

/// An authority whose certificates nobody but the test trusts.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, in DER.
    fn root(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A new certificate of 127.0.0.1 and its key, in PEM.
    fn certify(&self) -> [String; 2] {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pem = |label: &str, der: &[u8]| {
            let text = STANDARD.encode(der);
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        [pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der())]
    }

    /// Writes a new certificate and its key into this folder, each at once.
    pub(crate) fn write(&self, folder: &Path) -> TlsFiles {
        let files = files(folder);
        let [certificate, key] = self.certify();
        for (path, text) in [(&files.certificate, certificate), (&files.key, key)] {
            let part = path.with_extension("part");
            std::fs::write(&part, text).unwrap();
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&part, private).unwrap();
            std::fs::rename(part, path).unwrap();
        }
        files
    }

    /// The TLS of a client that trusts it and speaks one version of HTTP.
    fn config(&self, protocol: &[u8]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }

    /// A client that trusts it and speaks one version of HTTP.
    pub(crate) fn http(&self, address: &str, protocol: &[u8]) -> Http {
        let config = self.config(protocol);
        Http::with(|client| client.tls_backend_preconfigured(config), format!("https://{address}"))
    }

    /// A connection to this address, once both have shaken hands.
    pub(crate) async fn connect(&self, address: &str, protocol: &[u8]) -> TlsStream<TcpStream> {
        self.shake_hands(TcpStream::connect(address).await.unwrap(), protocol).await
    }

    async fn shake_hands(&self, stream: TcpStream, protocol: &[u8]) -> TlsStream<TcpStream> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = TlsConnector::from(Arc::new(self.config(protocol)));
        connector.connect(name, stream).await.unwrap()
    }
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
}

/// A server of this process that speaks TLS.
struct TlsServer {
    server: TestServer,
    authority: Authority,
    _certificate: TempDir,
}

impl TlsServer {
    async fn start(limits: Limits) -> Self {
        Self::start_in(TempDir::new().unwrap(), limits).await
    }

    async fn start_in(data: TempDir, limits: Limits) -> Self {
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        let certificates = Certificates::load(authority.write(folder.path())).unwrap();
        let with_tls = |server: huihua_http::server::Server| server.with_tls(&certificates, None);
        let server = TestServer::start_as(data, limits, Clock::default(), with_tls).await;
        Self { server, authority, _certificate: folder }
    }

    fn address(&self) -> &str {
        self.server.http.address()
    }

    fn http(&self, protocol: &[u8]) -> Http {
        self.authority.http(self.address(), protocol)
    }

    async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        self.authority.connect(self.address(), protocol).await
    }
}
