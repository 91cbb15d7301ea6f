//! The drawings of `bench server`. Pure.

use std::time::Duration;

use crate::{
    document::Plot,
    field::{NAMES, OURS, PEER},
    figures::Cell,
    results::{Figures, GrowthTable, WorkTable},
    svg::{Group, Lines, Marks, Scale},
};

/// All of them.
pub(crate) fn all(figures: &Figures) -> Vec<Plot> {
    let millis = |part: f64, cell: &Cell| cell.quantile(part).as_secs_f64() * 1e3;
    vec![
        by_kind(
            "server-rates",
            "Calls a second, more is better",
            "calls a second, logarithmic",
            &figures.tables,
            |cell| vec![cell.rate()],
        ),
        by_kind(
            "server-latencies",
            "p50, p99 and p99.9 of a call, less is better",
            "ms, logarithmic",
            &figures.tables,
            |cell| [0.5, 0.99, 0.999].map(|part| millis(part, cell)).to_vec(),
        ),
        by_kind(
            "server-cpu",
            "CPU of the server and its database for a call, less is better",
            "µs, logarithmic",
            &figures.tables,
            |cell| vec![cell.cpu_per_call().as_secs_f64() * 1e6],
        ),
        lengths(figures),
        written(figures),
    ]
}

fn by_kind(
    name: &'static str,
    title: &str,
    axis: &str,
    tables: &[WorkTable],
    values: impl Fn(&Cell) -> Vec<f64>,
) -> Plot {
    let group = |table: &WorkTable| Group {
        label: table.kind.label,
        marks: table.cells.iter().map(|(name, cell)| (series(name), values(cell))).collect(),
    };
    let groups = tables.iter().map(group).collect();
    let svg = Marks { title, axis, series: &NAMES, groups }.draw();
    Plot { name, title: title.to_owned(), svg }
}

/// Each contestant has its place and its colour in all drawings.
fn series(name: &str) -> usize {
    NAMES.iter().position(|other| *other == name).unwrap_or_default()
}

fn lengths(figures: &Figures) -> Plot {
    let title =
        "A page, and a sync without changes, by the sessions of the account: p50, less is better";
    let line = |table: &GrowthTable, name: &str| -> Vec<(f64, f64)> {
        let at = table.contestants.iter().position(|it| *it == name);
        let cell = |cells: &Vec<Cell>| Some(cells.get(at?)?.quantile(0.5).as_secs_f64() * 1e3);
        let points = table.rows.iter();
        points.filter_map(|(size, cells)| Some((*size as f64, cell(cells)?))).collect()
    };
    let first = |(size, latencies): &(u64, hdrhistogram::Histogram<u64>)| {
        let p50 = Duration::from_nanos(latencies.value_at_quantile(0.5));
        (*size as f64, p50.as_secs_f64() * 1e3)
    };
    let series = vec![
        ("Huihua, page", line(&figures.pages, OURS)),
        ("Huihua, first page after a start", figures.big_store.cold.iter().map(first).collect()),
        ("PostgreSQL, page", line(&figures.pages, PEER)),
        ("Huihua, sync", line(&figures.syncs, OURS)),
        ("PostgreSQL, sync", line(&figures.syncs, PEER)),
    ];
    let (x_axis, y_axis) = ("sessions of the account, logarithmic", "p50 in ms, logarithmic");
    let svg = Lines { title, x_axis, y_axis, scale: Scale::Logarithmic, series }.draw();
    Plot { name: "server-lengths", title: title.to_owned(), svg }
}

fn written(figures: &Figures) -> Plot {
    let title = "Bytes written for a message of 856 B, later work included, less is better";
    let groups = figures.written.iter().map(|row| Group {
        label: row.label,
        marks: row.cells.iter().map(|(name, bytes)| (series(name), vec![*bytes])).collect(),
    });
    let axis = "bytes, logarithmic";
    let svg = Marks { title, axis, series: &NAMES, groups: groups.collect() }.draw();
    Plot { name: "server-written", title: title.to_owned(), svg }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kinds::KINDS, results::tests::bad_figures};

    #[test]
    fn each_kind_is_in_its_drawing_and_a_missing_peer_in_none() {
        let plots = all(&bad_figures());
        let svg = &plots[0].svg;
        assert!(KINDS.iter().all(|kind| svg.contains(kind.label)), "{svg}");
        let names: std::collections::HashSet<_> = plots.iter().map(|plot| plot.name).collect();
        assert_eq!(names.len(), plots.len());
        assert!(plots.iter().all(|plot| !plot.svg.contains("NaN") && !plot.svg.contains("inf\"")));
    }
}
