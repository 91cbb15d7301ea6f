//! The peer: the same calls answered from PostgreSQL by a small server as one would write it, with
//! axum and a pool of connections. It does less: it takes the bearer as the account, checks no
//! signature, refuses nothing, and gives no page token.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{Path as UrlPath, Query, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::Row;

use crate::{
    database::{Database, ListRows},
    limit::{json, listen},
    messages::MessageEvent,
};

/// Connections to PostgreSQL: on two cores more of them made nothing faster.
const POOL: usize = 32;

struct Pool {
    idle: Mutex<Vec<Database>>,
    free: Semaphore,
}

/// A connection of the pool, back in it when dropped.
struct Lease<'a> {
    pool: &'a Pool,
    database: Option<Database>,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    async fn lease(&self) -> Result<Lease<'_>> {
        let permit = self.free.acquire().await.context("wait for a connection")?;
        let database = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Lease { pool: self, database, _permit: permit })
    }
}

impl Lease<'_> {
    fn database(&self) -> Result<&Database> {
        self.database.as_ref().context("a connection for each permit")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.database.take());
    }
}

/// Any error is a 500 with its text.
struct Failure(anyhow::Error);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

type Answer = Result<Response, Failure>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionJson<'a> {
    session_id: &'a str,
    update_time: i64,
    ext: &'a str,
    last_msg_type: u8,
    last_msg: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageJson<'a> {
    session_list: Vec<SessionJson<'a>>,
    has_more: bool,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    session: SessionJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangesJson<'a> {
    changes: Vec<ChangeJson<'a>>,
    cursor: String,
    has_more: bool,
    reset: bool,
}

#[derive(Deserialize)]
struct SyncQuery {
    cursor: String,
}

#[derive(Deserialize)]
struct ExtJson {
    ext: String,
}

#[derive(Deserialize)]
struct EventsJson {
    events: Vec<MessageEvent>,
}

/// Answers until it is killed.
///
/// # Errors
/// When PostgreSQL does not answer or no port can be had.
pub(crate) async fn serve(folder: &Path, port: u16) -> Result<()> {
    let mut idle = Vec::with_capacity(POOL);
    for _ in 0..POOL {
        idle.push(Database::open(port).await?);
    }
    let pool = Pool { idle: Mutex::new(idle), free: Semaphore::new(POOL) };
    let routes = Router::new()
        .route("/v1/sessions", get(page))
        .route("/v1/sync", get(sync))
        .route("/v1/sessions/{id}", get(one))
        .route("/v1/sessions/{id}/ext", put(set_ext))
        .route("/v1/events", post(ingest))
        .with_state(Arc::new(pool));
    listen(folder, routes).await
}

fn account(headers: &HeaderMap) -> Result<&str> {
    let bearer = headers.get(AUTHORIZATION).context("a bearer")?.to_str()?;
    bearer.strip_prefix("Bearer ").context("a bearer")
}

fn session(row: &Row) -> Result<SessionJson<'_>> {
    let last_msg: &str = row.try_get(3)?;
    Ok(SessionJson {
        session_id: row.try_get(0)?,
        update_time: row.try_get(1)?,
        ext: row.try_get(2)?,
        last_msg_type: 0,
        last_msg: serde_json::from_str(last_msg)?,
    })
}

fn to_json(body: &impl Serialize) -> Answer {
    Ok(json(serde_json::to_vec(body)?))
}

async fn page(State(pool): State<Arc<Pool>>, headers: HeaderMap) -> Answer {
    let rows = pool.lease().await?.database()?.page(account(&headers)?).await?;
    let session_list = rows.iter().take(100).map(session).collect::<Result<_>>()?;
    to_json(&PageJson { session_list, has_more: rows.len() > 100 })
}

async fn one(
    State(pool): State<Arc<Pool>>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
) -> Answer {
    let row = pool.lease().await?.database()?.one(account(&headers)?, &id).await?;
    to_json(&session(&row.context("a session that is there")?)?)
}

async fn sync(
    State(pool): State<Arc<Pool>>,
    Query(query): Query<SyncQuery>,
    headers: HeaderMap,
) -> Answer {
    let lease = pool.lease().await?;
    let (database, account) = (lease.database()?, account(&headers)?);
    let (rows, cursor) = if query.cursor == "latest" {
        (Vec::new(), database.newest_version(account).await?.to_string())
    } else {
        (database.changes(account, query.cursor.parse()?).await?, query.cursor)
    };
    drop(lease);
    let change = |row| anyhow::Ok(ChangeJson { session: session(row)? });
    let changes = rows.iter().take(100).map(change).collect::<Result<_>>()?;
    to_json(&ChangesJson { changes, cursor, has_more: rows.len() > 100, reset: false })
}

async fn set_ext(
    State(pool): State<Arc<Pool>>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let key = headers.get("idempotency-key").context("a key")?.to_str()?;
    let ExtJson { ext } = serde_json::from_slice(&body)?;
    let lease = pool.lease().await?;
    let row = lease.database()?.set_ext(account(&headers)?, &id, &ext, key).await?;
    drop(lease);
    to_json(&session(&row.context("a session that is there")?)?)
}

async fn ingest(State(pool): State<Arc<Pool>>, body: Bytes) -> Answer {
    let EventsJson { events } = serde_json::from_slice(&body)?;
    let mut rows = ListRows::default();
    for message in &events {
        rows.add_p2p(message)?;
    }
    pool.lease().await?.database()?.upsert(&rows).await?;
    let results = vec![r#"{"status":"applied"}"#; events.len()].join(",");
    Ok(json(format!(r#"{{"results":[{results}]}}"#)))
}
