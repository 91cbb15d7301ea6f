//! The naive truth: remembers every event and recomputes each answer from the contract's words.
//! Slow and simple on purpose; shares no code with the rules.

use std::collections::BTreeMap;

use huihua_core::{
    Account, AppKey, LastMsg, LastMsgType, QueryMySessionOption, RecentSession, SessionId,
    SessionKind,
};
use huihua_event::{Edit, Event, Member, Owner, Place, Post, Team};
use sha2::{Digest, Sha256};

/// time, id length, id, rank, digest, text.
type ModelMessage = (u64, usize, String, u8, Vec<u8>, String);

#[derive(Default, Clone)]
struct OwnState {
    floor: Option<(u64, usize, String)>,
    created: Option<u64>,
    ext: String,
}

/// Everything that ever happened.
#[derive(Default)]
pub(crate) struct Model {
    events: Vec<(AppKey, Event)>,
    own: BTreeMap<(String, String, SessionId), OwnState>,
}

fn message(post: &Post, rank: u8) -> ModelMessage {
    let digest = Sha256::digest(&post.last_msg)[..8].to_vec();
    let id = post.message_id.clone();
    (post.time, id.len(), id, rank, digest, post.last_msg.clone())
}

/// The text of a message after this edit.
fn edited(text: &str, edit: &Edit) -> String {
    let read = |text| serde_json::from_str::<BTreeMap<u64, String>>(text).unwrap();
    let mut fields = read(text);
    fields.extend(read(&edit.fields));
    serde_json::to_string(&fields).unwrap()
}

fn slot(owner: &Owner, id: &SessionId) -> (String, String, SessionId) {
    (owner.app.to_string(), owner.account.to_string(), id.clone())
}

impl Model {
    pub(crate) fn ingest(&mut self, app: &AppKey, event: &Event) {
        self.events.push((app.clone(), event.clone()));
    }

    pub(crate) fn update(&mut self, owner: &Owner, id: &SessionId, ext: &str, now: u64) {
        let own = self.own.entry(slot(owner, id)).or_default();
        own.ext = ext.to_owned();
        own.created = own.created.or(Some(now));
    }

    pub(crate) fn delete(&mut self, owner: &Owner, ids: &[SessionId]) {
        for id in ids {
            if self.get(owner, id).is_none() {
                continue;
            }
            let hidden = self.visible_last(owner, id).map(|(time, len, id, ..)| (time, len, id));
            let own = self.own.entry(slot(owner, id)).or_default();
            own.floor = own.floor.clone().max(hidden);
            own.created = None;
            own.ext = String::new();
        }
    }

    pub(crate) fn get(&self, owner: &Owner, id: &SessionId) -> Option<RecentSession> {
        let own = self.own.get(&slot(owner, id)).cloned().unwrap_or_default();
        let last = self.visible_last(owner, id);
        let update_time = last.as_ref().map(|last| last.0).or(own.created)?;
        let is_recall = last.as_ref().is_some_and(|last| last.3 == 1);
        Some(RecentSession {
            session_id: id.clone(),
            update_time,
            ext: own.ext,
            last_msg_type: if is_recall { LastMsgType::Recall } else { LastMsgType::Message },
            last_msg: last.map(|last| LastMsg::new(last.5).unwrap()),
        })
    }

    /// The whole list, in order.
    pub(crate) fn list(&self, owner: &Owner) -> Vec<RecentSession> {
        let mut ids: Vec<SessionId> = self.sessions(owner);
        ids.sort();
        ids.dedup();
        let mut rows: Vec<_> = ids.iter().filter_map(|id| self.get(owner, id)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.update_time));
        rows
    }

    /// The rows of a first page, and whether there are more.
    pub(crate) fn page(
        &self,
        owner: &Owner,
        option: &QueryMySessionOption,
    ) -> (Vec<RecentSession>, bool) {
        let (min, max) = (option.min_timestamp, option.max_timestamp);
        let mut rows = self.list(owner);
        rows.retain(|row| row.update_time >= min && (max == 0 || row.update_time <= max));
        let mut size = option.limit as usize;
        let ties = rows.iter().filter(|row| max != 0 && row.update_time == max).count();
        if rows.iter().take(size).all(|row| max != 0 && row.update_time == max) {
            size = size.max((ties + 1).min(1_000));
        }
        // No answer is larger than 4 MiB: cursors and names take less than 512 bytes of it.
        let mut bytes = 512;
        let fits = rows.iter().take_while(|row| {
            bytes += serde_json::to_string(row).unwrap().len() + 1;
            bytes <= 4 << 20
        });
        size = size.min(fits.count().max(1));
        let has_more = rows.len() > size;
        rows.truncate(size);
        (rows, has_more)
    }

    fn sessions(&self, owner: &Owner) -> Vec<SessionId> {
        let called = self.own.keys().filter(|(app, account, _)| {
            (app.as_str(), account.as_str()) == (owner.app.as_str(), owner.account.as_str())
        });
        let mut ids: Vec<SessionId> = called.map(|(_, _, id)| id.clone()).collect();
        for (_, event) in self.events.iter().filter(|(app, _)| *app == owner.app) {
            match event {
                Event::Message {
                    place: Place::P2p { from, to } | Place::Undelivered { from, to },
                    ..
                }
                | Event::Recall {
                    place: Place::P2p { from, to } | Place::Undelivered { from, to },
                    ..
                }
                | Event::Edit {
                    place: Place::P2p { from, to } | Place::Undelivered { from, to },
                    ..
                } => {
                    ids.extend([from, to].map(SessionId::p2p));
                }
                Event::Message { place: Place::Team(team), .. }
                | Event::Recall { place: Place::Team(team), .. }
                | Event::Edit { place: Place::Team(team), .. }
                | Event::Join { team, .. }
                | Event::Leave { team, .. }
                | Event::Dissolve { team, .. } => ids.push(team.session_id()),
            }
        }
        ids
    }

    /// A last message at or below the floor is never returned.
    fn visible_last(&self, owner: &Owner, id: &SessionId) -> Option<ModelMessage> {
        let floor = self.own.get(&slot(owner, id)).and_then(|own| own.floor.clone());
        let last = match id.kind() {
            SessionKind::P2p => self.newest(owner, |place| match place {
                Place::P2p { from, to } => {
                    let (me, peer) = (owner.account.as_str(), id.peer());
                    (from.as_str(), to.as_str()) == (me, peer)
                        || (from.as_str(), to.as_str()) == (peer, me)
                }
                Place::Undelivered { from, to } => {
                    (from.as_str(), to.as_str()) == (owner.account.as_str(), id.peer())
                }
                Place::Team(_) => false,
            }),
            SessionKind::Team | SessionKind::SuperTeam => self.team_last(owner, id),
        };
        last.filter(|last| floor.is_none_or(|floor| (last.0, last.1, last.2.clone()) > floor))
    }

    /// The greatest message, with its recall or its latest edit; or a greater recall of another
    /// message, which may come yet.
    fn newest(&self, owner: &Owner, is_of: impl Fn(&Place) -> bool) -> Option<ModelMessage> {
        let (mut messages, mut recalls, mut edits) = (Vec::new(), Vec::new(), Vec::new());
        for (_, event) in self.events.iter().filter(|(app, _)| *app == owner.app) {
            match event {
                Event::Message { place, post, updates_session: true, .. } if is_of(place) => {
                    messages.push(message(post, 0));
                }
                Event::Recall { place, post, one_way: false, .. } if is_of(place) => {
                    recalls.push(message(post, 1));
                }
                Event::Edit { place, edit } if is_of(place) => edits.push(edit),
                _ => {}
            }
        }
        let last = messages.into_iter().max();
        let last_id = last.as_ref().map(|last| last.2.clone());
        let of_another = recalls.iter().filter(|recall| Some(&recall.2) != last_id.as_ref());
        let of_another = of_another.max().cloned();
        let Some(last) = last else { return of_another };
        if of_another.as_ref() > Some(&last) {
            return of_another;
        }
        if let Some(recall) = recalls.into_iter().filter(|recall| recall.2 == last.2).max() {
            return Some((last.0, last.1, last.2, 1, recall.4, recall.5));
        }
        let edits = edits.into_iter().filter(|edit| edit.message_id == last.2);
        let Some(edit) = edits.max_by_key(|edit| (edit.time, Sha256::digest(&edit.fields))) else {
            return Some(last);
        };
        Some((last.0, last.1, last.2, last.3, last.4, edited(&last.5, edit)))
    }

    /// Who of these is in the team, since when.
    pub(crate) fn members(&self, owners: &[Owner], app: &AppKey, team: &Team) -> Vec<Member> {
        let owners = owners.iter().filter(|owner| owner.app == *app);
        let members = owners.filter_map(|owner| {
            let since = self.standing(owner, &team.session_id()).0?.ok()?;
            Some(Member { since, account: owner.account.clone() })
        });
        let mut members: Vec<Member> = members.collect();
        members.sort_by(|a, b| a.account.cmp(&b.account));
        members
    }

    fn team_last(&self, owner: &Owner, id: &SessionId) -> Option<ModelMessage> {
        let of_team = |team: &Team| team.session_id() == *id;
        let (state, end) = self.standing(owner, id);
        match state? {
            Err(notice) => Some(notice),
            Ok(since) => self
                .newest(owner, |place| matches!(place, Place::Team(team) if of_team(team)))
                .filter(|head| head.0 >= since)
                .filter(|head| end.as_ref().is_none_or(|end| head.0 <= end.0 || since > end.0)),
        }
    }

    /// In since `Ok(time)`, out with `Err(notice)`, or unknown; and the greatest dissolution.
    fn standing(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> (Option<Result<u64, ModelMessage>>, Option<ModelMessage>) {
        let of_team = |team: &Team| team.session_id() == *id;
        let me = |accounts: &[Account]| accounts.contains(&owner.account);
        // (time, 0 in | 1 hint | 2 dissolution | 3 out, floor of an in, notice of an out)
        let mut notices: Vec<(u64, u8, u64, Option<ModelMessage>)> = Vec::new();
        let (mut invites, mut hint, mut end) = (Vec::new(), None::<u64>, None::<ModelMessage>);
        for (_, event) in self.events.iter().filter(|(app, _)| *app == owner.app) {
            match event {
                Event::Join { team, accounts, inviter, time } if of_team(team) => {
                    if me(accounts) {
                        notices.push((*time, 0, *time, None));
                    }
                    if inviter.as_ref() == Some(&owner.account) {
                        invites.push(*time);
                    }
                }
                Event::Leave { team, accounts, notice } if of_team(team) && me(accounts) => {
                    notices.push((notice.time, 3, 0, Some(message(notice, 0))));
                }
                Event::Dissolve { team, notice } if of_team(team) => {
                    end = end.max(Some(message(notice, 0)));
                }
                Event::Message {
                    place: Place::Team(team),
                    post,
                    audience,
                    updates_session: true,
                } if of_team(team) && me(audience) => hint = hint.max(Some(post.time)),
                _ => {}
            }
        }
        let mut invited = Vec::new();
        if let Some(first) = invites.iter().copied().min()
            && notices.iter().all(|notice| notice.0 >= first)
        {
            invited.push(first);
        }
        // A dissolution ended what came before it: of the invites after it the last counts.
        if let (Some(end), Some(last)) = (&end, invites.iter().copied().max())
            && last > end.0
            && notices.iter().filter(|notice| notice.0 > end.0).all(|notice| notice.0 >= last)
        {
            invited.push(last);
        }
        notices.extend(invited.into_iter().map(|time| (time, 0, time, None)));
        notices.extend(end.clone().map(|end| (end.0, 2, 0, Some(end))));
        let mut state = fold(notices.clone());
        if let Some(mut hint) = hint
            && !matches!(state, Some(Ok(_)))
        {
            // Dated after the end, it counts as one of its time.
            if let Some(end) = &end {
                hint = hint.min(end.0);
            }
            notices.push((hint.saturating_sub(60_000), 1, hint, None));
            state = fold(notices);
        }
        (state, end)
    }
}

/// In since `Ok(time)`, out with `Err(notice)`, or unknown.
fn fold(
    mut notices: Vec<(u64, u8, u64, Option<ModelMessage>)>,
) -> Option<Result<u64, ModelMessage>> {
    // At one time the greatest out is the one that counts.
    notices.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.3.cmp(&a.3)));
    let mut state: Option<Result<u64, ModelMessage>> = None;
    let mut ended_at = None;
    for (time, kind, since, notice) in notices {
        match (kind, &state) {
            (0 | 1, None | Some(Err(_))) => state = Some(Ok(since)),
            (2, Some(Ok(_))) => {
                state = notice.map(Err);
                ended_at = Some(time);
            }
            (3, None | Some(Ok(_))) => state = notice.map(Err),
            (3, Some(Err(shown))) if ended_at == Some(time) && notice.as_ref() > Some(shown) => {
                state = notice.map(Err);
            }
            _ => {}
        }
    }
    state
}
