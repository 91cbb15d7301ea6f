//! What one call does, and the same HTTP request for it to each contestant.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use hyper::{Method, body::Bytes};
use serde_json::json;

use crate::{app, messages};

/// How many events a request holds, for servers that answer without reading it.
pub(crate) const EVENTS_HEADER: &str = "x-events";

/// What one call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Page,
    /// A page for a client that takes this content coding.
    CodedPage {
        coding: &'static str,
    },
    EmptySync,
    GetOne,
    Ingest {
        events: u64,
    },
    /// A message to the team that has so many members.
    TeamMessage {
        members: u64,
    },
    /// A message as NIM copies it, signed.
    Copy,
    SetExt,
}

impl Work {
    /// How many messages a call holds, or what else it changes.
    pub(crate) fn messages(self) -> u64 {
        match self {
            Self::Ingest { events } => events,
            Self::Page
            | Self::CodedPage { .. }
            | Self::EmptySync
            | Self::GetOne
            | Self::TeamMessage { .. }
            | Self::Copy
            | Self::SetExt => 1,
        }
    }
}

/// One request.
pub(crate) struct HttpCall {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// None where the headers hold a signature.
    pub(crate) bearer: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// A server, and what a caller knows of it.
#[derive(Clone)]
pub(crate) struct HttpTarget {
    pub(crate) address: SocketAddr,
    pub(crate) ingest_key: String,
    /// By account.
    pub(crate) tokens: HashMap<String, String>,
    /// Of now, by account.
    pub(crate) cursors: HashMap<String, String>,
}

/// Numbers of what is written, each given once in a run.
#[derive(Clone, Default)]
pub(crate) struct Numbers(Arc<AtomicU64>);

impl Numbers {
    /// The first of so many.
    pub(crate) fn take(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed)
    }
}

impl HttpTarget {
    /// The request of an account's call; `n` is a number of [`Numbers`].
    ///
    /// # Errors
    /// When the account has no token or no cursor.
    pub(crate) fn call(&self, work: Work, account: &str, n: u64) -> Result<HttpCall> {
        match work {
            Work::Ingest { events } => return self.ingest(events, n),
            Work::TeamMessage { members } => {
                return Ok(self.events(&json!([messages::team_message(members, n)]), 1));
            }
            Work::Copy => return Ok(copy(n)),
            Work::CodedPage { coding } => return self.coded_page(account, coding),
            Work::Page | Work::EmptySync | Work::GetOne | Work::SetExt => {}
        }
        let session = format!("/v1/sessions/p2p%7C{}", messages::other_end(account, n));
        let (method, path) = match work {
            Work::Page => (Method::GET, "/v1/sessions".to_owned()),
            Work::EmptySync => {
                let cursor = self.cursors.get(account).context("an account with a cursor")?;
                (Method::GET, format!("/v1/sync?cursor={cursor}"))
            }
            Work::GetOne => (Method::GET, session),
            Work::SetExt
            | Work::CodedPage { .. }
            | Work::Ingest { .. }
            | Work::TeamMessage { .. }
            | Work::Copy => (Method::PUT, format!("{session}/ext")),
        };
        let mut call = self.read(account, path)?;
        call.method = method;
        if work == Work::SetExt {
            let ext = format!(r#"{{"top":true,"n":{n}}}"#);
            call.body = json!({ "ext": ext }).to_string().into();
            call.headers = vec![
                ("content-type", "application/json".to_owned()),
                ("idempotency-key", format!("bench-{n}")),
            ];
        }
        Ok(call)
    }

    /// A page, compressed so.
    ///
    /// # Errors
    /// When the account has no token.
    pub(crate) fn coded_page(&self, account: &str, coding: &'static str) -> Result<HttpCall> {
        let mut call = self.read(account, "/v1/sessions".to_owned())?;
        call.headers = vec![("accept-encoding", coding.to_owned())];
        Ok(call)
    }

    /// A GET.
    ///
    /// # Errors
    /// When the account has no token.
    pub(crate) fn read(&self, account: &str, path: String) -> Result<HttpCall> {
        let bearer = self.tokens.get(account).context("an account with a token")?.clone();
        let bearer = Some(bearer);
        Ok(HttpCall { method: Method::GET, path, bearer, headers: Vec::new(), body: Bytes::new() })
    }

    /// The request of a page of any account of the product's.
    pub(crate) fn page_of(&self, account: &str) -> HttpCall {
        HttpCall {
            method: Method::GET,
            path: "/v1/sessions".to_owned(),
            bearer: Some(app::token(account)),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    fn ingest(&self, count: u64, n: u64) -> Result<HttpCall> {
        let events: Vec<_> = (n..n + count).map(messages::written).collect();
        let events = serde_json::to_value(events).context("write events")?;
        Ok(self.events(&events, count))
    }

    /// The request that sends events.
    pub(crate) fn events(&self, events: &serde_json::Value, count: u64) -> HttpCall {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            (EVENTS_HEADER, count.to_string()),
        ];
        let body = json!({ "events": events }).to_string().into();
        let bearer = Some(self.ingest_key.clone());
        HttpCall { method: Method::POST, path: "/v1/events".to_owned(), bearer, headers, body }
    }
}

fn copy(n: u64) -> HttpCall {
    let body = messages::copy(n).to_string();
    let (method, path) = (Method::POST, "/nim/copy".to_owned());
    let headers = app::copy_headers(body.as_bytes());
    HttpCall { method, path, bearer: None, headers, body: body.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> HttpTarget {
        let one = |value: &str| HashMap::from([("a".to_owned(), value.to_owned())]);
        HttpTarget {
            address: "127.0.0.1:1".parse().unwrap(),
            ingest_key: "key".to_owned(),
            tokens: one("token"),
            cursors: one("cursor"),
        }
    }

    #[test]
    fn each_work_has_its_request() {
        for (work, method, path) in [
            (Work::Page, "GET", "/v1/sessions"),
            (Work::CodedPage { coding: "zstd" }, "GET", "/v1/sessions"),
            (Work::EmptySync, "GET", "/v1/sync?cursor=cursor"),
            (Work::GetOne, "GET", "/v1/sessions/p2p%7Ca-p5"),
            (Work::Ingest { events: 3 }, "POST", "/v1/events"),
            (Work::TeamMessage { members: 10 }, "POST", "/v1/events"),
            (Work::Copy, "POST", "/nim/copy"),
            (Work::SetExt, "PUT", "/v1/sessions/p2p%7Ca-p5/ext"),
        ] {
            let call = target().call(work, "a", 1).unwrap();
            assert_eq!((call.method.as_str(), call.path.as_str()), (method, path), "{work:?}");
        }
        assert!(target().call(Work::Page, "b", 1).is_err());
    }

    #[test]
    fn a_number_is_given_once() {
        let numbers = Numbers::default();
        assert_eq!((numbers.take(100), numbers.take(1), numbers.clone().take(1)), (0, 100, 101));
    }
}
