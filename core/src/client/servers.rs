//! The checked base URLs of the servers, the choice of the current one, and the proxy's URL.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::Url;

use super::Error;

/// Limit of the base URLs: more servers belong behind a load balancer.
const SERVER_URLS_MAX: usize = 8;
/// The address at which Android's emulator reaches its host: as safe as loopback.
const EMULATOR_HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 2, 2));

/// Holds the base URLs of one service and the index of the current one.
pub(super) struct Servers {
    urls: Vec<Url>,
    current: AtomicUsize,
}

impl Servers {
    pub(super) fn new(urls: &[String], cleartext_allowed: bool) -> Result<Self, Error> {
        if urls.is_empty() || urls.len() > SERVER_URLS_MAX {
            let reason = format!("must be 1..={SERVER_URLS_MAX} URLs");
            return Err(Error::option("server_urls", reason));
        }
        let urls = urls.iter().enumerate().map(|(index, text)| {
            base_url(text, cleartext_allowed).map_err(|reason| {
                Error::option("server_urls", format!("number {}: {reason}", index + 1))
            })
        });
        Ok(Self { urls: urls.collect::<Result<_, _>>()?, current: AtomicUsize::new(0) })
    }

    pub(super) fn urls(&self) -> &[Url] {
        &self.urls
    }

    /// Returns the index of the server that calls go to now.
    pub(super) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// Switches from a failed server to the next one, once for all calls that saw it fail.
    pub(super) fn switch_from(&self, failed: usize) {
        let next = (failed + 1) % self.urls.len();
        // An error means that another call has switched already.
        let _ = self.current.compare_exchange(failed, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

fn base_url(text: &str, cleartext_allowed: bool) -> Result<Url, &'static str> {
    const SHAPE: &str = "must be https://host[:port][/prefix]";
    let url = Url::parse(text).map_err(|_| SHAPE)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold a query or a fragment");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if cleartext_allowed || is_own_machine(&url) => Ok(url),
        "http" => {
            Err("must be https: http is only for loopback and 10.0.2.2 unless cleartext is allowed")
        }
        _ => Err(SHAPE),
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

/// Checks the URL of an HTTP proxy. Its user and password appear in no error.
pub(super) fn proxy_url(text: &str) -> Result<Url, Error> {
    let refuse = |reason| Error::option("proxy_url", reason);
    const SHAPE: &str = "must be http[s]://[user:password@]host[:port]";
    let url = Url::parse(text).map_err(|_| refuse(SHAPE))?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare {
        return Err(refuse(SHAPE));
    }
    Ok(url)
}
