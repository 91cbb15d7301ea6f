//! Single promises of writes: outcomes, hints, first results, limits, the clock.

use huihua_core::QueryMySessionOption;
use huihua_event::{Event, Owner, Place, Post, Team};

use super::support::{Make, amy, attempt, block_on, empty, is_stale, message, whole_list};
use crate::{Attempt, ChangedList, Error, IdempotencyKey, Outcome};

/// A join of very many accounts is done in parts; each event still has one outcome, in order.
pub fn a_join_in_parts_has_one_outcome_and_lets_everybody_in(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let accounts: Vec<_> = (0..2_500).map(|n| format!("a{n}").parse().unwrap()).collect();
        let team = Team::normal("7".parse().unwrap());
        let inviter = Some("boss".parse().unwrap());
        let join = Event::Join { team: team.clone(), accounts: accounts.clone(), inviter, time: 5 };
        let post = Post { time: 6, message_id: "1".into(), last_msg: "{}".into() };
        let place = Place::Team(team);
        let head = Event::Message { place, post, updates_session: true, audience: Vec::new() };
        let events = vec![message(1), join.clone(), head];
        let outcomes = store.ingest(&amy().app, events, 10).await.unwrap();
        assert_eq!(outcomes, [Outcome::Applied; 3]);
        let again = store.ingest(&amy().app, vec![join, message(1)], 10).await.unwrap();
        assert!(again.iter().all(|one| is_stale(&*store, *one)), "{again:?}");
        assert_eq!(again.len(), 2);
        for account in [&accounts[0], &accounts[255], &accounts[256], &accounts[2_499]]
            .into_iter()
            .cloned()
            .chain(["boss".parse().unwrap()])
        {
            let owner = Owner { account, ..amy() };
            assert_eq!(store.teams_of(&owner).await.unwrap().len(), 1);
            let page = store.list_page(&owner, &QueryMySessionOption::default()).await.unwrap();
            assert_eq!(page.session_list[0].update_time, 6);
        }
        store.close().await;
    });
}

pub fn hints_name_the_lists_that_changed_and_no_others(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let mut hints = store.hints();
        store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
        let bob = Owner { account: "bob".parse().unwrap(), ..amy() };
        let expected = [ChangedList::Account(bob.clone()), ChangedList::Account(amy())];
        assert_eq!(*hints.recv().await.unwrap(), expected);
        let Event::Message { post, .. } = message(2) else { panic!() };
        let place = Place::Undelivered { from: bob.account.clone(), to: amy().account };
        let held = Event::Message { place, post, updates_session: true, audience: Vec::new() };
        store.ingest(&amy().app, vec![held], 10).await.unwrap();
        assert_eq!(*hints.recv().await.unwrap(), [ChangedList::Account(bob)]);
        store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
        if !store.knows_what_moved() {
            assert_eq!(*hints.recv().await.unwrap(), expected, "they may have changed");
        }
        store.delete(&amy(), vec!["p2p|bob".parse().unwrap()], &attempt(10)).await.unwrap();
        assert_eq!(*hints.recv().await.unwrap(), [ChangedList::Account(amy())]);
        store.close().await;
    });
}

pub fn a_retried_update_gets_its_first_result_and_its_key_serves_no_other_call(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let bob = "p2p|bob".parse().unwrap();
        let tried = |now| Attempt { now, key: IdempotencyKey::new("call-1") };
        let first = store.update(&amy(), &bob, "x".into(), &tried(10)).await.unwrap();
        store.update(&amy(), &bob, "y".into(), &attempt(11)).await.unwrap();
        let again = store.update(&amy(), &bob, "x".into(), &tried(12)).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(store.get_session(&amy(), &bob).await.unwrap().unwrap().ext, "y");
        let other = store.update(&amy(), &bob, "z".into(), &tried(13)).await;
        assert!(matches!(other, Err(Error::KeyReused)));
        let other = store.delete(&amy(), vec![bob.clone()], &tried(13)).await;
        assert!(matches!(other, Err(Error::KeyReused)));
        let amx = Owner { account: "amx".parse().unwrap(), ..amy() };
        store.update(&amx, &bob, "z".into(), &tried(13)).await.unwrap();
        store.close().await;
    });
}

pub fn an_event_too_far_ahead_of_the_clock_is_rejected_alone(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let events = vec![message(600_011), message(600_010)];
        let outcomes = store.ingest(&amy().app, events, 10).await.unwrap();
        assert_eq!(outcomes, [Outcome::TooFarAhead, Outcome::Applied]);
        store.close().await;
    });
}

pub fn after_closing_nothing_is_written_and_nothing_is_read(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        // A list that was read before is read no more either.
        whole_list(&*store, &amy()).await;
        store.close().await;
        let refused = store.ingest(&amy().app, vec![message(1)], 10).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })));
        assert!(matches!(store.health().await, Err(Error::Unavailable { .. })));
        let refused = store.list_page(&amy(), &QueryMySessionOption::default()).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })));
        let bob = "p2p|bob".parse().unwrap();
        let refused = store.get(&amy(), &bob).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })));
    });
}

pub fn sessions_by_ext_alone_are_limited_and_deleting_makes_room(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let id = |n: usize| format!("p2p|peer{n}").parse().unwrap();
        for n in 0..1_000 {
            store.update(&amy(), &id(n), "x".into(), &attempt(10)).await.unwrap();
        }
        let refused = store.update(&amy(), &id(1_000), "x".into(), &attempt(10)).await;
        assert!(matches!(refused, Err(Error::TooManySessions { max: 1_000 })));
        store.update(&amy(), &id(5), "y".into(), &attempt(10)).await.unwrap();
        store
            .update(&amy(), &"p2p|bob".parse().unwrap(), "x".into(), &attempt(10))
            .await
            .unwrap_err();
        store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
        store.update(&amy(), &"p2p|bob".parse().unwrap(), "x".into(), &attempt(10)).await.unwrap();
        store.delete(&amy(), vec![id(3)], &attempt(10)).await.unwrap();
        store.update(&amy(), &id(1_000), "x".into(), &attempt(10)).await.unwrap();
        store.close().await;
    });
}
