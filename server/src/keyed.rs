//! The subcommands that work with one app's keys.

use std::{
    error::Error,
    io::{self, Write as _},
};

use huihua_server::{auth, handlers, members};

use crate::args::{ImportArguments, TokenArguments};

/// Prints a token, and nothing else.
pub(crate) fn token(arguments: &TokenArguments) -> Result<(), Box<dyn Error>> {
    let ttl_s = arguments.ttl.as_secs();
    let app = arguments.keys.load()?;
    let token = auth::sign(&app, &arguments.account, handlers::now_ms() / 1_000, ttl_s)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(())
}

/// Loads memberships into a running server.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn import(arguments: ImportArguments) -> Result<(), Box<dyn Error>> {
    let ImportArguments { file, url, keys, retry_for } = arguments;
    let ingest_key = keys.load()?.ingest_key;
    let summary = members::import(&members::Import { file, url, ingest_key, retry_for }).await?;
    writeln!(io::stdout(), "{summary}")?;
    if summary.rejected > 0 { Err("the server rejected lines of the file".into()) } else { Ok(()) }
}
