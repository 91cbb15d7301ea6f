//! What a service is made with.

use std::sync::Arc;

use huihua_core::client;

use crate::{
    Logger, RootProvider, SessionError, TokenProvider,
    provider::{BlockingTokenProvider, ForeignLogger, ForeignRoots},
};

/// What a service is made with; what Kotlin implements stands beside it.
#[derive(uniffi::Record)]
pub struct Options {
    /// Base URLs of the server, 1..=8, the preferred one first.
    pub server_urls: Vec<String>,
    /// Roots of the app's, DER, each of them readable.
    pub root_certificates: Vec<Vec<u8>>,
    /// `sha256/` and base64; with any given the server's chain must hold one of these keys.
    pub certificate_pins: Vec<String>,
    /// `http[s]://[user:password@]host[:port]`; none = direct connections.
    pub proxy_url: Option<String>,
    /// Sent as `User-Agent`; none = ours.
    pub user_agent: Option<String>,
    /// Allows `http` to any host.
    pub cleartext_allowed: bool,
    /// Longest wait for a connection, ms; none = core's default.
    pub connect_timeout_ms: Option<i64>,
    /// Longest wait for one attempt, ms; none = core's default.
    pub attempt_timeout_ms: Option<i64>,
    /// Longest wait for a whole call, ms; none = core's default.
    pub call_timeout_ms: Option<i64>,
    /// Attempts of one call; none = core's default.
    pub attempts_max: Option<i32>,
}

impl Options {
    pub(crate) fn into_core(
        self,
        token_provider: Arc<dyn TokenProvider>,
        root_provider: Option<Arc<dyn RootProvider>>,
        logger: Option<Arc<dyn Logger>>,
    ) -> Result<client::Options, SessionError> {
        let user_agent = concat!("huihua-kotlin/", env!("CARGO_PKG_VERSION")).to_owned();
        // No server here: every field but the numbers is replaced.
        let defaults = client::Options::new("", Arc::new(BlockingTokenProvider(token_provider)));
        Ok(client::Options {
            server_urls: self.server_urls,
            root_certificates: self.root_certificates,
            root_provider: root_provider.map(|roots| Arc::new(ForeignRoots(roots)) as _),
            certificate_pins: self.certificate_pins,
            proxy_url: self.proxy_url,
            logger: logger.map(|logger| Arc::new(ForeignLogger(logger)) as _),
            cleartext_allowed: self.cleartext_allowed,
            connect_timeout_ms: number(
                "connect_timeout_ms",
                self.connect_timeout_ms,
                defaults.connect_timeout_ms,
            )?,
            attempt_timeout_ms: number(
                "attempt_timeout_ms",
                self.attempt_timeout_ms,
                defaults.attempt_timeout_ms,
            )?,
            call_timeout_ms: number(
                "call_timeout_ms",
                self.call_timeout_ms,
                defaults.call_timeout_ms,
            )?,
            attempts_max: number(
                "attempts_max",
                self.attempts_max.map(i64::from),
                defaults.attempts_max,
            )?,
            user_agent: self.user_agent.unwrap_or(user_agent),
            ..defaults
        })
    }
}

/// A whole number of an option, which core counts unsigned.
fn number<N: TryFrom<i64>>(field: &str, value: Option<i64>, default: N) -> Result<N, SessionError> {
    let Some(value) = value else { return Ok(default) };
    N::try_from(value).map_err(|_| SessionError::option(field, "must not be negative"))
}

/// Options of this server, all else as by default.
#[cfg(test)]
pub(crate) fn of_server(url: String) -> Options {
    Options {
        server_urls: vec![url],
        root_certificates: vec![],
        certificate_pins: vec![],
        proxy_url: None,
        user_agent: None,
        cleartext_allowed: false,
        connect_timeout_ms: None,
        attempt_timeout_ms: None,
        call_timeout_ms: None,
        attempts_max: None,
    }
}
