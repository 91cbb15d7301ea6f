//! Who may look at the console: operators with a token, from a page of our own or from none. A
//! token is compared in constant time, and guesses have a limit. There is no cookie: no page of
//! another origin can send one. `guard.rs` asks here.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue, header};
use lru::LruCache;
use subtle::ConstantTimeEq as _;

use crate::{app::Secret, error::Error};

/// Wrong tokens that an address may send in a minute: more than a person mistypes. Beyond, its
/// tokens are not looked at until the minute is over.
const GUESSES_MAX: u32 = 10;
const GUESSES_MS: u64 = 60_000;
/// Addresses whose wrong tokens are remembered, the last ones: 64 bytes each.
const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("not 0");

/// Somebody who may look.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Who it is, for the audit log.
    pub name: String,
    /// The bearer of its requests.
    pub token: Secret,
}

/// An operator's request, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct Looker {
    pub(super) name: String,
    pub(super) address: IpAddr,
}

/// The operators, and the wrong tokens of late.
pub(super) struct Access {
    operators: Vec<Operator>,
    guesses: Mutex<LruCache<IpAddr, Guesses>>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    since_ms: u64,
    count: u32,
}

impl Access {
    pub(super) fn new(operators: Vec<Operator>) -> Self {
        Self { operators, guesses: Mutex::new(LruCache::new(ADDRESSES_MAX)) }
    }

    /// Finds the operator of a token. `now` in ms since 1970.
    pub(super) fn operator(
        &self,
        token: &str,
        address: IpAddr,
        now: u64,
    ) -> Result<&Operator, Error> {
        // Nothing under this lock panics half done.
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = guesses.get(&address).copied();
        // A clock that was set back lets nobody wait longer.
        let known = known.filter(|one| one.since_ms.abs_diff(now) < GUESSES_MS);
        let Guesses { since_ms, count } = known.unwrap_or(Guesses { since_ms: now, count: 0 });
        if count >= GUESSES_MAX {
            let retry_after = GUESSES_MS.saturating_sub(now.saturating_sub(since_ms)).max(1_000);
            return Err(Error::WrongTooOften { retry_after: Duration::from_millis(retry_after) });
        }
        // Every operator is compared, so that the time does not reveal which one it was.
        let mut found = None;
        for operator in &self.operators {
            if operator.token.expose().as_bytes().ct_eq(token.as_bytes()).into() {
                found = Some(operator);
            }
        }
        found.ok_or_else(|| {
            guesses.put(address, Guesses { since_ms, count: count + 1 });
            let detail = "the bearer token is not one of this console: docs/console.md says where \
                          it is kept";
            Error::Unauthorized { detail: detail.to_owned() }
        })
    }
}

/// A browser says where a request comes from; a program says nothing.
pub(super) fn refuse_foreign_pages(headers: &HeaderMap) -> Result<(), Error> {
    let foreign = Err(Error::ForeignOrigin {
        detail: "the console answers its own pages alone: this request comes from a page of \
                 another origin",
    });
    let text = |value: &HeaderValue| value.to_str().unwrap_or("").to_ascii_lowercase();
    if let Some(site) = headers.get("sec-fetch-site")
        && text(site) != "same-origin"
    {
        return foreign;
    }
    let host = headers.get(header::HOST).map(text).unwrap_or_default();
    match headers.get(header::ORIGIN).map(text) {
        None => Ok(()),
        Some(origin) if origin == format!("http://{host}") => Ok(()),
        Some(origin) if origin == format!("https://{host}") => Ok(()),
        Some(_) => foreign,
    }
}

/// Whether a Host header is `localhost` or an IP address, with or without a port.
pub(super) fn is_address(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::Ipv4Addr>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_names_of_the_console() {
        for good in
            ["localhost", "LOCALHOST:8481", "127.0.0.1", "10.0.0.7:1", "[::1]", "[fd00::1]:8481"]
        {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:8481",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "::1",
            "[::1",
            "[::1]x",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1@evil.example",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn guesses_have_a_limit_by_address_and_end_with_the_minute() {
        let operator = Operator { name: "lin".into(), token: Secret::new("right") };
        let access = Access::new(vec![operator]);
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let status = |token: &str, address, now| match access.operator(token, address, now) {
            Ok(_) => 200,
            Err(Error::Unauthorized { .. }) => 401,
            Err(Error::WrongTooOften { retry_after }) => {
                assert!(retry_after <= Duration::from_secs(60));
                429
            }
            Err(_) => 500,
        };
        assert_eq!(status("right", one, 0), 200);
        for n in 0..u64::from(GUESSES_MAX) {
            assert_eq!(status("wrong", one, n), 401);
        }
        assert_eq!(status("right", one, 59_999), 429, "it is not looked at");
        assert_eq!(status("right", other, 59_999), 200);
        assert_eq!(status("right", one, 60_000), 200);
        assert_eq!(status("righ", one, 60_000), 401);
        for address in 0..5_000_u32 {
            status("wrong", IpAddr::from(address.to_be_bytes()), 60_000);
        }
        assert_eq!(access.guesses.lock().unwrap().len(), ADDRESSES_MAX.get());
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let check = |headers: &[(&'static str, &'static str)], expected: bool| {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    (axum::http::HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect();
            assert_eq!(refuse_foreign_pages(&headers).is_ok(), expected, "{headers:?}");
        };
        let host = ("host", "127.0.0.1:8481");
        check(&[host], true);
        check(&[host, ("origin", "http://127.0.0.1:8481")], true);
        check(&[host, ("sec-fetch-site", "same-origin")], true);
        for origin in ["http://127.0.0.1:8480", "http://localhost:8481", "null", ""] {
            check(&[host, ("origin", origin)], false);
        }
        for site in ["cross-site", "same-site", "none"] {
            check(&[host, ("sec-fetch-site", site)], false);
        }
        let both = [host, ("origin", "http://127.0.0.1:8481"), ("sec-fetch-site", "cross-site")];
        check(&both, false);
    }
}
