//! `accounts`: gives or erases everything that is stored of one account, through the server that
//! runs on the data folder, else directly; in a keyspace always directly.

use std::{
    error::Error,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use huihua_event::Owner;
use huihua_store::{self as store, Engine, Erased};

use crate::{
    admin,
    args::{AccountArguments, AccountsCommand},
    config::{StoreConfig, parent_of},
    engine,
};

/// Does the command.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(command: AccountsCommand) -> Result<(), Box<dyn Error>> {
    match command {
        AccountsCommand::Export { of, to } => {
            let (owner, store) = owner_of(&of)?;
            export(&owner, &store, to).await
        }
        AccountsCommand::Erase { of, yes } => {
            let (owner, store) = owner_of(&of)?;
            if !yes {
                confirm(&owner)?;
            }
            let by_server = match &store {
                StoreConfig::Redb(redb) => admin::request_erasure(&redb.data, &owner).await?,
                StoreConfig::Cassandra(_) => None,
            };
            let erased = match by_server {
                Some(erased) => erased,
                None => erase(&owner, &*engine::open_for_command(&store).await?).await?,
            };
            print_erased(&owner, &erased)
        }
    }
}

fn owner_of(of: &AccountArguments) -> Result<(Owner, StoreConfig), Box<dyn Error>> {
    let (app, store) = of.keys.load_with_store()?;
    let account = app.accounts.account(of.account.as_str())?;
    Ok((Owner { app: app.key, account }, store))
}

/// Asks for the account's id once more.
fn confirm(owner: &Owner) -> Result<(), Box<dyn Error>> {
    let account = &owner.account;
    if !io::stdin().is_terminal() {
        return Err(format!("{account} is not erased: give --yes, or answer on a terminal").into());
    }
    write!(io::stderr(), "Type {account} again to erase it for good: ")?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    if line.trim_end_matches(['\r', '\n']) == account.as_str() {
        return Ok(());
    }
    Err(format!("{account} is not erased").into())
}

async fn erase(owner: &Owner, engine: &dyn Engine) -> Result<Erased, store::Error> {
    let erased = engine.erase(owner).await;
    engine.close().await;
    erased
}

fn print_erased(owner: &Owner, erased: &Erased) -> Result<(), Box<dyn Error>> {
    let account = &owner.account;
    let Erased { sessions, first_results, entries, owned_teams } = erased;
    let text = match erased.is_nothing() {
        true => format!("nothing is stored of {account}"),
        false => format!(
            "erased {account}: {sessions} sessions, {first_results} first results, {entries} \
             entries of the directory; {owned_teams} teams have no owner now"
        ),
    };
    Ok(writeln!(io::stdout(), "{text}")?)
}

async fn export(
    owner: &Owner,
    store: &StoreConfig,
    to: Option<PathBuf>,
) -> Result<(), Box<dyn Error>> {
    let output = Arc::new(Mutex::new(Output::new(to.as_deref())?));
    let records = Arc::clone(&output);
    let mut take =
        move |record: String| records.lock().unwrap_or_else(PoisonError::into_inner).take(&record);
    let by_server = match store {
        StoreConfig::Redb(redb) => admin::request_export(&redb.data, owner, &mut take).await,
        StoreConfig::Cassandra(_) => Ok(None),
    };
    let exported = match by_server {
        Ok(Some(records)) => Ok(records),
        Ok(None) => {
            let engine = engine::open_for_command(store).await?;
            let exported = engine.export(owner, Box::new(take)).await;
            engine.close().await;
            exported.map_err(Box::<dyn Error>::from)
        }
        Err(error) => Err(error.into()),
    };
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    // The reason why it took no more says more than that.
    if let Some(error) = output.failed.take() {
        return Err(error.into());
    }
    let records = exported?;
    output.finish(to.as_deref())?;
    if let Some(to) = to {
        writeln!(io::stdout(), "{records} records of {} in {}", owner.account, to.display())?;
    }
    Ok(())
}

/// Where records go: stdout, or a file that gets its name when all of them are in it.
struct Output {
    writer: BufWriter<Box<dyn Write + Send>>,
    file: Option<tempfile::TempPath>,
    failed: Option<io::Error>,
}

impl Output {
    fn new(to: Option<&Path>) -> io::Result<Self> {
        let Some(to) = to else {
            let writer = BufWriter::new(Box::new(io::stdout()) as Box<dyn Write + Send>);
            return Ok(Self { writer, file: None, failed: None });
        };
        if to.exists() {
            let reason = format!("{} exists already: choose another name", to.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        // Only its owner may read it.
        let (file, path): (File, _) = tempfile::NamedTempFile::new_in(parent_of(to))?.into_parts();
        let writer = BufWriter::new(Box::new(file) as Box<dyn Write + Send>);
        Ok(Self { writer, file: Some(path), failed: None })
    }

    fn take(&mut self, record: &str) -> bool {
        self.failed = writeln!(self.writer, "{record}").err();
        self.failed.is_none()
    }

    fn finish(&mut self, to: Option<&Path>) -> Result<(), Box<dyn Error>> {
        self.writer.flush()?;
        if let (Some(file), Some(to)) = (self.file.take(), to) {
            file.persist_noclobber(to)?;
        }
        Ok(())
    }
}
