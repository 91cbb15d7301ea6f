//! The rule that no figure of a benchmark makes it fail: machines differ, and others work on them.

use super::source::{Breach, Source};

/// Where figures are measured.
const FOLDER: &str = "xtask/bench/src/";
/// Where `bench` ends with an error.
const CHECKS: [&str; 4] = ["ensure!(", "assert!(", "assert_eq!(", "assert_ne!("];
/// Words that only figures have.
const FIGURES: [&str; 7] =
    ["elapsed", "quantile", "cpu_per_call", ".rate()", "ratio", "_bytes", "spread"];
/// The end of the names of limits after which something that was awaited will not come.
const PATIENCE: &str = "PATIENCE";
/// Lines of one check.
const LINES_MAX: usize = 8;

/// A benchmark fails when a call fails, never because of how long it took or how much it wrote. The
/// memory that the server promises not to exceed is no figure: `bench overload` fails for it.
pub(super) fn no_figure_fails(source: &Source) -> Vec<Breach> {
    let mut problems = Vec::new();
    if !source.path.starts_with(FOLDER) {
        return problems;
    }
    let code = source.text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if !CHECKS.iter().any(|check| line.contains(check)) {
            continue;
        }
        let end = lines[at..].iter().take(LINES_MAX).position(|line| line.ends_with(';'));
        let check = lines[at..=at + end.unwrap_or_default()].join(" ");
        let figure = FIGURES.iter().find(|figure| check.contains(*figure));
        if let Some(figure) = figure.filter(|_| !check.contains(PATIENCE)) {
            let text = format!("a check of `{figure}`: no figure makes a benchmark fail");
            problems.push(Breach::new(source, at + 1, text));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::{
        super::source::tests::{lines, source},
        *,
    };

    #[test]
    fn a_benchmark_that_fails_for_a_figure_is_found() {
        for text in [
            "//! A.\nensure!(cell.quantile(0.5) < AIM, \"slow\");\n",
            "//! A.\nensure!(\n    page.ratio_to(LIMIT) >= 0.5,\n    \"slow\"\n);\n",
            "//! A.\nassert!(began.elapsed() < MAX);\n",
        ] {
            let found = no_figure_fails(&source("xtask/bench/src/server.rs", text));
            assert_eq!(lines(found), [2], "{text}");
        }
    }

    #[test]
    fn what_fails_for_an_error_is_fine() {
        for text in [
            "ensure!(status == StatusCode::OK, \"{what}\");\nlet ratio = 1;\n",
            "ensure!(began.elapsed() < START_PATIENCE, \"not ready\");\n",
            "let elapsed = began.elapsed();\n",
            "#[cfg(test)]\nmod tests { assert_eq!(cell.rate(), 100.0); }\n",
        ] {
            let found = no_figure_fails(&source("xtask/bench/src/server.rs", text));
            assert_eq!(found, [], "{text}");
        }
        let elsewhere = "assert!(began.elapsed() < MAX);\n";
        assert_eq!(no_figure_fails(&source("server/bin/tests/it/crash.rs", elsewhere)), []);
    }
}
