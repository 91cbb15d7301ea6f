//! Backups, from the command line: of a running server, of one that is stopped, and back again.
//! The engine comes in as functions: only `main` names it.

use std::{
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use huihua_server::{
    admin,
    store::{self, Progress, Store},
};

/// How a store in a folder is opened.
type Open = fn(&Path) -> Result<Arc<dyn Store>, store::Error>;
/// How a store is made in a folder from a backup.
type Restore = fn(&Path, &Path, &Progress) -> Result<(), store::Error>;

/// Backs up the store of `data` into `to`: through the server that runs on it, else by itself.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn backup(data: &Path, to: &Path, open: Open) -> Result<(), Box<dyn Error>> {
    let to = std::path::absolute(to)?;
    let (bar, progress) = progress();
    if !admin::request_backup(data, &to, &progress).await? {
        if !data.is_dir() {
            let what = format!("there is no data folder {}", data.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what).into());
        }
        let store = open(data)?;
        let done = store.backup(&to, progress).await;
        store.close().await;
        done?;
    }
    bar.finish_and_clear();
    writeln!(io::stdout(), "backed up into {}", to.display())?;
    Ok(())
}

/// Makes the store of `data` from a backup.
pub(crate) fn restore(from: &Path, data: &Path, restore: Restore) -> Result<(), Box<dyn Error>> {
    let (bar, progress) = progress();
    restore(from, data, &progress)?;
    bar.finish_and_clear();
    writeln!(io::stdout(), "restored into {}: start the server on it", data.display())?;
    Ok(())
}

/// A bar on a terminal; silent elsewhere.
fn progress() -> (ProgressBar, Progress) {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} rows, {eta} left");
    bar.set_style(style.expect("the template is right"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let told = bar.clone();
    let progress: Progress = Box::new(move |done, all| {
        told.set_length(all);
        told.set_position(done);
    });
    (bar, progress)
}
