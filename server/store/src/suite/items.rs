//! A copy of a store into another one, item by item: every list, membership and entry is the same
//! there, wherever the copy was broken off and begun again, and it goes on like its original.

use huihua_core::AccountForm;
use huihua_event::{Action, NewToken, TeamKind, TokenHash};
use proptest::prelude::*;

use super::{
    directory::{NOW, act, create_team, made, message, owner, to},
    model::Model,
    scenario::{self, Segment},
    stories::{call, call_model, ingest},
    support::{Make, block_on, empty, over_stories, sweep_all, whole_list},
};
use crate::{Engine, TOMBSTONE_MS};

/// Copies everything in batches of so many items, each twice, and what followed the first batch
/// once more at the end, as after an interruption. Returns how many items there were.
async fn copy(from: &dyn Engine, to: &dyn Engine, count: usize) -> u64 {
    let (mut at, mut first, mut done, mut items) = (None::<String>, None, 0, 0);
    loop {
        let batch = from.items(at.as_deref(), count).await.unwrap();
        items += batch.items.len() as u64;
        assert!(batch.done >= done && batch.all >= batch.done, "{batch:?}");
        done = batch.done;
        to.put_items(batch.items.clone(), NOW).await.unwrap();
        to.put_items(batch.items, NOW).await.unwrap();
        let Some(next) = batch.next else { break };
        at = Some(next.clone());
        first.get_or_insert(next);
    }
    assert_eq!(done, items);
    if let Some(first) = first {
        let again = from.items(Some(&first), 1_000).await.unwrap();
        to.put_items(again.items, NOW).await.unwrap();
    }
    items
}

async fn equals(store: &dyn Engine, model: &Model) -> Result<(), TestCaseError> {
    let owners = scenario::owners();
    for owner in &owners {
        prop_assert_eq!(whole_list(store, owner).await, model.list(owner));
    }
    for app in &scenario::apps() {
        for team in scenario::teams() {
            let members = store.members(app, &team, None, 99).await.unwrap();
            prop_assert_eq!(members, model.members(&owners, app, &team));
        }
    }
    Ok(())
}

pub fn a_copy_has_every_list_of_any_story_and_goes_on_like_its_original(make: Make<'_>) {
    let strategy = (scenario::story(), any::<prop::sample::Index>(), 1..9_usize);
    over_stories(strategy, |(story, middle, count)| {
        block_on(async {
            let (original, copied, mut model) = (empty(make), empty(make), Model::default());
            let middle = middle.index(story.len() + 1);
            let mut sweeps = 0;
            for (at, Segment { events, call: client, sweep }) in story.iter().enumerate() {
                if at == middle {
                    copy(&*original, &*copied, count).await;
                    equals(&*copied, &model).await?;
                }
                let store = if at < middle { &*original } else { &*copied };
                for event in events {
                    ingest(store, event).await;
                    model.ingest(&event.0, &event.1);
                }
                if let Some(client) = client {
                    call(store, client).await;
                    call_model(&mut model, client);
                }
                if *sweep {
                    sweeps += 1;
                    sweep_all(store, scenario::NOW + sweeps * TOMBSTONE_MS).await;
                }
            }
            let last = if middle < story.len() { &*copied } else { &*original };
            equals(last, &model).await?;
            original.close().await;
            copied.close().await;
            Ok(())
        })
    });
}

pub fn a_copy_has_the_directory_and_gives_no_id_again(make: Make<'_>) {
    block_on(async {
        let (original, copied) = (empty(make), empty(make));
        let (amy, bob) = (owner("amy"), owner("bob"));
        let forms = [(amy.app.clone(), AccountForm::Exact)];
        original.remember_account_forms(&forms).await.unwrap().unwrap();
        for (of, token) in [(&amy, "amy's"), (&bob, "bob's")] {
            let (account, name) = (of.account.clone(), format!("{} name", of.account));
            let token = NewToken { hash: TokenHash::of(token), seed: None };
            act(&*original, Action::CreateAccount { account, name, token }, NOW).await.unwrap();
        }
        let send = || Action::Send(vec![message(to("bob"))]);
        let sent = act(&*original, send(), NOW).await.unwrap();
        let account = bob.account.clone();
        act(&*original, Action::Block { account }, NOW).await.unwrap();
        let done = act(&*original, create_team(TeamKind::Normal, &["amy"]), NOW).await.unwrap();
        let team = made(TeamKind::Normal, &done);
        let items = copy(&*original, &*copied, 2).await;
        assert!(items >= 8, "{items} items");

        let other = [(amy.app.clone(), AccountForm::Nim)];
        assert!(copied.remember_account_forms(&other).await.unwrap().is_err());
        for (of, token, is_blocked) in [(&amy, "amy's", false), (&bob, "bob's", true)] {
            let holder = copied.account_of(&of.app, &TokenHash::of(token)).await.unwrap();
            assert_eq!(holder.as_ref(), Some(&of.account));
            assert_eq!(copied.is_blocked(of).await.unwrap(), is_blocked);
            for store in [&original, &copied] {
                assert_eq!(whole_list(&**store, of).await, whole_list(&*original, of).await);
            }
        }
        for kind in [TeamKind::Normal, TeamKind::Super] {
            let joined = copied.joined(&amy, kind).await.unwrap();
            assert_eq!(joined, original.joined(&amy, kind).await.unwrap());
        }
        let entry = copied.team(&amy.app, &team).await.unwrap();
        assert_eq!(entry, original.team(&amy.app, &team).await.unwrap());
        assert!(entry.unwrap().owner.is_some());
        // Its clock is behind that of the original: only what was copied tells which ids are given.
        let next = act(&*copied, create_team(TeamKind::Normal, &["amy"]), NOW).await.unwrap();
        assert_ne!(made(TeamKind::Normal, &next), team);
        let next = act(&*copied, send(), NOW).await.unwrap();
        assert!(next.message_ids[0] > sent.message_ids[0], "{sent:?} {next:?}");
        original.close().await;
        copied.close().await;
    });
}
