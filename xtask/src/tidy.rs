//! `tidy`: the rules of CONTRIBUTING.md that a machine can hold, so that nobody argues about them.
//! The rules are pure functions of a file's text in the modules below; this file reads the tree and
//! the list of exceptions.

use std::{collections::BTreeMap, fmt, fs, process::Command};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process;

mod docs;
mod imports;
mod lengths;
mod text;

/// Known exceptions: `functions PATH COUNT` or `lines PATH COUNT`, a reason after `#`.
const ALLOW_LIST: &str = "xtask/tidy-allow.txt";
/// The list may only shrink: lower this when an entry goes.
const ALLOWED_MAX: usize = 0;

/// Check the rules that a machine can hold: first lines, widths, lengths, imports, documents
///
/// Reads every file that a commit would hold and prints each breach of a rule as `path:line: what`.
/// The rules are in CONTRIBUTING.md, known exceptions in xtask/tidy-allow.txt. Builds nothing;
/// takes a second.
#[derive(Args)]
pub(crate) struct TidyArguments {}

/// A file of the tree.
pub(crate) struct Source {
    /// Its path from the top, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    fn is_code(&self) -> bool {
        [".rs", ".kt", ".java"].iter().any(|end| self.path.ends_with(end))
    }
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    /// From 1.
    line: usize,
    text: String,
}

impl Problem {
    fn new(source: &Source, line: usize, text: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// What the list of exceptions may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// Functions of more than 70 lines in a file.
    Functions,
    /// Lines of a file of more than 800.
    Lines,
}

/// `(limit, path)` to how many are known.
type Counts = BTreeMap<(Limit, String), usize>;

/// Checks every file of the tree, and prints each breach as `path:line: what`.
///
/// # Errors
/// When there is a breach, or the tree cannot be read.
pub(crate) fn run() -> Result<()> {
    println!("tidy: reading the tree");
    let paths = paths()?;
    let sources = read(&paths)?;
    let allowed =
        parse_allow_list(&fs::read_to_string(ALLOW_LIST).context("read tidy-allow.txt")?)?;
    let mut problems: Vec<Problem> = sources.iter().flat_map(|s| check(s, &paths)).collect();
    problems.extend(lengths::check(&sources, &allowed));
    problems.extend(lengths::sample_app(&sources));
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!(
            "tidy: {} breaches; the rules and their reasons are in CONTRIBUTING.md",
            problems.len()
        );
    }
    println!("tidy: {} files hold to the rules", sources.len());
    Ok(())
}

fn check(source: &Source, paths: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if source.is_code() {
        problems.extend(text::first_line(source));
        problems.extend(text::columns(source));
        problems.extend(text::left_overs(source));
        problems.extend(imports::check(source));
    }
    problems.extend(docs::line_limit(source));
    problems.extend(docs::missing_files(source, paths));
    problems
}

/// Tracked files, and new ones that are not ignored: what a commit would hold.
fn paths() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    let list = process::read(git.args([
        "-c",
        "core.quotePath=false",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(list.lines().map(str::to_owned).filter(|path| fs::metadata(path).is_ok()).collect())
}

fn read(paths: &[String]) -> Result<Vec<Source>> {
    let wanted = [".rs", ".kt", ".java", ".md", ".xml"];
    paths
        .iter()
        .filter(|path| wanted.iter().any(|end| path.ends_with(end)))
        .map(|path| {
            let text = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
            Ok(Source { path: path.clone(), text })
        })
        .collect()
}

fn parse_allow_list(text: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (entry, reason) = line.split_once('#').unwrap_or((line, ""));
        let fields: Vec<&str> = entry.split_whitespace().collect();
        let [limit, path, count] = fields[..] else { bail!("{ALLOW_LIST}: not an entry: {line}") };
        let limit = match limit {
            "functions" => Limit::Functions,
            "lines" => Limit::Lines,
            other => bail!("{ALLOW_LIST}: unknown limit {other}"),
        };
        if reason.trim().is_empty() {
            bail!("{ALLOW_LIST}: {path} gives no reason after `#`");
        }
        let count = count.parse().with_context(|| format!("{ALLOW_LIST}: count of {path}"))?;
        counts.insert((limit, path.to_owned()), count);
    }
    if counts.len() > ALLOWED_MAX {
        bail!("{ALLOW_LIST}: {} entries, at most {ALLOWED_MAX}: it may only shrink", counts.len());
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source at `path`, for the rules' tests.
    pub(crate) fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines at which problems stand.
    pub(crate) fn lines(problems: impl IntoIterator<Item = Problem>) -> Vec<usize> {
        problems.into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn the_allow_list_takes_no_new_entry_and_none_without_reason() {
        assert!(parse_allow_list("# nothing\n\n").unwrap().is_empty());
        let grown = parse_allow_list("lines core/src/a.rs 900 # one table").unwrap_err();
        assert!(grown.to_string().contains("may only shrink"), "{grown}");
        for bad in ["lines core/src/a.rs 900", "lines a.rs 900 #", "words a.rs 1 # x", "lines a.rs"]
        {
            assert!(parse_allow_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn documents_are_not_code() {
        assert!(check(&source("docs/a.md", "no module comment"), &[]).is_empty());
        assert_eq!(lines(check(&source("core/src/a.rs", "use std::fs;\n"), &[])), [1, 1]);
    }
}
