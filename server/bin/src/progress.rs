//! The progress of a long command, on stderr: a bar on a terminal, elsewhere lines of an import and
//! nothing of a backup.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use huihua_store::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Interval of the lines of progress without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Creates a bar of rows, and the callback that moves it.
pub(crate) fn of_rows() -> (ProgressBar, Progress) {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} rows, {eta} left");
    bar.set_style(style.expect("the template is constant"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let moved = bar.clone();
    let progress: Progress = Box::new(move |done, all| {
        moved.set_length(all);
        moved.set_position(done);
    });
    (bar, progress)
}

/// The progress of an import, or of one of its steps.
pub(crate) struct ImportProgress {
    bar: ProgressBar,
    unit: &'static str,
    /// The time of the last line; `None` on a terminal.
    last_line: Option<Mutex<Instant>>,
}

impl ImportProgress {
    /// `unit`: what is counted, in the plural.
    #[expect(clippy::disallowed_methods, reason = "the time of the lines, for a user")]
    pub(crate) fn new(unit: &'static str, all: u64) -> Self {
        let bar = ProgressBar::new(all);
        let style = format!(
            "{{bar:40}} {{human_pos}}/{{human_len}} {unit}, {{per_sec}}, {{eta}} left {{msg}}"
        );
        bar.set_style(ProgressStyle::with_template(&style).expect("the template is constant"));
        let on_terminal = io::stderr().is_terminal();
        Self { bar, unit, last_line: (!on_terminal).then(|| Mutex::new(Instant::now())) }
    }

    /// Counts what is done.
    #[expect(clippy::disallowed_methods, reason = "the time of the lines, for a user")]
    pub(crate) fn advance(&self, done: u64) {
        self.bar.set_message("");
        self.bar.inc(done);
        let Some(last_line) = &self.last_line else { return };
        {
            let mut last_line = last_line.lock().unwrap_or_else(PoisonError::into_inner);
            if last_line.elapsed() < LINE_EVERY {
                return;
            }
            *last_line = Instant::now();
        }
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let (rate, left) = (self.bar.per_sec(), self.bar.eta().as_secs());
        self.line(&format!("{rate:.0}/s, {left} s left: {done} of {all} {}", self.unit));
    }

    /// Prints a line for the user, on a terminal or not.
    pub(crate) fn line(&self, text: &str) {
        // If stderr is closed, nobody reads it.
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
