//! Reading everything item by item, and taking the items of another store.

use huihua_core::AppKey;
use huihua_store::{Error, ItemBatch, StoredHead, StoredItem, StoredSession, form_of};
use redb::ReadableTableMetadata as _;

use crate::{
    account_forms,
    failure::StoreFailure,
    lookup::{self, BytesTable},
    read::Snapshot,
    registers, row, tables,
    transaction::Tx,
};

/// What stands before the app in the name of a form of account ids.
const FORM_PREFIX: &[u8] = b"accounts of ";

/// The tables in the order in which they are read: what lists are made of comes last.
const SECTIONS: [tables::Definition; 4] =
    [tables::HEADS, tables::TEAMS, tables::ACCOUNTS, tables::SESSIONS];

/// Where a batch begins: items before it, section, key. Section 0 is the store's own numbers.
#[derive(Debug, Clone, Default)]
struct Position {
    done: u64,
    section: usize,
    after: Vec<u8>,
}

impl Position {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (done, section, key) = (parts.next()?, parts.next()?, parts.next()?);
        let pairs = key.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let after = pairs.map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Self { done: done.parse().ok()?, section: section.parse().ok()?, after })
    }

    fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("{}:{}:", self.done, self.section);
        for byte in &self.after {
            // Writing into a text cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Reads a batch.
pub(crate) fn batch(
    snapshot: &Snapshot<'_>,
    after: Option<&str>,
    count: usize,
) -> Result<ItemBatch, StoreFailure> {
    let at = after.map(|text| {
        Position::of(text).ok_or_else(|| {
            StoreFailure::Refused(Error::Unavailable {
                reason: "a copy cannot go on there: it is no position of this store".to_owned(),
            })
        })
    });
    let mut at = at.transpose()?.unwrap_or_default();
    let (mut items, own) = (Vec::new(), numbers(snapshot)?);
    let mut all = own.len() as u64;
    if at.section == 0 {
        at = Position { done: all, section: 1, after: Vec::new() };
        items = own;
    }
    for (section, table) in (1..).zip(SECTIONS) {
        let table = snapshot.tx.open_table(table)?;
        all += table.len()?;
        while at.section == section && items.len() < count {
            let mut from = at.after.clone();
            if !from.is_empty() {
                // The least key that is greater.
                from.push(0);
            }
            let before = items.len();
            for row in table.range::<&[u8]>(from.as_slice()..)?.take(count - items.len()) {
                let (key, value) = row?;
                items.push(item(section, key.value(), value.value())?);
                at.after = key.value().to_vec();
            }
            at.done += (items.len() - before) as u64;
            if items.len() < count {
                at = Position { done: at.done, section: section + 1, after: Vec::new() };
            }
        }
    }
    let next = (at.section <= SECTIONS.len()).then(|| at.text());
    Ok(ItemBatch { items, next, done: at.done, all: all.max(at.done) })
}

fn item(section: usize, key: &[u8], value: &[u8]) -> Result<StoredItem, StoreFailure> {
    let damaged = || row::damaged("key", key);
    let team = || {
        let app = key.split(|byte| *byte == 0).next()?;
        let app = AppKey::new(std::str::from_utf8(app).ok()?).ok()?;
        let team = tables::team_of_key(&app, key)?;
        Some((app, team))
    };
    Ok(match section {
        1 => {
            let (app, team) = team().ok_or_else(damaged)?;
            StoredItem::Head(StoredHead::of(app, team, &row::decode_head(key, value)?))
        }
        2 => {
            let (app, team) = team().ok_or_else(damaged)?;
            StoredItem::Team(app, team, row::decode_team(key, value)?)
        }
        3 => {
            let owner = tables::account_of_key(key).ok_or_else(damaged)?;
            StoredItem::Account(owner, row::decode_account(key, value)?)
        }
        _ => {
            let (owner, kind, peer) = tables::session_of(key).ok_or_else(damaged)?;
            let id = lookup::session_id(kind, peer)?;
            let session = StoredSession::of(owner, id, &row::decode_row(key, value)?);
            StoredItem::Session(session.ok_or_else(damaged)?)
        }
    })
}

/// The store's own numbers: forms of account ids, and the last ids.
fn numbers(snapshot: &Snapshot<'_>) -> Result<Vec<StoredItem>, StoreFailure> {
    let meta = snapshot.tx.open_table(tables::META)?;
    let last = |name| {
        let numbers = lookup::numbers(&meta, name)?;
        Ok::<_, StoreFailure>(numbers.and_then(|n| n.first().copied()).unwrap_or(0))
    };
    let (message, team) = (last(tables::META_MESSAGE_ID)?, last(tables::META_TEAM_ID)?);
    let mut items = vec![StoredItem::LastIds { message, team }];
    each_form(&meta, |item| items.push(item))?;
    Ok(items)
}

fn each_form(meta: &impl BytesTable, mut each: impl FnMut(StoredItem)) -> Result<(), StoreFailure> {
    for item in meta.range::<&[u8]>(FORM_PREFIX..)? {
        let (name, value) = item?;
        let Some(app) = name.value().strip_prefix(FORM_PREFIX) else { break };
        let app = std::str::from_utf8(app).ok().and_then(|app| AppKey::new(app).ok());
        let numbers = row::decode_numbers(name.value(), value.value())?;
        let form = numbers.first().and_then(|number| form_of(*number));
        let (Some(app), Some(form)) = (app, form) else {
            return Err(row::damaged("form of account ids", name.value()));
        };
        each(StoredItem::AccountForm(app, form));
    }
    Ok(())
}

/// Takes one item of another store.
pub(crate) fn put(tx: &mut Tx<'_>, item: &StoredItem) -> Result<(), StoreFailure> {
    match item {
        StoredItem::AccountForm(app, form) => account_forms::put(tx, &[(app.clone(), *form)]),
        StoredItem::LastIds { message, team } => {
            let given = [(tables::META_MESSAGE_ID, *message), (tables::META_TEAM_ID, *team)];
            for (name, last) in given {
                let here = tx.numbers(name)?.and_then(|ids| ids.first().copied()).unwrap_or(0);
                if last > here {
                    tx.put_numbers(name, [last])?;
                }
            }
            Ok(())
        }
        StoredItem::Account(owner, entry) => tx.put_account(&owner.app, &owner.account, entry),
        StoredItem::Team(app, team, entry) => tx.put_team(app, team, entry),
        StoredItem::Head(head) => {
            head.writes().into_iter().try_for_each(|w| registers::put(tx, &head.app, w).map(drop))
        }
        StoredItem::Session(session) => {
            for write in session.writes() {
                registers::put(tx, &session.owner.app, write)?;
            }
            registers::take_own_state(tx, session)
        }
    }
}

/// Counts the bytes that an item holds while it waits, at most about.
pub(crate) const ITEM_BYTES: usize = 20 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_and_nothing_else_is_taken_for_one() {
        let at = Position { done: 7, section: 4, after: vec![0, 255, 16] };
        assert_eq!(at.text(), "7:4:00ff10");
        assert_eq!(Position::of(&at.text()).unwrap().text(), at.text());
        for text in ["", "7", "7:4", "x:4:", "7:4:0g"] {
            assert!(Position::of(text).is_none(), "{text}");
        }
    }
}
