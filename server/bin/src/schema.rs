//! `schema apply`: makes the keyspace and its tables in Cassandra.

use std::{
    error::Error,
    io::{self, Write as _},
};

use crate::{args::SettingArguments, config::StoreConfig, engine};

/// Makes what is missing, and says each step.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn apply(settings: &SettingArguments) -> Result<(), Box<dyn Error>> {
    let config = settings.load()?;
    let StoreConfig::Cassandra(cassandra) = &config.store else {
        let file = settings.config.display();
        let reason = format!(
            "a store in a folder makes its tables by itself: {file} does not say store = \
             \"cassandra\""
        );
        return Err(reason.into());
    };
    let mut say = |step: &str| {
        // If stderr is closed, nobody reads it.
        let _ = writeln!(io::stderr(), "{step}");
    };
    engine::apply_schema(cassandra, &mut say).await?;
    writeln!(io::stdout(), "keyspace {} has the schema of this server", cassandra.keyspace)?;
    Ok(())
}
