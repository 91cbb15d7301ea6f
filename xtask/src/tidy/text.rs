//! Rules about lines: what a file opens with, how wide a line is, what may not be left behind.

use super::source::{Breach, Source};

/// Widest line of code, in characters.
const COLUMNS_MAX: usize = 100;

/// Words that say "not finished", beside the macros that clippy forbids. Split, so that this file
/// holds to its own rule.
const LEFT_OVERS: [&str; 2] = [concat!("FIX", "ME"), concat!("TODO", "(")];

/// A file opens by saying what lives in it: `//!` in Rust, a comment in Kotlin and Java.
pub(super) fn first_line(source: &Source) -> Option<Breach> {
    let first = source.text.lines().next().unwrap_or_default();
    let (marks, name): (&[&str], _) = match source.path.ends_with(".rs") {
        true => (&["//! "], "`//!`"),
        false => (&["/**", "// "], "KDoc or `//`"),
    };
    let opens = marks.iter().any(|mark| first.starts_with(mark));
    (!opens).then(|| Breach::new(source, 1, format!("line 1 is not {name}: what lives here?")))
}

/// No line is wider than a page. Text in quotes does not count: it cannot always be broken,
/// and JSON in a test reads best in one piece.
pub(super) fn columns(source: &Source) -> Vec<Breach> {
    let width = |line: &str| match (line.find('"'), line.rfind('"')) {
        (Some(first), Some(last)) => line[..first].chars().count() + line[last..].chars().count(),
        _ => line.chars().count(),
    };
    let wide = source.text.lines().enumerate().filter(|(_, line)| width(line) > COLUMNS_MAX);
    wide.map(|(at, line)| {
        Breach::new(source, at + 1, format!("{} columns, at most {COLUMNS_MAX}", width(line)))
    })
    .collect()
}

/// Nothing unfinished is handed in.
pub(super) fn left_overs(source: &Source) -> Vec<Breach> {
    let mut problems = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for word in LEFT_OVERS.iter().filter(|word| line.contains(*word)) {
            problems.push(Breach::new(source, at + 1, format!("`{word}` is left behind")));
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
    fn a_file_says_what_lives_in_it() {
        for (path, text) in [
            ("a.rs", "//! Words.\n"),
            ("a.kt", "/** Words. */\n"),
            ("a.kt", "// Words.\n"),
            ("A.java", "// Words.\n"),
        ] {
            assert_eq!(first_line(&source(path, text)), None, "{path} {text}");
        }
        for (path, text) in [
            ("a.rs", "// Words.\n"),
            ("a.rs", "use a;\n//! Late.\n"),
            ("a.rs", ""),
            ("a.kt", "package a\n"),
        ] {
            assert_eq!(lines(first_line(&source(path, text))), [1], "{path} {text}");
        }
    }

    #[test]
    fn columns_are_characters_not_bytes() {
        let text = format!("{}\n{}\n{}\n", "会".repeat(100), "a".repeat(100), "a".repeat(101));
        assert_eq!(lines(columns(&source("a.rs", &text))), [3]);
        let json = format!("check(r#\"{}\"#, {});", "a".repeat(200), "b".repeat(80));
        assert!(columns(&source("a.rs", &json)).is_empty());
        let wide = format!("check(\"a\", {}, \"{}\", {});", "b", "a".repeat(80), "c".repeat(100));
        assert_eq!(lines(columns(&source("a.rs", &wide))), [1]);
    }

    #[test]
    fn nothing_unfinished_is_handed_in() {
        let text = format!("//! a\n{}x)\n// {}\n", LEFT_OVERS[1], LEFT_OVERS[0]);
        assert_eq!(lines(left_overs(&source("a.rs", &text))), [2, 3]);
        assert!(left_overs(&source("a.rs", "let todo = list; // debug!(x)\n")).is_empty());
    }
}
