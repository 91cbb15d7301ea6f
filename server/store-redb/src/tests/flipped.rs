//! One flipped bit anywhere in the file, not only in a row.

use huihua_core::{RecentSession, SessionChange};
use huihua_event::{Event, Place, Post, Team};
use huihua_store::{
    Engine as _, Error, Progress, Store as _, SyncFrom, SyncRequest,
    suite::support::{amy, attempt, block_on, random},
};
use redb::Database;

use super::medium::Medium;
use crate::{Memory, restore, store::RedbStore};

/// Bits tried: each costs an opening.
const BITS: usize = 1_500;
/// redb's header, every byte of which is tried.
const HEADER_BYTES: usize = 320;

/// A file whose trees have several levels.
async fn filled() -> Medium {
    let medium = Medium::new(Vec::new());
    let store = medium.open().unwrap();
    let message = |place, n: u64| {
        let last_msg = format!(r#"{{"9":"{}"}}"#, "x".repeat(200));
        let post = Post { time: n, message_id: n.to_string(), last_msg };
        Event::Message { place, post, updates_session: true, audience: Vec::new() }
    };
    let to = |n: u64| Place::P2p { from: format!("peer{n}").parse().unwrap(), to: amy().account };
    let events = (1..200).map(|n| message(to(n), n)).collect();
    store.ingest(&amy().app, events, 1_000).await.unwrap();
    for n in 1..40 {
        let team = Team::normal(n.to_string().parse().unwrap());
        let accounts = vec![amy().account];
        let join = Event::Join { team: team.clone(), accounts, inviter: None, time: 1 };
        let said = message(Place::Team(team), 300 + n);
        store.ingest(&amy().app, vec![join, said], 1_000).await.unwrap();
    }
    let id = |n: u64| format!("p2p|peer{n}").parse().unwrap();
    store.update(&amy(), &id(5), "mine".into(), &attempt(1_000)).await.unwrap();
    store.delete(&amy(), (20..60).map(id).collect(), &attempt(1_000)).await.unwrap();
    store.close().await;
    medium
}

async fn rows(store: &RedbStore) -> Result<Vec<RecentSession>, Error> {
    let option = SyncRequest { from: SyncFrom::Beginning, limit: 500, need_last_msg: true };
    let changes = store.sync_page(&amy(), &option).await?;
    Ok(changes
        .changes
        .into_iter()
        .filter_map(|change| match change {
            SessionChange::Session(row) => Some(row),
            SessionChange::Deleted(_) => None,
        })
        .collect())
}

#[derive(Debug, Default)]
struct Seen {
    right: usize,
    damaged: usize,
    unavailable: usize,
    /// Rows were missing: a key or a page of the tree was hit, which redb does not check as it
    /// reads.
    hidden: usize,
}

/// A backup reads every row, past the tree above them: it is whole, or it is refused.
fn is_backup_whole_or_refused(flipped: Vec<u8>, expected: &[RecentSession]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    block_on(async {
        let store = Medium::new(flipped).open().unwrap();
        let made = store.backup(&backup, Box::new(|_, _| {})).await;
        store.close().await;
        if made.is_err() {
            return true;
        }
        restore(&backup, &restored, &(Box::new(|_, _| {}) as Progress)).unwrap();
        let store = RedbStore::open(&restored, Memory::default()).unwrap();
        rows(&store).await.unwrap() == expected
    })
}

/// Whether the check of a running server's store, which walks and looks up every row, finds it.
fn is_refused_by_walk(flipped: Vec<u8>) -> bool {
    block_on(async {
        let store = Medium::new(flipped).open().unwrap();
        let verified = store.verify(Box::new(|_, _| {})).await;
        store.close().await;
        matches!(verified, Err(Error::Damaged { .. }))
    })
}

/// Whether redb's own check of the whole file finds the damage.
fn is_found(flipped: Vec<u8>) -> bool {
    let check = std::panic::catch_unwind(|| {
        let db = Database::builder().create_with_backend(Medium::new(flipped));
        db.map_err(redb::Error::from).and_then(|mut db| Ok(db.check_integrity()?))
    });
    !matches!(check, Ok(Ok(true)))
}

/// Every row that is shown is right. A row may be missing, when the tree above it was hit and not
/// the row; then the check of the whole file finds it.
#[test]
fn a_flipped_bit_anywhere_never_gives_a_wrong_row_and_what_it_hides_is_found_by_the_check() {
    let (bytes, expected) = block_on(async {
        let medium = filled().await;
        let bytes = medium.bytes();
        let store = medium.open().unwrap();
        (bytes, rows(&store).await.unwrap())
    });
    assert!(expected.len() > 150 && !is_found(bytes.clone()));
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let (mut seed, mut seen) = (5, Seen::default());
    for n in 0..BITS {
        let at = if n < HEADER_BYTES { n } else { used[random(&mut seed, used.len())] };
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << random(&mut seed, 8);
        // A panic of redb would end the test.
        let answer = block_on(async {
            let store = Medium::new(flipped.clone()).open()?;
            let rows = rows(&store).await;
            store.close().await;
            rows
        });
        match answer {
            Ok(rows) if rows == expected => seen.right += 1,
            Ok(rows) => {
                assert!(rows.iter().all(|row| expected.contains(row)), "a wrong row: {at}");
                assert!(is_found(flipped.clone()), "hidden, and never found: {at}");
                assert!(is_refused_by_walk(flipped.clone()), "verified by a walk: {at}");
                assert!(is_backup_whole_or_refused(flipped, &expected), "backed up: {at}");
                seen.hidden += 1;
            }
            Err(Error::Damaged { .. }) => seen.damaged += 1,
            Err(_) => seen.unavailable += 1,
        }
    }
    println!("{seen:?} of {} used bytes in {}", used.len(), bytes.len());
    assert!(seen.damaged > BITS / 10 && seen.hidden < BITS / 50);
}
