//! Recalls and edits: in every order, in every kind of session, with other times than their
//! message's; what waits moves nothing that shows; what happens beyond the bound.

use std::sync::Arc;

use huihua_core::{LastMsgType, RecentSession};
use huihua_event::{Action, Edit, Event, Place, Post, Team};

use super::support::{
    Device, Make, amy, attempt, block_on, empty, is_stale, sweep_all, whole_list,
};
use crate::{ChangedList, Engine, Outcome, Refusal, Store, TOMBSTONE_MS};

const NOW: u64 = 1_700_000_000_000;

fn p2p() -> Place {
    Place::P2p { from: "bob".parse().unwrap(), to: amy().account }
}

/// A conversation of each kind.
fn places() -> [Place; 3] {
    let id = || "7".parse().unwrap();
    [p2p(), Place::Team(Team::normal(id())), Place::Team(Team::super_team(id()))]
}

fn text(body: &str) -> String {
    format!(r#"{{"9":"{body}"}}"#)
}

fn sent(place: &Place, time: u64, id: u64, body: &str) -> Event {
    let post = Post { time, message_id: id.to_string(), last_msg: text(body) };
    let (place, audience) = (place.clone(), Vec::new());
    Event::Message { place, post, updates_session: true, audience }
}

fn recalled(place: &Place, claimed: u64, id: u64, time: u64) -> Event {
    let post = Post { time: claimed, message_id: id.to_string(), last_msg: text("recalled") };
    Event::Recall { place: place.clone(), post, time, one_way: false }
}

fn edited(place: &Place, id: u64, time: u64, body: &str) -> Event {
    let edit = Edit { message_id: id.to_string(), time, fields: text(body) };
    Event::Edit { place: place.clone(), edit }
}

/// An engine in which amy is in the team of the place.
async fn with_amy_in(make: Make<'_>, place: &Place) -> Box<dyn Engine> {
    let store = empty(make);
    if let Place::Team(team) = place {
        let (team, accounts) = (team.clone(), vec![amy().account]);
        ingest(&*store, Event::Join { team, accounts, inviter: None, time: 1 }).await;
    }
    store
}

async fn ingest(store: &dyn Store, event: Event) -> Outcome {
    store.ingest(&amy().app, vec![event], NOW).await.unwrap()[0]
}

fn shown(list: &[RecentSession]) -> Option<(u64, &str)> {
    assert!(list.len() <= 1, "{list:?}");
    let row = list.first()?;
    let text = row.last_msg.as_ref().unwrap().as_str();
    assert_eq!(row.last_msg_type == LastMsgType::Recall, text.contains("recalled"), "{text}");
    Some((row.update_time, &text[6..text.len() - 2]))
}

/// Calls `each` with every order of these numbers.
fn each_order(count: usize, each: &mut impl FnMut(&[usize])) {
    fn grow(order: &mut Vec<usize>, count: usize, each: &mut impl FnMut(&[usize])) {
        if order.len() == count {
            return each(order);
        }
        for next in 0..count {
            if !order.contains(&next) {
                order.push(next);
                grow(order, count, each);
                order.pop();
            }
        }
    }
    grow(&mut Vec::new(), count, each);
}

/// In every order, then once more in that order: the list ends the same, and the second time
/// nothing is new. The device that syncs after each event ends with the list, too.
fn check_every_order(make: Make<'_>, events: impl Fn(&Place) -> Vec<Event>, expected: (u64, &str)) {
    for place in places() {
        let events = events(&place);
        each_order(events.len(), &mut |order| {
            block_on(async {
                let store = with_amy_in(make, &place).await;
                let mut device = Device::default();
                for at in order {
                    ingest(&*store, events[*at].clone()).await;
                    device.sync(&*store, &amy(), 10).await;
                    assert_eq!(device.list(), whole_list(&*store, &amy()).await, "{order:?}");
                }
                assert_eq!(shown(&device.list()), Some(expected), "{order:?} of {events:?}");
                for at in order {
                    let again = ingest(&*store, events[*at].clone()).await;
                    assert!(is_stale(&*store, again), "{again:?}");
                }
                assert_eq!(device.sync(&*store, &amy(), 10).await, 0, "{order:?}");
                store.close().await;
            });
        });
    }
}

pub fn of_edits_in_any_order_the_latest_shows_and_the_time_stays(make: Make<'_>) {
    let events = |place: &Place| {
        vec![
            sent(place, 100, 5, "first"),
            edited(place, 5, 110, "first words"),
            edited(place, 5, 120, "first words and the rest"),
            // Not of the last message.
            edited(place, 4, 130, "older"),
        ]
    };
    check_every_order(make, events, (100, "first words and the rest"));
}

pub fn a_recall_outranks_every_edit_before_after_and_among_them(make: Make<'_>) {
    let events = |place: &Place| {
        vec![
            sent(place, 100, 5, "first"),
            edited(place, 5, 110, "edit"),
            recalled(place, 100, 5, 115),
            edited(place, 5, 120, "edit after the recall"),
        ]
    };
    check_every_order(make, events, (100, "recalled"));
}

pub fn a_recall_with_another_time_takes_the_text_away_at_the_messages_time(make: Make<'_>) {
    for claimed in [0, 99, 101, 150] {
        let events = |place: &Place| {
            vec![
                sent(place, 80, 4, "older"),
                sent(place, 100, 5, "text"),
                recalled(place, claimed, 5, 200),
            ]
        };
        check_every_order(make, events, (100, "recalled"));
    }
}

pub fn a_resend_with_a_later_time_is_recalled_too(make: Make<'_>) {
    let events = |place: &Place| {
        vec![
            sent(place, 100, 5, "text"),
            sent(place, 110, 6, "between"),
            sent(place, 120, 5, "sent again"),
            recalled(place, 100, 5, 130),
        ]
    };
    check_every_order(make, events, (120, "recalled"));
}

pub fn what_waits_gives_no_version_no_hint_and_no_session(make: Make<'_>) {
    block_on(async {
        for place in places() {
            let store = with_amy_in(make, &place).await;
            let (mut hints, mut device) = (store.hints(), Device::default());
            device.sync(&*store, &amy(), 10).await;
            let waits = ingest(&*store, edited(&place, 5, 110, "edit")).await;
            assert!(is_stale(&*store, waits), "{waits:?}");
            assert_eq!(device.sync(&*store, &amy(), 10).await, 0);
            assert!(device.list().is_empty(), "an edit alone makes no session");
            let is_hinted = hints.try_recv().is_ok();
            assert!(!is_hinted || !store.knows_what_moved());
            assert_eq!(ingest(&*store, sent(&place, 100, 5, "text")).await, Outcome::Applied);
            assert_eq!(device.sync(&*store, &amy(), 10).await, 1);
            assert_eq!(shown(&device.list()), Some((100, "edit")));
            assert!(hints.try_recv().is_ok());
            assert_eq!(ingest(&*store, edited(&place, 5, 120, "more")).await, Outcome::Applied);
            assert!(hints.try_recv().is_ok_and(|lists| !lists.is_empty()));
            assert_eq!(device.sync(&*store, &amy(), 10).await, 1);
            assert_eq!(shown(&device.list()), Some((100, "more")));
            for waits in [recalled(&place, 90, 4, 130), edited(&place, 4, 120, "older")] {
                let waits = ingest(&*store, waits).await;
                assert!(is_stale(&*store, waits), "{waits:?}");
            }
            let is_hinted = hints.try_recv().is_ok();
            assert!(!is_hinted || !store.knows_what_moved());
            assert_eq!(device.sync(&*store, &amy(), 10).await, 0);
            store.close().await;
        }
        let team = Team::normal("8".parse().unwrap());
        let store = empty(make);
        ingest(&*store, edited(&Place::Team(team.clone()), 5, 110, "edit")).await;
        assert!(store.members(&amy().app, &team, None, 10).await.unwrap().is_empty());
        let Event::Recall { place, post, time, .. } = recalled(&Place::Team(team), 100, 5, 110)
        else {
            panic!()
        };
        let recall = Arc::new(Action::Recall { place, post, time });
        let refused = store.act(&amy().app, recall, &attempt(NOW)).await.unwrap();
        assert_eq!(refused.unwrap_err(), Refusal::NoSuchTeam, "an edit alone names no team");
        store.close().await;
    });
}

/// Eight wait; a ninth drops the oldest by its own time, and its message shows as it was sent.
/// Then the order of arrival shows: the message first, and all its edits apply. Of an engine that
/// writes blindly it may be otherwise: it drops when somebody reads.
pub fn beyond_eight_waiting_amendments_the_oldest_by_its_own_time_is_dropped(make: Make<'_>) {
    block_on(async {
        for place in places() {
            let store = with_amy_in(make, &place).await;
            let dropped = 4;
            for n in [7, 2, 9, dropped, 5, 6, 3, 8, 1] {
                // The order of the times is neither that of the arrival nor that of the ids.
                let time = if n == dropped { 200 } else { 200 + n };
                ingest(&*store, edited(&place, n, time, &format!("edit {n}"))).await;
            }
            for n in 1..=9 {
                ingest(&*store, sent(&place, 100 + n, n, &format!("text {n}"))).await;
                let body = format!("{} {n}", if n == dropped { "text" } else { "edit" });
                let kept = format!("edit {n}");
                let list = whole_list(&*store, &amy()).await;
                let is_kept =
                    !store.knows_what_moved() && shown(&list) == Some((100 + n, kept.as_str()));
                assert!(is_kept || shown(&list) == Some((100 + n, body.as_str())), "{list:?}");
            }
            ingest(&*store, edited(&place, 9, 300, "late")).await;
            assert_eq!(shown(&whole_list(&*store, &amy()).await), Some((109, "late")));
            store.close().await;
        }
    });
}

/// A stream of edits of other messages drops neither the edit of the last message nor the recall
/// that is shown.
pub fn what_shows_is_not_dropped_by_a_crowd_that_waits(make: Make<'_>) {
    block_on(async {
        for place in places() {
            let store = with_amy_in(make, &place).await;
            ingest(&*store, sent(&place, 100, 5, "text")).await;
            ingest(&*store, edited(&place, 5, 110, "edit")).await;
            ingest(&*store, recalled(&place, 150, 6, 160)).await;
            for n in 10..40 {
                ingest(&*store, edited(&place, n, 200 + n, "other")).await;
                assert_eq!(shown(&whole_list(&*store, &amy()).await), Some((150, "recalled")));
            }
            // Its message was older: the last message shows, and its edit.
            ingest(&*store, sent(&place, 90, 6, "older")).await;
            assert_eq!(shown(&whole_list(&*store, &amy()).await), Some((150, "recalled")));
            ingest(&*store, sent(&place, 160, 6, "text")).await;
            assert_eq!(shown(&whole_list(&*store, &amy()).await), Some((160, "recalled")));
            store.close().await;
        }
    });
}

/// Whatever time it claims, and also after the sweep; a newer message does.
pub fn the_recall_of_a_deleted_message_does_not_bring_its_session_back(make: Make<'_>) {
    block_on(async {
        for place in places() {
            let store = with_amy_in(make, &place).await;
            let id = match &place {
                Place::Team(team) => team.session_id(),
                Place::P2p { from, .. } | Place::Undelivered { from, .. } => {
                    huihua_core::SessionId::p2p(from)
                }
            };
            ingest(&*store, sent(&place, 100, 5, "text")).await;
            store.delete(&amy(), vec![id.clone()], &attempt(NOW)).await.unwrap();
            sweep_all(&*store, NOW).await;
            sweep_all(&*store, NOW + TOMBSTONE_MS).await;
            let mut hints = store.hints();
            for amendment in [edited(&place, 5, 300, "edit"), recalled(&place, 190, 5, 200)] {
                ingest(&*store, amendment).await;
                assert_eq!(store.get_session(&amy(), &id).await.unwrap(), None);
            }
            if place == p2p() {
                let told = hints.try_recv().map(|lists| lists.to_vec()).unwrap_or_default();
                let is_told = told.contains(&ChangedList::Account(amy()));
                assert!(!is_told || !store.knows_what_moved(), "amy sees no change");
            }
            ingest(&*store, sent(&place, 200, 6, "newer")).await;
            assert_eq!(shown(&whole_list(&*store, &amy()).await), Some((200, "newer")));
            store.close().await;
        }
    });
}
