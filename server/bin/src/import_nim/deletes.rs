//! The third step: what this server shows and NIM does not list is deleted from the account's
//! list. It stands here by somebody else's data: the other end's message, a team's last one.
//!
//! Copies stream in meanwhile. This server is asked before NIM, so NIM knew every message that
//! stands here when it answered; a session whose last message is so new that NIM's list may lag
//! behind is asked for again later; and right before a deletion this server is asked once more.
//! What remains are the milliseconds between that answer and the deletion: a message that comes in
//! then, in a session that the account has deleted at NIM, is hidden until the next one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use huihua_core::{Account, DELETE_IDS_MAX, SessionId};
use huihua_http::clock;

use super::{
    context::ImportContext,
    error::Error,
    lists::sum_of_ids,
    session_rows::{NeedLast, SessionRows},
    state::Record,
    workers::each,
};

/// How far NIM's list may lag behind its copies, and its clock behind ours.
const LAG: Duration = Duration::from_secs(5);
/// How often sessions are asked for that are too new, or move.
const ROUNDS_MAX: u32 = 3;

/// Whether an account's list needs another look.
#[derive(PartialEq)]
enum Outcome {
    Done,
    Again,
}

/// Deletes from the lists of the accounts whose lists were written.
pub(super) async fn import(
    context: &Arc<ImportContext>,
    accounts: &[Account],
) -> Result<(), Error> {
    let mut pending: Vec<Account> = {
        let done = context.state.done();
        let listed = accounts.iter().filter(|account| done.listed.contains_key(account));
        listed.filter(|account| !done.pruned.contains(account)).cloned().collect()
    };
    for round in 0..ROUNDS_MAX {
        if round > 0 && !pending.is_empty() {
            tokio::time::sleep(LAG).await;
        }
        let again = Arc::new(Mutex::new(Vec::new()));
        let later = Arc::clone(&again);
        each(context, "lists checked", pending, move |context, account: Account| {
            let later = Arc::clone(&later);
            async move {
                if prune(&context, &account).await? == Outcome::Again {
                    later.lock().unwrap_or_else(PoisonError::into_inner).push(account);
                }
                Ok(())
            }
        })
        .await?;
        pending = std::mem::take(&mut again.lock().unwrap_or_else(PoisonError::into_inner));
        if context.target.is_dry_run() {
            break;
        }
    }
    for account in pending {
        let reason = "sessions that NIM does not list have new messages here: they are left, of";
        context.summary().not_carried.add(reason, account);
    }
    Ok(())
}

async fn prune(context: &ImportContext, account: &Account) -> Result<Outcome, Error> {
    let here = match SessionRows::read(&context.ours, account, NeedLast::Yes).await {
        Ok(list) => list,
        Err(error) => {
            context.fail(account, "list of an account at this server", error)?;
            return Ok(Outcome::Done);
        }
    };
    let listed = context.state.done().listed.get(account).copied();
    if listed == Some(sum_of_ids(here.rows.keys())) {
        return done(context, account);
    }
    let asked = clock::now_ms();
    let nim = match SessionRows::read(&context.nim, account, NeedLast::No).await {
        Ok(list) => list,
        Err(error) => {
            context.fail(account, "list of an account", error)?;
            return Ok(Outcome::Done);
        }
    };
    let lag_ms = u64::try_from(LAG.as_millis()).unwrap_or(u64::MAX);
    let (mut extra, mut outcome) = (Vec::new(), Outcome::Done);
    for row in here.rows.values().filter(|row| !nim.rows.contains_key(&row.id)) {
        if row.last.is_none() {
            let reason = "sessions by ext alone that NIM does not list: they are left, in";
            context.summary().not_carried.add(reason, format!("{account} {}", row.id));
        } else if row.update_time.saturating_add(lag_ms) < asked {
            extra.push((row.id.clone(), row.update_time));
        } else {
            outcome = Outcome::Again;
        }
    }
    for part in extra.chunks(DELETE_IDS_MAX) {
        let deleted = delete_unmoved(context, account, part).await?;
        if deleted < part.len() {
            outcome = Outcome::Again;
        }
    }
    if outcome == Outcome::Again { Ok(outcome) } else { done(context, account) }
}

/// Deletes the sessions whose time is still this one. Returns how many.
async fn delete_unmoved(
    context: &ImportContext,
    account: &Account,
    extra: &[(SessionId, u64)],
) -> Result<usize, Error> {
    let now = match SessionRows::read(&context.ours, account, NeedLast::No).await {
        Ok(list) => list,
        Err(error) => {
            context.fail(account, "list of an account at this server", error)?;
            return Ok(0);
        }
    };
    let unmoved = |(id, time): &&(SessionId, u64)| {
        now.rows.get(id).is_some_and(|row| row.update_time == *time)
    };
    let ids: Vec<SessionId> = extra.iter().filter(unmoved).map(|(id, _)| id.clone()).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    match context.target.delete(account, &ids).await? {
        Ok(()) => {
            context.summary().deleted += ids.len() as u64;
            Ok(ids.len())
        }
        Err(refused) => {
            let reason = format!("the server refused a deletion: {refused}");
            context.summary().failed.add(reason, account);
            Ok(0)
        }
    }
}

fn done(context: &ImportContext, account: &Account) -> Result<Outcome, Error> {
    context.state.add(Record::Pruned(account.clone()))?;
    Ok(Outcome::Done)
}
