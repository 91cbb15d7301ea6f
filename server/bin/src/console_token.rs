//! The tokens of the console: those of the configuration, or one that is drawn at the first start
//! into a file of the data folder, for who may read that.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use huihua_http::console::{Console, Operator};

use crate::{
    config::{Config, ConsoleConfig, parse_operators},
    dev::write_private,
};

/// The file in the data folder, beside the store.
pub(crate) const FILE_NAME: &str = "console-token";

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be read or written.
    #[error("cannot keep the console's token in {path} (console = false starts without a console)")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Somebody has changed the file.
    #[error("{path}: {reason}; delete the file to get a new token")]
    Invalid { path: PathBuf, reason: String },
}

/// Returns the console that the configuration wants, if it wants one.
///
/// # Errors
/// [`Error`] names the file.
pub(crate) fn console(config: &Config) -> Result<Option<Console>, Error> {
    let Some(ConsoleConfig { operators, copies_bytes_max }) = config.console.clone() else {
        return Ok(None);
    };
    let operators = match operators {
        Some(operators) => operators,
        None => match config.data() {
            Some(data) => kept(data)?,
            None => {
                tracing::warn!(
                    "no console: its token needs console_token_file, as there is no folder"
                );
                return Ok(None);
            }
        },
    };
    Ok(Some(Console { operators, copies_bytes_max }))
}

/// Reads the token of a data folder; the first time it is drawn.
fn kept(data: &Path) -> Result<Vec<Operator>, Error> {
    let path = data.join(FILE_NAME);
    let failed = |source| Error::Io { path: path.clone(), source };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|error| failed(io::Error::other(error)))?;
            let text = format!("{}\n", hex::encode(bytes));
            write_private(&path, &text).map_err(failed)?;
            text
        }
        Err(error) => return Err(failed(error)),
    };
    parse_operators(&text).map_err(|reason| Error::Invalid { path: path.clone(), reason })
}
