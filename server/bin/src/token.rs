//! `token`: prints a token for an account.

use std::{
    error::Error,
    io::{self, Write as _},
};

use huihua_http::{auth, clock};

use crate::args::TokenArguments;

/// Prints a token, and nothing else.
pub(crate) fn print(arguments: &TokenArguments) -> Result<(), Box<dyn Error>> {
    let ttl_s = arguments.ttl.as_secs();
    let app = arguments.keys.load()?;
    let account = app.accounts.account(arguments.account.as_str())?;
    let token = auth::sign(&app, &account, clock::now_ms() / 1_000, ttl_s)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(())
}
