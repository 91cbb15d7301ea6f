//! `--compare`: asks both ends for each account's list and prints the differences, never a text.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use huihua_core::{Account, AccountForm, client::Backoff};

use super::{
    context::ImportContext,
    error::Error,
    events,
    nim_api::NimError,
    session_rows::{ListedLast, NeedLast, SessionRows},
    workers::each,
};
/// How often both ends are asked for a list that differs: a message may arrive between the two.
const LOOKS_MAX: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most differences that are printed; the others are counted.
const SHOWN_MAX: usize = 1_000;

/// The result of a comparison.
#[derive(Debug, Default)]
pub(super) struct ComparisonResult {
    accounts: u64,
    sessions: u64,
    bare: u64,
    differences: u64,
    shown: BTreeSet<String>,
}

impl ComparisonResult {
    /// Prints the result; returns whether both ends are equal.
    pub(super) fn print(&self) -> io::Result<bool> {
        let mut out = io::stdout().lock();
        for line in &self.shown {
            writeln!(out, "{line}")?;
        }
        if self.differences > self.shown.len() as u64 {
            writeln!(out, "and {} more", self.differences - self.shown.len() as u64)?;
        }
        let Self { accounts, sessions, bare, differences, .. } = self;
        write!(out, "{differences} differences in {sessions} sessions of {accounts} accounts")?;
        if *bare > 0 {
            write!(out, "; {bare} teams that an account has left show a bare notice here")?;
        }
        writeln!(out)?;
        Ok(*differences == 0)
    }
}

/// The differences of one account's lists.
#[derive(Debug, Default)]
struct AccountComparison {
    sessions: u64,
    bare: u64,
    differences: Vec<String>,
}

/// Returns `count` of the accounts, chosen at random.
pub(super) fn sample(mut accounts: Vec<Account>, count: usize) -> Vec<Account> {
    let count = count.min(accounts.len());
    for at in 0..count {
        let left = accounts.len() - at;
        accounts.swap(at, at + Backoff::random() as usize % left);
    }
    accounts.truncate(count);
    accounts
}

/// Compares the lists of the accounts.
pub(super) async fn run(
    context: &Arc<ImportContext>,
    accounts: Vec<Account>,
) -> Result<ComparisonResult, Error> {
    let result = Arc::new(Mutex::new(ComparisonResult::default()));
    let all = Arc::clone(&result);
    each(context, "lists compared", accounts, move |context, account: Account| {
        let all = Arc::clone(&all);
        async move {
            match compare(&context, &account).await {
                Ok(found) => add(&all, &account, found),
                Err(error) => context.fail(&account, "list of an account", error)?,
            }
            Ok(())
        }
    })
    .await?;
    Ok(std::mem::take(&mut *result.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn add(all: &Mutex<ComparisonResult>, account: &Account, found: AccountComparison) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.accounts += 1;
    all.sessions += found.sessions;
    all.bare += found.bare;
    all.differences += found.differences.len() as u64;
    for line in found.differences {
        if all.shown.len() < SHOWN_MAX {
            all.shown.insert(format!("{account} {line}"));
        }
    }
}

async fn compare(
    context: &ImportContext,
    account: &Account,
) -> Result<AccountComparison, NimError> {
    let mut look = 1;
    loop {
        let nim = SessionRows::read(&context.nim, account, NeedLast::Yes).await?;
        let here = SessionRows::read(&context.ours, account, NeedLast::Yes).await?;
        let found = differences(nim, &here, context.nim.ids);
        if found.differences.is_empty() || look == LOOKS_MAX {
            return Ok(found);
        }
        look += 1;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn differences(nim: SessionRows, here: &SessionRows, ids: AccountForm) -> AccountComparison {
    let mut found =
        AccountComparison { sessions: nim.rows.len() as u64, ..AccountComparison::default() };
    let not_at_nim = here.rows.keys().filter(|id| !nim.rows.contains_key(id));
    found.differences.extend(not_at_nim.map(|id| format!("{id}: is not at NIM")));
    for row in nim.rows.into_values() {
        let row = events::fitted(row, ids);
        let Some(shown) = here.rows.get(&row.id) else {
            found.differences.push(format!("{}: is missing here", row.id));
            continue;
        };
        let is_bare = row != *shown && events::is_bare_notice(shown);
        found.bare += u64::from(is_bare);
        let lasts = (&row.last, &shown.last);
        let mut fields = Vec::new();
        // Here it is the time when the ext was set.
        if row.update_time != shown.update_time && lasts != (&None, &None) {
            fields.push("updateTime");
        }
        if row.ext != shown.ext {
            fields.push("ext");
        }
        if !is_bare {
            fields.extend(differing_fields(lasts));
        }
        found.differences.extend(fields.iter().map(|field| format!("{}: {field} differs", row.id)));
    }
    found
}

/// Returns the names of what differs between two last messages.
fn differing_fields(lasts: (&Option<ListedLast>, &Option<ListedLast>)) -> Vec<&'static str> {
    let fields = match lasts {
        (None, None) => Vec::new(),
        (Some(ListedLast::Message(a)), Some(ListedLast::Message(b))) => vec![
            ("msgIdServer", a.server_id == b.server_id),
            ("msgIdClient", a.client_id == b.client_id),
            ("from", a.from == b.from),
            ("fromClientType", a.from_client_type == b.from_client_type),
            ("time", a.time == b.time),
            ("type", a.kind == b.kind),
            ("body", a.body == b.body),
            ("attach", a.attach == b.attach),
            ("the message's ext", a.ext == b.ext),
        ],
        (Some(ListedLast::Recall(a)), Some(ListedLast::Recall(b))) => vec![
            ("deleteMsgIdServer", a.server_id == b.server_id),
            ("deleteMsgIdClient", a.client_id == b.client_id),
            ("deleteMsgCreateTime", a.message_time == b.message_time),
            ("from", a.from == b.from),
            ("time", a.time == b.time),
        ],
        _ => vec![("lastMsgType", false)],
    };
    fields.into_iter().filter(|(_, equal)| !equal).map(|(name, _)| name).collect()
}
