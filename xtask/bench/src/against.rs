//! `bench against`: this tree's server beside that of an earlier commit, in interleaved rounds:
//! what became faster, and above all whether the slowest calls became slower.

use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::{
    document::{self, Destination},
    field::{self, OURS},
    figures::{duration_text, ratio_text},
    kinds::{KINDS, RunLength},
    load::{Contestant, Way},
    messages::WRITERS,
    product::{Build, ServerProcess},
    report,
    results::WorkTable,
    rounds,
    work::Numbers,
};

const BEFORE: &str = "the server before";

/// Measures both, and writes the section. `commit`: which one the other was built from.
///
/// # Errors
/// When one cannot be started, or any call fails; never because of a figure.
pub(crate) async fn run(
    before: &Build,
    commit: &str,
    length: &RunLength,
    destination: Destination,
) -> Result<()> {
    let beginning = document::begin()?;
    let (numbers, folders) = (Numbers::default(), [field::folder()?, field::folder()?]);
    println!("bench: starting both servers and making their lists");
    let ours = start(&Build::ours(), folders[0].path(), &numbers).await?;
    let theirs = start(before, folders[1].path(), &numbers).await?;
    let contestants = [(OURS, &ours), (BEFORE, &theirs)].map(|(name, server)| Contestant {
        name,
        way: Way::Http(server.target.clone()),
        pids: vec![server.id()],
    });
    let kinds: Vec<_> = KINDS.iter().map(|kind| (kind, contestants.iter().collect())).collect();
    let tables = rounds::measure_kinds(&kinds, &numbers, length).await?;
    let how = format!(
        "The {} form of `cargo xtask bench against {commit}`: {} rounds of {} s for each line and \
         server, interleaved.\n\"Before\" is the server of that commit, built for release too.",
        length.name,
        length.rounds,
        length.round.as_secs_f64(),
    );
    let head = document::head("The server beside itself before", &how, &beginning, &[])?;
    let section = format!("{head}\n{}", tables_text(&tables));
    println!("\n{section}");
    document::write(destination, "against", &section, &[])
}

/// With its memory bounded as it is measured everywhere, if it knows the key.
async fn start(build: &Build, folder: &Path, numbers: &Numbers) -> Result<ServerProcess> {
    let lists = field::hot_lists();
    let names: Vec<String> = lists.iter().map(|(account, _)| account.clone()).collect();
    let (mut server, _) = ServerProcess::start_build(build, folder, &names)?;
    server.fill(&lists, WRITERS, numbers).await?;
    server.read_cursors(&names).await?;
    Ok(server)
}

/// Writes the slowest calls of all kinds of work on one page, then each kind. Pure.
fn tables_text(tables: &[WorkTable]) -> String {
    let mut text = "### All kinds of work\n\n| now ÷ before | calls/s | p50 | p99 | p99.9 | \
                    p99.9 before | p99.9 now |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for table in tables {
        let mut figures = vec![report::optional_ratio(table.ratio_to(BEFORE))];
        for part in [0.5, 0.99, 0.999] {
            let [now, before] = quantiles(table, part).map(|time| time.as_secs_f64());
            figures.push(ratio_text(now / before));
        }
        let [now, before] = quantiles(table, 0.999).map(duration_text);
        figures.extend([before, now]);
        text += &report::row(table.kind.title, &figures);
    }
    for table in tables {
        text.push('\n');
        text += &report::work_table(table);
    }
    text
}

/// Of ours, and of the other.
fn quantiles(table: &WorkTable, part: f64) -> [Duration; 2] {
    [0, 1].map(|at| table.cells[at].1.quantile(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::cell;

    #[test]
    fn a_line_says_what_became_of_the_slowest_calls() {
        let cells = vec![(OURS, cell(4_000)), (BEFORE, cell(1_000))];
        let text = tables_text(&[WorkTable { kind: &KINDS[0], cells }]);
        let line = text.lines().find(|line| line.contains(KINDS[0].title)).unwrap();
        assert!(
            line.ends_with("| 4.0 × | 0.25 × | 0.25 × | 0.25 × | 1.00 ms | 250 µs |"),
            "{line}"
        );
        assert!(text.contains("| the server before | 1,000 |"), "{text}");
    }
}
