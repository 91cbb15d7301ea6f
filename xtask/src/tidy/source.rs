//! What the rules read and what they say: a file of the tree, and a place in it that breaks a rule.

use std::fmt;

/// A file of the tree.
pub(super) struct Source {
    /// Its path from the top, with `/`.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_code(&self) -> bool {
        self.is_rust() || self.is_kotlin_or_java()
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn is_kotlin_or_java(&self) -> bool {
        [".kt", ".java"].iter().any(|end| self.path.ends_with(end))
    }
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Breach {
    path: String,
    /// From 1.
    line: usize,
    text: String,
}

impl Breach {
    pub(super) fn new(source: &Source, line: usize, text: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, text: text.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A source at `path`, for the rules' tests.
    pub(crate) fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines of the breaches.
    pub(crate) fn lines(problems: impl IntoIterator<Item = Breach>) -> Vec<usize> {
        problems.into_iter().map(|problem| problem.line).collect()
    }
}
