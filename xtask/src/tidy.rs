//! `tidy`: the rules of CONTRIBUTING.md that nothing else can hold. Borders between crates are
//! cargo's, clocks, threads and long functions of Rust clippy's, Kotlin's form ktlint's. The rules
//! are pure functions of files' texts in the modules below; this file reads the tree.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};
use clap::Args;
use machine::process;

mod borders;
mod circles;
mod docs;
mod figures;
mod lengths;
mod source;
mod text;
mod translations;

use source::{Breach, Source};

/// Check the rules that nothing else holds: first lines, lengths, Kotlin's borders, documents
///
/// Reads every file that a commit would hold and prints each breach of a rule as `path:line: what`.
/// The rules are in CONTRIBUTING.md. Builds nothing; takes a second.
#[derive(Args)]
pub(crate) struct TidyArguments {}

/// Checks every file of the tree, and prints each breach as `path:line: what`.
///
/// # Errors
/// When there is a breach, or the tree cannot be read.
pub(crate) fn run() -> Result<()> {
    println!("tidy: reading the tree");
    let paths = paths()?;
    let sources = read(&paths)?;
    let mut problems: Vec<Breach> = sources.iter().flat_map(|s| check(s, &paths)).collect();
    problems.extend(circles::check(&sources));
    problems.extend(docs::missing_tests(&sources));
    problems.extend(translations::other_code(&sources));
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

fn check(source: &Source, paths: &[String]) -> Vec<Breach> {
    let mut problems = Vec::new();
    if source.is_code() {
        problems.extend(text::first_line(source));
        if !source.path.ends_with(".kt") {
            // Kotlin's are ktlint's; rustfmt leaves comments as they are.
            problems.extend(text::columns(source));
        }
        problems.extend(text::left_overs(source));
        problems.extend(lengths::file(source));
        problems.extend(figures::no_figure_fails(source));
    }
    if source.is_kotlin_or_java() {
        problems.extend(lengths::functions(source));
        problems.extend(borders::check(source));
    }
    problems.extend(docs::line_limit(source));
    problems.extend(docs::missing_files(source, paths));
    problems.extend(docs::points_without_tests(source));
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
    let wanted = [".rs", ".kt", ".java", ".md"];
    paths
        .iter()
        .filter(|path| wanted.iter().any(|end| path.ends_with(end)))
        .map(|path| {
            let text = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
            Ok(Source { path: path.clone(), text })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        source::tests::{lines, source},
        *,
    };

    #[test]
    fn documents_are_not_code() {
        assert!(check(&source("docs/a.md", "no module comment"), &[]).is_empty());
        assert_eq!(lines(check(&source("core/src/a.rs", "use std::fs;\n"), &[])), [1]);
    }
}
