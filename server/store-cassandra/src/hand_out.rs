//! Versions: handed out when a list is read, to the sessions of which something else is seen than
//! when they were versioned last, all in one compare-and-set a hundred.
//!
//! Why this loses nothing: the partition is read before its teams, at quorum, so that what was
//! acknowledged is in it; each hand-out holds only if no other came between; and a reader that lost
//! reads all again. So nobody is given an older view under a newer version.

use std::time::Duration;

use huihua_event::Owner;
use huihua_store::Error;

use crate::{
    failure::unavailable,
    locks::{AccountLock, AccountLocks},
    run::{Conditional, Outcome, blob, number, text},
    scan::{Scanned, Scanner, Seen},
    tidy::tidy,
};

/// Rows of one batch, and their bytes: Cassandra refuses one of more than 50 KiB by default.
const BATCH_ROWS_MAX: usize = 100;
const BATCH_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a row in a batch beside its names.
const ROW_BYTES: usize = 160;
/// How often a reader loses before it gives up: each loss is another's success.
const TRIES_MAX: u32 = 100;

/// A list in which everything that is seen has its version.
pub(crate) struct VersionedList {
    pub(crate) scanned: Scanned,
    /// In the order of the sessions.
    pub(crate) seen: Vec<Seen>,
}

impl VersionedList {
    /// The id of the session at this place.
    pub(crate) fn sid(&self, at: usize) -> &str {
        self.scanned.sessions.get(at).map_or("", |one| &one.sid)
    }

    /// The version of what is seen of a session.
    pub(crate) fn version(&self, seen: &Seen) -> u64 {
        self.scanned.sessions.get(seen.at).map_or(0, |one| one.meta.version)
    }
}

/// The condition of a batch: the account's last version is still this one.
pub(crate) fn next_version<'s>(
    scanner: &'s Scanner,
    uid: &str,
    from: u64,
    to: u64,
) -> Conditional<'s> {
    let mut batch = Conditional::default();
    // An account without a version has no such cell.
    let before = if from == 0 { None } else { number(from) };
    batch.push(&scanner.cql.statements.next_version, vec![number(to), text(uid), before]);
    batch
}

/// A pause before the next try that grows and differs between those who compete.
pub(crate) async fn pause(tries: u32) {
    let mut random = [0; 1];
    // Without randomness all wait the longest: slow, not wrong.
    if getrandom::fill(&mut random).is_err() {
        random = [255];
    }
    let longest = 4 + 4 * u64::from(tries.min(10));
    tokio::time::sleep(Duration::from_millis(1 + u64::from(random[0]) * longest / 255)).await;
}

/// The error of one who lost too often.
pub(crate) fn contended() -> Error {
    unavailable("too many write to this account at one time")
}

/// Reads the list of an account and gives everything in it its version. `least`: the version that
/// the caller knows of. `held` is the account's lock, if the caller has it or it was taken here.
pub(crate) async fn versioned(
    scanner: &Scanner,
    locks: &AccountLocks,
    owner: &Owner,
    least: u64,
    held: &mut Option<AccountLock>,
) -> Result<VersionedList, Error> {
    let mut serial = false;
    for tries in 0..TRIES_MAX {
        // Who holds the lock is alone here.
        let scanned = if held.is_none() {
            scanner.shared_scan(owner, least).await?
        } else {
            scanner.scan(owner, serial, least).await?
        };
        let seen = scanned.seen()?;
        let mut list = VersionedList { scanned, seen };
        if changed(&list).is_empty() {
            return Ok(list);
        }
        // One at a time in this process. Who waited reads again: perhaps all is done.
        if held.is_none() {
            let lock = locks.lock(owner).await;
            let waited = lock.waited;
            *held = Some(lock);
            if waited {
                continue;
            }
        }
        match hand_out(scanner, owner, &mut list).await {
            Outcome::Applied => return Ok(list),
            Outcome::Lost => serial = false,
            Outcome::Unknown => serial = true,
        }
        pause(tries).await;
    }
    Err(contended())
}

/// Takes into the list what was read later of some of its sessions, and gives it its versions; the
/// list is then that of its new version. False: somebody else did so in between, read all again.
///
/// Sessions that were not read again are older than these. What came of them in between has no
/// version yet, so the next sync brings it: a list is what its versions say, not a moment.
pub(crate) async fn renew(
    scanner: &Scanner,
    owner: &Owner,
    list: &mut VersionedList,
    later: Scanned,
) -> Result<bool, Error> {
    for (sid, mut head) in later.heads {
        head.latest.body = None;
        list.scanned.heads.insert(sid, head);
    }
    for mut cells in later.sessions {
        // In the order of a scan, which is that of the ids' bytes.
        let at = list.scanned.sessions.binary_search_by(|one| one.sid.cmp(&cells.sid));
        let Ok(at) = at else { return Ok(false) };
        if list.scanned.sessions[at].meta != cells.meta {
            return Ok(false);
        }
        (cells.latest.body, cells.ext) = (None, None);
        list.scanned.sessions[at] = cells;
        list.seen[at] = list.scanned.seen_at(at)?;
    }
    Ok(hand_out(scanner, owner, list).await == Outcome::Applied)
}

/// The places in `seen` of which something else is seen than when they were versioned last.
fn changed(list: &VersionedList) -> Vec<usize> {
    let has_changed = |seen: &Seen| {
        let meta = list.scanned.sessions.get(seen.at).map(|one| &one.meta);
        meta.is_some_and(|meta| meta.fingerprint != seen.fingerprint)
    };
    (0..list.seen.len()).filter(|at| has_changed(&list.seen[*at])).collect()
}

/// Hands versions out, oldest first: a client that pages by sync sees them in the list's order.
async fn hand_out(scanner: &Scanner, owner: &Owner, list: &mut VersionedList) -> Outcome {
    let uid = scanner.names.uid_of(owner);
    let mut changed = changed(list);
    changed.sort_by_key(|at| list.seen[*at].update_time);
    let mut left = changed.as_slice();
    while !left.is_empty() {
        let count = batch_rows(list, left);
        let (now, later) = left.split_at(count);
        let from = list.scanned.version;
        let to = from + now.len() as u64;
        let mut batch = next_version(scanner, &uid, from, to);
        for (version, at) in (from + 1..).zip(now) {
            let seen = &list.seen[*at];
            let cells = &mut list.scanned.sessions[seen.at];
            (cells.meta.version, cells.meta.fingerprint) = (version, seen.fingerprint);
            let values = vec![blob(cells.meta.to_bytes()), text(&uid), text(&cells.sid)];
            batch.push(&scanner.cql.statements.put_meta, values);
        }
        match scanner.cql.set_all_if(batch).await {
            Outcome::Applied => list.scanned.version = to,
            other => return other,
        }
        left = later;
    }
    tidy(scanner, owner, &list.scanned, &changed).await;
    Outcome::Applied
}

/// How many of the next rows fit into one batch.
fn batch_rows(list: &VersionedList, left: &[usize]) -> usize {
    let mut bytes = 0;
    let fits = |at: &&usize| {
        let sid = list.scanned.sessions.get(list.seen[**at].at).map_or(0, |one| one.sid.len());
        bytes += ROW_BYTES + 2 * sid;
        bytes <= BATCH_BYTES_MAX
    };
    left.iter().take(BATCH_ROWS_MAX).take_while(fits).count().max(1)
}
