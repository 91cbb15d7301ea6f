//! The options of a service.

use std::sync::Arc;

use huihua_core::client;

use crate::{
    Logger, RootProvider, SessionError, TokenProvider,
    provider::{BlockingTokenProvider, ForeignLogger, ForeignRootProvider},
};

/// Configures a service, together with the providers that Kotlin implements.
#[derive(uniffi::Record)]
pub struct Options {
    /// Base URLs of the server, 1..=8, the preferred one first.
    pub server_urls: Vec<String>,
    /// The app's own trusted roots, each a certificate in DER.
    pub root_certificates: Vec<Vec<u8>>,
    /// Certificate pins, `sha256/<base64>`; unless empty, the server's chain must hold one of them.
    pub certificate_pins: Vec<String>,
    /// HTTP proxy, `http[s]://[user:password@]host[:port]`; `None` = direct connections.
    pub proxy_url: Option<String>,
    /// The `User-Agent` of each request; `None` = `huihua-kotlin/<version>`.
    pub user_agent: Option<String>,
    /// Allows `http` to any host.
    pub cleartext_allowed: bool,
    /// Longest time for a connection, in ms; `None` = core's default.
    pub connect_timeout_ms: Option<i64>,
    /// Longest time for one attempt, in ms; `None` = core's default.
    pub attempt_timeout_ms: Option<i64>,
    /// Longest time for a whole call, in ms; `None` = core's default.
    pub call_timeout_ms: Option<i64>,
    /// Limit of the attempts of one call; `None` = core's default.
    pub attempts_max: Option<i32>,
    /// Makes lists keep what they showed last; `None` = nothing is kept.
    pub cache: Option<CacheOptions>,
}

/// Says where lists keep what they showed last, and whose they are.
#[derive(uniffi::Record)]
pub struct CacheOptions {
    /// The folder of the files, which should be private to the app.
    pub folder: String,
    /// The app key of the account's app.
    pub app_key: String,
    /// The account that the token is of.
    pub account: String,
}

impl From<CacheOptions> for client::CacheOptions {
    fn from(CacheOptions { folder, app_key, account }: CacheOptions) -> Self {
        Self { folder: folder.into(), app_key, account }
    }
}

impl Options {
    pub(crate) fn into_core(
        self,
        token_provider: Arc<dyn TokenProvider>,
        root_provider: Option<Arc<dyn RootProvider>>,
        logger: Option<Arc<dyn Logger>>,
    ) -> Result<client::Options, SessionError> {
        let user_agent = concat!("huihua-kotlin/", env!("CARGO_PKG_VERSION")).to_owned();
        // The server is empty because every field but the numbers is replaced.
        let defaults = client::Options::new("", Arc::new(BlockingTokenProvider(token_provider)));
        Ok(client::Options {
            server_urls: self.server_urls,
            root_certificates: self.root_certificates,
            root_provider: root_provider.map(|roots| Arc::new(ForeignRootProvider(roots)) as _),
            certificate_pins: self.certificate_pins,
            proxy_url: self.proxy_url,
            logger: logger.map(|logger| Arc::new(ForeignLogger(logger)) as _),
            cache: self.cache.map(Into::into),
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

/// Converts a number of an option, which core counts unsigned.
fn number<N: TryFrom<i64>>(field: &str, value: Option<i64>, default: N) -> Result<N, SessionError> {
    let Some(value) = value else { return Ok(default) };
    N::try_from(value).map_err(|_| SessionError::option(field, "must not be negative"))
}

/// Makes options of this server with the defaults.
#[cfg(test)]
pub(crate) fn for_server(url: String) -> Options {
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
        cache: None,
    }
}
