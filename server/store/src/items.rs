//! Everything in a store, item by item, on its way into another store: registers as the writes that
//! make them, and what no event makes. Keys, digests and texts are carried as they are, so that a
//! late event finds in the copy what it would have found in the original.

use huihua_core::{Account, AccountForm, AppKey, SessionId, SessionKind};
use huihua_event::{Owner, Team, TeamEntry};

use crate::{
    directory::AccountEntry,
    key::{MessageBody, MessageKey},
    latest::{Amendment, LastChange, Latest},
    rules::{Head, Membership, Moved, Notice, Row, Write},
};

/// One item of a store. First results, versions and cursors are each store's own: none is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredItem {
    /// How an app writes its account ids.
    AccountForm(AppKey, AccountForm),
    /// The last ids that were given: no other store gives them again.
    LastIds {
        /// Of messages.
        message: u64,
        /// Of teams.
        team: u64,
    },
    /// What the directory knows of an account.
    Account(Owner, AccountEntry),
    /// What the directory knows of a team.
    Team(AppKey, Team, TeamEntry),
    /// The registers of a team.
    Head(StoredHead),
    /// The registers of one session of an account.
    Session(StoredSession),
}

/// Some items, and where the next ones are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemBatch {
    /// The items; perhaps none, although there are more.
    pub items: Vec<StoredItem>,
    /// Where the next batch begins; `None`: these are the last ones.
    pub next: Option<String>,
    /// How many came so far, with these.
    pub done: u64,
    /// How many there are in all, about.
    pub all: u64,
}

/// The key of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    time: u64,
    id: String,
    rank: u8,
    digest: [u8; 8],
}

impl StoredKey {
    fn of(key: MessageKey<'_>) -> Self {
        Self { time: key.time, id: key.id.to_owned(), rank: key.rank, digest: key.digest }
    }

    /// The key as the rules take it.
    pub fn key(&self) -> MessageKey<'_> {
        MessageKey { time: self.time, id: &self.id, rank: self.rank, digest: self.digest }
    }
}

/// A message, a recall or a notice; its text may be gone. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
struct StoredBody {
    key: StoredKey,
    text: String,
}

impl std::fmt::Debug for StoredBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredBody({:?}, {} bytes)", self.key, self.text.len())
    }
}

impl StoredBody {
    fn of(body: MessageBody<'_>) -> Self {
        Self { key: StoredKey::of(body.key), text: body.text.to_owned() }
    }

    fn body(&self) -> MessageBody<'_> {
        MessageBody { key: self.key.key(), text: &self.text }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum StoredAmendment {
    Recall { body: StoredBody, time: u64 },
    Edit { id: String, time: u64, digest: [u8; 8], fields: String },
}

/// The last message with its amendments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct StoredLatest {
    message: Option<StoredBody>,
    amendments: Vec<StoredAmendment>,
}

impl StoredLatest {
    fn of(latest: &Latest<'_>) -> Self {
        let amendments = latest.amendments.iter().map(|amendment| match amendment {
            Amendment::Recall { body, time } => {
                StoredAmendment::Recall { body: StoredBody::of(*body), time: *time }
            }
            Amendment::Edit { id, time, digest, fields } => StoredAmendment::Edit {
                id: (*id).to_owned(),
                time: *time,
                digest: *digest,
                fields: (*fields).to_owned(),
            },
        });
        Self { message: latest.message.map(StoredBody::of), amendments: amendments.collect() }
    }

    /// The message first: what it keeps beside it depends on no order then.
    fn changes(&self) -> impl Iterator<Item = LastChange<'_>> {
        let message = self.message.as_ref().map(|body| LastChange::Message(body.body()));
        let amendments = self.amendments.iter().map(|amendment| {
            LastChange::Amendment(match amendment {
                StoredAmendment::Recall { body, time } => {
                    Amendment::Recall { body: body.body(), time: *time }
                }
                StoredAmendment::Edit { id, time, digest, fields } => {
                    Amendment::Edit { id, time: *time, digest: *digest, fields }
                }
            })
        });
        message.into_iter().chain(amendments)
    }
}

/// The registers of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHead {
    /// The team's app.
    pub app: AppKey,
    /// The team.
    pub team: Team,
    latest: StoredLatest,
    dissolved: Option<StoredBody>,
}

impl StoredHead {
    /// Takes them out of a store.
    pub fn of(app: AppKey, team: Team, head: &Head<'_>) -> Self {
        let dissolved = head.dissolved.map(StoredBody::of);
        Self { app, team, latest: StoredLatest::of(&head.latest), dissolved }
    }

    /// The writes that make them.
    pub fn writes(&self) -> Vec<Write<'_>> {
        let team = &self.team;
        let head = self.latest.changes().map(|change| Write::Head { team, change });
        let end = self.dissolved.as_ref().map(|body| Write::Dissolve { team, body: body.body() });
        head.chain(end).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum StoredNotice {
    In(u64),
    Out(StoredBody),
}

/// Whom a session is with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum With {
    Peer(Account),
    Team(Team),
}

/// The registers of one session of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Whose list it is in.
    pub owner: Owner,
    /// Its id.
    pub id: SessionId,
    with: With,
    latest: StoredLatest,
    notices: Vec<StoredNotice>,
    /// The first and the last time that the account invited somebody.
    inviter: [Option<u64>; 2],
    hint: Option<u64>,
    /// Hides everything up to here.
    pub floor: Option<StoredKey>,
    /// First `updateMySession` since the last delete.
    pub created: Option<u64>,
    /// The account's own text.
    pub ext: String,
}

impl StoredSession {
    /// Takes them out of a store; `None` when the id is none of a list.
    pub fn of(owner: Owner, id: SessionId, row: &Row<'_>) -> Option<Self> {
        let with = match id.kind() {
            SessionKind::P2p => With::Peer(id.peer().parse().ok()?),
            SessionKind::Team | SessionKind::SuperTeam => With::Team(Team::of(&id)?),
        };
        let notices = row.notices.iter().map(|notice| match notice {
            Notice::In(time) => StoredNotice::In(*time),
            Notice::Out(body) => StoredNotice::Out(StoredBody::of(*body)),
        });
        Some(Self {
            owner,
            id,
            with,
            latest: StoredLatest::of(&row.latest),
            notices: notices.collect(),
            inviter: [row.inviter, row.inviter_last],
            hint: row.hint,
            floor: row.floor.map(StoredKey::of),
            created: row.created,
            ext: row.ext.to_owned(),
        })
    }

    /// The writes that make what events make of it.
    pub fn writes(&self) -> Vec<Write<'_>> {
        let account = &self.owner.account;
        let team = match &self.with {
            With::Peer(peer) => {
                let last = |change| Write::Last { account, peer, change };
                return self.latest.changes().map(last).collect();
            }
            With::Team(team) => team,
        };
        let notices = self.notices.iter().map(|notice| match notice {
            StoredNotice::In(time) => Membership::Notice(Notice::In(*time)),
            StoredNotice::Out(body) => Membership::Notice(Notice::Out(body.body())),
        });
        let inviter = self.inviter.into_iter().flatten().map(Membership::Inviter);
        let known = notices.chain(inviter).chain(self.hint.map(Membership::Hint));
        known.map(|membership| Write::Member { account, team, membership }).collect()
    }

    /// Tells whether its account did anything to it: then events alone do not make it.
    pub fn has_own_state(&self) -> bool {
        self.floor.is_some() || self.created.is_some() || !self.ext.is_empty()
    }
}

impl<'a> Row<'a> {
    /// Takes what the account did to its session in another store. What is here already stays where
    /// it hides more, and the first update stays the first.
    pub fn take_own_state(&mut self, of: &'a StoredSession) -> Moved {
        let before = (self.floor, self.created, self.ext);
        self.floor = self.floor.max(of.floor.as_ref().map(StoredKey::key));
        self.created = match (self.created, of.created) {
            (Some(here), Some(there)) => Some(here.min(there)),
            (here, there) => here.or(there),
        };
        self.ext = &of.ext;
        if (self.floor, self.created, self.ext) == before { Moved::No } else { Moved::Yes }
    }
}
