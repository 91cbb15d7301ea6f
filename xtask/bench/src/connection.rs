//! One kept connection of a caller: HTTP to a server, or PostgreSQL's own protocol.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, HOST, RETRY_AFTER},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    database::{Database, ListRows},
    messages,
    redis_lists::RedisLists,
    work::{HttpCall, HttpTarget, Work},
};

/// A caller's way to a contestant.
pub(crate) enum Connection {
    Http {
        http: HttpConnection,
        target: HttpTarget,
    },
    /// With the newest version of the account's list: the cursor of a sync.
    Postgres {
        database: Database,
        newest_version: i64,
    },
    /// As with PostgreSQL.
    Redis {
        lists: RedisLists,
        newest_version: i64,
    },
}

/// A connection that stays open between calls.
pub(crate) struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) has_retry_after: bool,
    pub(crate) body: Bytes,
}

impl HttpConnection {
    /// Opens it.
    ///
    /// # Errors
    /// When nothing listens.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true).context("send without delay")?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.context("speak HTTP")?;
        tokio::spawn(async move {
            // Its error is the next call's.
            let _ = connection.await;
        });
        Ok(Self { sender, host: address.to_string() })
    }

    /// Makes a call and reads the answer whole.
    ///
    /// # Errors
    /// When no whole answer comes, or another than 200.
    pub(crate) async fn call(&mut self, call: HttpCall) -> Result<Bytes> {
        let what = what(&call);
        let Answer { status, body, .. } = self.ask(call).await?;
        ensure!(
            status == StatusCode::OK,
            "{what} was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }

    /// Makes a call and reads the answer whole, whatever its status.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub(crate) async fn ask(&mut self, call: HttpCall) -> Result<Answer> {
        let what = what(&call);
        let HttpCall { method, path, bearer, headers, body } = call;
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).with_context(|| format!("write {what}"))?;
        self.sender.ready().await.with_context(|| format!("wait to send {what}"))?;
        let response = self.sender.send_request(request).await;
        let response = response.with_context(|| format!("send {what}"))?;
        let (status, has_retry_after) =
            (response.status(), response.headers().contains_key(RETRY_AFTER));
        let body = response.into_body().collect().await;
        let body = body.with_context(|| format!("read the answer of {what}"))?.to_bytes();
        Ok(Answer { status, has_retry_after, body })
    }
}

/// Method and path, for errors.
fn what(call: &HttpCall) -> String {
    format!("{} {}", call.method, call.path.split('?').next().unwrap_or_default())
}

impl Connection {
    /// Makes one call.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) async fn work(&mut self, work: Work, account: &str, n: u64) -> Result<()> {
        match self {
            Self::Http { http, target } => {
                http.call(target.call(work, account, n)?).await?;
            }
            Self::Postgres { database, newest_version } => {
                ask(database, *newest_version, work, account, n).await?;
            }
            Self::Redis { lists, newest_version } => {
                ask_redis(lists, *newest_version, work, account, n).await?;
            }
        }
        Ok(())
    }
}

async fn ask(
    database: &Database,
    newest_version: i64,
    work: Work,
    account: &str,
    n: u64,
) -> Result<()> {
    let session = format!("p2p|{}", messages::other_end(account, n));
    match work {
        Work::Page => {
            let rows = database.page(account).await?;
            ensure!(rows.len() > 100, "a page of {} rows", rows.len());
        }
        Work::EmptySync => {
            let changes = database.changes(account, newest_version).await?;
            ensure!(changes.is_empty(), "{} changes", changes.len());
        }
        Work::GetOne => {
            database.one(account, &session).await?.context("a session that is there")?;
        }
        Work::Ingest { events } => database.upsert(&rows(n, events)?).await?,
        Work::SetExt => {
            let (ext, key) = (format!(r#"{{"top":true,"n":{n}}}"#), format!("bare-{n}"));
            let row = database.set_ext(account, &session, &ext, &key).await?;
            row.context("a session that is there")?;
        }
        Work::CodedPage { .. } | Work::TeamMessage { .. } | Work::Copy => {
            bail!("{work:?} is not PostgreSQL's")
        }
    }
    Ok(())
}

async fn ask_redis(
    lists: &mut RedisLists,
    newest_version: i64,
    work: Work,
    account: &str,
    n: u64,
) -> Result<()> {
    let session = format!("p2p|{}", messages::other_end(account, n));
    match work {
        Work::Page => {
            let rows = lists.page(account).await?;
            ensure!(rows > 100, "a page of {rows} rows");
        }
        Work::EmptySync => {
            let changes = lists.changes(account, newest_version).await?;
            ensure!(changes == 0, "{changes} changes");
        }
        Work::GetOne => lists.one(account, &session).await?,
        Work::Ingest { events } => lists.upsert(&rows(n, events)?).await?,
        Work::SetExt => {
            let (ext, key) = (format!(r#"{{"top":true,"n":{n}}}"#), format!("bare-{n}"));
            lists.set_ext(account, &session, &ext, &key).await?;
        }
        Work::CodedPage { .. } | Work::TeamMessage { .. } | Work::Copy => {
            bail!("{work:?} is not Redis's")
        }
    }
    Ok(())
}

fn rows(first: u64, events: u64) -> Result<ListRows> {
    let mut rows = ListRows::default();
    for message in (first..first + events).map(messages::written) {
        rows.add_p2p(&message)?;
    }
    Ok(rows)
}
