//! The progress of a long command: a bar on a terminal, nothing elsewhere.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use huihua_store::Progress;
use indicatif::{ProgressBar, ProgressStyle};

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
