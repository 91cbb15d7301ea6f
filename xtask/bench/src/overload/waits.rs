//! 10,000 waiting syncs of 500 accounts, and senders whose messages wake them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::sync::{Semaphore, watch};

use super::{
    flood,
    sent::Sent,
    tally::{Tally, Tasks},
};
use crate::{connection::HttpConnection, work::HttpTarget};

const ACCOUNTS: usize = 500;
/// Under the 32 that an account may have.
const WAITS_PER_ACCOUNT: usize = 20;
const WAIT_MS: u64 = 30_000;
/// Senders, and their pause after a message: each message wakes all waits of its account.
const SENDERS: usize = 4;
const PACE: Duration = Duration::from_millis(40);
/// Connections that are opened at one time: more than a listener's queue holds would be dropped.
const OPENING_MAX: u32 = 64;

/// Opens all waits and lets the senders begin.
///
/// # Errors
/// When a connection cannot be opened.
pub(super) async fn start(
    tasks: &mut Tasks,
    target: &HttpTarget,
    scene: usize,
    stopped: &watch::Receiver<bool>,
) -> Result<()> {
    let opening = Arc::new(Semaphore::new(OPENING_MAX as usize));
    for account in 0..ACCOUNTS {
        let sent = Arc::new(Sent::new(format!("q{scene}-{account}")));
        for _ in 0..WAITS_PER_ACCOUNT {
            let (address, sent, stopped) = (target.address, Arc::clone(&sent), stopped.clone());
            let permit = Arc::clone(&opening).acquire_owned().await.context("open a wait")?;
            tasks.spawn(async move {
                let http = HttpConnection::open(address).await?;
                drop(permit);
                Ok(wait(http, &sent, stopped).await)
            });
        }
    }
    // All of them are open once every permit is back.
    let _ = opening.acquire_many(OPENING_MAX).await.context("open the waits")?;
    for sender in 0..SENDERS {
        let (target, stopped) = (target.clone(), stopped.clone());
        let accounts: Vec<Sent> = (sender..ACCOUNTS)
            .step_by(SENDERS)
            .map(|account| Sent::new(format!("q{scene}-{account}")))
            .collect();
        tasks.spawn(async move { wake(&target, accounts, &stopped).await });
    }
    Ok(())
}

async fn wait(mut http: HttpConnection, sent: &Sent, mut stopped: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    let mut cursor = "latest".to_owned();
    loop {
        let path = format!("/v1/sync?cursor={cursor}&waitMs={WAIT_MS}");
        let answer = tokio::select! {
            answer = http.ask(sent.get(path)) => answer,
            _ = stopped.changed() => return tally,
        };
        match answer {
            Ok(answer) => {
                if tally.count("a waiting sync", &answer) {
                    match flood::cursor(&answer.body) {
                        Some(next) => cursor = next,
                        None => tally.note("a sync without a cursor".to_owned()),
                    }
                } else {
                    // A refused wait would come again at once, 10,000 times.
                    tokio::time::sleep(PACE).await;
                }
            }
            Err(error) => {
                tally.note(format!("{error:#}"));
                return tally;
            }
        }
    }
}

async fn wake(
    target: &HttpTarget,
    mut accounts: Vec<Sent>,
    stopped: &watch::Receiver<bool>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut http = HttpConnection::open(target.address).await?;
    let count = accounts.len();
    let mut at = 0;
    while !*stopped.borrow() {
        flood::send(&mut http, target, &mut accounts[at % count], 1, &mut tally).await?;
        at += 1;
        tokio::time::sleep(PACE).await;
    }
    accounts.into_iter().for_each(|sent| tally.keep_sent(sent));
    Ok(tally)
}
