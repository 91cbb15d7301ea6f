//! `compact`: makes the file of a stopped server's store as small as its content. The engine comes
//! in as a function.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
};

use huihua_store::{self as store, Progress};

use crate::progress;

/// Compacts the store of a folder with so many bytes free; returns its size before and after.
type Compact = fn(&Path, u64, &Progress) -> Result<[u64; 2], store::Error>;

/// Compacts the store of `data`. Its file is `file_name`.
pub(crate) fn run(data: &Path, file_name: &str, compact: Compact) -> Result<(), Box<dyn Error>> {
    if !data.join(file_name).exists() {
        let what = format!("there is no store in {}", data.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, what).into());
    }
    let free = rustix::fs::statvfs(data)?;
    let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
    let (bar, progress) = progress::of_rows();
    let [before, after] = compact(data, free_bytes, &progress)?;
    bar.finish_and_clear();
    writeln!(io::stdout(), "compacted: {before} bytes before, {after} after")?;
    Ok(())
}
