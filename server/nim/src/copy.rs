//! NIM's message copy (消息抄送): checks its CheckSum and reads its JSON as events. Every field may be
//! a string, a number, an object or an array; numbers stay text, because ids pass 2^53.

use std::{borrow::Cow, collections::HashMap};

use huihua_core::{Account, AccountForm, SessionKind, TeamId};
use huihua_event::{Edit, Event, MESSAGE_ID_BYTES_MAX, Place, Post, Team};
use md5::{Digest as _, Md5};
use serde_json::value::RawValue;

use crate::{
    check_sum,
    last_msg::{LastEdit, LastMessage, LastRecall, MessageType, client_type, is_client},
};

/// Most accounts that one copy may name; NIM names at most 200. A longer list counts as unreadable.
const ACCOUNTS_MAX: usize = 10_000;

/// Why a copy is malformed. Names the field, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A required field is absent, null or empty.
    #[error("{field} is missing")]
    Missing {
        /// NIM's name of the field.
        field: &'static str,
    },
    /// A field has a wrong value.
    #[error("{field} is ill-formed: {reason}")]
    IllFormed {
        /// NIM's name of the field.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Longer than 16 KiB, even without attach and body.
    #[error("the message is too long even without its attach and its body")]
    TooLong,
}

/// Computes the CheckSum of a copy: hex(sha1(app secret + hex(md5(body)) + curTime)).
pub fn check_sum(app_secret: &str, body: &[u8], cur_time: &str) -> String {
    check_sum::of(app_secret, &hex::encode(Md5::digest(body)), cur_time)
}

/// The signature of a copy. Its body is hashed once for any number of secrets.
pub struct CopySignature<'a> {
    body_md5: String,
    cur_time: &'a str,
    claimed: &'a str,
}

impl<'a> CopySignature<'a> {
    /// Hashes the body. `None` unless `cur_time` is digits; `claimed` is what the CheckSum says.
    pub fn new(body: &[u8], cur_time: &'a str, claimed: &'a str) -> Option<Self> {
        let is_time = !cur_time.is_empty() && cur_time.bytes().all(|b| b.is_ascii_digit());
        let signature = || Self { body_md5: hex::encode(Md5::digest(body)), cur_time, claimed };
        is_time.then(signature)
    }

    /// Checks whether the sender knows this app secret. Takes the same time wherever the sums
    /// differ.
    pub fn is_of(&self, app_secret: &str) -> bool {
        let right = check_sum::of(app_secret, &self.body_md5, self.cur_time);
        check_sum::matches(&right, self.claimed)
    }
}

/// Checks whether the body is `{}`, which NIM's console posts to check the address.
pub fn is_address_check(body: &[u8]) -> bool {
    CopyFields::parse(body, AccountForm::Nim).is_ok_and(|fields| fields.0.is_empty())
}

/// Reads the events of a copy; none if it changes no list. `accounts` is the app's form of ids.
///
/// # Errors
/// [`Malformed`] if it is not a JSON object, or a required field is missing or wrong.
pub fn decode(body: &[u8], accounts: AccountForm) -> Result<Vec<Event>, Malformed> {
    let fields = CopyFields::parse(body, accounts)?;
    if fields.optional_id("eventType")?.is_empty() {
        return Ok(Vec::new());
    }
    match fields.whole_number("eventType")? {
        1 => message(&fields),
        7 => recall(&fields, SessionKind::P2p),
        8 => recall(&fields, SessionKind::Team),
        25 => recall(&fields, SessionKind::SuperTeam),
        89 => edit(&fields, SessionKind::P2p),
        90 => edit(&fields, SessionKind::Team),
        91 => edit(&fields, SessionKind::SuperTeam),
        _ => Ok(Vec::new()),
    }
}

fn message(fields: &CopyFields<'_>) -> Result<Vec<Event>, Malformed> {
    let kind = match fields.id("convType")?.as_ref() {
        "PERSON" => SessionKind::P2p,
        "TEAM" => SessionKind::Team,
        "SUPER_TEAM" => SessionKind::SuperTeam,
        _ => return Ok(Vec::new()),
    };
    // System notices (FRIEND_ADD, TEAM_APPLY, CUSTOM_P2P_MSG) are in no list.
    let Some(message_type) = message_type(&fields.id("msgType")?) else {
        return Ok(Vec::new());
    };
    let (from, place) = fields.place("fromAccount", kind)?;
    let server_id = fields.optional_message_id("msgidServer")?;
    let time = fields.whole_number("msgTimestamp")?;
    let client_id = fields.optional_id("msgidClient")?;
    // NIM stores it nowhere, as typing signs: it is in no list.
    if server_id.is_empty() || server_id == "0" {
        return Ok(Vec::new());
    }
    let Some(place) = delivered_place(fields, place) else { return Ok(Vec::new()) };
    let text = |name| fields.text(name);
    let [body, attach, ext] = [text("body"), text("attach"), text("ext")];
    let [client, device_id, nick] = ["fromClientType", "fromDeviceId", "fromNick"].map(text);
    let last_msg = LastMessage {
        scene: kind,
        to: peer(&place),
        from: from.as_str(),
        from_client_type: client_type(&client),
        from_device_id: &device_id,
        from_nick: &nick,
        time,
        message_type,
        body: &body,
        attach: &attach,
        client_id: &client_id,
        server_id: &server_id,
        resend: text("resendFlag").parse().ok(),
        ext: &ext,
        need_update_session: None,
    };
    let last_msg = last_msg.to_fitting_json().ok_or(Malformed::TooLong)?;
    let post = Post { time, message_id: server_id.into_owned(), last_msg };

    let mut audience = Vec::new();
    let mut change = None;
    if let Place::Team(team) = &place {
        let notice = (message_type == MessageType::Notification)
            .then(|| CopyFields::parse_or_empty(&attach, fields.1));
        change = notice.as_ref().and_then(|notice| notice.membership(team, &from, &post));
        let goes = notice.as_ref().is_some_and(|notice| notice.notice_kind().may_send_away());
        if kind == SessionKind::Team && !goes {
            audience = fields.accounts("tMembers").unwrap_or_default();
        }
        // NIM lets nobody write who is not in, but the app's own server.
        if notice.is_none() && is_client(&client) && !audience.contains(&from) {
            audience.push(from);
        }
    }
    let message = Event::Message { place, post, updates_session: true, audience };
    Ok(std::iter::once(message).chain(change).collect())
}

/// Returns the account or team that the message went to, in the app's form.
fn peer(place: &Place) -> &str {
    match place {
        Place::P2p { to, .. } | Place::Undelivered { to, .. } => to.as_str(),
        Place::Team(team) => team.id().as_str(),
    }
}

/// Returns the conversation as far as NIM delivers the message; `None` if nobody is to see it. NIM
/// copies what the receiver has blocked and what moderation holds back as well.
fn delivered_place(fields: &CopyFields<'_>, place: Place) -> Option<Place> {
    if !["blacklist", "antispam"].into_iter().any(|name| fields.is_set(name)) {
        return Some(place);
    }
    match place {
        Place::P2p { from, to } | Place::Undelivered { from, to } => {
            Some(Place::Undelivered { from, to })
        }
        Place::Team(_) => None,
    }
}

/// Returns the change of members that a NOTIFICATION makes. `None` if it makes none or its attach
/// is unreadable: then the message counts and membership stays.
pub(super) fn membership(
    team: &Team,
    from: &Account,
    notice: &Post,
    attach: &str,
    form: AccountForm,
) -> Option<Event> {
    CopyFields::parse_or_empty(attach, form).membership(team, from, notice)
}

/// What a NOTIFICATION tells, by the `id` in its attach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoticeKind {
    /// 0 / 401.
    Invite,
    /// 1 / 402.
    Kick,
    /// 2 / 403.
    Leave,
    /// 4 / 405.
    Dissolve,
    /// 5 / 410: the application of the listed accounts passed.
    Accept,
    /// 9 / 411: the sender accepted an invitation.
    Join,
    /// A super team was made by the sender: the team's facts without an `id`.
    Create,
    /// Changes no membership.
    Other,
    Unreadable,
}

impl NoticeKind {
    /// Tells whether the notice may send somebody away: then its audience still names who went.
    fn may_send_away(self) -> bool {
        match self {
            Self::Kick | Self::Leave | Self::Dissolve | Self::Unreadable => true,
            Self::Invite | Self::Accept | Self::Join | Self::Create | Self::Other => false,
        }
    }
}

fn recall(fields: &CopyFields<'_>, kind: SessionKind) -> Result<Vec<Event>, Malformed> {
    let (operator, place) = fields.place("from", kind)?;
    let server_id = fields.message_id("msgId")?;
    let message_time = fields.whole_number("sendTime")?;
    let time = fields.whole_number("deleteTime")?;
    if time < message_time {
        let reason = "it is before sendTime".to_owned();
        return Err(Malformed::IllFormed { field: "deleteTime", reason });
    }
    let client_id = fields.optional_id("clientId")?;
    let [ps, attach, nick] = ["selfMsg", "attach", "fromNick"].map(|name| fields.text(name));
    let last_msg = LastRecall {
        time,
        scene: kind,
        to: peer(&place),
        operator: operator.as_str(),
        ps: &ps,
        attach: &attach,
        client_id: &client_id,
        server_id: &server_id,
        message_time,
        from_nick: &nick,
    };
    let last_msg = last_msg.to_fitting_json().ok_or(Malformed::TooLong)?;
    let post = Post { time: message_time, message_id: server_id.into_owned(), last_msg };
    // One-way recalls (13, 14) have no copies.
    Ok(vec![Event::Recall { place, post, time, one_way: false }])
}

/// Reads an edit. It names its message by id and does not tell its time.
fn edit(fields: &CopyFields<'_>, kind: SessionKind) -> Result<Vec<Event>, Malformed> {
    let (from, place) = fields.place("from", kind)?;
    let message_id = fields.message_id("msgId")?.into_owned();
    let time = fields.whole_number("modifyTime")?;
    // Without it the sender edited the message.
    let operator = match fields.optional_id("modifyAccountId")?.as_ref() {
        "" => from,
        _ => fields.account("modifyAccountId")?,
    };
    let [body, attach, ext] = ["text", "attachment", "extension"].map(|name| fields.text(name));
    let last_edit = LastEdit {
        body: &body,
        attach: &attach,
        ext: &ext,
        sub_type: fields.text("subType").parse().ok(),
        time,
        operator: operator.as_str(),
    };
    if last_edit.is_empty() {
        return Ok(Vec::new());
    }
    let fields = last_edit.to_fitting_json().ok_or(Malformed::TooLong)?;
    Ok(vec![Event::Edit { place, edit: Edit { message_id, time, fields } }])
}

fn message_type(text: &str) -> Option<MessageType> {
    let named = match text {
        "TEXT" => MessageType::Text,
        "PICTURE" => MessageType::Image,
        "AUDIO" => MessageType::Audio,
        "VIDEO" => MessageType::Video,
        "LOCATION" => MessageType::Location,
        "NOTIFICATION" => MessageType::Notification,
        "FILE" => MessageType::File,
        "AVCHAT" => MessageType::AvChat,
        "TIPS" => MessageType::Tip,
        "ROBOT" => MessageType::Robot,
        "NRTC_NETCALL" => MessageType::Call,
        "CUSTOM" => MessageType::Custom,
        other => {
            let number: u8 = other.parse().ok()?;
            return MessageType::ALL.into_iter().find(|kind| kind.number() == number);
        }
    };
    Some(named)
}

/// Reads a list of accounts: an array, its text, Java's `[a, b]`, or one account alone. Leaves out
/// what is not an account.
fn accounts(raw: &RawValue, form: AccountForm) -> Vec<Account> {
    let is_id =
        |raw: &RawValue| raw.get().starts_with(|c: char| matches!(c, '"' | '-' | '0'..='9'));
    let text = loose_text(raw);
    // Java writes names bare, so that `[null, 7]` is JSON by chance and names two accounts.
    let is_bare = raw.get().starts_with('"') && !text.contains('"');
    let listed: Vec<String> = match serde_json::from_str::<Vec<&RawValue>>(&text) {
        Ok(items) if !is_bare || items.iter().all(|item| is_id(item)) => items
            .into_iter()
            .filter(|item| is_id(item))
            .map(|item| loose_text(item).into())
            .collect(),
        Err(_) if !is_id(raw) => return Vec::new(),
        Ok(_) | Err(_) => match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(items) => items.split(", ").map(str::to_owned).collect(),
            None => vec![text.into_owned()],
        },
    };
    if listed.len() > ACCOUNTS_MAX {
        return Vec::new();
    }
    listed.into_iter().filter_map(|text| form.account(text).ok()).collect()
}

/// Returns the content of a string, the JSON text of other values, `""` for null.
fn loose_text(raw: &RawValue) -> Cow<'_, str> {
    let source = raw.get();
    match source.as_bytes().first() {
        Some(b'"') => string_content(source),
        Some(b'n') => Cow::Borrowed(""),
        _ => Cow::Borrowed(source),
    }
}

/// Returns the content of a JSON string. Half of a surrogate pair becomes U+FFFD: clients that cut
/// an emoji in two must not lose the message.
fn string_content(source: &str) -> Cow<'_, str> {
    if let Ok(text) = serde_json::from_str::<Borrowable<'_>>(source) {
        return text.0;
    }
    struct StringBytes(Vec<u8>);
    impl<'de> serde::Deserialize<'de> for StringBytes {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            d.deserialize_byte_buf(StringBytesVisitor).map(Self)
        }
    }
    struct StringBytesVisitor;
    impl serde::de::Visitor<'_> for StringBytesVisitor {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    let bytes = serde_json::from_str::<StringBytes>(source).map(|b| b.0).unwrap_or_default();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[derive(serde::Deserialize)]
struct Borrowable<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of a JSON object, each as its JSON text, and the app's form of account ids.
struct CopyFields<'a>(HashMap<Cow<'a, str>, &'a RawValue>, AccountForm);

impl<'a> CopyFields<'a> {
    fn parse(json: &'a [u8], form: AccountForm) -> Result<Self, Malformed> {
        let fields = serde_json::from_slice(json).map_err(|_| Malformed::NotAnObject)?;
        Ok(Self(fields, form))
    }

    /// Returns a list of accounts, in any way in which NIM writes it; `None` if it is not there.
    fn accounts(&self, name: &str) -> Option<Vec<Account>> {
        self.0.get(name).map(|raw| accounts(raw, self.1))
    }

    fn account(&self, field: &'static str) -> Result<Account, Malformed> {
        self.1
            .account(self.id(field)?)
            .map_err(|e| Malformed::IllFormed { field, reason: e.to_string() })
    }

    /// Reads the attach of a notice: no fields if it is unreadable.
    fn parse_or_empty(attach: &'a str, form: AccountForm) -> Self {
        Self::parse(attach.as_bytes(), form).unwrap_or_else(|_| Self(HashMap::new(), form))
    }

    /// Returns the change of members that the notice makes whose attach this is.
    fn membership(&self, team: &Team, from: &Account, notice: &Post) -> Option<Event> {
        let join = |accounts, inviter| {
            Some(Event::Join { team: team.clone(), accounts, inviter, time: notice.time })
        };
        let leave =
            |accounts| Some(Event::Leave { team: team.clone(), accounts, notice: notice.clone() });
        match self.notice_kind() {
            NoticeKind::Invite => join(self.listed()?, Some(from.clone())),
            NoticeKind::Accept => join(self.listed()?, None),
            NoticeKind::Join => join(vec![from.clone()], None),
            NoticeKind::Create if team.kind() == SessionKind::SuperTeam => {
                join(vec![from.clone()], None)
            }
            NoticeKind::Kick => leave(self.listed()?),
            NoticeKind::Leave => leave(vec![from.clone()]),
            NoticeKind::Dissolve => {
                Some(Event::Dissolve { team: team.clone(), notice: notice.clone() })
            }
            NoticeKind::Create | NoticeKind::Other | NoticeKind::Unreadable => None,
        }
    }

    /// Returns content for people or for the app, of any type.
    fn text(&self, name: &str) -> Cow<'a, str> {
        self.0.get(name).map(|raw| loose_text(raw)).unwrap_or_default()
    }

    /// Reads what the notice tells whose attach this is.
    fn notice_kind(&self) -> NoticeKind {
        if self.text("id").is_empty() {
            let holds_facts =
                |of: &CopyFields<'_>| ["1", "5"].iter().all(|key| of.0.contains_key(*key));
            let team = self.text("tinfo");
            let in_team =
                CopyFields::parse(team.as_bytes(), self.1).is_ok_and(|team| holds_facts(&team));
            let is_creation = holds_facts(self) || in_team;
            return if is_creation { NoticeKind::Create } else { NoticeKind::Unreadable };
        }
        match self.whole_number("id") {
            Ok(0 | 401) => NoticeKind::Invite,
            Ok(1 | 402) => NoticeKind::Kick,
            Ok(2 | 403) => NoticeKind::Leave,
            Ok(4 | 405) => NoticeKind::Dissolve,
            Ok(5 | 410) => NoticeKind::Accept,
            Ok(9 | 411) => NoticeKind::Join,
            Ok(_) => NoticeKind::Other,
            Err(_) => NoticeKind::Unreadable,
        }
    }

    /// Returns the accounts that a notice is about.
    fn listed(&self) -> Option<Vec<Account>> {
        let data = self.text("data");
        let data = CopyFields::parse(data.as_bytes(), self.1).ok()?;
        let lists = ["ids", "id"].map(|name| data.accounts(name));
        lists.into_iter().flatten().find(|list| !list.is_empty())
    }

    /// Checks whether a flag is set, in any way in which NIM writes it.
    fn is_set(&self, name: &str) -> bool {
        matches!(self.text(name).as_ref(), "true" | "1")
    }

    /// Returns a string or number that is an identifier; it must not be missing.
    fn id(&self, field: &'static str) -> Result<Cow<'a, str>, Malformed> {
        match self.optional_id(field)? {
            empty if empty.is_empty() => Err(Malformed::Missing { field }),
            id => Ok(id),
        }
    }

    fn optional_id(&self, field: &'static str) -> Result<Cow<'a, str>, Malformed> {
        let ill_formed = |reason: &str| Malformed::IllFormed { field, reason: reason.to_owned() };
        let Some(source) = self.0.get(field).map(|raw| raw.get()) else {
            return Ok(Cow::Borrowed(""));
        };
        let id = match source.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Borrowable<'a>>(source)
                .map(|text| text.0)
                .map_err(|_| ill_formed("it is not valid Unicode"))?,
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(source),
            Some(b'n') => Cow::Borrowed(""),
            _ => return Err(ill_formed("it must be a string or a number")),
        };
        if id.chars().any(char::is_control) {
            return Err(ill_formed("it holds a control character"));
        }
        Ok(id)
    }

    fn whole_number(&self, field: &'static str) -> Result<u64, Malformed> {
        self.id(field)?.parse().map_err(|_| Malformed::IllFormed {
            field,
            reason: "it must be a whole number, 0 or more".to_owned(),
        })
    }

    fn message_id(&self, field: &'static str) -> Result<Cow<'a, str>, Malformed> {
        match self.optional_message_id(field)? {
            empty if empty.is_empty() => Err(Malformed::Missing { field }),
            id => Ok(id),
        }
    }

    fn optional_message_id(&self, field: &'static str) -> Result<Cow<'a, str>, Malformed> {
        let id = self.optional_id(field)?;
        if id.len() > MESSAGE_ID_BYTES_MAX {
            let reason = format!("it is longer than {MESSAGE_ID_BYTES_MAX} bytes");
            return Err(Malformed::IllFormed { field, reason });
        }
        Ok(id)
    }

    /// Returns the sender and the conversation: with the account `to`, or in the team `to`.
    fn place(
        &self,
        from_field: &'static str,
        kind: SessionKind,
    ) -> Result<(Account, Place), Malformed> {
        let team = || {
            TeamId::new(self.id("to")?)
                .map_err(|e| Malformed::IllFormed { field: "to", reason: e.to_string() })
        };
        let from = self.account(from_field)?;
        let place = match kind {
            SessionKind::P2p => Place::P2p { from: from.clone(), to: self.account("to")? },
            SessionKind::Team => Place::Team(Team::normal(team()?)),
            SessionKind::SuperTeam => Place::Team(Team::super_team(team()?)),
        };
        Ok((from, place))
    }
}

#[cfg(test)]
mod tests;
