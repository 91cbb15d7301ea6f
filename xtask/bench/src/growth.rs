//! `bench growth`: the same 100,000 rows overwritten for hours, and how large the store's files are
//! beside what lives in them.

use std::{
    fmt::Write as _,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use machine::process;
use tokio::task::JoinSet;

use crate::{
    connection::HttpConnection,
    document::{self, Destination, Plot},
    field,
    figures::{count_text, mebibytes_text},
    limit::ROW_BYTES,
    messages::GROWTH_WRITERS,
    proc_files,
    product::ServerProcess,
    report::row,
    svg::{Lines, Scale},
    work::{HttpTarget, Numbers},
};

/// The long form, and the quick one.
pub(crate) const FULL: Duration = Duration::from_secs(2 * 60 * 60);
pub(crate) const QUICK: Duration = Duration::from_secs(30 * 60);
/// So many looks at the files in a run.
const LOOKS: u32 = 120;
/// So many lines in the table.
const LINES: usize = 12;
/// Messages a request, one number a connection: half of all connections send many.
const BATCHES: [u64; 8] = [1, 100, 1, 100, 1, 100, 1, 100];
/// Blocks of `stat`, in bytes, whatever the file system's are.
const BLOCK_BYTES: u64 = 512;

/// A look at the files.
struct Look {
    after: Duration,
    /// Blocks on the disk.
    bytes: u64,
    /// Written since the start.
    messages: u64,
    resident_bytes: u64,
}

/// Keys and values of rows that live: two a pair of accounts.
const fn live_bytes() -> u64 {
    2 * GROWTH_WRITERS.pairs() * ROW_BYTES as u64
}

fn ratio(bytes: u64) -> f64 {
    bytes as f64 / live_bytes() as f64
}

/// Writes for so long, and writes the section.
///
/// # Errors
/// When a call fails, or a signal stops it; never because of a figure.
pub(crate) async fn run(time: Duration, destination: Destination) -> Result<()> {
    let beginning = document::begin()?;
    let folder = field::folder()?;
    let (product, _) = ServerProcess::start_product(folder.path(), &[])?;
    let numbers = Numbers::default();
    println!("bench: writing {} rows once", count_text(2.0 * GROWTH_WRITERS.pairs() as f64));
    product.fill(&[], GROWTH_WRITERS, &numbers).await?;
    let looks = overwrite(&product, folder.path(), &numbers, time).await?;
    let how = format!(
        "{} minutes of `cargo xtask bench growth`: the same {} rows are overwritten, by four \
         connections\nwith one message a request and four with 100, as fast as they are answered.",
        time.as_secs() / 60,
        count_text(2.0 * GROWTH_WRITERS.pairs() as f64)
    );
    let title = "The store's files under overwriting";
    let head = document::head(title, &how, &beginning, &[])?;
    let plot = plot(&looks);
    let section = format!("{head}\n{}\n{}", plot.link(), table(&looks));
    println!("\n{section}");
    document::write(destination, "growth", &section, &[plot])
}

async fn overwrite(
    product: &ServerProcess,
    folder: &Path,
    numbers: &Numbers,
    time: Duration,
) -> Result<Vec<Look>> {
    let (began, first) = (Instant::now(), numbers.take(0));
    let mut writers = JoinSet::new();
    for events in BATCHES {
        let (target, numbers) = (product.target.clone(), numbers.clone());
        writers.spawn(async move { write(&target, &numbers, events, began + time).await });
    }
    let mut looks = Vec::new();
    for at in 0..=LOOKS {
        tokio::time::sleep_until((began + time * at / LOOKS).into()).await;
        if process::interrupted() {
            bail!("interrupted");
        }
        // A writer that ended early has failed.
        while let Some(done) = writers.try_join_next() {
            done.context("a writer ended early")??;
        }
        let look = Look {
            after: began.elapsed(),
            bytes: disk_bytes(&folder.join("data")).context("look at the store's files")?,
            messages: numbers.take(0) - first,
            resident_bytes: proc_files::resident_bytes(product.id())?,
        };
        println!(
            "bench: {:.1} of {:.1} minutes, {} on the disk, {:.2} × live, {} messages",
            look.after.as_secs_f64() / 60.0,
            time.as_secs_f64() / 60.0,
            mebibytes_text(look.bytes),
            ratio(look.bytes),
            count_text(look.messages as f64)
        );
        looks.push(look);
    }
    while let Some(done) = writers.join_next().await {
        done.context("a writer ended early")??;
    }
    Ok(looks)
}

async fn write(target: &HttpTarget, numbers: &Numbers, events: u64, end: Instant) -> Result<()> {
    let mut http = HttpConnection::open(target.address).await?;
    while Instant::now() < end {
        let first = numbers.take(events);
        let messages: Vec<_> = (first..first + events).map(|n| GROWTH_WRITERS.written(n)).collect();
        let messages = serde_json::to_value(messages).context("write events")?;
        http.call(target.events(&messages, events)).await?;
    }
    Ok(())
}

/// The blocks of all files in a folder. A file may go while we look.
fn disk_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else { continue };
        bytes += match meta.is_dir() {
            true => disk_bytes(&entry.path())?,
            false => meta.blocks() * BLOCK_BYTES,
        };
    }
    Ok(bytes)
}

fn table(looks: &[Look]) -> String {
    let live = mebibytes_text(live_bytes());
    let mut text = format!(
        "Live are {live}: keys and values of the rows, {ROW_BYTES} B each.\n\n\
         | after | on the disk | ÷ live | messages so far | RSS |\n|---|---|---|---|---|\n"
    );
    let every = looks.len().div_ceil(LINES).max(1);
    let last = looks.len().saturating_sub(1);
    let shown = looks.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last);
    for (_, look) in shown {
        let figures = [
            mebibytes_text(look.bytes),
            format!("{:.2} ×", ratio(look.bytes)),
            count_text(look.messages as f64),
            mebibytes_text(look.resident_bytes),
        ];
        text += &row(&format!("{:.1} min", look.after.as_secs_f64() / 60.0), &figures);
    }
    let most = looks.iter().map(|look| ratio(look.bytes)).fold(0.0, f64::max);
    let second_half = &looks[looks.len() / 2..];
    let at = |look: Option<&Look>| look.map_or(0.0, |look| ratio(look.bytes));
    let _ = writeln!(
        text,
        "\nAim: at most 2 × live, level. Most in this run: {most:.2} ×; in its second half from \
         {:.2} to {:.2} ×.",
        at(second_half.first()),
        at(second_half.last())
    );
    text
}

fn plot(looks: &[Look]) -> Plot {
    let title = "The store's files beside what lives in them, less is better";
    let points =
        looks.iter().map(|look| (look.after.as_secs_f64() / 60.0, ratio(look.bytes))).collect();
    let svg = Lines {
        title,
        x_axis: "minutes of overwriting",
        y_axis: "size ÷ live bytes",
        scale: Scale::Linear,
        series: vec![("Huihua", points)],
    };
    Plot { name: "growth", title: title.to_owned(), svg: svg.draw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_short_and_has_the_first_and_the_last_look() {
        let look = |at: u64| Look {
            after: Duration::from_secs(60 * at),
            bytes: (1 + at / 60) * live_bytes(),
            messages: 1_000 * at,
            resident_bytes: 100 << 20,
        };
        let looks: Vec<Look> = (0..=120).map(look).collect();
        let text = table(&looks);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(" min |")).collect();
        assert!(lines.len() <= LINES + 1, "{text}");
        assert!(lines[0].starts_with("| 0.0 min | 41 MiB | 1.00 × | 0 | 100 MiB |"), "{text}");
        assert!(lines.last().unwrap().starts_with("| 120.0 min | 122 MiB | 3.00 ×"), "{text}");
        assert!(
            text.ends_with("Most in this run: 3.00 ×; in its second half from 2.00 to 3.00 ×.\n")
        );
    }

    #[test]
    fn a_file_with_a_hole_counts_as_what_it_takes() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::File::create(inner.join("hole")).unwrap().set_len(1 << 30).unwrap();
        assert!(disk_bytes(folder.path()).unwrap() < 1 << 20);
    }
}
