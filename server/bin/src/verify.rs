//! `verify`: checks every value in a store, through the server that runs on it, else directly. The
//! engine comes in as a function.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
};

use huihua_store::{self as store, Progress};

use crate::{admin, progress};

/// Verifies the store of `data` and prints how many values it holds. Its file is `file_name`.
///
/// A folder without a store is an error: opening it would create an empty one.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn verify(
    data: &Path,
    file_name: &str,
    verify_stopped: fn(&Path, &Progress) -> Result<u64, store::Error>,
) -> Result<(), Box<dyn Error>> {
    let (bar, progress) = progress::of_rows();
    let values = match admin::request_verification(data, &progress).await? {
        Some(values) => values,
        None if data.join(file_name).exists() => verify_stopped(data, &progress)?,
        None => {
            let what = format!("there is no store in {}", data.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what).into());
        }
    };
    bar.finish_and_clear();
    writeln!(io::stdout(), "{values} values verified, none is damaged")?;
    Ok(())
}
