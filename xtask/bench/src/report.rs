//! The tables, as Markdown, and their place in docs/benchmarks.md. Pure.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::figures::{Cell, count_text, duration_text, ratio, ratio_text};

/// The lines around what the command writes.
const BEGIN: &str = "<!-- cargo xtask bench server: begin -->";
const END: &str = "<!-- cargo xtask bench server: end -->";

/// One kind of work, measured on all contestants.
pub(crate) struct WorkTable {
    pub(crate) title: String,
    /// By contestant; the first is ours.
    pub(crate) cells: Vec<(&'static str, Cell)>,
}

/// The p50 of a page, by the length of the list.
pub(crate) struct GrowthTable {
    pub(crate) contestants: Vec<&'static str>,
    /// By sessions; the first is the base of the ratios.
    pub(crate) rows: Vec<(u64, Vec<Cell>)>,
}

/// Writes the ratios of all kinds of work on one page; all of them have the same contestants.
pub(crate) fn summary_table(tables: &[WorkTable]) -> String {
    let mut text = "| Huihua ÷ | CPU a call".to_owned();
    let mut line = "\n|---|---|".to_owned();
    for (name, _) in tables.iter().take(1).flat_map(|table| &table.cells[1..]) {
        let _ = write!(text, " | {name}");
        line += "---|";
    }
    text += " |";
    text += &line;
    text.push('\n');
    for WorkTable { title, cells } in tables {
        let ours = &cells[0].1;
        let mut figures = vec![duration_text(ours.cpu_per_call())];
        figures.extend(cells[1..].iter().map(|(_, cell)| ratio_to(ours, cell)));
        text += &row(title, &figures);
    }
    text
}

/// Writes the table of a kind of work.
pub(crate) fn work_table(table: &WorkTable) -> String {
    let mut text = format!("### {}\n\n", table.title);
    text += "| | calls/s | spread | p50 | p99 | CPU a call | Huihua ÷ this |\n";
    text += "|---|---|---|---|---|---|---|\n";
    for (at, (name, cell)) in table.cells.iter().enumerate() {
        let ours = &table.cells[0].1;
        let ratio = match at {
            0 => String::new(),
            _ => ratio_to(ours, cell),
        };
        let figures = [
            count_text(cell.rate()),
            format!("{:.0} %", cell.spread() * 100.0),
            duration_text(cell.quantile(0.5)),
            duration_text(cell.quantile(0.99)),
            duration_text(cell.cpu_per_call()),
            ratio,
        ];
        text += &row(name, &figures);
    }
    text
}

/// Writes the table of growing lists.
pub(crate) fn growth_table(table: &GrowthTable) -> String {
    let mut text = "### Page of 100, by the sessions of the account (1 connection)\n\n|".to_owned();
    let mut line = "\n|---|".to_owned();
    for name in &table.contestants {
        let _ = write!(text, " | {name}: p50 | ÷ the first");
        line += "---|---|";
    }
    text += " |";
    text += &line;
    text.push('\n');
    for (sessions, cells) in &table.rows {
        let mut figures = Vec::new();
        for (cell, base) in cells.iter().zip(&table.rows[0].1) {
            let p50 = cell.quantile(0.5);
            figures.push(duration_text(p50));
            let factor = p50.as_secs_f64() / base.quantile(0.5).as_secs_f64();
            figures.push(ratio_text(factor));
        }
        text += &row(&count_text(*sessions as f64), &figures);
    }
    text
}

fn ratio_to(ours: &Cell, theirs: &Cell) -> String {
    ratio(&ours.rates, &theirs.rates).map(ratio_text).unwrap_or_default()
}

fn row(name: &str, figures: &[String]) -> String {
    format!("| {name} | {} |\n", figures.join(" | "))
}

/// Puts a section between the marks of a document, in place of the one before.
///
/// # Errors
/// When the document has no marks.
pub(crate) fn replace_section(document: &str, section: &str) -> Result<String> {
    let (before, rest) = document.split_once(BEGIN).with_context(|| format!("find {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("find {END}"))?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", section.trim()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::figures::{self, Sample};

    fn cell(calls: u64) -> Cell {
        let mut cell = Cell::new();
        let mut latencies = figures::latencies();
        latencies.record_n(1_000_000_000 / calls, calls).unwrap();
        let cpu = Duration::from_millis(100);
        cell.add(&Sample { latencies, elapsed: Duration::from_secs(1), cpu });
        cell
    }

    #[test]
    fn a_table_compares_ours_with_each_other() {
        let cells = vec![("Huihua", cell(1_000)), ("the limit", cell(4_000))];
        let table = WorkTable { title: "Page".to_owned(), cells };
        let text = work_table(&table);
        let lines: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(
            lines,
            [
                "| Huihua | 1,000 | 0 % | 1.00 ms | 1.00 ms | 100 µs |  |",
                "| the limit | 4,000 | 0 % | 250 µs | 250 µs | 25.0 µs | 0.25 × |",
            ]
        );
        assert_eq!(
            summary_table(&[table]).lines().collect::<Vec<_>>(),
            [
                "| Huihua ÷ | CPU a call | the limit |",
                "|---|---|---|",
                "| Page | 100 µs | 0.25 × |",
            ]
        );
    }

    #[test]
    fn growth_is_shown_as_a_factor() {
        let rows = vec![(500, vec![cell(1_000)]), (5_000, vec![cell(125)])];
        let text = growth_table(&GrowthTable { contestants: vec!["Huihua"], rows });
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| | Huihua: p50 | ÷ the first |",
                "|---|---|---|",
                "| 500 | 1.00 ms | 1.0 × |",
                "| 5,000 | 8.00 ms | 8.0 × |",
            ]
        );
    }

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let expected = format!("a\n{BEGIN}\nnew\n{END}\nb\n");
        assert_eq!(replace_section(&document, "\nnew\n").unwrap(), expected);
        assert_eq!(replace_section(&expected, "new").unwrap(), expected);
        assert!(replace_section("a\nb\n", "new").is_err());
        assert!(replace_section(BEGIN, "new").is_err());
    }
}
