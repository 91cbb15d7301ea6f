//! What an operator is told of a session is what its client sees, whatever happened before. An
//! engine that cannot look into its registers says so for every session, and passes.

use huihua_core::SessionId;
use huihua_event::{Event, Owner, Place};
use proptest::prelude::*;

use super::{
    model::Model,
    scenario::{self, NOW, Segment},
    stories::{call, call_model, ingest},
    support::{Device, Make, amy, block_on, empty, message, over_stories, sweep_all, whole_list},
};
use crate::{
    InspectedSession, TOMBSTONE_MS,
    rules::explain::{LastReason, MembershipState, VisibleBy},
};

/// The sessions of a story's world: with everybody, and of every team.
fn ids(owners: &[Owner]) -> Vec<SessionId> {
    let peers = owners.iter().map(|owner| SessionId::p2p(&owner.account));
    let mut ids: Vec<_> =
        peers.chain(scenario::teams().iter().map(|team| team.session_id())).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What the explanation says of the model's answer; `None` when it is silent.
fn disagreement(
    model: &Model,
    owner: &Owner,
    id: &SessionId,
    told: &InspectedSession,
) -> Option<String> {
    let seen = model.get(owner, id);
    let json = seen.as_ref().map(|session| serde_json::to_string(session).unwrap());
    let explained = &told.explanation;
    let has_last = seen.as_ref().is_some_and(|session| session.last_msg.is_some());
    let visible_by = match (&seen, has_last) {
        (None, _) => None,
        (Some(_), true) => Some(VisibleBy::Message),
        (Some(_), false) => Some(VisibleBy::Update),
    };
    let is_reason_for_one = match explained.last {
        LastReason::Message
        | LastReason::Edited
        | LastReason::Recalled
        | LastReason::Left
        | LastReason::Dissolved => true,
        LastReason::NoMessage
        | LastReason::Deleted { .. }
        | LastReason::NotKnownToBeIn
        | LastReason::BeforeItCameIn { .. } => false,
    };
    let team = scenario::teams().into_iter().find(|team| team.session_id() == *id);
    let members = team.map(|team| model.members(std::slice::from_ref(owner), &owner.app, &team));
    let since = members.map(|members| members.first().map(|member| member.since));
    let told_since = explained.membership.map(|membership| match membership {
        MembershipState::In { since, .. } => Some(since),
        MembershipState::Out { .. } | MembershipState::Unknown => None,
    });
    let agrees = told.session_json() == json.as_deref()
        && explained.update_time == seen.as_ref().map(|session| session.update_time)
        && explained.visible_by == visible_by
        && is_reason_for_one == has_last
        && told_since == since;
    (!agrees).then(|| format!("{}, {id}: seen {json:?} {since:?}, told {told:?}", owner.account))
}

/// After every step of a story, of every session that there could be.
pub fn what_is_explained_is_what_is_shown(make: Make<'_>) {
    over_stories(scenario::story(), |story| {
        block_on(async {
            let (engine, mut model) = (empty(make), Model::default());
            let owners = scenario::owners();
            let ids = ids(&owners);
            let mut sweeps = 0;
            for Segment { events, call: client, sweep } in story {
                for event in &events {
                    ingest(&*engine, event).await;
                    model.ingest(&event.0, &event.1);
                }
                if let Some(client) = &client {
                    call(&*engine, client).await;
                    call_model(&mut model, client);
                }
                if sweep {
                    sweeps += 1;
                    sweep_all(&*engine, NOW + sweeps * TOMBSTONE_MS).await;
                }
                for (owner, id) in owners.iter().flat_map(|o| ids.iter().map(move |id| (o, id))) {
                    // An engine that cannot tell does not.
                    let Some(told) = engine.inspect(owner, id).await.unwrap() else { continue };
                    let disagreement = disagreement(&model, owner, id, &told);
                    prop_assert!(disagreement.is_none(), "{}", disagreement.unwrap_or_default());
                }
            }
            engine.close().await;
            Ok(())
        })
    });
}

/// It makes no session, gives no device a change, and tells of another app's account nothing.
pub fn looking_at_a_session_changes_nothing(make: Make<'_>) {
    block_on(async {
        let engine = empty(make);
        engine.ingest(&amy().app, vec![message(5)], NOW).await.unwrap();
        let mut device = Device::default();
        device.sync(&*engine, &amy(), 9).await;
        let other = Owner { app: "other".parse().unwrap(), ..amy() };
        for id in ["p2p|bob", "p2p|nobody", "team|42", "super_team|42"] {
            let id: SessionId = id.parse().unwrap();
            let seen = engine.get(&amy(), &id).await.unwrap().map(|session| session.into_json());
            let told = engine.inspect(&amy(), &id).await.unwrap();
            let Some(told) = told else { continue };
            let json = told.session_json().map(|json| json.as_bytes().to_vec());
            assert_eq!(json, seen, "{id}");
            let of_other = engine.inspect(&other, &id).await.unwrap().unwrap();
            assert_eq!(of_other.session_json(), None, "{id}");
        }
        assert_eq!(device.sync(&*engine, &amy(), 9).await, 0);
        assert_eq!(whole_list(&*engine, &amy()).await.len(), 1);
        // The head of a team is told to whom it does not show, with the reason.
        let team = scenario::teams().remove(0);
        let Event::Message { post, .. } = message(6) else { unreachable!() };
        let (place, audience) = (Place::Team(team.clone()), Vec::new());
        let sent = Event::Message { place, post, updates_session: true, audience };
        engine.ingest(&amy().app, vec![sent], NOW).await.unwrap();
        if let Some(told) = engine.inspect(&amy(), &team.session_id()).await.unwrap() {
            assert_eq!(told.explanation.last, LastReason::NotKnownToBeIn);
            assert_eq!(told.explanation.membership, Some(MembershipState::Unknown));
            let json = serde_json::to_value(&told).unwrap();
            assert_eq!(json["team"]["last"]["message"]["key"]["time"], 6, "{json}");
        }
        engine.close().await;
    });
}
