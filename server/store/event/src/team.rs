//! Teams: their two kinds, their identity, and what the directory knows of them.

use huihua_core::{Account, SessionId, SessionKind, TeamId};
use serde::{Deserialize, Serialize};

/// The two kinds of team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TeamKind {
    /// A team (高级群).
    #[serde(rename = "team")]
    Normal,
    /// A super team (超大群).
    #[serde(rename = "super_team")]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

    /// The session that each member has of it.
    pub fn session_id(&self) -> SessionId {
        SessionId::new(self.kind(), self.id.as_str()).expect("a team id is a valid peer")
    }
}

/// The directory's entry of a team.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TeamEntry {
    /// The account that may change it. `None`: only events name the team, and the app's server may
    /// do anything with it.
    pub owner: Option<Account>,
    /// Its name; may be empty.
    pub name: String,
    /// The app's own text; may be empty.
    pub custom: String,
    /// How many members the app wants at most. Stored, not enforced.
    pub members_max: u32,
    /// Whether every member may invite.
    pub anyone_invites: bool,
    /// When the app's server created it, ms since 1970; 0 for a team that only events name.
    pub created: u64,
}

/// An account that is in a team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Since when, ms since 1970; by a hint, the time of its message.
    pub since: u64,
    /// Which account.
    pub account: Account,
}

/// A team that an account is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedTeam {
    /// Which team.
    pub team: Team,
    /// Its entry in the directory.
    pub entry: TeamEntry,
    /// How many accounts are in.
    pub size: usize,
}
