//! `import-nim`: moves a running NIM app in. It reads NIM's server API and writes to the running
//! Huihua server. Three steps, so that nothing wrong shows in between: memberships, then last
//! messages and exts, then deletions. Repeating one does no harm; copies may stream in meanwhile.

mod compare;
mod context;
mod deletes;
mod error;
mod events;
mod input;
mod json;
mod lists;
mod memberships;
mod nim_api;
mod rate;
mod session_rows;
mod state;
mod steps;
mod summary;
mod target;
mod teams;
mod workers;

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use huihua_core::Account;
use huihua_http::app::App;

use self::{
    context::ImportContext,
    error::Error,
    input::TeamLine,
    nim_api::{ATTEMPTS_MAX, NimApi, NimServer},
    state::{ImportState, StateHeader},
    steps::Steps,
    target::Target,
};
use crate::args::ImportNimArguments;

/// Longest attempt at a call of the Huihua server, which may be busy with fsync.
const OWN_ATTEMPT: Duration = Duration::from_secs(60);

/// Imports, or compares, and prints the result.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: ImportNimArguments) -> Result<(), Box<dyn std::error::Error>> {
    let app = arguments.keys.load()?;
    let form = app.accounts;
    let accounts = arguments.accounts.as_deref().map(|file| input::accounts(file, form));
    let accounts = accounts.transpose()?.unwrap_or_default();
    let teams = arguments.team_ids.as_deref().map(input::teams).transpose()?.unwrap_or_default();
    let context = Arc::new(open(&arguments, &app)?);
    if arguments.compare {
        return compare(&context, accounts, arguments.sample).await;
    }
    {
        let done = context.state.done();
        context.summary().done_before = [done.listed.len(), done.teams.len()];
    }
    let ended = tokio::select! {
        ended = import(&context, &accounts, teams) => ended,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
    };
    context.steps.end();
    let mut summary = context.summary();
    summary.too_frequent = context.nim.too_frequent();
    if !matches!(ended, Err(Error::Signature { .. })) {
        writeln!(io::stdout(), "{summary}")?;
    }
    ended?;
    if summary.failed.is_empty() {
        return Ok(());
    }
    Err("some accounts or teams are not imported. Start again: with --state only they are".into())
}

fn open(arguments: &ImportNimArguments, app: &App) -> Result<ImportContext, Error> {
    let (from, server) = (arguments.from.as_str(), arguments.server.as_str());
    let nim = NimServer {
        whose: "NIM",
        option: "from",
        url: from,
        attempt: arguments.call_timeout,
        attempts_max: ATTEMPTS_MAX,
        retry_for: Duration::MAX,
        calls_per_second: Some(arguments.calls_per_second),
    };
    let ours = NimServer {
        whose: "the Huihua server",
        option: "server",
        url: server,
        attempt: OWN_ATTEMPT,
        attempts_max: u32::MAX,
        retry_for: arguments.retry_for,
        calls_per_second: None,
    };
    let steps = Arc::new(Steps::default());
    let api = |server| NimApi::new(server, app, Arc::clone(&steps));
    let (retry_for, dry_run) = (arguments.retry_for, arguments.dry_run);
    let target = Target::new(server, app.clone(), retry_for, Arc::clone(&steps), dry_run)?;
    let servers = [api(&nim)?, api(&ours)?];
    let header = StateHeader::new(app.key.as_str(), from, server);
    let state = match &arguments.state {
        None => ImportState::in_memory(),
        Some(path) if arguments.dry_run => ImportState::peek(path, &header)?,
        Some(path) => ImportState::open(path, &header)?,
    };
    Ok(ImportContext::new(servers, target, state, steps))
}

async fn import(
    context: &Arc<ImportContext>,
    accounts: &[Account],
    teams: Vec<TeamLine>,
) -> Result<(), Error> {
    memberships::import(context, accounts, teams).await?;
    lists::import(context, accounts).await?;
    deletes::import(context, accounts).await
}

async fn compare(
    context: &Arc<ImportContext>,
    accounts: Vec<Account>,
    sample: Option<usize>,
) -> Result<(), Box<dyn std::error::Error>> {
    let accounts = match sample {
        Some(count) => compare::sample(accounts, count),
        None => accounts,
    };
    let result = tokio::select! {
        result = compare::run(context, accounts) => result?,
        _ = tokio::signal::ctrl_c() => return Err(Error::Interrupted.into()),
    };
    let equal = result.print()?;
    let summary = context.summary();
    if !summary.failed.is_empty() {
        return Err(format!("accounts were not compared:{}", summary.failed).into());
    }
    if equal { Ok(()) } else { Err("the lists differ".into()) }
}
