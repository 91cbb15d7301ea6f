//! What an app's own server asks for in one call: an action, and what its answer is made of. Which
//! action is allowed and what it changes, `huihua-store` decides.

use huihua_core::Account;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Event, Place, Post, Team, TeamEntry, TeamKind};

/// The SHA-256 of a token: the only form in which a token is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// Hashes a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// A token that an action gives to an account.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The hash that is stored.
    pub hash: TokenHash,
    /// What a token drawn by the server is computed from; [`Done::seed`] returns it. The
    /// seed alone is no token, so the result of the first attempt may be stored.
    pub seed: Option<String>,
}

/// Writes the body of a message from its time (ms since 1970) and its id. Pure.
pub type MessageComposer = Box<dyn Fn(u64, u64) -> Post + Send + Sync>;
/// Writes the events of a change of members. Pure.
pub type NoticeComposer = fn(&MembershipNotice<'_>) -> Vec<Event>;

/// A message whose time and id the store chooses.
pub struct OutgoingMessage {
    /// The conversation it goes to.
    pub place: Place,
    /// Writes its body.
    pub compose: MessageComposer,
    /// False: no list moves.
    pub updates_session: bool,
}

/// What the notice of a change of members is written from.
#[derive(Debug, Clone, Copy)]
pub struct MembershipNotice<'a> {
    /// The team.
    pub team: &'a Team,
    /// Its entry in the directory.
    pub entry: &'a TeamEntry,
    /// The account that makes the change.
    pub by: &'a Account,
    /// The change.
    pub change: &'a MembershipChange,
    /// The accounts that come in or go out; of a change of the owner, the new one.
    pub accounts: &'a [Account],
    /// When, ms since 1970.
    pub time: u64,
    /// Id of the notice.
    pub message_id: u64,
}

/// One call of an app's own server.
pub enum Action {
    /// Creates an account that the directory does not have.
    CreateAccount {
        /// The account.
        account: Account,
        /// Its name.
        name: String,
        /// Its token.
        token: NewToken,
    },
    /// Gives an account another token and ends the one before. The directory need not have it.
    SetToken {
        /// The account.
        account: Account,
        /// Its token.
        token: NewToken,
    },
    /// Blocks an account: nothing opens its list until it is unblocked, and its token is ended for
    /// good. The directory need not have it.
    Block {
        /// The account.
        account: Account,
    },
    /// Unblocks an account.
    Unblock {
        /// The account.
        account: Account,
    },
    /// Sends messages, each under an id of its own.
    Send(Vec<OutgoingMessage>),
    /// Recalls a message.
    Recall {
        /// The conversation of the message.
        place: Place,
        /// The recall's body, at the key of the message.
        post: Post,
        /// When, ms since 1970.
        time: u64,
    },
    /// Creates a team with its owner and these members in it.
    CreateTeam {
        /// Team or super team.
        kind: TeamKind,
        /// The account that owns it.
        owner: Account,
        /// Its entry; owner and time of creation in it are replaced.
        entry: TeamEntry,
        /// The accounts that are in beside the owner.
        members: Vec<Account>,
        /// Writes the notice.
        notice: NoticeComposer,
    },
    /// Changes the members of a team.
    ChangeTeam {
        /// The team.
        team: Team,
        /// The account that makes the change.
        by: Account,
        /// The change.
        change: MembershipChange,
        /// Writes the notice.
        notice: NoticeComposer,
    },
}

/// A change of a team's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipChange {
    /// These accounts come in.
    Invite(Vec<Account>),
    /// The owner sends these accounts away.
    Kick(Vec<Account>),
    /// The account that makes the change goes.
    Leave,
    /// The owner ends the team.
    Dissolve,
    /// The owner gives the team to another member.
    ChangeOwner {
        /// The new owner.
        to: Account,
        /// Whether the old one goes.
        leaves: bool,
    },
}

impl Action {
    /// Counts the registers it moves at most, about: its cost in a write.
    pub fn registers(&self) -> usize {
        match self {
            Self::CreateAccount { .. }
            | Self::SetToken { .. }
            | Self::Block { .. }
            | Self::Unblock { .. } => 1,
            Self::Send(messages) => 2 * messages.len(),
            Self::Recall { .. } => 2,
            Self::CreateTeam { members, .. } => 2 + members.len(),
            Self::ChangeTeam { change, .. } => match change {
                MembershipChange::Invite(accounts) | MembershipChange::Kick(accounts) => {
                    2 + accounts.len()
                }
                MembershipChange::Leave | MembershipChange::Dissolve => 2,
                MembershipChange::ChangeOwner { .. } => 4,
            },
        }
    }
}

/// What the answer to an action is made of. Stored as the first result of a retried action; holds
/// no token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    /// Time of its messages, ms since 1970.
    pub time: u64,
    /// Ids of the messages, in the order of the action.
    pub message_ids: Vec<u64>,
    /// The team that was created.
    pub team_id: Option<u64>,
    /// The account's name.
    pub name: String,
    /// What the account's new token is computed from, if the server drew it.
    pub seed: Option<String>,
}
