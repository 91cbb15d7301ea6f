//! `backup` and `restore`. The engine comes in as functions.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
};

use huihua_store::{self as store, Progress};

use crate::{admin, progress};

/// Restores a store in a folder from a backup.
type Restore = fn(&Path, &Path, &Progress) -> Result<(), store::Error>;

/// Backs up the store of `data` into `to`: through the server that runs on it, else directly. Its
/// file is `file_name`.
///
/// A folder without a store is an error: opening it would create an empty one.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn backup(
    data: &Path,
    file_name: &str,
    to: &Path,
    back_up_stopped: impl AsyncFn(&Path, &Path, Progress) -> Result<(), store::Error>,
) -> Result<(), Box<dyn Error>> {
    let to = std::path::absolute(to)?;
    let (bar, progress) = progress::of_rows();
    if !admin::request_backup(data, &to, &progress).await? {
        if !data.is_dir() {
            let what = format!("there is no data folder {}", data.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what).into());
        }
        if !data.join(file_name).exists() {
            let what = format!("there is no store in {}", data.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what).into());
        }
        back_up_stopped(data, &to, progress).await?;
    }
    bar.finish_and_clear();
    writeln!(io::stdout(), "backed up into {}", to.display())?;
    Ok(())
}

/// Restores the store of `data` from a backup.
pub(crate) fn restore(from: &Path, data: &Path, restore: Restore) -> Result<(), Box<dyn Error>> {
    let (bar, progress) = progress::of_rows();
    restore(from, data, &progress)?;
    bar.finish_and_clear();
    writeln!(io::stdout(), "restored into {}: start the server on it", data.display())?;
    Ok(())
}
