//! What happens to the session lists of an app: events, and the actions of the app's own server.
//! The part of the store that a door may name; the rules that decide over it live in
//! `huihua-store`. Pure: no clock, no I/O, no bytes of a disk.

mod action;
mod event;
mod last_msg;
mod team;

pub use action::{
    Action, Done, MembershipChange, MembershipNotice, MessageComposer, NewToken, NoticeComposer,
    OutgoingMessage, TokenHash,
};
pub use event::{AHEAD_MS_MAX, Edit, Event, MESSAGE_ID_BYTES_MAX, Place, Post, is_too_far_ahead};
pub use last_msg::{LAST_MSG_BYTES_MAX, cut_end, overlay};
pub use team::{JoinedTeam, Member, Team, TeamEntry, TeamKind};

use huihua_core::{Account, AppKey};

/// One account of one app: the owner of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The tenant.
    pub app: AppKey,
    /// The user.
    pub account: Account,
}
