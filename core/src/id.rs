//! Ids of app keys, accounts, teams and sessions. Each is checked once, when it is parsed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::Error as _};

/// Length limit of an account, in bytes of UTF-8.
pub const ACCOUNT_BYTES_MAX: usize = 128;
/// Length limit of a team id, in bytes of UTF-8.
pub const TEAM_ID_BYTES_MAX: usize = 64;
/// Length limit of an app key, in bytes (it is ASCII).
pub const APP_KEY_BYTES_MAX: usize = 64;

/// Reports why a text is not an id.
///
/// The message never repeats the text: ids belong to the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// The name of the id, such as `account`.
        what: &'static str,
    },
    /// The text has more bytes than allowed.
    #[error("{what} is longer than {bytes_max} bytes")]
    TooLong {
        /// The name of the id, such as `account`.
        what: &'static str,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// The text holds a control character, a `|`, or (in an app key) a character that is not
    /// printable ASCII.
    #[error("{what} holds a character that it may not hold (control characters and '|' never)")]
    Character {
        /// The name of the id, such as `account`.
        what: &'static str,
    },
    /// The session id has no `|`, or a kind that does not exist.
    #[error("session id must be p2p|<account>, team|<team id> or super_team|<team id>")]
    SessionForm,
}

fn check(what: &'static str, text: &str, bytes_max: usize) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { what });
    }
    if text.len() > bytes_max {
        return Err(InvalidId::TooLong { what, bytes_max });
    }
    if text.chars().any(|c| c.is_control() || c == '|') {
        return Err(InvalidId::Character { what });
    }
    Ok(())
}

fn check_app_key(what: &'static str, text: &str, bytes_max: usize) -> Result<(), InvalidId> {
    check(what, text, bytes_max)?;
    if !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Err(InvalidId::Character { what });
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the text and wraps it.
            ///
            /// # Errors
            /// [`InvalidId`] says which rule the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                $check($what, &text, $max)?;
                Ok(Self(text))
            }

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(D::Error::custom)
            }
        }
    };
}

text_id!(
    /// Names a user of an app (NIM: accid).
    ///
    /// 1..=128 bytes of UTF-8, no control characters, no `|`. A text becomes an account as it is; a
    /// server takes those that come in through its app's [`crate::AccountForm`].
    Account,
    "account",
    ACCOUNT_BYTES_MAX,
    check
);
text_id!(
    /// Names a team or a super team.
    ///
    /// 1..=64 bytes of UTF-8, no control characters, no `|`; NIM's own ids are decimal numbers.
    TeamId,
    "team id",
    TEAM_ID_BYTES_MAX,
    check
);
text_id!(
    /// Names an app, a tenant of the server.
    ///
    /// 1..=64 printable ASCII characters, no `|`.
    AppKey,
    "app key",
    APP_KEY_BYTES_MAX,
    check_app_key
);

/// Distinguishes the three kinds of session.
///
/// Their order decides between sessions of the same `updateTime`. NIM's numbers of them are
/// [`Self::nim_number`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// A session of two accounts; the peer may be the account itself.
    P2p,
    /// A session of a team (NIM: 高级群).
    Team,
    /// A session of a super team (NIM: 超大群).
    SuperTeam,
}

impl SessionKind {
    /// Every kind, in sort order.
    pub const ALL: [SessionKind; 3] = [Self::P2p, Self::Team, Self::SuperTeam];

    /// Returns the prefix of a session id, the same in JSON, URLs and Kotlin.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P2p => "p2p",
            Self::Team => "team",
            Self::SuperTeam => "super_team",
        }
    }

    /// Returns NIM's number of the kind (`SessionTypeEnum`): 0, 1 or 5.
    pub const fn nim_number(self) -> u8 {
        match self {
            Self::P2p => 0,
            Self::Team => 1,
            Self::SuperTeam => 5,
        }
    }

    /// Returns the kind with this prefix, or `None` for any other text.
    pub fn from_prefix(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for SessionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Identifies one session in an account's list.
///
/// As text it is `p2p|<account>`, `team|<team id>` or `super_team|<team id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    kind: SessionKind,
    peer: String,
}

impl SessionId {
    /// Makes the id of the session with this kind and this peer.
    ///
    /// # Errors
    /// [`InvalidId`] if the peer is not an account (p2p) or not a team id (teams).
    pub fn new(kind: SessionKind, peer: impl Into<String>) -> Result<Self, InvalidId> {
        let peer = peer.into();
        match kind {
            SessionKind::P2p => check("account", &peer, ACCOUNT_BYTES_MAX)?,
            SessionKind::Team | SessionKind::SuperTeam => {
                check("team id", &peer, TEAM_ID_BYTES_MAX)?;
            }
        }
        Ok(Self { kind, peer })
    }

    /// Makes the id of the p2p session with this account.
    pub fn p2p(peer: &Account) -> Self {
        Self { kind: SessionKind::P2p, peer: peer.0.clone() }
    }

    /// Returns the kind: p2p, team or super team.
    pub fn kind(&self) -> SessionKind {
        self.kind
    }

    /// Returns the part after the `|`: an account or a team id.
    pub fn peer(&self) -> &str {
        &self.peer
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.kind, self.peer)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (prefix, peer) = text.split_once('|').ok_or(InvalidId::SessionForm)?;
        let kind = SessionKind::from_prefix(prefix).ok_or(InvalidId::SessionForm)?;
        Self::new(kind, peer)
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_parses_back_from_its_text() {
        for text in ["p2p|bob", "team|2530000000", "super_team|1", "p2p|小明", "p2p|a b"] {
            assert_eq!(text.parse::<SessionId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_invalid_session_id_is_refused_with_its_reason() {
        let long = format!("p2p|{}", "a".repeat(129));
        let long_team = format!("team|{}", "1".repeat(65));
        let cases = [
            ("", InvalidId::SessionForm),
            ("bob", InvalidId::SessionForm),
            ("P2P|bob", InvalidId::SessionForm),
            ("qchat|1", InvalidId::SessionForm),
            ("|bob", InvalidId::SessionForm),
            ("p2p|", InvalidId::Empty { what: "account" }),
            ("team|", InvalidId::Empty { what: "team id" }),
            ("p2p|a|b", InvalidId::Character { what: "account" }),
            ("p2p|a\0b", InvalidId::Character { what: "account" }),
            ("p2p|a\u{85}b", InvalidId::Character { what: "account" }),
            (&long, InvalidId::TooLong { what: "account", bytes_max: 128 }),
            (&long_team, InvalidId::TooLong { what: "team id", bytes_max: 64 }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<SessionId>(), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn length_limits_count_bytes_and_are_inclusive() {
        assert!(Account::new("a".repeat(128)).is_ok());
        assert!(Account::new("é".repeat(64)).is_ok());
        assert!(Account::new("é".repeat(65)).is_err());
        assert!(AppKey::new("k".repeat(64)).is_ok());
        assert!(AppKey::new("ключ").is_err());
    }
}
