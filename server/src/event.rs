//! What moves a list, after the door has parsed it: messages, recalls, and membership of teams.
//! Doors build events; `store/rules.rs` says what they do.

use huihua_core::{Account, AppKey, SessionId, SessionKind, TeamId};

/// Longest message id, in bytes.
pub const MESSAGE_ID_BYTES_MAX: usize = 64;
/// Longest `lastMsg`, in bytes of its JSON text.
pub const LAST_MSG_BYTES_MAX: usize = 16 * 1024;
/// How far ahead of the server's clock a time may be, in ms.
pub const AHEAD_MS_MAX: u64 = 10 * 60 * 1000;

/// One account of one app: the owner of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The tenant.
    pub app: AppKey,
    /// The user.
    pub account: Account,
}

/// The two kinds of team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TeamKind {
    /// A team (高级群).
    Normal,
    /// A super team (超大群).
    Super,
}

impl TeamKind {
    /// The team of this kind and id.
    pub fn team(self, id: TeamId) -> Team {
        Team { kind: self, id }
    }

    /// The kind of its members' sessions.
    pub fn session_kind(self) -> SessionKind {
        match self {
            Self::Normal => SessionKind::Team,
            Self::Super => SessionKind::SuperTeam,
        }
    }
}

/// A team or super team of an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Team {
    kind: TeamKind,
    id: TeamId,
}

impl Team {
    /// A team (高级群).
    pub fn normal(id: TeamId) -> Self {
        Self { kind: TeamKind::Normal, id }
    }

    /// A super team (超大群): another team than the team of the same id.
    pub fn super_team(id: TeamId) -> Self {
        Self { kind: TeamKind::Super, id }
    }

    /// The team of this session; `None` for p2p.
    pub fn of(id: &SessionId) -> Option<Self> {
        let kind = match id.kind() {
            SessionKind::P2p => return None,
            SessionKind::Team => TeamKind::Normal,
            SessionKind::SuperTeam => TeamKind::Super,
        };
        Some(Self { kind, id: TeamId::new(id.peer()).ok()? })
    }

    /// The kind of its members' sessions: never p2p.
    pub fn kind(&self) -> SessionKind {
        self.kind.session_kind()
    }

    /// The id.
    pub fn id(&self) -> &TeamId {
        &self.id
    }

    /// The session of everybody who is in.
    pub fn session_id(&self) -> SessionId {
        SessionId::new(self.kind(), self.id.as_str()).expect("a team id is a valid peer")
    }
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In both accounts' sessions; in one when both are the same.
    P2p {
        /// Who sent it.
        from: Account,
        /// Who got it.
        to: Account,
    },
    /// At the head of a team.
    Team(Team),
}

/// The body of a last message with what its key is made of.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// Time of the message, ms since 1970; of a recall, the recalled message's time.
    pub time: u64,
    /// Server id of the message; of a recall, the recalled message's. Empty only in a notice of
    /// leaving that no message told.
    pub message_id: String,
    /// Compact JSON with NIM's numeric keys, at most 16 KiB.
    pub last_msg: String,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Post({} {}, {} bytes)", self.time, self.message_id, self.last_msg.len())
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message was sent.
    Message {
        /// Where.
        place: Place,
        /// What.
        post: Post,
        /// False: the sender asked that no list moves (NIM key 28 = 0).
        updates_session: bool,
        /// Accounts that NIM names as the message's audience: hints of membership.
        audience: Vec<Account>,
    },
    /// A message was taken back.
    Recall {
        /// Where the message stood.
        place: Place,
        /// The notice, at the key of the message that it recalls.
        post: Post,
        /// When it was taken back, ms since 1970; not before the message.
        time: u64,
        /// True: only the one who recalls stops seeing it (13, 14); moves nothing.
        one_way: bool,
    },
    /// Accounts came into a team.
    Join {
        /// The team.
        team: Team,
        /// Who.
        accounts: Vec<Account>,
        /// Who invited them: counts as in too, unless a notice about him is dated earlier.
        inviter: Option<Account>,
        /// Since when, ms since 1970.
        time: u64,
    },
    /// Accounts went out of a team: left, or were kicked.
    Leave {
        /// The team.
        team: Team,
        /// Who.
        accounts: Vec<Account>,
        /// What they are shown from now on. Its time is the time of leaving.
        notice: Post,
    },
    /// A team was dissolved.
    Dissolve {
        /// The team.
        team: Team,
        /// What those who were in are shown from now on. Its time is the time of the end.
        notice: Post,
    },
}

impl Event {
    /// The latest time in the event, ms since 1970.
    pub fn latest_time(&self) -> u64 {
        match self {
            Self::Message { post, .. } => post.time,
            Self::Recall { post, time, .. } => post.time.max(*time),
            Self::Join { time, .. } => *time,
            Self::Leave { notice, .. } | Self::Dissolve { notice, .. } => notice.time,
        }
    }

    /// How many registers the event moves at most: what it costs to write.
    pub fn registers(&self) -> usize {
        match self {
            Self::Message { audience, .. } => 2 + audience.len(),
            Self::Recall { .. } => 2,
            Self::Join { accounts, .. } => 1 + accounts.len(),
            Self::Leave { accounts, .. } => accounts.len(),
            Self::Dissolve { .. } => 1,
        }
    }

    /// The same event in pieces of at most `accounts_max` accounts each; one piece when it names
    /// no more. All pieces together do what the event does.
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
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Dissolve { .. }) => vec![event],
        }
    }
}
