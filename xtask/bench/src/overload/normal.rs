//! The client of another app, whose users should notice nothing: a call every 20 ms.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::{runtime::Builder, sync::oneshot, time::MissedTickBehavior};

use super::{
    flood,
    sent::{PAGE, Sent},
    tally::Tally,
};
use crate::{app, connection::HttpConnection, figures, work::HttpTarget};

const PACE: Duration = Duration::from_millis(20);

/// The client, with its connection.
pub(super) struct NormalClient {
    target: HttpTarget,
    http: HttpConnection,
    sent: Sent,
    cursor: String,
    calls: u64,
}

/// What it saw in a scene.
pub(super) struct Seen {
    /// In nanoseconds, of calls that were served.
    latencies: Histogram<u64>,
    pub(super) tally: Tally,
}

impl Seen {
    /// The latency that this part of all calls did not exceed.
    pub(super) fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(part))
    }
}

impl NormalClient {
    /// Connects, and fills its list.
    ///
    /// # Errors
    /// When the server refuses it while nobody else is there.
    pub(super) async fn open(target: &HttpTarget) -> Result<Self> {
        let mut sent = Sent::of_other_app("amy".to_owned());
        let ingest_key = app::OTHER.ingest_key.to_owned();
        let target = HttpTarget { ingest_key, ..target.clone() };
        let mut http = HttpConnection::open(target.address).await?;
        let messages = sent.take(100);
        http.call(target.events(&serde_json::to_value(&messages)?, 100)).await?;
        sent.acknowledge(&messages);
        let answer = http.call(sent.get("/v1/sync?cursor=latest".to_owned())).await?;
        let cursor = flood::cursor(&answer).context("a sync has a cursor")?;
        Ok(Self { target, http, sent, cursor, calls: 0 })
    }

    /// Works until then, on a thread of its own: among the tasks of those who flood the server it
    /// would measure how busy we are, and not how busy the server is. The thread has the priority
    /// of the caller.
    ///
    /// # Errors
    /// When its connection breaks: a normal client's must not.
    pub(super) async fn work_apart(mut self, end: Instant) -> Result<(Self, Seen)> {
        let (tell, told) = oneshot::channel();
        let work = move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let seen = runtime.context("start a runtime")?.block_on(self.work(end))?;
            Ok((self, seen))
        };
        thread::spawn(move || {
            // If nobody waits for it, the run was interrupted.
            let _ = tell.send(work());
        });
        told.await.context("the normal client ended early")?
    }

    /// On a new connection: the one before belongs to another runtime.
    async fn work(&mut self, end: Instant) -> Result<Seen> {
        self.http = HttpConnection::open(self.target.address).await?;
        let mut seen = Seen { latencies: figures::latencies(), tally: Tally::default() };
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < end {
            pace.tick().await;
            let asked = Instant::now();
            self.calls += 1;
            let is_served = match self.calls % 3 {
                0 => flood::send(&mut self.http, &self.target, &mut self.sent, 1, &mut seen.tally)
                    .await
                    .context("a message of the normal client")?,
                1 => self.read(PAGE.to_owned(), &mut seen.tally).await?,
                _ => self.read(format!("/v1/sync?cursor={}", self.cursor), &mut seen.tally).await?,
            };
            if is_served {
                let nanos = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
                seen.latencies.record(nanos).context("record a latency")?;
            }
        }
        Ok(seen)
    }

    async fn read(&mut self, path: String, tally: &mut Tally) -> Result<bool> {
        let call = self.sent.get(path);
        let answer = self.http.ask(call).await.context("a read of the normal client")?;
        if !tally.count("a read of the normal client", &answer) {
            return Ok(false);
        }
        if let Some(cursor) = flood::cursor(&answer.body) {
            self.cursor = cursor;
        }
        Ok(true)
    }

    /// Gives what it was told is stored.
    pub(super) fn into_sent(self) -> Sent {
        self.sent
    }
}
