//! The list as one would keep it in PostgreSQL: a row per (account, session), an index by time and
//! one by version. The peer's process and the bare callers use the same statements.

use anyhow::{Context, Result};
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use crate::{
    messages::{self, FirstMessage, MessageEvent},
    work::Numbers,
};

/// The user and the database of our own cluster.
pub(crate) const NAME: &str = "bench";

const TABLES: &str = "
    CREATE SEQUENCE version;
    CREATE TABLE session (
        account text NOT NULL, id text NOT NULL, update_time bigint NOT NULL,
        ext text NOT NULL DEFAULT '', last_msg text NOT NULL,
        version bigint NOT NULL DEFAULT nextval('version'),
        PRIMARY KEY (account, id));
    CREATE INDEX by_time ON session (account, update_time DESC, id);
    CREATE INDEX by_version ON session (account, version);
    CREATE TABLE attempt (account text, key text, PRIMARY KEY (account, key));";
const PAGE: &str = "SELECT id, update_time, ext, last_msg FROM session
    WHERE account = $1 ORDER BY update_time DESC, id LIMIT 101";
const ONE: &str = "SELECT id, update_time, ext, last_msg FROM session
    WHERE account = $1 AND id = $2";
const CHANGES: &str = "SELECT id, update_time, ext, last_msg FROM session
    WHERE account = $1 AND version > $2 ORDER BY version LIMIT 101";
const NEWEST_VERSION: &str = "SELECT coalesce(max(version), 0) FROM session WHERE account = $1";
/// In order of the keys, so that two transactions never wait for each other; each key once.
const UPSERT: &str = "INSERT INTO session (account, id, update_time, last_msg)
    SELECT DISTINCT ON (account, id) account, id, update_time, last_msg
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
        AS event (account, id, update_time, last_msg)
    ORDER BY account, id, update_time DESC
    ON CONFLICT (account, id) DO UPDATE SET
        update_time = excluded.update_time, last_msg = excluded.last_msg,
        version = nextval('version')
    WHERE excluded.update_time > session.update_time";
const SET_EXT: &str = "WITH first AS (
        INSERT INTO attempt VALUES ($1, $4) ON CONFLICT DO NOTHING RETURNING 1)
    UPDATE session SET ext = $3, version = nextval('version')
    WHERE account = $1 AND id = $2 AND EXISTS (SELECT 1 FROM first)
    RETURNING id, update_time, ext, last_msg";

/// Rows a statement when lists are made.
const BATCH: usize = 500;

/// Rows to be written, column by column.
#[derive(Default)]
pub(crate) struct ListRows {
    pub(crate) accounts: Vec<String>,
    pub(crate) ids: Vec<String>,
    pub(crate) times: Vec<i64>,
    pub(crate) last_msgs: Vec<String>,
}

/// The rows of the lists that the product has, and of one message to each pair.
///
/// # Errors
/// When a time is out of range.
pub(crate) fn first_rows(lists: &[(String, u64)], numbers: &Numbers) -> Result<Vec<ListRows>> {
    let mut batches = Vec::new();
    for (account, sessions) in lists {
        let all: Vec<_> = messages::list(account, *sessions).collect();
        for part in all.chunks(BATCH) {
            let mut rows = ListRows::default();
            for first in part {
                rows.add_first(account, first)?;
            }
            batches.push(rows);
        }
    }
    let pairs = messages::WRITERS.pairs();
    let first = numbers.take(pairs);
    let all: Vec<u64> = (first..first + pairs).collect();
    for part in all.chunks(BATCH) {
        let mut rows = ListRows::default();
        for n in part {
            rows.add_p2p(&messages::written(*n))?;
        }
        batches.push(rows);
    }
    Ok(batches)
}

impl ListRows {
    /// Adds the rows at both ends.
    ///
    /// # Errors
    /// When the time is out of range.
    pub(crate) fn add_p2p(&mut self, message: &MessageEvent) -> Result<()> {
        let last_msg = message.last_msg().context("write lastMsg")?;
        self.add(&message.from, format!("p2p|{}", message.to), message.time, last_msg.clone())?;
        self.add(&message.to, format!("p2p|{}", message.from), message.time, last_msg)
    }

    /// Adds a session of an account's list.
    ///
    /// # Errors
    /// When the time is out of range.
    pub(crate) fn add_first(&mut self, account: &str, first: &FirstMessage) -> Result<()> {
        let Some(team) = &first.team else { return self.add_p2p(&first.message) };
        let last_msg = first.message.last_msg().context("write lastMsg")?;
        self.add(account, format!("team|{team}"), first.message.time, last_msg)
    }

    fn add(&mut self, account: &str, id: String, time: u64, last_msg: String) -> Result<()> {
        self.accounts.push(account.to_owned());
        self.ids.push(id);
        self.times.push(i64::try_from(time).context("a time that PostgreSQL can hold")?);
        self.last_msgs.push(last_msg);
        Ok(())
    }
}

/// A connection with its statements prepared.
pub(crate) struct Database {
    client: Client,
    page: Statement,
    one: Statement,
    changes: Statement,
    newest_version: Statement,
    upsert: Statement,
    set_ext: Statement,
}

/// A connection without statements; the tables may be missing.
///
/// # Errors
/// When PostgreSQL does not answer.
pub(crate) async fn connect(port: u16) -> Result<Client> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(NAME).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await.context("connect to PostgreSQL")?;
    tokio::spawn(async move {
        // Its error is the next statement's.
        let _ = connection.await;
    });
    Ok(client)
}

/// Makes the tables, and says which PostgreSQL it is.
///
/// # Errors
/// When PostgreSQL refuses.
pub(crate) async fn prepare(client: &Client) -> Result<String> {
    client.batch_execute(TABLES).await.context("make the tables")?;
    let row = client.query_one("SHOW server_version", &[]).await.context("ask for the version")?;
    Ok(row.get(0))
}

impl Database {
    /// Connects, with the tables there.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let client = connect(port).await?;
        let prepare = async |text| client.prepare(text).await.context("prepare a statement");
        Ok(Self {
            page: prepare(PAGE).await?,
            one: prepare(ONE).await?,
            changes: prepare(CHANGES).await?,
            newest_version: prepare(NEWEST_VERSION).await?,
            upsert: prepare(UPSERT).await?,
            set_ext: prepare(SET_EXT).await?,
            client,
        })
    }

    /// 101 sessions, newest first.
    ///
    /// # Errors
    /// PostgreSQL's, as of all these.
    pub(crate) async fn page(&self, account: &str) -> Result<Vec<Row>> {
        self.client.query(&self.page, &[&account]).await.context("read a page")
    }

    pub(crate) async fn one(&self, account: &str, id: &str) -> Result<Option<Row>> {
        self.client.query_opt(&self.one, &[&account, &id]).await.context("read a session")
    }

    pub(crate) async fn changes(&self, account: &str, after: i64) -> Result<Vec<Row>> {
        self.client.query(&self.changes, &[&account, &after]).await.context("read changes")
    }

    pub(crate) async fn newest_version(&self, account: &str) -> Result<i64> {
        let row = self.client.query_one(&self.newest_version, &[&account]).await;
        Ok(row.context("read the newest version")?.get(0))
    }

    /// Writes rows that are newer than what is there, in one transaction.
    pub(crate) async fn upsert(&self, rows: &ListRows) -> Result<()> {
        let ListRows { accounts, ids, times, last_msgs } = rows;
        let done = self.client.execute(&self.upsert, &[accounts, ids, times, last_msgs]).await;
        done.map(drop).context("write rows")
    }

    /// Sets the ext once a key.
    pub(crate) async fn set_ext(
        &self,
        account: &str,
        id: &str,
        ext: &str,
        key: &str,
    ) -> Result<Option<Row>> {
        let done = self.client.query_opt(&self.set_ext, &[&account, &id, &ext, &key]).await;
        done.context("set the ext")
    }

    /// What a server does by itself after a while: statistics, and old versions of rows gone.
    pub(crate) async fn vacuum(&self) -> Result<()> {
        self.client.batch_execute("VACUUM ANALYZE").await.context("vacuum")
    }
}
