//! Never anything of a team from outside an account's time in it: stated by itself, without the
//! model, over lists, single sessions and the sync of a device that had it.

use std::collections::BTreeMap;

use huihua_core::{RecentSession, SessionId};
use proptest::{collection::vec, prelude::*};

use super::{Device, Make, block_on, over_stories, scenario::NOW, whole_list};
use crate::{
    event::{Event, Owner, Place, Post, Team},
    store::Attempt,
};

/// What happens, each at a time of its own: notices at odd times, messages at even ones.
#[derive(Debug, Clone)]
enum Step {
    Join(u64),
    Leave(u64),
    Message(u64),
    Update,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..8_u64).prop_map(|n| Step::Join(2 * n + 1)),
        3 => (8..16_u64).prop_map(|n| Step::Join(2 * n + 1)),
        4 => (0..16_u64).prop_map(|n| Step::Leave(2 * n + 1)),
        6 => (0..20_u64).prop_map(|n| Step::Message(2 * n + 2)),
        1 => Just(Step::Update),
    ];
    vec(step, 1..40)
}

fn team() -> Team {
    Team::normal("7".parse().unwrap())
}

fn amy() -> Owner {
    Owner { app: "app".parse().unwrap(), account: "amy".parse().unwrap() }
}

fn post(time: u64) -> Post {
    Post { time, message_id: format!("{}", 100 + time), last_msg: format!(r#"{{"7":{time}}}"#) }
}

fn event(step: &Step) -> Option<Event> {
    let accounts = vec![amy().account];
    Some(match step {
        Step::Join(time) => Event::Join { team: team(), accounts, inviter: None, time: *time },
        Step::Leave(time) => Event::Leave { team: team(), accounts, notice: post(*time) },
        Step::Message(time) => Event::Message {
            place: Place::Team(team()),
            post: post(*time),
            updates_session: true,
            audience: Vec::new(),
        },
        Step::Update => return None,
    })
}

/// Whether what is shown is from the account's time in the team: `notices` are those known so far.
fn is_inside(notices: &BTreeMap<u64, bool>, row: &RecentSession) -> bool {
    let Some(last_msg) = &row.last_msg else { return true };
    let fields: BTreeMap<String, u64> = serde_json::from_str(last_msg.as_str()).unwrap();
    let time = fields["7"];
    let was_in = |until: u64| notices.range(..until).next_back().is_some_and(|(_, is_in)| *is_in);
    if time.is_multiple_of(2) {
        // A message: of one who was in then, and is still in.
        return was_in(time) && notices.values().next_back() == Some(&true);
    }
    // A notice of leaving: nothing is known of the account after it but further leaves.
    notices.range(time..).all(|(_, is_in)| !is_in)
}

pub(super) fn run(make: Make<'_>) {
    // Sixteen notices of an account at most: the contract's promise ends there.
    let few = steps().prop_filter("at most 16 notices", |steps| {
        let mut times: Vec<_> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Join(time) => Some((*time, true)),
                Step::Leave(time) => Some((*time, false)),
                Step::Message(_) | Step::Update => None,
            })
            .collect();
        times.sort_unstable();
        times.dedup();
        // Two notices at one time are the model's to judge.
        times.len() <= 16 && times.windows(2).all(|pair| pair[0].0 != pair[1].0)
    });
    over_stories((few, 1..4_u32), |(steps, limit)| {
        block_on(async {
            let (store, mut device) = (make(), Device::default());
            let mut notices = BTreeMap::new();
            let id: SessionId = team().session_id();
            for step in &steps {
                match step {
                    Step::Join(time) => drop(notices.insert(*time, true)),
                    Step::Leave(time) => drop(notices.insert(*time, false)),
                    Step::Message(_) | Step::Update => {}
                }
                match event(step) {
                    Some(event) => {
                        drop(store.ingest(&amy().app, vec![event], NOW).await.unwrap());
                    }
                    None => {
                        let attempt = Attempt { now: NOW, key: None };
                        store.update(&amy(), &id, "x".into(), &attempt).await.unwrap();
                    }
                }
                device.sync(&*store, &amy(), limit).await;
                let one = store.get(&amy(), &id).await.unwrap();
                let list = whole_list(&*store, &amy()).await;
                for row in list.iter().chain(&one).chain(device.rows.values()) {
                    prop_assert!(is_inside(&notices, row), "{row:?} with {notices:?}");
                }
            }
            store.close().await;
            Ok(())
        })
    });
}
