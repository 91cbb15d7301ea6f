//! The JSON of events: what an app's own servers send, and the result that each event gets. Strict:
//! unknown, missing or mistyped fields are refused by name, never with their value.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use huihua_core::{Account, AccountForm, SessionKind, TeamId};
use huihua_event::{Edit, Event, LAST_MSG_BYTES_MAX, MESSAGE_ID_BYTES_MAX, Place, Post, Team};
use huihua_nim::last_msg::{self, LastEdit, LastMessage, LastRecall, MessageType};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::error::shown;

/// Most events in one request: a store writes so many before other writers get their turn.
pub const EVENTS_MAX: usize = 500;
/// Most accounts in one event.
pub(crate) const ACCOUNTS_MAX: usize = 10_000;
/// A time below, which is in 1973, was given in seconds: they stay below until the year 5138.
const RECENT_MS_MIN: u64 = 100_000_000_000;

/// Why a whole request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    /// Not JSON, or not an object.
    #[error("the body must be a JSON object {{\"events\":[…]}}")]
    NotAnObject,
    /// It has another field than `events`.
    #[error("the body may hold the field events and no other")]
    Unknown,
    /// The list of events is missing, empty or too long.
    #[error("events: must be a list of 1..={EVENTS_MAX} events")]
    Events,
}

/// Why one event is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    field: String,
    /// What is wrong, and what would be right.
    reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// The answer to a request: one result for each event, in their order.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EventResults {
    /// The results.
    pub results: Vec<EventResult>,
}

/// The result of one event.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EventResult {
    /// The outcome.
    pub status: EventStatus,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = String, required = false))]
    pub reason: Option<String>,
}

/// The outcome of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// It changed something.
    Applied,
    /// Repeated or outranked: it changed nothing.
    Stale,
    /// Events of its kind change nothing.
    Ignored,
    /// It is refused; the other events of the request are not.
    Rejected,
}

fn rejected(field: &str, reason: impl fmt::Display) -> Rejected {
    Rejected { field: field.to_owned(), reason: reason.to_string() }
}

/// A request as almost all are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Reads the events of a request, in order, each good or refused. `accounts` is the app's form of
/// ids.
///
/// # Errors
/// [`EnvelopeError`] if the body is not a list of events.
pub(crate) fn decode(
    body: &[u8],
    accounts: AccountForm,
) -> Result<Vec<Result<Event, Rejected>>, EnvelopeError> {
    if let Ok(Envelope { events }) = serde_json::from_slice(body)
        && (1..=EVENTS_MAX).contains(&events.len())
    {
        return Ok(events.into_iter().map(|raw| event(raw, accounts)).collect());
    }
    // Read again, to tell what is wrong with it.
    let mut fields: BTreeMap<String, &RawValue> =
        serde_json::from_slice(body).map_err(|_| EnvelopeError::NotAnObject)?;
    let events = fields.remove("events").ok_or(EnvelopeError::Events)?;
    if !fields.is_empty() {
        return Err(EnvelopeError::Unknown);
    }
    let events: Vec<&RawValue> =
        serde_json::from_str(events.get()).map_err(|_| EnvelopeError::Events)?;
    if events.is_empty() || events.len() > EVENTS_MAX {
        return Err(EnvelopeError::Events);
    }
    Ok(events.into_iter().map(|raw| event(raw, accounts)).collect())
}

fn event(raw: &RawValue, accounts: AccountForm) -> Result<Event, Rejected> {
    let fields: ObjectFields<'_> =
        serde_json::from_str(raw.get()).map_err(|_| rejected("event", "must be a JSON object"))?;
    let mut fields = EventFields(fields.0, accounts);
    let event = match fields.needed_text("type", "must be a string")?.as_ref() {
        "message" => message(&mut fields)?,
        "recall" => recall(&mut fields)?,
        "edit" => edit(&mut fields)?,
        "join" => {
            let (team, time) = (fields.team()?, fields.time("time")?);
            Event::Join { team, accounts: fields.accounts()?, inviter: None, time }
        }
        "leave" => {
            let (team, time) = (fields.team()?, fields.time("time")?);
            Event::Leave { accounts: fields.accounts()?, notice: notice(&team, time), team }
        }
        "dissolve" => {
            let (team, time) = (fields.team()?, fields.time("time")?);
            Event::Dissolve { notice: notice(&team, time), team }
        }
        _ => {
            return Err(rejected("type", "must be message, recall, edit, join, leave or dissolve"));
        }
    };
    fields.refuse_unknown()?;
    Ok(event)
}

fn notice(team: &Team, time: u64) -> Post {
    Post { time, message_id: String::new(), last_msg: last_msg::notice(team, time) }
}

fn message(fields: &mut EventFields<'_>) -> Result<Event, Rejected> {
    let scene = fields.session_type()?;
    let (from, place) = fields.place(scene)?;
    let message_type = fields.message_type()?;
    let time = fields.recent_time("time")?;
    let message_id = fields.message_id()?;
    let [client_id, body, attach] = fields.texts(["clientId", "body", "attach"])?;
    let [ext, from_nick, client_type] = fields.texts(["ext", "fromNick", "fromClientType"])?;
    let updates: Option<bool> = fields.optional("needUpdateSession", "must be true or false")?;
    let last_msg = LastMessage {
        scene,
        to: peer(&place),
        from: from.as_str(),
        from_client_type: last_msg::client_type(&client_type),
        from_device_id: "",
        from_nick: &from_nick,
        time,
        message_type,
        body: &body,
        attach: &attach,
        client_id: &client_id,
        server_id: &message_id,
        resend: None,
        ext: &ext,
        need_update_session: updates.map(u8::from),
    };
    let last_msg = short_enough(last_msg.to_json(), "body, attach or ext")?;
    let post = Post { time, message_id, last_msg };
    let updates_session = updates.unwrap_or(true);
    Ok(Event::Message { place, post, updates_session, audience: Vec::new() })
}

fn recall(fields: &mut EventFields<'_>) -> Result<Event, Rejected> {
    let scene = fields.session_type()?;
    let (from, place) = fields.place(scene)?;
    let (message_time, time) = (fields.time("messageTime")?, fields.recent_time("time")?);
    if message_time > time {
        return Err(rejected("messageTime", "must not be after time"));
    }
    let message_id = fields.message_id()?;
    let operator = fields.optional_account("operator")?.unwrap_or(from);
    let [client_id, from_nick] = fields.texts(["clientId", "fromNick"])?;
    let [ps, attach] = fields.texts(["ps", "attach"])?;
    let last_msg = LastRecall {
        time,
        scene,
        to: peer(&place),
        operator: operator.as_str(),
        ps: &ps,
        attach: &attach,
        client_id: &client_id,
        server_id: &message_id,
        message_time,
        from_nick: &from_nick,
    };
    let last_msg = short_enough(last_msg.to_json(), "ps or attach")?;
    let post = Post { time: message_time, message_id, last_msg };
    Ok(Event::Recall { place, post, time, one_way: false })
}

fn edit(fields: &mut EventFields<'_>) -> Result<Event, Rejected> {
    let scene = fields.session_type()?;
    let (from, place) = fields.place(scene)?;
    let message_id = fields.message_id()?;
    let time = fields.recent_time("time")?;
    let operator = fields.optional_account("operator")?.unwrap_or(from);
    let [body, attach, ext] = fields.texts(["body", "attach", "ext"])?;
    let last_edit = LastEdit {
        body: &body,
        attach: &attach,
        ext: &ext,
        sub_type: None,
        time,
        operator: operator.as_str(),
    };
    if last_edit.is_empty() {
        return Err(rejected("edit", "changes nothing: give body, attach or ext"));
    }
    let fields = short_enough(last_edit.to_json(), "body, attach or ext")?;
    Ok(Event::Edit { place, edit: Edit { message_id, time, fields } })
}

fn short_enough(last_msg: String, fields: &str) -> Result<String, Rejected> {
    if last_msg.len() > LAST_MSG_BYTES_MAX {
        let reason = format_args!("is longer than {LAST_MSG_BYTES_MAX} bytes: shorten {fields}");
        return Err(rejected("lastMsg", reason));
    }
    Ok(last_msg)
}

/// Returns the account or team that the message went to.
fn peer(place: &Place) -> &str {
    match place {
        Place::P2p { to, .. } | Place::Undelivered { to, .. } => to.as_str(),
        Place::Team(team) => team.id().as_str(),
    }
}

/// The content of a string, in the request itself where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of a JSON object, each as its JSON text. Of one given twice the last counts.
struct ObjectFields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for ObjectFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectFieldsVisitor)
    }
}

struct ObjectFieldsVisitor;

/// Fields of a message; a hostile event may hold more.
const FIELDS: usize = 16;

impl<'de> Visitor<'de> for ObjectFieldsVisitor {
    type Value = ObjectFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(FIELDS);
        while let Some((Text(name), raw)) = map.next_entry()? {
            fields.push((name, raw));
        }
        if fields.len() > FIELDS {
            // One of them is unknown. So many that a look at each for each takes long come last.
            let named: BTreeMap<_, _> = fields.into_iter().collect();
            fields = named.into_iter().collect();
        }
        Ok(ObjectFields(fields))
    }
}

/// The fields of an event, and the app's form of account ids. Reading a field takes it out, so the
/// rest is unknown.
struct EventFields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>, AccountForm);

impl<'a> EventFields<'a> {
    fn take(&mut self, field: &str) -> Option<&'a RawValue> {
        let mut last = None;
        // Few: this is faster than a map.
        while let Some(at) = self.0.iter().rposition(|(name, _)| name == field) {
            let (_, raw) = self.0.remove(at);
            last = last.or(Some(raw));
        }
        last
    }

    fn optional<T: DeserializeOwned>(
        &mut self,
        field: &str,
        form: &str,
    ) -> Result<Option<T>, Rejected> {
        let Some(raw) = self.take(field) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| rejected(field, form))
    }

    fn needed<T: DeserializeOwned>(&mut self, field: &str, form: &str) -> Result<T, Rejected> {
        self.optional(field, form)?.ok_or_else(|| rejected(field, "is missing"))
    }

    fn optional_text(&mut self, field: &str, form: &str) -> Result<Option<Cow<'a, str>>, Rejected> {
        let Some(raw) = self.take(field) else { return Ok(None) };
        let text = serde_json::from_str::<Text<'a>>(raw.get());
        text.map(|text| Some(text.0)).map_err(|_| rejected(field, form))
    }

    fn needed_text(&mut self, field: &str, form: &str) -> Result<Cow<'a, str>, Rejected> {
        self.optional_text(field, form)?.ok_or_else(|| rejected(field, "is missing"))
    }

    /// Reads texts for people or for the app; a missing one is empty.
    fn texts<const N: usize>(&mut self, names: [&str; N]) -> Result<[Cow<'a, str>; N], Rejected> {
        let mut texts = [const { Cow::Borrowed("") }; N];
        for (text, field) in texts.iter_mut().zip(names) {
            *text = self.optional_text(field, "must be a string")?.unwrap_or_default();
        }
        Ok(texts)
    }

    fn time(&mut self, field: &str) -> Result<u64, Rejected> {
        self.needed(field, "must be a whole number: ms since 1970")
    }

    /// Reads the time of what happened just now or not long ago.
    fn recent_time(&mut self, field: &str) -> Result<u64, Rejected> {
        let time = self.time(field)?;
        if time < RECENT_MS_MIN {
            return Err(rejected(field, "must be ms since 1970, but looks like seconds"));
        }
        Ok(time)
    }

    fn session_type(&mut self) -> Result<SessionKind, Rejected> {
        let form = "must be p2p, team or super_team";
        let text = self.needed_text("sessionType", form)?;
        SessionKind::from_prefix(&text).ok_or_else(|| rejected("sessionType", form))
    }

    fn team(&mut self) -> Result<Team, Rejected> {
        let kind = self.session_type()?;
        let id = self.needed_text("teamId", "must be a string")?;
        let id = TeamId::new(id).map_err(|e| rejected("teamId", e))?;
        match kind {
            SessionKind::P2p => Err(rejected("sessionType", "must be team or super_team")),
            SessionKind::Team => Ok(Team::normal(id)),
            SessionKind::SuperTeam => Ok(Team::super_team(id)),
        }
    }

    fn optional_account(&mut self, field: &str) -> Result<Option<Account>, Rejected> {
        let text = self.optional_text(field, "must be a string")?;
        text.map(|text| self.1.account(text).map_err(|e| rejected(field, e))).transpose()
    }

    fn account(&mut self, field: &str) -> Result<Account, Rejected> {
        self.optional_account(field)?.ok_or_else(|| rejected(field, "is missing"))
    }

    /// Reads the sender and the conversation.
    fn place(&mut self, scene: SessionKind) -> Result<(Account, Place), Rejected> {
        let from = self.account("from")?;
        let mut team = || {
            let id = self.needed_text("to", "must be a string")?;
            TeamId::new(id).map_err(|e| rejected("to", e))
        };
        let place = match scene {
            SessionKind::Team => Place::Team(Team::normal(team()?)),
            SessionKind::SuperTeam => Place::Team(Team::super_team(team()?)),
            SessionKind::P2p => Place::P2p { from: from.clone(), to: self.account("to")? },
        };
        Ok((from, place))
    }

    fn accounts(&mut self) -> Result<Vec<Account>, Rejected> {
        let texts: Vec<String> = self.needed("accounts", "must be a list of strings")?;
        if texts.is_empty() || texts.len() > ACCOUNTS_MAX {
            return Err(rejected(
                "accounts",
                format_args!("must hold 1..={ACCOUNTS_MAX} accounts"),
            ));
        }
        let account =
            |(n, text)| self.1.account(text).map_err(|e| rejected(&format!("accounts[{n}]"), e));
        texts.into_iter().enumerate().map(account).collect()
    }

    fn message_id(&mut self) -> Result<String, Rejected> {
        let id = self.needed_text("messageId", "must be a string")?;
        if id.is_empty() || id.len() > MESSAGE_ID_BYTES_MAX {
            let reason = format_args!("must be 1..={MESSAGE_ID_BYTES_MAX} bytes");
            return Err(rejected("messageId", reason));
        }
        if id.chars().any(char::is_control) {
            return Err(rejected("messageId", "must hold no control character"));
        }
        Ok(id.into_owned())
    }

    fn message_type(&mut self) -> Result<MessageType, Rejected> {
        let form = "must be text, image, audio, video, location, notification, file, avchat, tip, \
                    robot, call or custom";
        Ok(match self.needed_text("msgType", form)?.as_ref() {
            "text" => MessageType::Text,
            "image" => MessageType::Image,
            "audio" => MessageType::Audio,
            "video" => MessageType::Video,
            "location" => MessageType::Location,
            "notification" => MessageType::Notification,
            "file" => MessageType::File,
            "avchat" => MessageType::AvChat,
            "tip" => MessageType::Tip,
            "robot" => MessageType::Robot,
            "call" => MessageType::Call,
            "custom" => MessageType::Custom,
            _ => return Err(rejected("msgType", form)),
        })
    }

    fn refuse_unknown(self) -> Result<(), Rejected> {
        let Some(name) = self.0.iter().map(|(name, _)| name).min() else { return Ok(()) };
        Err(rejected(&shown(name), "unknown field"))
    }
}
