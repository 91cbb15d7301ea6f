//! A store with as many rows as the run's length asks for: how long its server takes to start after
//! kill -9, what an account's first page takes then, and how much memory it takes.

use std::time::Instant;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use crate::{
    connection::HttpConnection,
    field::{self, OURS},
    figures,
    kinds::RunLength,
    load::{Callers, Contestant, Way},
    messages::WRITERS,
    proc_files,
    product::ServerProcess,
    results::BigStore,
    work::{Numbers, Work},
};

/// Sessions of most accounts, and of one.
pub(crate) const SESSIONS: u64 = 500;
pub(crate) const SESSIONS_MANY: u64 = 50_000;

/// How many rows such a store has: a p2p message is in two lists, and so is a team's message, as
/// the teams of these lists have two members.
fn rows(accounts: u64) -> u64 {
    2 * (accounts * SESSIONS + SESSIONS_MANY + WRITERS.pairs())
}

/// Makes the store, and in each round kills its server in the middle of writes, starts it again,
/// and reads every account once.
///
/// # Errors
/// When a call fails that has to succeed.
pub(crate) async fn measure(length: &RunLength) -> Result<BigStore> {
    let rows = rows(length.big_accounts);
    println!("bench: a store of {} rows", figures::count_text(rows as f64));
    let folder = field::folder()?;
    let numbers = Numbers::default();
    let mut lists: Vec<(String, u64)> =
        (0..length.big_accounts).map(|n| (format!("c{n}"), SESSIONS)).collect();
    lists.push(("many".to_owned(), SESSIONS_MANY));
    let (mut product, _) = ServerProcess::start_product(folder.path(), &[])?;
    product.fill(&lists, WRITERS, &numbers).await?;
    let mut memory = vec![("when its lists were written", resident(&product)?)];
    let mut starts = Vec::new();
    let mut cold = vec![(SESSIONS, figures::latencies()), (SESSIONS_MANY, figures::latencies())];
    for round in 0..length.rounds {
        println!("bench: kill -9 and start, {} of {}", round + 1, length.rounds);
        kill_while_it_writes(product, &numbers, length).await?;
        let (started, time) = ServerProcess::start_product(folder.path(), &[])?;
        product = started;
        starts.push(time);
        if round == 0 {
            memory.push(("after kill -9 and a start", resident(&product)?));
        }
        read_each_once(&product, &lists, &mut cold).await?;
    }
    let contestant = contestant(&product);
    contestant.measure(&writers(&numbers), length.round).await?;
    let filled_bytes = resident(&product)?;
    memory.push(("when every list was read, and messages written", filled_bytes));
    Ok(BigStore { rows, starts, cold, memory, filled_bytes })
}

fn resident(product: &ServerProcess) -> Result<u64> {
    proc_files::resident_bytes(product.id())
}

fn contestant(product: &ServerProcess) -> Contestant {
    let way = Way::Http(product.target.clone());
    Contestant { name: OURS, way, pids: vec![product.id()] }
}

fn writers(numbers: &Numbers) -> Callers {
    let (work, accounts) = (Work::Ingest { events: 1 }, vec!["w0".to_owned()]);
    Callers { work, connections: 8, accounts, numbers: numbers.clone() }
}

async fn kill_while_it_writes(
    product: ServerProcess,
    numbers: &Numbers,
    length: &RunLength,
) -> Result<()> {
    let (contestant, callers) = (contestant(&product), writers(numbers));
    let time = length.short_round;
    let writes = tokio::spawn(async move { contestant.measure(&callers, 3 * time).await });
    tokio::time::sleep(time).await;
    // Dropped, it is killed.
    drop(product);
    // Calls that a killed server leaves without an answer are what was wanted.
    drop(writes.await.context("writers ended early")?);
    Ok(())
}

async fn read_each_once(
    product: &ServerProcess,
    lists: &[(String, u64)],
    cold: &mut [(u64, Histogram<u64>)],
) -> Result<()> {
    let mut http = HttpConnection::open(product.target.address).await?;
    // The connection's own first call is not the account's.
    http.call(product.target.page_of("nobody")).await?;
    for (account, sessions) in lists {
        let call = product.target.page_of(account);
        let sent = Instant::now();
        http.call(call).await?;
        let nanos = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let latencies = cold.iter_mut().find(|(size, _)| size == sessions);
        let (_, latencies) = latencies.context("latencies of this length")?;
        latencies.record(nanos).context("record a latency")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::FULL;

    #[test]
    fn the_full_form_has_the_rows_that_its_aim_names() {
        assert_eq!(rows(FULL.big_accounts), 1_010_000);
    }
}
