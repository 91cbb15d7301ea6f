//! The progress of an import, on stderr.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Interval of the lines of progress without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the progress: a bar on a terminal, lines elsewhere.
pub(super) struct ImportProgress {
    bar: ProgressBar,
    /// The time of the last line; `None` on a terminal.
    last_line: Option<Instant>,
}

impl ImportProgress {
    #[expect(clippy::disallowed_methods, reason = "the time of the lines, for a user")]
    pub(super) fn new(memberships: u64) -> Self {
        let bar = ProgressBar::new(memberships);
        let style = "{bar:40} {human_pos}/{human_len} memberships, {per_sec}, {eta} left {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is constant"));
        let on_terminal = std::io::stderr().is_terminal();
        Self { bar, last_line: (!on_terminal).then(Instant::now) }
    }

    #[expect(clippy::disallowed_methods, reason = "the time of the lines, for a user")]
    pub(super) fn advance(&mut self, memberships: u64) {
        self.bar.set_message("");
        self.bar.inc(memberships);
        if self.last_line.is_some_and(|last| last.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            self.line(&format!("{done} of {all} memberships"));
        }
    }

    /// Prints a line for the user, on a terminal or not.
    pub(super) fn line(&self, text: &str) {
        // If stderr is closed, nobody reads it.
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
