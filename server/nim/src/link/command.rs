//! The commands, by their numbers.

use super::Header;

/// A command that a client calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// 2/3: the login of 9.x and of 10.x with its API v1.
    Login,
    /// 26/3: the login of 10.x with its API v2.
    LoginV2,
    /// 2/6 and 26/5: the answer is 200, and the link ends.
    Logout,
    /// 1/2, every 30 seconds: the answer is 200.
    Heartbeat,
    /// 6/23: the answer is the time. Silence delays a login by 8 seconds.
    ServerTime,
    /// 5/1 and 27/1, after a login: the answer is the time; without one no client is ready.
    Sync,
    /// 7/19.
    ListSessions,
    /// 7/20.
    GetSession,
    /// 7/21.
    UpdateSession,
    /// 7/22.
    DeleteSessions,
    /// Any other: the answer is 404 at once, for a client waits 8 seconds for one.
    Unknown,
}

impl Command {
    /// Every command that is known, by its numbers.
    pub const NUMBERS: [(u8, u8, Command); 12] = [
        (1, 2, Self::Heartbeat),
        (2, 3, Self::Login),
        (2, 6, Self::Logout),
        (5, 1, Self::Sync),
        (6, 23, Self::ServerTime),
        (7, 19, Self::ListSessions),
        (7, 20, Self::GetSession),
        (7, 21, Self::UpdateSession),
        (7, 22, Self::DeleteSessions),
        (26, 3, Self::LoginV2),
        (26, 5, Self::Logout),
        (27, 1, Self::Sync),
    ];

    /// Returns its name, for counters and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login | Self::LoginV2 => "login",
            Self::Logout => "logout",
            Self::Heartbeat => "heartbeat",
            Self::ServerTime => "time",
            Self::Sync => "sync",
            Self::ListSessions => "list",
            Self::GetSession => "get",
            Self::UpdateSession => "update",
            Self::DeleteSessions => "delete",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the command that the header names.
    pub fn of(header: Header) -> Self {
        let is_named = |(sid, cid, _): &&(u8, u8, Self)| (*sid, *cid) == (header.sid, header.cid);
        Self::NUMBERS.iter().find(is_named).map_or(Self::Unknown, |(_, _, command)| *command)
    }
}
