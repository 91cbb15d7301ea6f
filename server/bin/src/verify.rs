//! `verify`: checks every value in a store: through the server that runs on its folder, else
//! directly.

use std::{
    error::Error,
    io::{self, Write as _},
};

use crate::{admin, config::StoreConfig, engine, progress};

/// Verifies the store and prints how many values it holds.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn verify(config: &StoreConfig) -> Result<(), Box<dyn Error>> {
    let (bar, progress) = progress::of_rows();
    let by_server = match config {
        StoreConfig::Redb(redb) => admin::request_verification(&redb.data, &progress).await?,
        StoreConfig::Cassandra(_) => None,
    };
    let values = match by_server {
        Some(values) => values,
        None => engine::verify(config, progress).await?,
    };
    bar.finish_and_clear();
    writeln!(io::stdout(), "{values} values verified, none is damaged")?;
    Ok(())
}
