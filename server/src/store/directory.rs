//! The directory of an app: its accounts with their tokens, its teams with their owners; what the
//! app's own server asks for, and the [`Book`] that an engine serves. What is allowed and what
//! comes of it, `act` says. Pure: no clock, no I/O, no bytes.

mod act;

use std::ops::Range;

use huihua_core::{Account, TeamId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::act::act;
use super::Error;
use crate::event::{Event, Place, Post, Team, TeamKind};

/// Ids follow the clock up to here, 2^53 - 1: every reader of JSON keeps them exact.
const FLOOR_MAX: u64 = (1 << 53) - 1;

/// SHA-256 of a token: all that is kept of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of this token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountEntry {
    /// The name that the app gave it; may be empty.
    pub name: String,
    /// Its token, beside JWTs.
    pub token: Option<TokenHash>,
}

/// What is known of a team.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TeamEntry {
    /// Who may change it. `None`: the team is known by events alone, and the app's server may do
    /// anything with it.
    pub owner: Option<Account>,
    /// Its name; may be empty.
    pub name: String,
    /// The app's own text; may be empty.
    pub custom: String,
    /// How many members it may have, as the app said. Kept, not enforced.
    pub members_max: u32,
    /// Whether every member may invite.
    pub anyone_invites: bool,
}

/// A team that an account is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedTeam {
    /// Which.
    pub team: Team,
    /// What is known of it.
    pub entry: TeamEntry,
    /// How many accounts are in.
    pub size: usize,
}

/// A token to be: its hash, and what the caller makes it of when it was drawn here. The seed alone
/// is no token, so that the first answer may be stored.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What is kept.
    pub hash: TokenHash,
    /// Comes back in [`Done::seed`].
    pub seed: Option<String>,
}

/// Makes a message of its time (ms) and its id. Pure.
pub type Compose = Box<dyn Fn(u64, u64) -> Post + Send + Sync>;
/// Makes the events that tell a change of members. Pure.
pub type Tell = fn(&Told<'_>) -> Vec<Event>;

/// A message that waits for its time and its id.
pub struct Letter {
    /// Where it will stand.
    pub place: Place,
    /// What it will say.
    pub compose: Compose,
    /// False: no list moves.
    pub updates_session: bool,
}

/// A change of a team, for whoever writes its notice.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The team.
    pub team: &'a Team,
    /// What is known of it.
    pub entry: &'a TeamEntry,
    /// Who did it.
    pub by: &'a Account,
    /// What was asked.
    pub change: &'a Change,
    /// Those who came in or went out.
    pub accounts: &'a [Account],
    /// When, ms since 1970.
    pub time: u64,
    /// Id of the notice.
    pub message_id: u64,
}

/// What an app's own server asks for.
pub enum Action {
    /// Makes an account known that is not.
    CreateAccount {
        /// Which.
        account: Account,
        /// Its name.
        name: String,
        /// Its token.
        token: NewToken,
    },
    /// Gives an account another token; the one before ends. It need not be known.
    SetToken {
        /// Which.
        account: Account,
        /// Its token.
        token: NewToken,
    },
    /// Sends messages, each with an id of its own.
    Send(Vec<Letter>),
    /// Takes a message back.
    Recall {
        /// Where it stood.
        place: Place,
        /// The notice, at the key of the message.
        post: Post,
        /// When, ms since 1970.
        time: u64,
    },
    /// Makes a team, with its owner and these members in it.
    CreateTeam {
        /// Team or super team.
        kind: TeamKind,
        /// Who owns it.
        owner: Account,
        /// The rest that is known of it; its owner is filled in.
        entry: TeamEntry,
        /// Who is in beside the owner.
        members: Vec<Account>,
        /// The notice.
        tell: Tell,
    },
    /// Changes who is in a team.
    ChangeTeam {
        /// Which.
        team: Team,
        /// Who does it.
        by: Account,
        /// What.
        change: Change,
        /// The notice.
        tell: Tell,
    },
}

/// What happens to a team's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These come in.
    Invite(Vec<Account>),
    /// These are sent away by the owner.
    Kick(Vec<Account>),
    /// The one who does it goes.
    Leave,
    /// The owner ends the team.
    Dissolve,
}

impl Action {
    /// How many registers it moves at most, about: what it costs to write.
    pub fn registers(&self) -> usize {
        match self {
            Self::CreateAccount { .. } | Self::SetToken { .. } => 1,
            Self::Send(letters) => 2 * letters.len(),
            Self::Recall { .. } => 2,
            Self::CreateTeam { members, .. } => 2 + members.len(),
            Self::ChangeTeam { change, .. } => match change {
                Change::Invite(accounts) | Change::Kick(accounts) => 2 + accounts.len(),
                Change::Leave | Change::Dissolve => 2,
            },
        }
    }
}

/// What an action came to: all that its answer is made of. Kept as the first result of a retried
/// one; holds no token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    /// Time of its messages, ms since 1970.
    pub time: u64,
    /// Ids of the messages, in the order of the letters.
    pub message_ids: Vec<u64>,
    /// The team that was made.
    pub team_id: Option<u64>,
    /// The account's name.
    pub name: String,
    /// What the account's new token is made of, if it was drawn here.
    pub seed: Option<String>,
}

/// Why an action is not done. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account is known already.
    #[error("already register")]
    AccountExists,
    /// No such team, or it was dissolved.
    #[error("there is no such team")]
    NoSuchTeam,
    /// Only the team's owner may do this.
    #[error("only the team's owner may do this")]
    NotOwner,
    /// The owner stays as long as the team does.
    #[error("the owner cannot leave or be kicked: dissolve the team")]
    OwnerStays,
    /// The account is not in the team.
    #[error("the account is not in the team")]
    NotIn,
}

/// The directory of one app inside a transaction: what an engine serves.
pub trait Book {
    /// What is known of the account.
    fn account(&self, account: &Account) -> Result<Option<AccountEntry>, Error>;
    /// Replaces what is known; a token that goes opens nothing from the commit on.
    fn put_account(&mut self, account: &Account, entry: &AccountEntry) -> Result<(), Error>;
    /// The team; `None` when nothing ever told of it, or it was dissolved. A team that messages or
    /// notices told of is known, with an empty entry.
    fn team(&self, team: &Team) -> Result<Option<TeamEntry>, Error>;
    /// Replaces what is known of a team.
    fn put_team(&mut self, team: &Team, entry: &TeamEntry) -> Result<(), Error>;
    /// Whether the account is in the team.
    fn is_in(&self, team: &Team, account: &Account) -> Result<bool, Error>;
    /// Time of the newest message there, ms since 1970; 0 without one.
    fn newest(&self, place: &Place) -> Result<u64, Error>;
    /// So many ids above all that were ever given, chosen by [`next_ids`] of `floor`.
    fn message_ids(&mut self, count: u64, floor: u64) -> Result<Range<u64>, Error>;
    /// A team id that nothing ever told of, of either kind, chosen by [`next_ids`] of `floor`.
    fn team_id(&mut self, floor: u64) -> Result<u64, Error>;
    /// Applies the event to the lists.
    fn tell(&mut self, event: &Event) -> Result<(), Error>;
}

/// The next ids after the last one: never below `floor`, which grows with the clock, so that a
/// store that was restored from a backup gives none again that it gave after the backup.
pub fn next_ids(last: u64, count: u64, floor: u64) -> Range<u64> {
    let first = last.saturating_add(1).max(floor.min(FLOOR_MAX));
    first..first.saturating_add(count)
}

/// Both kinds of team that an id may be of.
pub fn teams_of_id(id: u64) -> [Team; 2] {
    [TeamKind::Normal, TeamKind::Super].map(|kind| kind.team(team_id(id)))
}

fn team_id(id: u64) -> TeamId {
    id.to_string().parse().expect("digits are a team id")
}

#[cfg(test)]
mod tests;
