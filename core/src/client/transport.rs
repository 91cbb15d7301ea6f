//! Makes one attempt over HTTP: sends the request and reads the answer up to its limit. The HTTP
//! client is made when it is first needed.

use std::{
    error::Error as StdError,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, Method, Proxy, RequestBuilder, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use rustls::{CertificateError, OtherError, RootCertStore, pki_types::CertificateDer};
use tokio::{sync::Mutex, task::JoinHandle};

use super::{
    Error, Options, Resolver, RootProvider,
    http_answer::{ANSWER_BYTES_MAX, AttemptFailure, HttpAnswer},
    servers::{Servers, proxy_url},
    tls::{self, NotPinned, Pins},
};
use crate::{Code, paths};

/// Limits of idle connections. Phones change networks: a connection that was idle for longer is
/// more likely dead than useful, and a dead one costs a whole attempt.
const IDLE_CONNECTIONS_MAX: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Detect a dead HTTP/2 connection within one attempt, so that the next one opens another.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Describes what one call sends, the same on each attempt.
pub(super) struct CallRequest {
    /// The name of the call, for the log: a path would reveal the session.
    pub(super) call: &'static str,
    pub(super) method: Method,
    /// The path below the base URL, percent-encoded.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub(super) body: Option<Vec<u8>>,
    /// Identifies the call of a write.
    pub(super) idempotency_key: Option<String>,
    /// Longest time for which the server may wait for a change; zero for all but a sync.
    pub(super) wait: Duration,
    /// Limit of the attempts, in place of that of the options.
    pub(super) attempts_max: Option<u32>,
    /// Whether "not found" is an answer like any other, which needs no warning.
    pub(super) may_be_missing: bool,
    /// The only status that means success.
    pub(super) success: u16,
}

impl CallRequest {
    /// Returns whether the request changes anything on the server.
    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// Holds the HTTP client of one service.
pub(super) struct Transport {
    pub(super) servers: Servers,
    attempt_timeout: Duration,
    settings: Arc<HttpSettings>,
    http: OnceLock<Client>,
    /// The task that makes the client. It goes on if the call that started it is dropped.
    making: Mutex<Option<JoinHandle<Result<Client, Error>>>>,
}

impl Transport {
    /// Checks the options. Makes the client too, unless its roots have yet to be read.
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let servers = Servers::new(&options.server_urls, options.cleartext_allowed)?;
        let settings = Arc::new(HttpSettings::new(options, &servers)?);
        let http = OnceLock::new();
        if settings.root_provider.is_none() {
            let client = settings.make_client()?;
            http.get_or_init(|| client);
        }
        let attempt_timeout = Duration::from_millis(options.attempt_timeout_ms);
        Ok(Self { servers, attempt_timeout, settings, http, making: Mutex::default() })
    }

    /// Returns the client. The first call makes it, on a thread that may block.
    pub(super) async fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let mut making = self.making.lock().await;
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let task = making.get_or_insert_with(|| {
            let settings = self.settings.clone();
            tokio::task::spawn_blocking(move || settings.make_client())
        });
        let made = task.await;
        *making = None;
        let client = made.map_err(|_| roots_failed())??;
        Ok(self.http.get_or_init(|| client))
    }

    /// Sends the request once and reads the answer.
    ///
    /// `wait` is what is left of the request's wait; the attempt's timeout is added to it.
    pub(super) async fn attempt(
        &self,
        client: &Client,
        base: &Url,
        request: &CallRequest,
        wait: Duration,
        bearer: &HeaderValue,
    ) -> Result<HttpAnswer, AttemptFailure> {
        let timeout = self.attempt_timeout + wait;
        let exchange = async {
            match build_request(client, base, request, wait, bearer).send().await {
                Ok(response) => read_answer(response).await,
                Err(error) => Err(connection_failure(&error)),
            }
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| {
            let ms = timeout.as_millis();
            Err(AttemptFailure::local(Code::Timeout, format!("no answer within {ms} ms")))
        })
    }
}

fn build_request(
    client: &Client,
    base: &Url,
    request: &CallRequest,
    wait: Duration,
    bearer: &HeaderValue,
) -> RequestBuilder {
    let mut url = base.clone();
    url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), request.path));
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.query);
    }
    if wait.as_millis() > 0 {
        url.query_pairs_mut().append_pair("waitMs", &wait.as_millis().to_string());
    }
    let mut builder = client
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

/// Holds the checked settings of the HTTP client, except roots that are not yet read.
struct HttpSettings {
    roots: RootCertStore,
    root_provider: Option<Arc<dyn RootProvider>>,
    tls_needed: bool,
    https_only: bool,
    pins: Option<Pins>,
    proxy: Option<Proxy>,
    resolver: Option<Arc<dyn Resolver>>,
    user_agent: HeaderValue,
    connect_timeout: Duration,
}

impl HttpSettings {
    fn new(options: &Options, servers: &Servers) -> Result<Self, Error> {
        let https = |url: &&Url| url.scheme() == "https";
        let proxy_url = options.proxy_url.as_deref().map(proxy_url).transpose()?;
        let tls_needed = servers.urls().iter().chain(&proxy_url).any(|url| https(&url));
        let proxy_host = proxy_url.as_ref().and_then(Url::host_str);
        let own_proxy_host =
            proxy_host.filter(|host| servers.urls().iter().all(|url| url.host_str() != Some(host)));
        let pins = Pins::read(&options.certificate_pins, own_proxy_host)?;
        if pins.is_some() && !servers.urls().iter().any(|url| https(&url)) {
            let reason = "require an https server URL: http servers have no certificate";
            return Err(Error::option("certificate_pins", reason));
        }
        let proxy = proxy_url.map(Proxy::all).transpose();
        Ok(Self {
            roots: tls::read_roots(&options.root_certificates)?,
            root_provider: options.root_provider.clone().filter(|_| tls_needed),
            tls_needed,
            https_only: servers.urls().iter().all(|url| https(&url)),
            pins,
            proxy: proxy.map_err(|_| Error::option("proxy_url", "is not a valid proxy URL"))?,
            resolver: options.resolver.clone(),
            user_agent: HeaderValue::from_str(&options.user_agent)
                .map_err(|_| Error::option("user_agent", "must be printable ASCII"))?,
            connect_timeout: Duration::from_millis(options.connect_timeout_ms),
        })
    }

    /// Reads the roots of the provider and makes the client. May block.
    fn make_client(&self) -> Result<Client, Error> {
        let mut roots = self.roots.clone();
        if let Some(provider) = &self.root_provider {
            let read = provider.root_certificates().map_err(|_| roots_failed())?;
            roots.add_parsable_certificates(read.into_iter().map(CertificateDer::from));
        }
        if self.tls_needed && roots.is_empty() {
            let reason = "https needs at least one readable root certificate (DER)";
            return Err(Error::option("root_certificates", reason));
        }
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls::config(roots, self.pins.clone()))
            .https_only(self.https_only)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(self.user_agent.clone())
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT);
        if let Some(proxy) = self.proxy.clone() {
            builder = builder.proxy(proxy);
        }
        if let Some(resolver) = self.resolver.clone() {
            builder = builder.dns_resolver(Arc::new(AppResolver(resolver)));
        }
        builder
            .build()
            .map_err(|_| Error::local(Code::Internal, "the HTTP client rejects the options"))
    }
}

fn roots_failed() -> Error {
    Error::option("root_certificates", "the trusted roots could not be read")
}

/// Adapts the app's resolver to reqwest.
struct AppResolver(Arc<dyn Resolver>);

impl Resolve for AppResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.0.resolve(name.as_str());
        Box::pin(async move {
            // reqwest replaces port 0 by the URL's port.
            let addresses = addresses.await?.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Reads the answer, up to [`ANSWER_BYTES_MAX`] bytes.
async fn read_answer(mut response: Response) -> Result<HttpAnswer, AttemptFailure> {
    let status = response.status().as_u16();
    let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let (content_type, retry_after) = (header(CONTENT_TYPE), header(RETRY_AFTER));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                let reason = format!("longer than {ANSWER_BYTES_MAX} bytes");
                return Err(AttemptFailure::foreign(status, reason));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(HttpAnswer { status, content_type, retry_after, body }),
            Err(error) if is_bad_encoding(&error) => {
                return Err(AttemptFailure::foreign(status, "its compression is damaged"));
            }
            Err(error) => return Err(connection_failure(&error)),
        }
    }
}

/// Converts a transport error. Nothing of reqwest's error is kept: it holds the URL.
fn connection_failure(error: &reqwest::Error) -> AttemptFailure {
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
    AttemptFailure {
        may_have_applied: !connecting,
        ..AttemptFailure::local(Code::Connection, detail)
    }
}

/// Returns the fault of the server's certificate or TLS, if there is one.
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
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))
            if other.is::<NotPinned>() =>
        {
            "no key of the server's certificate chain is pinned"
        }
        rustls::Error::InvalidCertificate(_) => "the server's certificate was refused",
        _ => "TLS with the server failed",
    })
}

/// Returns whether the body's compression is not what its header says. A truncated body is not such
/// a case: there the connection failed.
fn is_bad_encoding(error: &reqwest::Error) -> bool {
    tls_reason(error).is_none()
        && chain(error).any(|source| {
            source.downcast_ref::<io::Error>().is_some_and(|io| {
                matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
            })
        })
}

/// Iterates over the sources of an error. An `io::Error`'s `source` skips the error that it wraps,
/// so `get_ref` reads that.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}
