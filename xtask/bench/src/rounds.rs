//! The measurements in interleaved rounds: all kinds of work on their contestants, and the reads
//! and writes whose cost must not grow with a list or a team.

use std::time::Duration;

use anyhow::Result;

use crate::{
    connection::HttpConnection,
    field::{
        CASSANDRA, CASSANDRA_CACHED, Field, LENGTHS, OURS, PEER, TEAMS, account_of_length, accounts,
    },
    figures::Cell,
    kinds::{KINDS, Kind, RunLength},
    load::{Callers, Contestant},
    results::{GrowthTable, WorkTable},
    work::{Numbers, Work},
    written,
};

/// How long Cassandra writes nothing when it has done what it put off.
const COMPACTED: Duration = Duration::from_secs(1);

/// Measures all kinds of work, each on its contestants.
///
/// # Errors
/// When any call fails.
pub(crate) async fn measure_all(field: &Field, length: &RunLength) -> Result<Vec<WorkTable>> {
    let contestants = field.contestants();
    let of = |kind: &'static Kind| {
        let theirs = contestants.iter().filter(|it| kind.contestants.contains(&it.name));
        (kind, theirs.collect())
    };
    let kinds: Vec<_> = KINDS.iter().map(of).collect();
    measure_kinds(&kinds, &field.numbers, length).await
}

/// Every round goes through all kinds of work, and begins with another contestant.
///
/// # Errors
/// When any call fails.
pub(crate) async fn measure_kinds(
    kinds: &[(&'static Kind, Vec<&Contestant>)],
    numbers: &Numbers,
    length: &RunLength,
) -> Result<Vec<WorkTable>> {
    let table = |(kind, contestants): &(&'static Kind, Vec<&Contestant>)| {
        let cells = contestants.iter().map(|it| (it.name, Cell::new())).collect();
        WorkTable { kind, cells }
    };
    let mut tables: Vec<WorkTable> = kinds.iter().map(table).collect();
    for round in 0..length.rounds {
        println!("bench: round {} of {}", round + 1, length.rounds);
        for (table, (kind, contestants)) in tables.iter_mut().zip(kinds) {
            let callers = kind.callers(numbers);
            for turn in 0..contestants.len() {
                let at = (turn + round) % contestants.len();
                let sample = contestants[at].measure(&callers, length.round).await?;
                table.cells[at].1.add(&sample);
                if contestants[at].name == CASSANDRA {
                    // It compacts for seconds, which would be the next contestant's CPU and disk.
                    written::settle(std::slice::from_ref(contestants[at]), COMPACTED).await?;
                }
            }
        }
    }
    Ok(tables)
}

/// Measures a read of one account on Huihua, on both stores, and on the peer, by the length of its
/// list.
///
/// # Errors
/// When any call fails.
pub(crate) async fn measure_lengths(
    field: &Field,
    length: &RunLength,
    title: &'static str,
    work: Work,
) -> Result<GrowthTable> {
    let mut contestants = field.contestants();
    contestants.retain(|it| [OURS, PEER, CASSANDRA, CASSANDRA_CACHED].contains(&it.name));
    let callers = LENGTHS.map(|sessions| {
        let accounts = vec![account_of_length(sessions)];
        let callers = Callers { work, connections: 1, accounts, numbers: field.numbers.clone() };
        (sessions, callers)
    });
    println!("bench: {title}");
    measure_growing(&contestants, &callers, length, title).await
}

/// Measures a message to a team on Huihua, by the members of the team.
///
/// # Errors
/// When any call fails.
pub(crate) async fn measure_teams(field: &Field, length: &RunLength) -> Result<GrowthTable> {
    let title = "Durable message to a team, by its members (8 connections)";
    let mut contestants = field.contestants();
    contestants.retain(|it| it.name == OURS);
    let callers = TEAMS.map(|members| {
        let work = Work::TeamMessage { members };
        let accounts = accounts('r');
        let callers = Callers { work, connections: 8, accounts, numbers: field.numbers.clone() };
        (members, callers)
    });
    println!("bench: {title}");
    measure_growing(&contestants, &callers, length, title).await
}

/// Looks how large a page of 100 is as it is sent, plain and in each coding.
///
/// # Errors
/// When any call fails.
pub(crate) async fn measure_page_bytes(field: &Field) -> Result<Vec<(&'static str, usize)>> {
    let target = &field.product.target;
    let mut http = HttpConnection::open(target.address).await?;
    let account = &accounts('r')[0];
    let mut pages = Vec::new();
    for coding in ["identity", "gzip", "zstd"] {
        pages.push((coding, http.call(target.coded_page(account, coding)?).await?.len()));
    }
    Ok(pages)
}

async fn measure_growing(
    contestants: &[Contestant],
    sizes: &[(u64, Callers)],
    length: &RunLength,
    title: &'static str,
) -> Result<GrowthTable> {
    let cells = || contestants.iter().map(|_| Cell::new()).collect::<Vec<_>>();
    let mut rows: Vec<(u64, Vec<Cell>)> = sizes.iter().map(|(size, _)| (*size, cells())).collect();
    for round in 0..length.rounds {
        for turn in 0..sizes.len() {
            let at = (turn + round) % sizes.len();
            for (contestant, cell) in contestants.iter().zip(&mut rows[at].1) {
                cell.add(&contestant.measure(&sizes[at].1, length.short_round).await?);
            }
        }
    }
    let contestants = contestants.iter().map(|it| it.name).collect();
    Ok(GrowthTable { title, contestants, rows })
}
