//! The tables of `bench server`, as Markdown. Pure.

use std::{fmt::Write as _, time::Duration};

use crate::{
    field::{LIMIT, NAMES, PEER},
    figures::{count_text, duration_text, kilobytes_text, mebibytes_text, ratio_text},
    results::{BigStore, Figures, GrowthTable, WorkTable, WrittenRow},
};

/// In place of a figure.
pub(crate) const MISSING: &str = "–";

/// Writes all tables but that of the aims, the summary first.
pub(crate) fn tables(figures: &Figures) -> String {
    let mut text = format!("### All ratios\n\n{}", summary_table(&figures.tables));
    for table in &figures.tables {
        let _ = write!(text, "\n{}", work_table(table));
    }
    for table in [&figures.pages, &figures.syncs, &figures.teams] {
        let _ = write!(text, "\n{}", growth_table(table));
    }
    let _ = write!(text, "\n{}", page_bytes_table(&figures.page_bytes));
    let _ = write!(text, "\n{}", written_table(&figures.written));
    let _ = write!(text, "\n{}", big_store_tables(&figures.big_store, figures.resting_bytes));
    text += &row("a waiting sync, of 2,000", &[optional_kilobytes(figures.waiting_bytes)]);
    text
}

/// Writes the ratios of all kinds of work on one page.
fn summary_table(tables: &[WorkTable]) -> String {
    let mut text = "| Huihua ÷ | CPU a call".to_owned();
    let mut line = "\n|---|---|".to_owned();
    for name in &NAMES[1..] {
        let _ = write!(text, " | {name}");
        line += "---|";
    }
    text += " |";
    text += &line;
    text.push('\n');
    for table in tables {
        let mut figures = vec![duration_text(table.ours().cpu_per_call())];
        figures.extend(NAMES[1..].iter().map(|name| optional_ratio(table.ratio_to(name))));
        text += &row(table.kind.title, &figures);
    }
    text
}

/// Writes the table of a kind of work.
pub(crate) fn work_table(table: &WorkTable) -> String {
    let mut text = format!("### {}\n\n", table.kind.title);
    text += "| | calls/s | spread | p50 | p99 | p99.9 | CPU a call | Huihua ÷ this |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    for (at, (name, cell)) in table.cells.iter().enumerate() {
        let ratio = match at {
            0 => String::new(),
            _ => optional_ratio(table.ratio_to(name)),
        };
        let figures = [
            count_text(cell.rate()),
            format!("{:.0} %", cell.spread() * 100.0),
            duration_text(cell.quantile(0.5)),
            duration_text(cell.quantile(0.99)),
            duration_text(cell.quantile(0.999)),
            duration_text(cell.cpu_per_call()),
            ratio,
        ];
        text += &row(name, &figures);
    }
    text
}

/// Writes a table of what must not grow.
fn growth_table(table: &GrowthTable) -> String {
    let mut text = format!("### {}\n\n|", table.title);
    let mut line = "\n|---|".to_owned();
    for name in &table.contestants {
        let _ = write!(text, " | {name}: p50 | ÷ the first | CPU a call");
        line += "---|---|---|";
    }
    text += " |";
    text += &line;
    text.push('\n');
    for (size, cells) in &table.rows {
        let mut figures = Vec::new();
        for (cell, base) in cells.iter().zip(&table.rows[0].1) {
            let p50 = cell.quantile(0.5);
            figures.push(duration_text(p50));
            let factor = p50.as_secs_f64() / base.quantile(0.5).as_secs_f64();
            figures.push(ratio_text(factor));
            figures.push(duration_text(cell.cpu_per_call()));
        }
        text += &row(&count_text(*size as f64), &figures);
    }
    text
}

/// Writes how much smaller a compressed page is; what it costs is among the kinds of work.
fn page_bytes_table(pages: &[(&str, usize)]) -> String {
    let mut text = "### Bytes of a page of 100 with messages, as it is sent\n\n".to_owned();
    text += "| coding | bytes | plain ÷ this |\n|---|---|---|\n";
    let plain = pages.first().map_or(0, |(_, bytes)| *bytes) as f64;
    for (coding, bytes) in pages {
        let bytes = *bytes as f64;
        text += &row(coding, &[kilobytes_text(bytes), ratio_text(plain / bytes)]);
    }
    text
}

fn written_table(rows: &[WrittenRow]) -> String {
    let mut text = "### Bytes written for a message, later work included\n\n|".to_owned();
    let mut line = "\n|---|".to_owned();
    for (name, _) in rows.iter().take(1).flat_map(|row| &row.cells) {
        let _ = write!(text, " | {name}");
        line += "---|";
    }
    text += " |";
    text += &line;
    text.push('\n');
    for WrittenRow { label, cells, .. } in rows {
        let figures: Vec<String> = cells.iter().map(|(_, bytes)| kilobytes_text(*bytes)).collect();
        text += &row(label, &figures);
    }
    text
}

fn big_store_tables(store: &BigStore, resting_bytes: u64) -> String {
    let rows = count_text(store.rows as f64);
    let mut text = format!(
        "### After kill -9 in the middle of writes, {rows} rows\n\n\
         | | times | p50 | p99 | longest |\n|---|---|---|---|---|\n"
    );
    let mut starts = store.starts.clone();
    starts.sort_unstable();
    let longest = starts.last().copied().unwrap_or_default();
    let p50 = starts.get(starts.len() / 2).copied().unwrap_or_default();
    let figures =
        [starts.len().to_string(), duration_text(p50), MISSING.to_owned(), duration_text(longest)];
    text += &row("start of the process to its first ready answer", &figures);
    for (sessions, latencies) in &store.cold {
        let at = |part| duration_text(Duration::from_nanos(latencies.value_at_quantile(part)));
        let what = format!(
            "first page of 100 of an account with {} sessions",
            count_text(*sessions as f64)
        );
        text += &row(&what, &[latencies.len().to_string(), at(0.5), at(0.99), at(1.0)]);
    }
    text += "\n### Memory of Huihua's process\n\n| | RSS |\n|---|---|\n";
    text += &row("at rest, empty store", &[mebibytes_text(resting_bytes)]);
    for (when, bytes) in &store.memory {
        text += &row(&format!("{rows} rows, {when}"), &[mebibytes_text(*bytes)]);
    }
    text
}

/// A ratio, or a dash where the other was not measured.
pub(crate) fn optional_ratio(ratio: Option<f64>) -> String {
    ratio.map_or(MISSING.to_owned(), ratio_text)
}

/// Bytes, or a dash where they could not be measured.
pub(crate) fn optional_kilobytes(bytes: Option<u64>) -> String {
    bytes.map_or(MISSING.to_owned(), |bytes| kilobytes_text(bytes as f64))
}

/// Writes ratios to the limit and to the peer.
pub(crate) fn limit_and_peer(table: &WorkTable) -> [String; 2] {
    [LIMIT, PEER].map(|name| optional_ratio(table.ratio_to(name)))
}

/// Writes a line of a table.
pub(crate) fn row(name: &str, figures: &[String]) -> String {
    format!("| {name} | {} |\n", figures.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinds::KINDS,
        results::tests::{bad_figures, cell, growth},
    };

    #[test]
    fn a_table_compares_ours_with_each_other() {
        let cells = vec![("Huihua", cell(1_000)), ("the limit", cell(4_000))];
        let table = WorkTable { kind: &KINDS[0], cells };
        let text = work_table(&table);
        let lines: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(
            lines,
            [
                "| Huihua | 1,000 | 0 % | 1.00 ms | 1.00 ms | 1.00 ms | 100 µs |  |",
                "| the limit | 4,000 | 0 % | 250 µs | 250 µs | 250 µs | 25.0 µs | 0.25 × |",
            ]
        );
        let title = KINDS[0].title;
        assert_eq!(
            summary_table(&[table]).lines().last(),
            Some(format!("| {title} | 100 µs | 0.25 × | – | – | – | – |").as_str())
        );
    }

    #[test]
    fn growth_is_shown_as_a_factor() {
        let table = growth("Pages");
        let text = growth_table(&table);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| | Huihua: p50 | ÷ the first | CPU a call |",
                "|---|---|---|---|",
                "| 500 | 1.00 ms | 1.0 × | 100 µs |",
                "| 5,000 | 8.00 ms | 8.0 × | 800 µs |",
            ]
        );
        assert_eq!(table.factors().map(|both| both.map(ratio_text)).unwrap(), ["8.0 ×", "8.0 ×"]);
    }

    #[test]
    fn every_line_of_a_table_has_as_many_cells_as_its_head() {
        let text = tables(&bad_figures());
        let mut width = None;
        for line in text.lines() {
            let cells = line.starts_with('|').then(|| line.matches('|').count());
            assert!(width.is_none() || cells.is_none() || width == cells, "{line}");
            width = cells;
        }
    }
}
