//! One attempt over HTTP: the client, its TLS, the request, and the answer read to its limit.

use std::{error::Error as StdError, io, net::IpAddr, sync::Arc, time::Duration};

use reqwest::{
    Method, Response, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use rustls::{
    CertificateError, ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer, version,
};

use super::{
    Error, Options,
    answer::{ANSWER_BYTES_MAX, Answer, Failure},
};
use crate::{Code, paths};

/// The emulator's name for the machine it runs on: a loopback in all but its number.
const EMULATOR_HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 2, 2));
/// Idle connections kept, and for how long. Phones change networks: a connection that idled for
/// longer is more likely dead than useful, and a dead one costs a whole attempt.
const IDLE_CONNECTIONS_MAX: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Finds a dead HTTP/2 connection within one attempt, so that the next one opens another.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// What one call sends, the same on each attempt.
pub(super) struct Request {
    pub(super) method: Method,
    /// Below the base URL, already percent-encoded.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    /// Of a write: names the call.
    pub(super) idempotency_key: Option<String>,
    /// How long the server may hold it until there is something to say; nothing but for a sync.
    pub(super) wait: Duration,
    /// The one status that means success.
    pub(super) success: u16,
}

impl Request {
    /// Whether it changes anything at the server.
    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// The HTTP client of one service.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    attempt_timeout: Duration,
}

impl Transport {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let base = base_url(&options.server_url, options.cleartext_allowed)?;
        let https = base.scheme() == "https";
        let user_agent = HeaderValue::from_str(&options.user_agent)
            .map_err(|_| Error::option("user_agent", "must be printable ASCII"))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&options.root_certificates, https)?)
            .https_only(https)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(user_agent)
            .connect_timeout(Duration::from_millis(options.connect_timeout_ms))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build()
            .map_err(|_| Error::option("server_url", "no HTTP client can be built for it"))?;
        let attempt_timeout = Duration::from_millis(options.attempt_timeout_ms);
        Ok(Self { http, base, attempt_timeout })
    }

    /// Sends the request once and reads the answer, in at most the attempt's time after the `wait`
    /// that the server is asked for: what is left of the request's.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        wait: Duration,
        bearer: &HeaderValue,
    ) -> Result<Answer, Failure> {
        let timeout = self.attempt_timeout + wait;
        let exchange = async {
            match self.build(request, wait, bearer).send().await {
                Ok(response) => read(response).await,
                Err(error) => Err(broken(&error)),
            }
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| {
            let ms = timeout.as_millis();
            Err(Failure::local(Code::Timeout, format!("no answer within {ms} ms")))
        })
    }

    fn build(
        &self,
        request: &Request,
        wait: Duration,
        bearer: &HeaderValue,
    ) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        if wait.as_millis() > 0 {
            url.query_pairs_mut().append_pair("waitMs", &wait.as_millis().to_string());
        }
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json, application/problem+json");
        if let Some(key) = &request.idempotency_key {
            builder = builder.header(paths::IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        builder
    }
}

/// Reads to the end or to the limit, whichever is first.
async fn read(mut response: Response) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let (content_type, retry_after) = (header(CONTENT_TYPE), header(RETRY_AFTER));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                let reason = format!("longer than {ANSWER_BYTES_MAX} bytes");
                return Err(Failure::foreign(status, reason));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, content_type, retry_after, body }),
            Err(error) if is_bad_encoding(&error) => {
                return Err(Failure::foreign(status, "its compression cannot be read"));
            }
            Err(error) => return Err(broken(&error)),
        }
    }
}

/// What a transport error means. Nothing of reqwest's error is kept: it knows the URL.
fn broken(error: &reqwest::Error) -> Failure {
    let connecting = error.is_connect();
    let detail = if error.is_dns() {
        "the server's name was not found"
    } else if let Some(reason) = tls_reason(error) {
        reason
    } else if connecting && error.is_timeout() {
        "no connection within the connect timeout"
    } else if connecting {
        "no connection to the server"
    } else {
        "the connection broke before the answer was complete"
    };
    Failure { may_have_applied: !connecting, ..Failure::local(Code::Connection, detail) }
}

/// What was wrong with the server's certificate or its TLS, if that was it.
fn tls_reason(error: &reqwest::Error) -> Option<&'static str> {
    let tls = chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())?;
    Some(match tls {
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the server's certificate has expired",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the server's certificate is not valid yet: check this device's clock",
        // A root of the issuer's name but of another key gives the second.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => "the server's certificate is signed by none of the trusted roots",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the server's certificate is for another name",
        rustls::Error::InvalidCertificate(_) => "the server's certificate was refused",
        _ => "TLS with the server failed",
    })
}

/// Whether the body came, but not in the compression that its header promised. A body cut short is
/// no such thing: that is the connection's fault.
fn is_bad_encoding(error: &reqwest::Error) -> bool {
    tls_reason(error).is_none()
        && chain(error).any(|source| {
            source.downcast_ref::<io::Error>().is_some_and(|io| {
                matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
            })
        })
}

/// Everything under an error. An io::Error's `source` skips the error that it wraps, so those are
/// gone through by `get_ref`.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

fn base_url(text: &str, cleartext_allowed: bool) -> Result<Url, Error> {
    let refuse = |reason: &str| Error::option("server_url", reason);
    let url = Url::parse(text).map_err(|_| refuse("must be https://host[:port][/prefix]"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("must not hold a query or a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if cleartext_allowed || is_own_machine(&url) => Ok(url),
        "http" => Err(refuse(
            "must be https: http is only for loopback and 10.0.2.2 unless cleartext is allowed",
        )),
        _ => Err(refuse("must be https://host[:port][/prefix]")),
    }
}

fn is_own_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) => address.is_loopback() || address == EMULATOR_HOST,
        Err(_) => host == "localhost",
    }
}

/// Explicit roots and nothing else: ADR 0004.
fn tls(roots_der: &[Vec<u8>], needed: bool) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(roots_der.iter().map(|der| CertificateDer::from(&der[..])));
    if needed && added == 0 {
        let reason = "https needs at least one readable root certificate (DER)";
        return Err(Error::option("root_certificates", reason));
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .expect("ring serves TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Not set by reqwest for a configuration that it did not make.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
