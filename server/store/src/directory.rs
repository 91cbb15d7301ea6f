//! The directory of an app: its accounts with their tokens, and the ids that the store gives out.
//! Which action is allowed and what it changes, `decide` says. Pure: no clock, no I/O, no bytes.

use std::ops::Range;

use huihua_core::TeamId;
use huihua_event::{Team, TeamKind, TokenHash};
use serde::{Deserialize, Serialize};

/// Ids follow the clock up to here, 2^53 - 1: every reader of JSON keeps them exact.
const FLOOR_MAX: u64 = (1 << 53) - 1;
/// Message ids in one millisecond before they run ahead of the clock.
const MESSAGE_IDS_A_MS: u64 = 1_000;

/// The directory's entry of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccountEntry {
    /// The name that the app gave it; may be empty.
    pub name: String,
    /// Its token, beside JWTs. While the account is blocked it opens nothing.
    pub token: Option<TokenHash>,
    /// The account is blocked.
    pub blocked: Option<Block>,
}

impl AccountEntry {
    /// Returns the tokens by which the account is known: the client of one that a block ended is
    /// told of the block until it ends, and not that it never had a token.
    pub fn known_tokens(&self) -> impl Iterator<Item = TokenHash> {
        let ended = self.blocked.and_then(|blocked| blocked.ended_token);
        self.token.into_iter().chain(ended.filter(|ended| self.token != Some(*ended)))
    }
}

/// The block of an account, until it is unblocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The token that the block ended for good.
    pub ended_token: Option<TokenHash>,
}

/// Chooses the next ids after the last one given: never below `floor`, which grows with the clock,
/// so that a store restored from a backup repeats no id that it gave after the backup.
pub fn next_ids(last: u64, count: u64, floor: u64) -> Range<u64> {
    let first = last.saturating_add(1).max(floor.min(FLOOR_MAX));
    first..first.saturating_add(count)
}

/// Returns the floor of message ids at this time, ms since 1970.
pub fn message_id_floor(now: u64) -> u64 {
    now.saturating_mul(MESSAGE_IDS_A_MS)
}

/// Returns the floor of team ids at this time, ms since 1970.
pub fn team_id_floor(now: u64) -> u64 {
    now
}

/// Returns both teams that may have this id.
pub fn teams_of_id(id: u64) -> [Team; 2] {
    [TeamKind::Normal, TeamKind::Super].map(|kind| kind.team(team_id(id)))
}

/// Writes a number as a team id.
pub(crate) fn team_id(id: u64) -> TeamId {
    id.to_string().parse().expect("digits are a team id")
}
