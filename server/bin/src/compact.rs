//! `compact`: makes the file of a stopped server's store as small as its content.

use std::{
    error::Error,
    io::{self, Write as _},
};

use crate::{config::StoreConfig, engine, progress};

/// Compacts the store of a folder.
pub(crate) fn run(config: &StoreConfig) -> Result<(), Box<dyn Error>> {
    let data = engine::folder_to_compact(config)?;
    engine::check_is_there(data)?;
    let free = rustix::fs::statvfs(data)?;
    let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
    let (bar, progress) = progress::of_rows();
    let [before, after] = engine::compact(data, free_bytes, &progress)?;
    bar.finish_and_clear();
    writeln!(io::stdout(), "compacted: {before} bytes before, {after} after")?;
    Ok(())
}
