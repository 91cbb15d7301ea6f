//! The options of a service, and the traits that an app implements for them.

use std::{fmt, future::Future, io, net::IpAddr, pin::Pin, sync::Arc};

use super::{
    cache::CacheOptions,
    error::{Error, ProviderError},
    log::Logger,
};

/// Default of [`Options::connect_timeout_ms`], in ms.
pub const CONNECT_TIMEOUT_MS_DEFAULT: u64 = 5_000;
/// Default of [`Options::attempt_timeout_ms`], in ms.
pub const ATTEMPT_TIMEOUT_MS_DEFAULT: u64 = 15_000;
/// Default of [`Options::call_timeout_ms`], in ms.
pub const CALL_TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// Default of [`Options::attempts_max`].
pub const ATTEMPTS_MAX_DEFAULT: u32 = 3;
/// Limit of the three timeouts, in ms: a call that outlives an hour is a leak.
pub const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// Provides the bearer token of the account.
///
/// The service requests a token when a call needs one, once for all calls that wait, so the
/// provider must not call the service itself. The service keeps the token until the server refuses
/// it. A provider fails if it takes longer than [`Options::call_timeout_ms`]; dropping the service
/// cancels it.
pub trait TokenProvider: Send + Sync {
    /// Returns a token of printable ASCII.
    ///
    /// `refresh` is true after the server refused the previous token: a provider with a cache must
    /// then get a new one.
    ///
    /// # Errors
    /// Any error; it ends the waiting calls with [`Error::TokenProvider`].
    fn token(
        &self,
        refresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>>;
}

/// Provides trusted roots that take a while to read, such as a platform's store.
///
/// The first call that needs TLS runs it, once for all calls that wait, on a thread where it may
/// block. Its roots serve until the service is dropped; after a failure the next call retries.
pub trait RootProvider: Send + Sync {
    /// Returns the roots in DER. The service skips malformed ones, which old stores may hold.
    ///
    /// # Errors
    /// Any error; it ends the waiting calls with [`Error::Option`].
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, ProviderError>;
}

/// Resolves host names in place of the system's resolver.
///
/// Its time counts towards [`Options::connect_timeout_ms`].
pub trait Resolver: Send + Sync {
    /// Returns the addresses of `host`, which are tried in this order.
    ///
    /// # Errors
    /// Any I/O error; it, or an empty list, is code 415.
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// Configures a [`super::SessionService`].
#[derive(Clone)]
pub struct Options {
    /// Base URLs of the server, 1..=8, `https://host[:port][/prefix]`; `http` only to loopback and
    /// 10.0.2.2 unless `cleartext_allowed`. All URLs must serve the same lists: calls go to the
    /// first one until it cannot be reached or answers 502, 503 or 504, then to the next one in
    /// turn, and stay with the one that succeeds.
    pub server_urls: Vec<String>,
    /// Provides the bearer token.
    pub token_provider: Arc<dyn TokenProvider>,
    /// Trusted roots, each a certificate in DER.
    pub root_certificates: Vec<Vec<u8>>,
    /// Provides more trusted roots. `https` needs at least one root, from here or from
    /// `root_certificates`.
    pub root_provider: Option<Arc<dyn RootProvider>>,
    /// Certificate pins: `sha256/` and the base64 of a SubjectPublicKeyInfo's SHA-256, as OkHttp
    /// and Android write them. Unless empty, the server's verified chain, root included, must hold
    /// one of these keys. Include a backup key.
    pub certificate_pins: Vec<String>,
    /// HTTP proxy of all connections, `http[s]://[user:password@]host[:port]`; `None` = direct.
    /// Proxy settings of the environment and of the system are ignored.
    pub proxy_url: Option<String>,
    /// Resolves host names; `None` = the system's resolver.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Receives lines about attempts, retries and watches; `None` = no log.
    pub logger: Option<Arc<dyn Logger>>,
    /// Makes [`super::SessionList`]s keep what they showed last, for the next start; `None` =
    /// nothing is kept, for the service is a cloud list. The calls' answers are never merged with
    /// what is kept.
    pub cache: Option<CacheOptions>,
    /// Allows `http` to any host.
    pub cleartext_allowed: bool,
    /// Longest time for a connection (DNS, TCP and TLS), in ms, 1..=3,600,000.
    pub connect_timeout_ms: u64,
    /// Longest time for one attempt, in ms, 1..=3,600,000.
    pub attempt_timeout_ms: u64,
    /// Longest time for a whole call with its retries and its token, in ms, 1..=3,600,000.
    pub call_timeout_ms: u64,
    /// Limit of the attempts of one call, at least 1.
    pub attempts_max: u32,
    /// The `User-Agent` of each request; printable ASCII, not empty.
    pub user_agent: String,
}

impl Options {
    /// Makes options of one server with the defaults.
    ///
    /// 5 s to connect, 15 s per attempt, 30 s per call, 3 attempts; no roots, pins, proxy, log or
    /// cache.
    pub fn new(server_url: impl Into<String>, token_provider: Arc<dyn TokenProvider>) -> Self {
        Self {
            server_urls: vec![server_url.into()],
            token_provider,
            root_certificates: Vec::new(),
            root_provider: None,
            certificate_pins: Vec::new(),
            proxy_url: None,
            resolver: None,
            logger: None,
            cache: None,
            cleartext_allowed: false,
            connect_timeout_ms: CONNECT_TIMEOUT_MS_DEFAULT,
            attempt_timeout_ms: ATTEMPT_TIMEOUT_MS_DEFAULT,
            call_timeout_ms: CALL_TIMEOUT_MS_DEFAULT,
            attempts_max: ATTEMPTS_MAX_DEFAULT,
            user_agent: concat!("huihua/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Checks the numbers and the user agent. The other fields are checked where they are used.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let timeouts = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("attempt_timeout_ms", self.attempt_timeout_ms),
            ("call_timeout_ms", self.call_timeout_ms),
        ];
        for (field, value) in timeouts {
            if value == 0 || value > TIMEOUT_MS_MAX {
                return Err(Error::option(field, format!("must be 1..={TIMEOUT_MS_MAX} ms")));
            }
        }
        if self.attempts_max == 0 {
            return Err(Error::option("attempts_max", "must be at least 1"));
        }
        let printable = self.user_agent.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if self.user_agent.trim().is_empty() || !printable {
            return Err(Error::option("user_agent", "must be printable ASCII, not empty"));
        }
        Ok(())
    }
}

/// Omits what may hold a secret: the providers and the URLs of servers and proxy.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("server_urls", &self.server_urls.len())
            .field("root_certificates", &self.root_certificates.len())
            .field("certificate_pins", &self.certificate_pins.len())
            .field("proxy_url", &self.proxy_url.is_some())
            .field("cache", &self.cache.is_some())
            .field("cleartext_allowed", &self.cleartext_allowed)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("attempt_timeout_ms", &self.attempt_timeout_ms)
            .field("call_timeout_ms", &self.call_timeout_ms)
            .field("attempts_max", &self.attempts_max)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}
