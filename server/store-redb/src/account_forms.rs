//! The form of account ids of each app: remembered among the store's own numbers, and for a store
//! from before a look at every id of the app.

use std::collections::BTreeSet;

use huihua_core::{AccountForm, AppKey, SessionKind};
use huihua_store::{
    AccountFormRefusal, CAPITALS_COUNTED_MAX, CapitalAccounts, check_account_form, form_number,
    form_of,
};

use crate::{failure::StoreFailure, lookup, read::Snapshot, row, tables, transaction::Tx};

/// Checks whether every app may have its form.
pub(crate) fn check(
    snapshot: &Snapshot<'_>,
    forms: &[(AppKey, AccountForm)],
) -> Result<Result<(), AccountFormRefusal>, StoreFailure> {
    let meta = snapshot.tx.open_table(tables::META)?;
    for (app, configured) in forms {
        let name = tables::account_form_name(app);
        let remembered = match lookup::numbers(&meta, &name)? {
            None => None,
            Some(numbers) => {
                let form = numbers.first().and_then(|number| form_of(*number));
                Some(form.ok_or_else(|| row::damaged("form of account ids", &name))?)
            }
        };
        let capitals = || find_capitals(snapshot, app);
        if let Err(refusal) = check_account_form(app, *configured, remembered, capitals)? {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

/// Puts the forms that are not there yet.
pub(crate) fn put(tx: &mut Tx<'_>, forms: &[(AppKey, AccountForm)]) -> Result<(), StoreFailure> {
    for (app, form) in forms {
        let name = tables::account_form_name(app);
        if tx.numbers(&name)?.is_none() {
            tx.put_numbers(&name, [form_number(*form)])?;
        }
    }
    Ok(())
}

/// Finds the account ids of the app with an ASCII capital. Members have sessions and tokens have
/// accounts, so those tables hold no others. A damaged row is left to its next reader: it must not
/// keep the others from being served.
fn find_capitals(
    snapshot: &Snapshot<'_>,
    app: &AppKey,
) -> Result<Option<CapitalAccounts>, StoreFailure> {
    let mut found = BTreeSet::new();
    let mut note = |id: &str| {
        if id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            found.extend(tables::stored_account(id.as_bytes()));
        }
        found.len() < CAPITALS_COUNTED_MAX
    };
    each_row(snapshot, tables::SESSIONS, app, |key, _| match tables::session_of(key) {
        Some((owner, SessionKind::P2p, peer)) => note(owner.account.as_str()) && note(peer),
        Some((owner, SessionKind::Team | SessionKind::SuperTeam, _)) => {
            note(owner.account.as_str())
        }
        None => true,
    })?;
    let prefix = tables::app_prefix(app);
    each_row(snapshot, tables::ACCOUNTS, app, |key, _| {
        tables::account_after(&prefix, key).is_none_or(|account| note(account.as_str()))
    })?;
    each_row(snapshot, tables::TEAMS, app, |key, value| {
        let owner = row::decode_team(key, value).ok().and_then(|entry| entry.owner);
        owner.is_none_or(|owner| note(owner.as_str()))
    })?;
    let count = found.len();
    Ok(found.pop_first().map(|example| CapitalAccounts { count, example }))
}

/// Calls `each` with key and value of every row of the app, until it says no.
fn each_row(
    snapshot: &Snapshot<'_>,
    table: tables::Definition,
    app: &AppKey,
    mut each: impl FnMut(&[u8], &[u8]) -> bool,
) -> Result<(), StoreFailure> {
    let prefix = tables::app_prefix(app);
    for item in snapshot.tx.open_table(table)?.range::<&[u8]>(prefix.as_slice()..)? {
        let (key, value) = item?;
        if !key.value().starts_with(&prefix) || !each(key.value(), value.value()) {
            break;
        }
    }
    Ok(())
}
