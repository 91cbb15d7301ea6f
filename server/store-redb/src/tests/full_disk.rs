//! A full disk, and a disk that fails: writes are refused, reads are right or refused, nothing
//! acknowledged is lost, and the store works again by itself.

use std::collections::BTreeSet;

use huihua_core::SessionChange;
use huihua_event::{Event, Place, Post};
use huihua_store::{
    Engine as _, Error, Outcome, Store as _, SyncFrom, SyncRequest,
    suite::support::{amy, attempt},
};

use super::medium::{Medium, MediumFault};
use crate::store::RedbStore;

/// A message of a session of its own, long enough that the file must grow.
fn message(n: u64) -> Event {
    let from = format!("peer{n}").parse().unwrap();
    let last_msg = format!(r#"{{"9":"{}"}}"#, "x".repeat(8_000));
    let post = Post { time: n, message_id: n.to_string(), last_msg };
    let place = Place::P2p { from, to: amy().account };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

/// Numbers of the messages in amy's list.
async fn listed(store: &RedbStore) -> Result<BTreeSet<u64>, Error> {
    let option = SyncRequest { from: SyncFrom::Beginning, limit: 500, need_last_msg: true };
    let changes = store.sync_page(&amy(), &option).await?;
    assert!(!changes.has_more);
    Ok(changes
        .changes
        .iter()
        .map(|change| match change {
            SessionChange::Session(row) => row.update_time,
            SessionChange::Deleted(id) => panic!("{id} was never deleted"),
        })
        .collect())
}

async fn refuses_and_recovers(fault: MediumFault) {
    let medium = Medium::new(Vec::new());
    let store = medium.open().unwrap();
    let (mut acknowledged, mut tried) = (BTreeSet::new(), BTreeSet::new());
    let mut refused = 0;
    for round in 0..4 {
        medium.fail(fault);
        for n in round * 80..round * 80 + 60 {
            tried.insert(n);
            match store.ingest(&amy().app, vec![message(n)], 1_000).await {
                Ok(outcomes) => {
                    assert_eq!(outcomes, [Outcome::Applied]);
                    acknowledged.insert(n);
                }
                Err(Error::Unavailable { .. }) => refused += 1,
                Err(error) => panic!("{fault:?}: {error}"),
            }
            match listed(&store).await {
                Ok(seen) => {
                    assert!(seen.is_superset(&acknowledged), "{fault:?}: lost while it failed");
                    assert!(seen.is_subset(&tried));
                }
                Err(Error::Unavailable { .. }) => {}
                Err(error) => panic!("{fault:?}: {error}"),
            }
        }
        if fault != MediumFault::FullForGrowth {
            let health = store.health().await;
            assert!(matches!(health, Err(Error::Unavailable { .. })), "{fault:?}: {health:?}");
            let id = || "p2p|peer0".parse().unwrap();
            let update = store.update(&amy(), &id(), "x".into(), &attempt(1)).await;
            assert!(matches!(update, Err(Error::Unavailable { .. })), "{update:?}");
            if round > 0 {
                // One that is there: what could not be synced was taken back.
                let there = vec!["p2p|peer60".parse().unwrap()];
                let delete = store.delete(&amy(), there, &attempt(1)).await;
                assert!(matches!(delete, Err(Error::Unavailable { .. })), "{delete:?}");
            }
        }
        medium.fail(MediumFault::None);
        store.health().await.unwrap();
        for n in round * 80 + 60..round * 80 + 80 {
            tried.insert(n);
            store.ingest(&amy().app, vec![message(n)], 1_000).await.unwrap();
            acknowledged.insert(n);
        }
        let seen = listed(&store).await.unwrap();
        assert!(seen.is_superset(&acknowledged), "{fault:?}: lost");
    }
    assert!(refused > 0, "{fault:?} never showed");
    store.close().await;
    let store = medium.open().unwrap();
    assert!(listed(&store).await.unwrap().is_superset(&acknowledged), "{fault:?}: lost");
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_the_store_works_again_by_itself() {
    refuses_and_recovers(MediumFault::Full).await;
    refuses_and_recovers(MediumFault::FullForGrowth).await;
}

#[tokio::test]
async fn what_could_not_be_synced_is_never_acknowledged() {
    refuses_and_recovers(MediumFault::NoSync).await;
}

/// A disk that is full but was not written to yet: the next write would be refused.
#[tokio::test]
async fn health_notices_a_full_disk_before_a_write_does() {
    for fault in [MediumFault::Full, MediumFault::NoSync] {
        let medium = Medium::new(Vec::new());
        let store = medium.open().unwrap();
        store.ingest(&amy().app, vec![message(1)], 1_000).await.unwrap();
        store.health().await.unwrap();
        medium.fail(fault);
        let health = store.health().await;
        assert!(matches!(health, Err(Error::Unavailable { .. })), "{fault:?}: {health:?}");
        medium.fail(MediumFault::None);
        store.health().await.unwrap();
        assert_eq!(listed(&store).await.unwrap(), [1].into());
        store.close().await;
    }
}

/// Linux forgets pages that it could not write, after it showed them for a while: what was not
/// synced must not become the base of what is.
#[tokio::test]
async fn what_a_failed_sync_lost_is_nothing_that_later_writes_rest_on() {
    let medium = Medium::new(Vec::new());
    let store = medium.open().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        for n in 0..40 {
            let n = round * 100 + n;
            store.ingest(&amy().app, vec![message(n)], 1_000).await.unwrap();
            acknowledged.insert(n);
        }
        medium.fail(MediumFault::NoSync);
        for n in 40..43 {
            let failed = store.ingest(&amy().app, vec![message(round * 100 + n)], 1_000).await;
            assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
        }
        medium.fail(MediumFault::None);
        store.ingest(&amy().app, vec![message(round * 100 + 50)], 1_000).await.unwrap();
        acknowledged.insert(round * 100 + 50);
        assert!(medium.forget_unsure() > 0);
    }
    store.close().await;
    let store = medium.open().unwrap();
    assert_eq!(listed(&store).await.unwrap(), acknowledged);
    store.verify(Box::new(|_, _| {})).await.unwrap();
    store.close().await;
}
