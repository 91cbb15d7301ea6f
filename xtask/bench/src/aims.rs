//! What the product is to reach, beside what was measured. The aims are texts: no code compares a
//! figure with one, so no figure can make a run or a test fail.

use std::time::Duration;

use crate::{
    field::BARE,
    figures::{Cell, count_text, duration_text, kilobytes_text, mebibytes_text, ratio_text},
    report::{MISSING, limit_and_peer, optional_kilobytes, optional_ratio, row},
    results::{Figures, GrowthTable, WorkTable},
    work::Work,
};

/// A line of the table.
struct Aim {
    what: &'static str,
    aim: &'static str,
    now: String,
}

/// Writes the table, a line for each aim that this command measures.
pub(crate) fn table(figures: &Figures) -> String {
    let mut text = "| | aim | this run |\n|---|---|---|\n".to_owned();
    for Aim { what, aim, now } in
        reads(figures).into_iter().chain(writes(figures)).chain(rest(figures))
    {
        text += &row(what, &[aim.to_owned(), now]);
    }
    text
}

fn reads(figures: &Figures) -> Vec<Aim> {
    let page = |table: &WorkTable| {
        let [limit, peer] = limit_and_peer(table);
        let (bare, cpu) = (optional_ratio(table.ratio_to(BARE)), cpu(table.ours()));
        format!("{limit}; {peer}; {bare}; {cpu}")
    };
    let sync = |table: &WorkTable| {
        let [limit, _] = limit_and_peer(table);
        let last = figures.syncs.rows.last().and_then(|(_, cells)| cells.first());
        let longest = last.map(cpu).unwrap_or_default();
        format!("{}; {limit}; {longest} with 50,000 sessions", cpu(table.ours()))
    };
    vec![
        Aim {
            what: "page of 100, account hot: of the limit; ÷ PostgreSQL behind axum; ÷ bare; CPU",
            aim: "≥ 0.5 ×; ≥ 3 ×; ≥ 1 ×; ≤ 80 µs",
            now: of(figures, Work::Page, 8, page),
        },
        Aim {
            what: "the same, the account's first read since the start: p50",
            aim: "≤ 0.9 ms",
            now: cold(figures, 500),
        },
        Aim {
            what: "page, hot: p50 with 50,000 sessions ÷ with 500; first read with 50,000",
            aim: "≤ 1.5 ×; ≤ 20 ms",
            now: format!("{}; {}", p50_factor(&figures.pages), cold(figures, 50_000)),
        },
        Aim {
            what: "sync, nothing changed: CPU; of the limit",
            aim: "≤ 60 µs, whatever the count; ≥ 0.5 ×",
            now: of(figures, Work::EmptySync, 8, sync),
        },
        Aim {
            what: "get one: of the limit",
            aim: "≥ 0.5 ×",
            now: of(figures, Work::GetOne, 8, |table| limit_and_peer(table)[0].clone()),
        },
    ]
}

fn writes(figures: &Figures) -> Vec<Aim> {
    let both = |table: &WorkTable| limit_and_peer(table).join("; ");
    let message = |table: &WorkTable| {
        format!("{}; p99.9 {}", both(table), duration_text(table.ours().quantile(0.999)))
    };
    let one = Work::Ingest { events: 1 };
    let written: Vec<String> = figures
        .written
        .iter()
        .filter_map(|row| row.cells.first().map(|(_, bytes)| kilobytes_text(*bytes)))
        .collect();
    vec![
        Aim {
            what: "durable message, 8 connections: of the limit; ÷ PostgreSQL behind axum",
            aim: "≥ 0.6 ×; ≥ 1.5 ×; p99.9 no worse",
            now: of(figures, one, 8, message),
        },
        Aim {
            what: "the same, 64 connections",
            aim: "≥ 0.5 ×; ≥ 2.5 ×; p99.9 no worse",
            now: of(figures, one, 64, message),
        },
        Aim {
            what: "the same, 100 a request, 8 connections",
            aim: "≥ 0.15 ×; ≥ 2 ×",
            now: of(figures, Work::Ingest { events: 100 }, 8, both),
        },
        Aim {
            what: "signed copy, 64 connections: of the limit",
            aim: "≥ 0.5 ×",
            now: of(figures, Work::Copy, 64, |table| limit_and_peer(table)[0].clone()),
        },
        Aim {
            what: "ext with its key: of the limit; ÷ PostgreSQL behind axum",
            aim: "≥ 0.6 ×; ≥ 1.5 ×",
            now: of(figures, Work::SetExt, 8, both),
        },
        Aim {
            what: "bytes written for a message of 856 B: 8; 64 connections; 8 × 100",
            aim: "≤ 5; 5; 4 kB",
            now: written.join("; "),
        },
        Aim {
            what: "message to a team, with 10,000 members ÷ with 10: p50; CPU",
            aim: "1.0 ×; 1.0 ×",
            now: figures
                .teams
                .factors()
                .map_or(MISSING.to_owned(), |both| both.map(ratio_text).join("; ")),
        },
    ]
}

fn rest(figures: &Figures) -> Vec<Aim> {
    let store = &figures.big_store;
    let longest = store.starts.iter().max().copied().unwrap_or_default();
    let rows = count_text(store.rows as f64);
    vec![
        Aim {
            what: "memory of a waiting sync",
            aim: "≤ 8 kB",
            now: optional_kilobytes(figures.waiting_bytes),
        },
        Aim {
            what: "start after kill -9 with 1,000,000 rows: longest",
            aim: "≤ 1.5 s",
            now: format!("{} with {rows}", duration_text(longest)),
        },
        Aim {
            what: "RSS: at rest; with 1,010,000 rows",
            aim: "≤ 16; ≤ 400 MiB",
            now: format!(
                "{}; {} with {rows}",
                mebibytes_text(figures.resting_bytes),
                mebibytes_text(store.filled_bytes)
            ),
        },
        Aim {
            what: "the store's files under hours of overwriting: ÷ live bytes",
            aim: "≤ 2 ×, level",
            now: "`cargo xtask bench growth`, below".to_owned(),
        },
    ]
}

/// What a function says of a kind of work's table.
fn of(
    figures: &Figures,
    work: Work,
    connections: usize,
    say: impl Fn(&WorkTable) -> String,
) -> String {
    figures.table(work, connections).map_or(MISSING.to_owned(), say)
}

fn p50_factor(table: &GrowthTable) -> String {
    optional_ratio(table.factors().map(|[p50, _]| p50))
}

fn cold(figures: &Figures, sessions: u64) -> String {
    let found = figures.big_store.cold.iter().find(|(size, _)| *size == sessions);
    found.map_or(MISSING.to_owned(), |(_, latencies)| {
        duration_text(Duration::from_nanos(latencies.value_at_quantile(0.5)))
    })
}

fn cpu(cell: &Cell) -> String {
    duration_text(cell.cpu_per_call())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::bad_figures;

    #[test]
    fn the_worst_figures_and_no_peer_make_a_table_all_the_same() {
        let text = table(&bad_figures());
        let line = |start: &str| {
            let start = format!("| {start}");
            text.lines().find(|line| line.starts_with(&start)).unwrap().to_owned()
        };
        assert!(line("page of 100").ends_with("| 0.00 ×; –; –; 100.0 ms |"), "{text}");
        assert!(line("start after kill -9").contains("| 600 s with 1,010,000 |"), "{text}");
        assert_eq!(text.lines().count(), 2 + 16);
    }
}
