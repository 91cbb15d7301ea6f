//! What moves a list, after the door has parsed it: messages, recalls, edits, and membership
//! of teams.
//! Doors build events; the rules of `huihua-store` say what they do.

use huihua_core::Account;
use serde::{Deserialize, Serialize};

use crate::Team;

/// Longest message id, in bytes.
pub const MESSAGE_ID_BYTES_MAX: usize = 64;
/// How far ahead of the server's clock a time may be, in ms.
pub const AHEAD_MS_MAX: u64 = 10 * 60 * 1000;

/// The conversation that a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Both accounts' sessions with each other; one session when both are the same.
    P2p {
        /// The sender.
        from: Account,
        /// The receiver.
        to: Account,
    },
    /// The sender's session alone: the message did not reach its receiver.
    Undelivered {
        /// The sender, whose list moves.
        from: Account,
        /// The account that does not see it.
        to: Account,
    },
    /// The head of a team.
    Team(Team),
}

/// The body of a message or recall, with the parts of its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Time of the message, ms since 1970; of a recall, the recalled message's time.
    pub time: u64,
    /// Server id of the message; of a recall, the recalled message's. Empty only in the notice of a
    /// `leave` or `dissolve` event, which comes without a message.
    pub message_id: String,
    /// Compact JSON with NIM's numeric keys, at most 16 KiB.
    pub last_msg: String,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Post({} {}, {} bytes)", self.time, self.message_id, self.last_msg.len())
    }
}

/// What an edit changes, of the message with this id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Server id of the message.
    pub message_id: String,
    /// When it was edited, ms since 1970: the latest edit counts.
    pub time: u64,
    /// The keys of `lastMsg` that it replaces, as a compact JSON object, ascending, at most 16 KiB.
    pub fields: String,
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edit({} {}, {} bytes)", self.time, self.message_id, self.fields.len())
    }
}

/// One event of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A message was sent.
    Message {
        /// Its conversation.
        place: Place,
        /// Its body.
        post: Post,
        /// False: the sender wants no list to move (NIM key 28 = 0).
        updates_session: bool,
        /// Accounts that NIM names as the message's audience: hints of membership.
        audience: Vec<Account>,
    },
    /// A message was recalled. The message is named by its id: its time may be another than the
    /// recall claims.
    Recall {
        /// The conversation of the message.
        place: Place,
        /// The recall's body, at the time that it claims for the message.
        post: Post,
        /// When it was recalled, ms since 1970; not before the time that it claims.
        time: u64,
        /// True: only the recalling account stops seeing it (13, 14); moves nothing.
        one_way: bool,
    },
    /// A message was edited. The message is named by its id alone: no edit knows its time.
    Edit {
        /// The conversation of the message.
        place: Place,
        /// What it changes.
        edit: Edit,
    },
    /// Accounts joined a team.
    Join {
        /// The team.
        team: Team,
        /// The accounts.
        accounts: Vec<Account>,
        /// The account that invited them: counts as in too, unless a notice about it is dated
        /// earlier.
        inviter: Option<Account>,
        /// Since when, ms since 1970.
        time: u64,
    },
    /// Accounts left a team, or were kicked.
    Leave {
        /// The team.
        team: Team,
        /// The accounts.
        accounts: Vec<Account>,
        /// What they see from now on. Its time is the time of leaving.
        notice: Post,
    },
    /// A team was dissolved.
    Dissolve {
        /// The team.
        team: Team,
        /// What its members see from now on. Its time is the time of the end.
        notice: Post,
    },
}

impl Event {
    /// Returns the latest time in the event, ms since 1970.
    pub fn latest_time(&self) -> u64 {
        match self {
            Self::Message { post, .. } => post.time,
            Self::Recall { post, time, .. } => post.time.max(*time),
            Self::Edit { edit, .. } => edit.time,
            Self::Join { time, .. } => *time,
            Self::Leave { notice, .. } | Self::Dissolve { notice, .. } => notice.time,
        }
    }

    /// Tells whether a time in the event is further ahead of `now` (ms since 1970) than clocks may
    /// differ: then no list takes it.
    pub fn is_too_far_ahead(&self, now: u64) -> bool {
        is_too_far_ahead(self.latest_time(), now)
    }

    /// Counts the registers that the event moves at most: its cost in a write.
    pub fn registers(&self) -> usize {
        match self {
            Self::Message { audience, .. } => 2 + audience.len(),
            Self::Recall { .. } | Self::Edit { .. } => 2,
            Self::Join { accounts, .. } => 1 + accounts.len(),
            Self::Leave { accounts, .. } => accounts.len(),
            Self::Dissolve { .. } => 1,
        }
    }

    /// Splits the event into pieces of at most `accounts_max` accounts each.
    ///
    /// One piece when it names no more. All pieces together do what the event does.
    pub fn pieces(self, accounts_max: usize) -> Vec<Event> {
        match self {
            Self::Join { team, accounts, inviter, time } if accounts.len() > accounts_max => {
                let pieces = accounts.chunks(accounts_max).enumerate();
                let join = |(at, accounts): (usize, &[Account])| Self::Join {
                    team: team.clone(),
                    accounts: accounts.to_vec(),
                    inviter: inviter.clone().filter(|_| at == 0),
                    time,
                };
                pieces.map(join).collect()
            }
            Self::Leave { team, accounts, notice } if accounts.len() > accounts_max => {
                let leave = |accounts: &[Account]| Self::Leave {
                    team: team.clone(),
                    accounts: accounts.to_vec(),
                    notice: notice.clone(),
                };
                accounts.chunks(accounts_max).map(leave).collect()
            }
            event @ (Self::Message { .. }
            | Self::Recall { .. }
            | Self::Edit { .. }
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Dissolve { .. }) => vec![event],
        }
    }
}

/// Tells whether a time is further ahead of `now` than clocks may differ. Both in ms since 1970.
pub fn is_too_far_ahead(time: u64, now: u64) -> bool {
    time > now.saturating_add(AHEAD_MS_MAX)
}
