//! `bench server`: all contestants started and filled, everything measured one after the other, the
//! section of docs/benchmarks.md written at the end.

use anyhow::Result;

use crate::{
    aims, app, big_store,
    document::{self, Destination},
    field::Field,
    kinds::RunLength,
    plots,
    product::Build,
    report,
    results::Figures,
    rounds, waiting,
    work::Work,
    written,
};

/// Measures all, and writes the section. `node`: where Cassandra is, if it is measured too.
///
/// # Errors
/// When a contestant cannot be started, or any call fails; never because of a figure.
pub(crate) async fn run(
    length: &RunLength,
    destination: Destination,
    node: Option<&str>,
) -> Result<()> {
    let beginning = document::begin()?;
    let field = Field::start(node).await?;
    let tables = rounds::measure_all(&field, length).await?;
    let lengths = "Page of 100, by the sessions of the account (1 connection)";
    let pages = rounds::measure_lengths(&field, length, lengths, Work::Page).await?;
    let lengths = "Sync, nothing changed, by the sessions of the account (1 connection)";
    let syncs = rounds::measure_lengths(&field, length, lengths, Work::EmptySync).await?;
    let teams = rounds::measure_teams(&field, length).await?;
    let page_bytes = rounds::measure_page_bytes(&field).await?;
    let written = written::measure(&field, length).await?;
    let (peers, resting_bytes) = (field.peers.clone(), field.resting_bytes);
    // What follows is Huihua's alone.
    field.stop();
    let waiting_bytes = waiting::measure().await?;
    let big_store = big_store::measure(length).await?;
    let figures = Figures {
        tables,
        pages,
        syncs,
        teams,
        page_bytes,
        written,
        big_store,
        waiting_bytes,
        resting_bytes,
    };
    let head = document::head(
        "The server beside its limits and peers",
        &how(length)?,
        &beginning,
        &peers,
    )?;
    let plots = plots::all(&figures);
    let links: String = plots.iter().map(document::Plot::link).collect();
    let (aims, tables) = (aims::table(&figures), report::tables(&figures));
    let section = format!("{head}\n### Aims and figures\n\n{aims}\n{links}\n{tables}");
    println!("\n{section}");
    document::write(destination, "server", &section, &plots)
}

fn how(length: &RunLength) -> Result<String> {
    let RunLength { name, rounds, round, short_round, .. } = length;
    let memory = match Build::ours().has_memory_key()? {
        true => format!("`memory_mb = {}`", app::MEMORY_MB),
        false => "no bound on memory, as this server knows none".to_owned(),
    };
    Ok(format!(
        "The {name} form of `cargo xtask bench server`: {rounds} rounds of {} s for each line and \
         contestant ({} s by\nlength and by team), interleaved, every round beginning with another \
         contestant. Huihua has {memory}.",
        round.as_secs_f64(),
        short_round.as_secs_f64(),
    ))
}
