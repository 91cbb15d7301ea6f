//! Why a configuration is refused: all of its faults at once, each with its place and remedy.

use std::{fmt, path::PathBuf};

/// Why a configuration is refused. Names fields and remedies, never a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Everything that is wrong in it.
    #[error(transparent)]
    Faults(Faults),
    /// The command line chooses no app of the file.
    #[error("app: {0}")]
    App(&'static str),
}

/// The faults of one configuration, in the order of its file; at least one.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    /// Its name with the table's, `app[0].secret`; empty where the text is not TOML.
    pub(crate) field: String,
    /// What is wrong and what would be right.
    pub(crate) reason: String,
}

/// Where a value comes from. Later ones win.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Nobody gave it.
    Default,
    /// The file as a whole: something is missing.
    File(String),
    /// Counted from 1.
    Line(String, usize),
    /// A variable of the environment.
    Environment(String),
    /// An argument of the command line.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(file) => f.write_str(file),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, field, reason } = self;
        if field.is_empty() {
            return write!(f, "{place}: {reason}");
        }
        write!(f, "{place}: {field}: {reason}")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [fault] = self.0.as_slice() {
            return fault.fmt(f);
        }
        write!(f, "{} things are wrong in the configuration", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
