//! docs/benchmarks.md: each command writes its own section between two marks, and the plots beside
//! it. With `--check` it writes copies of both in the build folder, so that CI changes no document.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result};
use machine::process;

use crate::proc_files;

const DOCUMENT: &str = "docs/benchmarks.md";
const FOLDER: &str = "docs";
const CHECK_FOLDER: &str = "target/bench/check";
/// Of the plots, beside the document.
const PLOTS: &str = "bench";

/// Where a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// docs/benchmarks.md
    Documents,
    /// The build folder.
    Check,
}

/// A drawing with its file's name.
pub(crate) struct Plot {
    pub(crate) name: &'static str,
    /// What it shows, for those who do not see it.
    pub(crate) title: String,
    pub(crate) svg: String,
}

impl Plot {
    /// The line of Markdown that shows it.
    pub(crate) fn link(&self) -> String {
        format!("![{}]({PLOTS}/{}.svg)\n", self.title, self.name)
    }
}

/// Writes a section and its plots; nothing else of the document changes.
///
/// # Errors
/// When the document has no place for the section, or the disk fails.
pub(crate) fn write(
    destination: Destination,
    section: &str,
    text: &str,
    plots: &[Plot],
) -> Result<()> {
    let document = fs::read_to_string(DOCUMENT).with_context(|| format!("read {DOCUMENT}"))?;
    let document = replace_section(&document, section, text)?;
    let folder = Path::new(match destination {
        Destination::Documents => FOLDER,
        Destination::Check => CHECK_FOLDER,
    });
    let path = folder.join("benchmarks.md");
    let plots_in = folder.join(PLOTS);
    fs::create_dir_all(&plots_in).with_context(|| format!("make {}", plots_in.display()))?;
    for plot in plots {
        put(&plots_in.join(plot.name).with_extension("svg"), &plot.svg)?;
    }
    put(&path, &document)?;
    println!("bench: written into {}, {} plots beside it", path.display(), plots.len());
    Ok(())
}

/// In one step, so that a signal leaves the old file or the new one.
fn put(path: &PathBuf, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text).with_context(|| format!("write {}", new.display()))?;
    fs::rename(&new, path).with_context(|| format!("write {}", path.display()))
}

/// Puts a section between its marks, in place of the one before.
///
/// # Errors
/// When the document has no such marks.
fn replace_section(document: &str, section: &str, text: &str) -> Result<String> {
    let [begin, end] =
        ["begin", "end"].map(|at| format!("<!-- cargo xtask bench {section}: {at} -->"));
    let (before, rest) = document.split_once(&begin).with_context(|| format!("find {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("find {end}"))?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", text.trim()))
}

/// What was there when the measurement began: the tree may change while it runs.
pub(crate) struct Beginning {
    load: String,
    commit: String,
}

/// Looks at the machine and the tree.
///
/// # Errors
/// When the machine cannot be looked at.
pub(crate) fn begin() -> Result<Beginning> {
    let commit = version("git", &["describe", "--always", "--dirty"]);
    Ok(Beginning { load: proc_files::load()?, commit })
}

/// What a program says; a run of many minutes is worth something without it.
fn version(program: &str, arguments: &[&str]) -> String {
    let text = process::read(Command::new(program).args(arguments));
    text.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The first lines of a section: its title with the date, and what was measured where.
///
/// # Errors
/// When the machine cannot be looked at.
pub(crate) fn head(
    title: &str,
    how: &str,
    beginning: &Beginning,
    versions: &[String],
) -> Result<String> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let Beginning { load, commit } = beginning;
    let compiler = version("rustc", &["--version"]);
    let (machine, load_after) = (proc_files::machine()?, proc_files::load()?);
    let versions: String = versions.iter().map(|version| format!("; {version}")).collect();
    Ok(format!(
        "## {title}, {date}\n\n{how}\nWritten {now}. Machine: {machine}; load {load} \
         before, {load_after} after.\nCommit {commit}; {compiler}{versions}.\n",
        date = &now[..10],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let of = |server: &str, growth: &str| {
            let section = |name: &str, text: &str| {
                format!(
                    "<!-- cargo xtask bench {name}: begin -->\n{text}\n\
                     <!-- cargo xtask bench {name}: end -->\n"
                )
            };
            format!("a\n{}b\n{}c\n", section("server", server), section("growth", growth))
        };
        let old = of("old", "other");
        assert_eq!(replace_section(&old, "server", "\nnew\n").unwrap(), of("new", "other"));
        assert_eq!(replace_section(&old, "growth", "new").unwrap(), of("old", "new"));
        assert!(replace_section("a\nb\n", "server", "new").is_err());
        assert!(replace_section(&old, "sdks", "new").is_err());
    }

    #[test]
    fn the_document_has_a_place_for_each_command() {
        // Tests run in their package's folder.
        let document = fs::read_to_string(Path::new("../..").join(DOCUMENT)).unwrap();
        for section in ["server", "against", "growth", "overload"] {
            replace_section(&document, section, "new").unwrap();
        }
    }
}
