//! `backup` and `restore` of a store in a folder.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
};

use crate::{admin, config::StoreConfig, engine, progress};

/// Backs up the store into `to`: through the server that runs on it, else directly.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn backup(config: &StoreConfig, to: &Path) -> Result<(), Box<dyn Error>> {
    let data = engine::folder_to_back_up(config)?;
    let to = std::path::absolute(to)?;
    let (bar, progress) = progress::of_rows();
    if !admin::request_backup(data, &to, &progress).await? {
        engine::back_up_stopped(data, &to, progress).await?;
    }
    bar.finish_and_clear();
    writeln!(io::stdout(), "backed up into {}", to.display())?;
    Ok(())
}

/// Restores the store of `data` from a backup.
pub(crate) fn restore(from: &Path, data: &Path) -> Result<(), Box<dyn Error>> {
    let (bar, progress) = progress::of_rows();
    engine::restore(from, data, &progress)?;
    bar.finish_and_clear();
    writeln!(io::stdout(), "restored into {}: start the server on it", data.display())?;
    Ok(())
}
