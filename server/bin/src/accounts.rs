//! `accounts`: gives or erases everything that is stored of one account, through the server that
//! runs on the data folder, else directly. The engine comes in as a function.

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
    config::parent_of,
};

/// Opens the store of a stopped server.
type Open = fn(&Path) -> Result<Box<dyn Engine>, store::Error>;

/// Does the command. The store's file is `file_name`.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(
    command: AccountsCommand,
    file_name: &str,
    open: Open,
) -> Result<(), Box<dyn Error>> {
    match command {
        AccountsCommand::Export { of, to } => {
            let (owner, data) = owner_of(&of)?;
            export(&owner, &data, to, file_name, open).await
        }
        AccountsCommand::Erase { of, yes } => {
            let (owner, data) = owner_of(&of)?;
            if !yes {
                confirm(&owner)?;
            }
            let erased = match admin::request_erasure(&data, &owner).await? {
                Some(erased) => erased,
                None => erase_stopped(&owner, &*stopped(&data, file_name, open)?).await?,
            };
            print_erased(&owner, &erased)
        }
    }
}

fn owner_of(of: &AccountArguments) -> Result<(Owner, PathBuf), Box<dyn Error>> {
    let (app, data) = of.keys.load_with_folder()?;
    let account = app.accounts.account(of.account.as_str())?;
    Ok((Owner { app: app.key, account }, data))
}

/// A folder without a store is an error: opening it would create an empty one.
fn stopped(data: &Path, file_name: &str, open: Open) -> Result<Box<dyn Engine>, Box<dyn Error>> {
    if !data.join(file_name).exists() {
        let what = format!("there is no store in {}", data.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, what).into());
    }
    Ok(open(data)?)
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

async fn erase_stopped(owner: &Owner, engine: &dyn Engine) -> Result<Erased, store::Error> {
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
    data: &Path,
    to: Option<PathBuf>,
    file_name: &str,
    open: Open,
) -> Result<(), Box<dyn Error>> {
    let output = Arc::new(Mutex::new(Output::new(to.as_deref())?));
    let records = Arc::clone(&output);
    let mut take =
        move |record: String| records.lock().unwrap_or_else(PoisonError::into_inner).take(&record);
    let exported = match admin::request_export(data, owner, &mut take).await {
        Ok(Some(records)) => Ok(records),
        Ok(None) => {
            let engine = stopped(data, file_name, open)?;
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
