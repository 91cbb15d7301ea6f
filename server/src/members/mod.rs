//! `members import`: the first load of memberships into a running server, over HTTP like any other
//! of the app's own servers. Repeating it changes nothing, so whoever was interrupted starts again.

mod file;
mod send;

use std::{
    fmt,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Secret;

use self::file::{BadLine, Rows};
use self::send::{Batch, Sender};

/// Most wrong lines that are shown; the others are counted.
const BAD_LINES_SHOWN: usize = 20;
/// Between two lines of progress where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is imported, and where to.
#[derive(Debug, Clone)]
pub struct Import {
    /// JSON Lines; CSV when its name ends in `.csv`.
    pub file: PathBuf,
    /// The server's address, `https://host[:port][/prefix]`.
    pub url: String,
    /// The app's.
    pub ingest_key: Secret,
    /// How long a request that is not served is sent again.
    pub retry_for: Duration,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Memberships in the file.
    pub memberships: u64,
    /// Joins that changed something.
    pub applied: u64,
    /// Joins that the server knew already.
    pub known: u64,
    /// Joins that the server refused; each was shown with its line.
    pub rejected: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memberships, applied, known, rejected } = self;
        write!(
            f,
            "{memberships} memberships: {applied} joins applied, {known} known already, \
             {rejected} rejected"
        )
    }
}

/// Why the import ended early. What was sent before stays; sending it again changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Lines are wrong; nothing was sent.
    #[error("{count} lines of {path} are wrong, nothing was sent:\n{shown}")]
    Lines {
        /// Which file.
        path: PathBuf,
        /// How many.
        count: usize,
        /// The first of them, each on a line of its own.
        shown: String,
    },
    /// There is nothing in the file.
    #[error("{path} holds no membership")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// The address is none, or no HTTP client can be made for it.
    #[error("url: {reason}")]
    Url {
        /// What is wrong.
        reason: String,
    },
    /// The server refuses; sending again will not help.
    #[error("the server refused line {line}: status {status}, {detail}")]
    Refused {
        /// First line of the request, from 1.
        line: u64,
        /// HTTP's.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// The server could not be reached, or could not serve, for too long.
    #[error(
        "gave up at line {line} after {tries} tries: {reason}. Import the file again when the \
         server serves: what is already there changes nothing"
    )]
    GaveUp {
        /// First line of the request, from 1.
        line: u64,
        /// How often it was sent.
        tries: u32,
        /// What the last try said.
        reason: String,
    },
}

/// Checks the whole file, then sends it in batches, one after the other. Tells its progress on
/// stderr: a bar on a terminal, else lines.
///
/// # Errors
/// [`Error`] says what to do.
pub async fn import(import: &Import) -> Result<Summary, Error> {
    let memberships = check(&import.file)?;
    let sender = Sender::new(import)?;
    let mut progress = Progress::new(memberships);
    let mut summary = Summary { memberships, ..Summary::default() };
    let mut batch = Batch::default();
    for row in Rows::open(&import.file)? {
        let row = row.map_err(|bad| wrong_lines(&import.file, &[bad], 1))?;
        for part in row.parts(send::ACCOUNTS_MAX) {
            if let Some(full) = batch.add(part) {
                sender.send(&full, &mut summary, &mut progress).await?;
            }
        }
    }
    sender.send(&batch, &mut summary, &mut progress).await?;
    progress.bar.finish_and_clear();
    Ok(summary)
}

/// Reads the file to its end; how many memberships it holds.
fn check(path: &Path) -> Result<u64, Error> {
    let (mut memberships, mut bad, mut count) = (0, Vec::new(), 0);
    for row in Rows::open(path)? {
        match row {
            Ok(row) => memberships += row.accounts.len() as u64,
            Err(line) => {
                count += 1;
                if bad.len() < BAD_LINES_SHOWN {
                    bad.push(line);
                }
            }
        }
    }
    if count > 0 {
        return Err(wrong_lines(path, &bad, count));
    }
    if memberships == 0 {
        return Err(Error::Empty { path: path.to_owned() });
    }
    Ok(memberships)
}

fn wrong_lines(path: &Path, bad: &[BadLine], count: usize) -> Error {
    let mut shown: Vec<_> = bad.iter().map(BadLine::to_string).collect();
    if count > bad.len() {
        shown.push(format!("and {} more", count - bad.len()));
    }
    Error::Lines { path: path.to_owned(), count, shown: shown.join("\n") }
}

/// How far it is.
struct Progress {
    bar: ProgressBar,
    /// `None` on a terminal: there the bar tells it.
    told: Option<Instant>,
}

impl Progress {
    fn new(memberships: u64) -> Self {
        let bar = ProgressBar::new(memberships);
        let style = "{bar:40} {human_pos}/{human_len} memberships, {per_sec}, {eta} left {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is constant"));
        let on_terminal = std::io::stderr().is_terminal();
        Self { bar, told: (!on_terminal).then(Instant::now) }
    }

    fn advance(&mut self, memberships: u64) {
        self.bar.set_message("");
        self.bar.inc(memberships);
        if self.told.is_some_and(|told| told.elapsed() >= LINE_EVERY) {
            self.told = Some(Instant::now());
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            self.line(&format!("{done} of {all} memberships"));
        }
    }

    /// Something that the user must see whether or not there is a terminal.
    fn line(&self, text: &str) {
        // Where stderr is closed there is nobody to tell.
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }
}
