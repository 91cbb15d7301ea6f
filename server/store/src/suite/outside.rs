//! Never anything of a team from outside an account's time in it: stated by itself, without the
//! model, over lists, single sessions and the sync of a device that had it.

use std::collections::BTreeMap;

use huihua_core::{RecentSession, SessionId};
use huihua_event::{Event, Place, Post, Team};
use proptest::{collection::vec, prelude::*};

use super::{
    scenario::NOW,
    support::{Device, Make, amy, block_on, empty, over_stories, whole_list},
};
use crate::Attempt;

/// What happens, each at a time of its own: notices at odd times, messages at even ones.
#[derive(Debug, Clone)]
enum TeamStep {
    Join(u64),
    Leave(u64),
    Message(u64),
    Update,
}

fn steps() -> impl Strategy<Value = Vec<TeamStep>> {
    let step = prop_oneof![
        3 => (0..8_u64).prop_map(|n| TeamStep::Join(2 * n + 1)),
        3 => (8..16_u64).prop_map(|n| TeamStep::Join(2 * n + 1)),
        4 => (0..16_u64).prop_map(|n| TeamStep::Leave(2 * n + 1)),
        6 => (0..20_u64).prop_map(|n| TeamStep::Message(2 * n + 2)),
        1 => Just(TeamStep::Update),
    ];
    vec(step, 1..40)
}

fn team() -> Team {
    Team::normal("7".parse().unwrap())
}

fn post(time: u64) -> Post {
    Post { time, message_id: format!("{}", 100 + time), last_msg: format!(r#"{{"7":{time}}}"#) }
}

fn event(step: &TeamStep) -> Option<Event> {
    let accounts = vec![amy().account];
    Some(match step {
        TeamStep::Join(time) => Event::Join { team: team(), accounts, inviter: None, time: *time },
        TeamStep::Leave(time) => Event::Leave { team: team(), accounts, notice: post(*time) },
        TeamStep::Message(time) => Event::Message {
            place: Place::Team(team()),
            post: post(*time),
            updates_session: true,
            audience: Vec::new(),
        },
        TeamStep::Update => return None,
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

pub fn nothing_from_outside_the_time_in_a_team_is_shown(make: Make<'_>) {
    // Sixteen notices of an account at most: the contract's promise ends there.
    let few = steps().prop_filter("at most 16 notices", |steps| {
        let mut times: Vec<_> = steps
            .iter()
            .filter_map(|step| match step {
                TeamStep::Join(time) => Some((*time, true)),
                TeamStep::Leave(time) => Some((*time, false)),
                TeamStep::Message(_) | TeamStep::Update => None,
            })
            .collect();
        times.sort_unstable();
        times.dedup();
        // Two notices at one time are the model's to judge.
        times.len() <= 16 && times.windows(2).all(|pair| pair[0].0 != pair[1].0)
    });
    over_stories((few, 1..4_u32), |(steps, limit)| {
        block_on(async {
            let (store, mut device) = (empty(make), Device::default());
            let mut notices = BTreeMap::new();
            let id: SessionId = team().session_id();
            for step in &steps {
                match step {
                    TeamStep::Join(time) => drop(notices.insert(*time, true)),
                    TeamStep::Leave(time) => drop(notices.insert(*time, false)),
                    TeamStep::Message(_) | TeamStep::Update => {}
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
                let one = store.get_session(&amy(), &id).await.unwrap();
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
