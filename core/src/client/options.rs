//! What a client is made with: the options, and what an app implements for them.

use std::{fmt, future::Future, io, net::IpAddr, pin::Pin, sync::Arc};

use super::{Error, Logger};

/// Longest wait for a connection, unless the options say otherwise; ms.
pub const CONNECT_TIMEOUT_MS_DEFAULT: u64 = 5_000;
/// Longest wait for one attempt, unless the options say otherwise; ms.
pub const ATTEMPT_TIMEOUT_MS_DEFAULT: u64 = 15_000;
/// Longest wait for a whole call, unless the options say otherwise; ms.
pub const CALL_TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// Attempts of one call, unless the options say otherwise.
pub const ATTEMPTS_MAX_DEFAULT: u32 = 3;
/// Longest timeout that an option may ask for: a call that outlives an hour is a leak.
pub const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// What an app's provider may fail with: any error of the app's. That of a [`TokenProvider`] is
/// handed on, with its sources, to every call that waited for the token.
pub type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// Gives the bearer token.
///
/// Asked when a call needs a token, once for all calls that wait: it must not call the service
/// itself. The answer is kept until the server refuses it, and serves later calls even if the one
/// that asked has gone. An answer that takes longer than a whole call may take comes too late; so
/// does one after the service was dropped.
pub trait TokenProvider: Send + Sync {
    /// The token, or why there is none. `refresh` is true after the server refused the token given
    /// before: a provider that caches must then ask anew.
    fn token(
        &self,
        refresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>>;
}

/// Gives trusted roots that take a while to read, such as a platform's store.
///
/// Asked by the first call that needs TLS, once for all calls that wait, on a thread where it may
/// block. What it gave serves until the service ends; after a failure the next call asks again.
pub trait RootProvider: Send + Sync {
    /// The roots, DER; one that cannot be read is skipped, as stores hold old and odd ones.
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, ProviderError>;
}

/// Finds the addresses of a host, in place of the system's resolver. Its time counts towards the
/// connect timeout.
pub trait Resolver: Send + Sync {
    /// The addresses, to be tried in this order; an error or none at all is code 415.
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// What a [`super::SessionService`] is made with.
#[derive(Clone)]
pub struct Options {
    /// Base URLs of the server, 1..=8, `https://host[:port][/prefix]`; `http` only to loopback and
    /// 10.0.2.2 unless `cleartext_allowed`. All of them lead to the same lists: calls go to the
    /// first until it cannot be reached or answers 502, 503 or 504, then to the next, and so on
    /// around; where a call succeeded the next ones begin.
    pub server_urls: Vec<String>,
    /// Gives the bearer token.
    pub token_provider: Arc<dyn TokenProvider>,
    /// Trusted roots, DER, each of them readable.
    pub root_certificates: Vec<Vec<u8>>,
    /// Gives more trusted roots. `https` needs at least one root, from here or from
    /// `root_certificates`.
    pub root_provider: Option<Arc<dyn RootProvider>>,
    /// SHA-256 of a certificate's SubjectPublicKeyInfo in base64, `sha256/…` as OkHttp and Android
    /// write it. With any given, the server's verified chain must hold one of these keys, root
    /// included; name at least one key that is kept in reserve.
    pub certificate_pins: Vec<String>,
    /// An HTTP proxy that all connections go through, `http[s]://[user:password@]host[:port]`; none
    /// = direct ones. The environment and the system are not asked.
    pub proxy_url: Option<String>,
    /// In place of the system's resolver.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Where lines about attempts, retries and watches go; none = nowhere.
    pub logger: Option<Arc<dyn Logger>>,
    /// Allows `http` to any host.
    pub cleartext_allowed: bool,
    /// Longest wait for a connection (DNS, TCP and TLS), ms, 1..=3,600,000.
    pub connect_timeout_ms: u64,
    /// Longest wait for one attempt, ms, 1..=3,600,000.
    pub attempt_timeout_ms: u64,
    /// Longest wait for a whole call with its retries and its token, ms, 1..=3,600,000.
    pub call_timeout_ms: u64,
    /// Attempts of one call, at least 1.
    pub attempts_max: u32,
    /// Sent as `User-Agent`; printable ASCII, not empty.
    pub user_agent: String,
}

impl Options {
    /// The contract's defaults: 5 s to connect, 15 s an attempt, 30 s a call, 3 attempts; one
    /// server, no roots, no pins, no proxy, no log.
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
            cleartext_allowed: false,
            connect_timeout_ms: CONNECT_TIMEOUT_MS_DEFAULT,
            attempt_timeout_ms: ATTEMPT_TIMEOUT_MS_DEFAULT,
            call_timeout_ms: CALL_TIMEOUT_MS_DEFAULT,
            attempts_max: ATTEMPTS_MAX_DEFAULT,
            user_agent: concat!("huihua/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Checks the numbers and the user agent; the rest is checked where it is used.
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

/// Leaves out what holds or may hold a secret: providers, and the URLs of servers and proxy.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("server_urls", &self.server_urls.len())
            .field("root_certificates", &self.root_certificates.len())
            .field("certificate_pins", &self.certificate_pins.len())
            .field("proxy_url", &self.proxy_url.is_some())
            .field("cleartext_allowed", &self.cleartext_allowed)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("attempt_timeout_ms", &self.attempt_timeout_ms)
            .field("call_timeout_ms", &self.call_timeout_ms)
            .field("attempts_max", &self.attempts_max)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}
