//! The second step: the last messages and exts of each account's list.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use huihua_core::{Account, SessionId, SessionKind};
use huihua_event::Team;
use huihua_http::events_json::EventStatus;
use serde_json::Value;

use super::{
    context::ImportContext,
    error::Error,
    events,
    memberships::teams_of,
    nim_api::NimError,
    session_rows::{ListedLast, ListedSession, NeedLast, SessionRows},
    state::Record,
    workers::each,
};
/// Writes the lists of the accounts whose teams are known.
pub(super) async fn import(
    context: &Arc<ImportContext>,
    accounts: &[Account],
) -> Result<(), Error> {
    let accounts: Vec<Account> = {
        let done = context.state.done();
        let wanted = accounts.iter().filter(|account| done.joined.contains_key(account));
        wanted.filter(|account| !done.listed.contains_key(account)).cloned().collect()
    };
    let heads = Arc::new(Mutex::default());
    each(context, "lists", accounts, move |context, account: Account| {
        let step = ListStep { context, heads: Arc::clone(&heads) };
        async move { step.import(&account).await }
    })
    .await
}

/// A sum over the ids of a list, in any order. A list with the same sum need not be compared.
pub(super) fn sum_of_ids<'a>(ids: impl Iterator<Item = &'a SessionId>) -> u64 {
    let hash = |id: &SessionId| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    };
    ids.map(hash).fold(0, u64::wrapping_add)
}

struct ListStep {
    context: Arc<ImportContext>,
    /// The last message that was sent of each team: the same one stands in every member's list.
    heads: Arc<Mutex<HashMap<SessionId, ListedLast>>>,
}

impl ListStep {
    async fn import(&self, account: &Account) -> Result<(), Error> {
        let context = &self.context;
        if context.lists_off.load(Ordering::Relaxed) {
            return Ok(());
        }
        let list = match SessionRows::read(&context.nim, account, NeedLast::Yes).await {
            Ok(list) => list,
            Err(NimError::FeatureOff) => {
                context.note_off(&context.lists_off, "the session lists");
                return Ok(());
            }
            Err(error) => return context.fail(account, "list of an account", error),
        };
        let left = match self.left_teams(account, &list).await {
            Ok(left) => left,
            Err(error) => return context.fail(account, "teams of an account", error),
        };
        {
            let not_carried = &mut context.summary().not_carried;
            if list.unreadable > 0 {
                not_carried.add("rows that name no session, in the list of", account);
            }
            if list.crowded > 0 {
                let reason = "over 100 sessions share one millisecond, NIM may not show all, of";
                not_carried.add(reason, account);
            }
        }
        let sum = sum_of_ids(list.rows.keys());
        let mut rows: Vec<ListedSession> =
            list.rows.into_values().map(|row| events::fitted(row, context.nim.ids)).collect();
        rows.sort_unstable_by(|a, b| (a.update_time, &a.id).cmp(&(b.update_time, &b.id)));
        let written = self.write_messages(account, &rows, &left).await?
            & self.write_exts(account, &rows, &left).await?;
        context.summary().accounts += 1;
        if written {
            context.state.add(Record::Listed { account: account.clone(), sessions: sum })?;
        }
        Ok(())
    }

    /// Returns the sessions of teams that the account is in no more. It may have joined one since
    /// its teams were asked for, so they are asked for again.
    async fn left_teams(
        &self,
        account: &Account,
        list: &SessionRows,
    ) -> Result<HashSet<SessionId>, NimError> {
        let context = &self.context;
        let is_off = |id: &SessionId| context.teams_off(id.kind()).load(Ordering::Relaxed);
        let mut left: HashSet<SessionId> =
            list.rows.keys().filter(|id| id.kind() != SessionKind::P2p).cloned().collect();
        {
            let done = context.state.done();
            let known = done.joined.get(account).into_iter().flatten().map(Team::session_id);
            let known: HashSet<SessionId> = known.collect();
            left.retain(|id| !known.contains(id));
        }
        if !left.is_empty() {
            for team in teams_of(context, account).await? {
                left.remove(&team.session_id());
            }
        }
        left.retain(|id| !is_off(id));
        Ok(left)
    }

    /// Sends the last messages. Returns whether the server took all of them.
    async fn write_messages(
        &self,
        account: &Account,
        rows: &[ListedSession],
        left: &HashSet<SessionId>,
    ) -> Result<bool, Error> {
        let context = &self.context;
        let (mut sent, mut rows_sent): (Vec<Value>, Vec<&ListedSession>) = Default::default();
        for row in rows {
            let Some(last) = &row.last else { continue };
            if left.contains(&row.id) {
                let reason = "teams that an account has left: a bare notice stands for the last \
                              message, at its time, in";
                context.summary().not_carried.add(reason, &row.id);
                sent.push(events::leave(account, row));
            } else if self.is_sent(&row.id, last) {
                continue;
            } else {
                match events::of_last(account, row, last) {
                    Ok(event) => sent.push(event),
                    Err(reason) => {
                        let id = format!("{account} {}", row.id);
                        context.summary().not_carried.add(reason, id);
                        continue;
                    }
                }
            }
            rows_sent.push(row);
        }
        let mut taken = true;
        for (result, row) in context.target.send(&sent).await?.into_iter().zip(rows_sent) {
            let status = context.count(result, format!("{account} {}", row.id));
            let mut summary = context.summary();
            match status {
                EventStatus::Applied => summary.messages += 1,
                EventStatus::Stale | EventStatus::Ignored => summary.known += 1,
                EventStatus::Rejected => taken = false,
            }
            drop(summary);
            if let (Some(last), false) = (&row.last, left.contains(&row.id)) {
                let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
                if row.id.kind() != SessionKind::P2p && status != EventStatus::Rejected {
                    heads.insert(row.id.clone(), last.clone());
                }
            }
        }
        Ok(taken)
    }

    fn is_sent(&self, id: &SessionId, last: &ListedLast) -> bool {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.get(id) == Some(last)
    }

    /// Makes the account's list show what NIM lists, and sets its exts. Returns whether the server
    /// took all of it.
    async fn write_exts(
        &self,
        account: &Account,
        rows: &[ListedSession],
        left: &HashSet<SessionId>,
    ) -> Result<bool, Error> {
        let context = &self.context;
        let Some(mut shown) = self.shown(account).await? else { return Ok(false) };
        let of_team =
            |row: &&ListedSession| row.id.kind() != SessionKind::P2p && row.last.is_some();
        let hidden = rows.iter().filter(of_team).filter(|row| !left.contains(&row.id));
        let joins: Vec<Value> = hidden
            .filter(|row| !shown.rows.contains_key(&row.id))
            // NIM shows it, so the account was in before this message, whatever its join says.
            .map(|row| {
                let accounts = std::slice::from_ref(account);
                events::join(row.id.kind(), row.id.peer(), accounts, row.update_time)
            })
            .collect();
        if !joins.is_empty() && !context.target.is_dry_run() {
            for result in context.target.send(&joins).await? {
                context.count(result, account);
            }
            let Some(again) = self.shown(account).await? else { return Ok(false) };
            shown = again;
        }
        let mut taken = true;
        for row in rows {
            let here = shown.rows.get(&row.id);
            if here.map_or("", |here| &here.ext) == row.ext
                && (here.is_some() || row.last.is_some())
            {
                continue;
            }
            if here.is_none() && row.last.is_some() && !context.target.is_dry_run() {
                let reason = "exts of sessions that this server does not show (deleted here?), in";
                context.summary().not_carried.add(reason, format!("{account} {}", row.id));
                continue;
            }
            if row.last.is_none() && here.is_none() {
                let reason = "sessions without a message: updateTime is the time of the import, in";
                context.summary().not_carried.add(reason, format!("{account} {}", row.id));
            }
            match context.target.set_ext(account, &row.id, &row.ext).await? {
                Ok(()) => context.summary().exts += 1,
                Err(refused) => {
                    let reason = format!("the server refused an ext: {refused}");
                    let id = format!("{account} {}", row.id);
                    let summary = &mut context.summary();
                    if refused.is_final() {
                        summary.not_carried.add(reason, id);
                    } else {
                        summary.failed.add(reason, id);
                        taken = false;
                    }
                }
            }
        }
        Ok(taken)
    }

    /// Returns the account's list at the server.
    async fn shown(&self, account: &Account) -> Result<Option<SessionRows>, Error> {
        match SessionRows::read(&self.context.ours, account, NeedLast::No).await {
            Ok(list) => Ok(Some(list)),
            Err(error) => {
                self.context.fail(account, "list of an account at this server", error)?;
                Ok(None)
            }
        }
    }
}
