//! Random stories in a small world, where everything meets everything: few accounts, few times,
//! few ids, so that ties, repeats, resends and rejoins are the rule, and recalls and edits before
//! their message, which claim another time than it has.

use huihua_core::{Account, AppKey, SessionId, TeamId};
use huihua_event::{Edit, Event, Owner, Place, Post, Team};
use proptest::{collection::vec, prelude::*, sample::select};

/// The clock of every story, ms; all times are at most a little ahead of it.
pub const NOW: u64 = 200_000;

/// Eight times, so that an account has at most 16 notices in a team; some a minute apart, the lead
/// of a hint.
const TIMES: [u64; 8] = [1, 2, 3, 60_002, 60_003, 60_004, 120_004, 200_001];
const IDS: [&str; 4] = ["7", "8", "10", "9007199254740993"];
const FIELDS: [&str; 4] =
    [r#"{"9":"e"}"#, r#"{"9":"f","62":"1"}"#, r#"{"10":"g"}"#, r#"{"15":"h"}"#];
const APPS: [&str; 2] = ["a", "ab"];
const ACCOUNTS: [&str; 3] = ["bc", "c", "d"];
const TEAM_IDS: [&str; 2] = ["1", "2"];

/// Events in the order in which they arrive, then at most one call of a client, then perhaps a
/// sweep.
#[derive(Debug, Clone)]
pub struct Segment {
    pub events: Vec<(AppKey, Event)>,
    pub call: Option<ClientCall>,
    pub sweep: bool,
}

/// A client's write.
#[derive(Debug, Clone)]
pub enum ClientCall {
    Update { owner: Owner, id: SessionId, ext: String, now: u64 },
    Delete { owner: Owner, ids: Vec<SessionId> },
}

pub fn owners() -> Vec<Owner> {
    let pairs = APPS.iter().flat_map(|app| ACCOUNTS.iter().map(move |account| (app, account)));
    pairs
        .map(|(app, account)| Owner {
            app: app.parse().unwrap(),
            account: account.parse().unwrap(),
        })
        .collect()
}

/// Every team of a story, in both kinds.
pub fn teams() -> Vec<Team> {
    let ids = TEAM_IDS.iter().map(|id| id.parse::<TeamId>().unwrap());
    ids.flat_map(|id| [Team::normal(id.clone()), Team::super_team(id)]).collect()
}

pub fn apps() -> Vec<AppKey> {
    APPS.iter().map(|app| app.parse().unwrap()).collect()
}

pub fn story() -> impl Strategy<Value = Vec<Segment>> {
    let segment =
        (vec((app(), event()), 0..12), prop::option::of(call()), prop::bool::weighted(0.3));
    let segment = segment.prop_map(|(events, call, sweep)| Segment { events, call, sweep });
    let segments = vec(segment, 1..6);
    (segments, vec((any::<prop::sample::Index>(), any::<bool>()), 12))
        .prop_map(|(story, picks)| aim(story, &picks))
}

/// Makes most recalls and edits meet a message of the story, before it or after it. Half of these
/// recalls claim another time than their message's.
fn aim(mut story: Vec<Segment>, picks: &[(prop::sample::Index, bool)]) -> Vec<Segment> {
    let all = story.iter().flat_map(|segment| segment.events.iter());
    let messages: Vec<_> =
        all.filter(|(_, event)| matches!(event, Event::Message { .. })).cloned().collect();
    let all = story.iter_mut().flat_map(|segment| segment.events.iter_mut());
    let amendments =
        all.filter(|(_, event)| matches!(event, Event::Recall { .. } | Event::Edit { .. }));
    for ((app, amendment), (pick, claims_other_time)) in amendments.zip(picks) {
        if messages.is_empty() {
            break;
        }
        let (of, Event::Message { place: at, post: amended, .. }) = pick.get(&messages) else {
            continue;
        };
        match amendment {
            Event::Recall { place, post, time, .. } => {
                (*app, *place) = (of.clone(), at.clone());
                post.message_id = amended.message_id.clone();
                if !claims_other_time {
                    post.time = amended.time;
                    *time = amended.time;
                }
            }
            Event::Edit { place, edit } => {
                (*app, *place) = (of.clone(), at.clone());
                edit.message_id = amended.message_id.clone();
            }
            _ => {}
        }
    }
    story
}

fn app() -> impl Strategy<Value = AppKey> {
    select(&APPS[..]).prop_map(|app| app.parse().unwrap())
}

fn account() -> impl Strategy<Value = Account> {
    select(&ACCOUNTS[..]).prop_map(|account| account.parse().unwrap())
}

fn accounts() -> impl Strategy<Value = Vec<Account>> {
    vec(account(), 1..3)
}

fn team() -> impl Strategy<Value = Team> {
    (select(&TEAM_IDS[..]), any::<bool>()).prop_map(|(id, is_super)| {
        let id: TeamId = id.parse().unwrap();
        if is_super { Team::super_team(id) } else { Team::normal(id) }
    })
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        4 => (account(), account()).prop_map(|(from, to)| Place::P2p { from, to }),
        1 => (account(), account()).prop_map(|(from, to)| Place::Undelivered { from, to }),
        4 => team().prop_map(Place::Team),
    ]
}

fn post() -> impl Strategy<Value = Post> {
    (select(&TIMES[..]), select(&IDS[..]), 0..3_u8).prop_map(|(time, id, text)| Post {
        time,
        message_id: id.to_owned(),
        last_msg: format!(r#"{{"9":"{text}"}}"#),
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    (select(&TIMES[..]), select(&IDS[..]), select(&FIELDS[..])).prop_map(|(time, id, fields)| {
        Edit { message_id: id.to_owned(), time, fields: fields.to_owned() }
    })
}

/// A notice without a message, or one that came as a message.
fn notice() -> impl Strategy<Value = Post> {
    (post(), any::<bool>()).prop_map(|(post, is_message)| Post {
        message_id: if is_message { post.message_id } else { String::new() },
        ..post
    })
}

pub fn event() -> impl Strategy<Value = Event> {
    let audience = prop_oneof![2 => Just(Vec::new()), 1 => accounts()];
    let message = (place(), post(), prop::bool::weighted(0.9), audience).prop_map(
        |(place, post, updates_session, audience)| {
            let audience = if matches!(place, Place::Team(_)) { audience } else { Vec::new() };
            Event::Message { place, post, updates_session, audience }
        },
    );
    let recall = (place(), post(), prop::bool::weighted(0.1))
        .prop_map(|(place, post, one_way)| Event::Recall { place, time: post.time, post, one_way });
    let edit = (place(), edit()).prop_map(|(place, edit)| Event::Edit { place, edit });
    let join = (team(), accounts(), prop::option::of(account()), select(&TIMES[..]))
        .prop_map(|(team, accounts, inviter, time)| Event::Join { team, accounts, inviter, time });
    let leave = (team(), accounts(), notice()).prop_map(|(team, accounts, notice)| Event::Leave {
        team,
        accounts,
        notice,
    });
    let dissolve = (team(), notice()).prop_map(|(team, notice)| Event::Dissolve { team, notice });
    prop_oneof![8 => message, 4 => recall, 4 => edit, 4 => join, 3 => leave, 1 => dissolve]
}

pub fn session_id() -> impl Strategy<Value = SessionId> {
    prop_oneof![
        account().prop_map(|peer| SessionId::p2p(&peer)),
        team().prop_map(|team| team.session_id()),
    ]
}

fn owner() -> impl Strategy<Value = Owner> {
    select(owners())
}

fn call() -> impl Strategy<Value = ClientCall> {
    let update =
        (owner(), session_id(), select(vec!["", "x", "y"]), select(vec![NOW, NOW + 1])).prop_map(
            |(owner, id, ext, now)| ClientCall::Update { owner, id, ext: ext.to_owned(), now },
        );
    let delete = (owner(), vec(session_id(), 1..5))
        .prop_map(|(owner, ids)| ClientCall::Delete { owner, ids });
    prop_oneof![2 => update, 3 => delete]
}
