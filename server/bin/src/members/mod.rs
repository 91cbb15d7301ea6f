//! `members import`: loads memberships into a running server, over HTTP like any other server of
//! the app. Repeating an import changes nothing, so an interrupted one is simply started again.

mod error;
mod file;
mod send;
mod summary;

use std::{
    io::{self, Write as _},
    path::Path,
};

use huihua_http::app::Secret;

use self::{
    error::Error,
    file::MembershipRows,
    send::{ImportBatch, Sender},
    summary::ImportSummary,
};
use crate::{args::ImportArguments, lines::WrongLines, progress::ImportProgress};

/// Imports the file of the arguments and prints the result.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: ImportArguments) -> Result<(), Box<dyn std::error::Error>> {
    let ingest_key = arguments.keys.load()?.ingest_key().clone();
    let summary = import(&arguments, ingest_key).await?;
    writeln!(io::stdout(), "{summary}")?;
    if summary.rejected > 0 { Err("the server rejected lines of the file".into()) } else { Ok(()) }
}

/// Checks the whole file, then sends it in batches, one after the other.
async fn import(arguments: &ImportArguments, ingest_key: Secret) -> Result<ImportSummary, Error> {
    let file = &arguments.file;
    let memberships = check(file)?;
    let sender = Sender::new(&arguments.url, ingest_key, arguments.retry_for)?;
    let progress = ImportProgress::new("memberships", memberships);
    let mut summary = ImportSummary { memberships, ..ImportSummary::default() };
    let mut batch = ImportBatch::default();
    for row in MembershipRows::open(file)? {
        let row = row.map_err(|bad| WrongLines::of(file, bad))?;
        for part in row.parts(send::ACCOUNTS_MAX) {
            if let Some(full) = batch.add(part) {
                sender.send(&full, &mut summary, &progress).await?;
            }
        }
    }
    sender.send(&batch, &mut summary, &progress).await?;
    progress.finish();
    Ok(summary)
}

/// Reads the file to its end and returns how many memberships it holds.
fn check(path: &Path) -> Result<u64, Error> {
    let (mut memberships, mut wrong) = (0, WrongLines::none_in(path));
    for row in MembershipRows::open(path)? {
        match row {
            Ok(row) => memberships += row.accounts.len() as u64,
            Err(bad) => wrong.add(bad),
        }
    }
    wrong.refuse()?;
    if memberships == 0 {
        return Err(Error::Empty { path: path.to_owned() });
    }
    Ok(memberships)
}
