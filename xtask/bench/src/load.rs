//! Callers that work as fast as they are answered, each on a kept connection, for one round.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    connection::{Connection, HttpConnection},
    database::Database,
    figures::{self, Sample},
    proc_files,
    redis_lists::RedisLists,
    work::{HttpTarget, Numbers, Work},
};

/// A server with its callers' way to it.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) way: Way,
    /// The processes that work for a call; their children count too.
    pub(crate) pids: Vec<u32>,
}

/// How a contestant is called.
pub(crate) enum Way {
    Http(HttpTarget),
    /// At a port of this machine, as the next.
    Postgres(u16),
    Redis(u16),
}

/// What callers do in a round.
#[derive(Clone)]
pub(crate) struct Callers {
    pub(crate) work: Work,
    pub(crate) connections: usize,
    /// The caller on the n-th connection is the n-th of them, round and round.
    pub(crate) accounts: Vec<String>,
    pub(crate) numbers: Numbers,
}

impl Contestant {
    async fn connect(&self, account: &str) -> Result<Connection> {
        Ok(match &self.way {
            Way::Http(target) => Connection::Http {
                http: HttpConnection::open(target.address).await?,
                target: target.clone(),
            },
            Way::Postgres(port) => {
                let database = Database::open(*port).await?;
                let newest_version = database.newest_version(account).await?;
                Connection::Postgres { database, newest_version }
            }
            Way::Redis(port) => {
                let mut lists = RedisLists::open(*port).await?;
                let newest_version = lists.newest_version(account).await?;
                Connection::Redis { lists, newest_version }
            }
        })
    }

    /// Measures one round; each caller has made one call before it begins.
    ///
    /// # Errors
    /// When any call fails.
    pub(crate) async fn measure(&self, callers: &Callers, time: Duration) -> Result<Sample> {
        let what = || format!("measure {}: {:?}", self.name, callers.work);
        let start = Arc::new(Barrier::new(callers.connections + 1));
        let mut tasks = JoinSet::new();
        for at in 0..callers.connections {
            let account = callers.accounts[at % callers.accounts.len()].clone();
            let mut connection = self.connect(&account).await.with_context(what)?;
            let caller = callers.clone();
            caller.call(&mut connection, &account).await.with_context(what)?;
            let start = Arc::clone(&start);
            tasks.spawn(async move {
                start.wait().await;
                let latencies = caller.run(&mut connection, &account, time).await?;
                // An open connection to PostgreSQL is a process whose CPU is yet to be read.
                anyhow::Ok((latencies, connection))
            });
        }
        let cpu = proc_files::cpu(&self.pids)?;
        start.wait().await;
        let began = Instant::now();
        let (mut latencies, mut connections) = (figures::latencies(), Vec::new());
        while let Some(done) = tasks.join_next().await {
            let (some, connection) = done.context("a caller ended early")?.with_context(what)?;
            latencies.add(some).context("add latencies")?;
            connections.push(connection);
        }
        let elapsed = began.elapsed();
        let cpu = proc_files::cpu(&self.pids)?.saturating_sub(cpu);
        Ok(Sample { latencies, elapsed, cpu })
    }
}

impl Callers {
    async fn call(&self, connection: &mut Connection, account: &str) -> Result<()> {
        let n = self.numbers.take(self.work.messages());
        connection.work(self.work, account, n).await
    }

    async fn run(
        &self,
        connection: &mut Connection,
        account: &str,
        time: Duration,
    ) -> Result<Histogram<u64>> {
        let mut latencies = figures::latencies();
        let began = Instant::now();
        while began.elapsed() < time {
            let sent = Instant::now();
            self.call(connection, account).await?;
            let nanos = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
            latencies.record(nanos).context("record a latency")?;
        }
        Ok(latencies)
    }
}
