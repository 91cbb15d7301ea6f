//! The last message of a session or a team: the greatest message, and the recalls and edits that
//! name messages by id. What is shown is a function of the set of events, whatever came when.

use huihua_event::{Edit, Post};

use crate::key::{MessageBody, MessageKey, RANK_MESSAGE, RANK_RECALL, digest};

/// Most recalls and edits of other messages that are kept, the newest by their own time; beside
/// them stays the recall that is shown. Each may be 16 KiB; beyond that the order of arrival may
/// show (contract, section 1).
pub const WAITING_AMENDMENTS_MAX: usize = 8;

/// A recall or an edit. It applies to the message with its id, whatever the times say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amendment<'a> {
    /// The message was recalled.
    Recall {
        /// The notice, at the time that it claims for the message.
        body: MessageBody<'a>,
        /// When it was recalled, ms since 1970.
        time: u64,
    },
    /// The message was edited.
    Edit {
        /// Server id of the message.
        id: &'a str,
        /// When it was edited, ms since 1970.
        time: u64,
        /// First 8 bytes of SHA-256 of the fields: of two edits at one time one wins.
        digest: [u8; 8],
        /// The keys of `lastMsg` that it replaces.
        fields: &'a str,
    },
}

/// Something known about the last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastChange<'a> {
    /// A message.
    Message(MessageBody<'a>),
    /// The recall or the edit of a message.
    Amendment(Amendment<'a>),
}

/// The last message, as it is known: one register of a session or of a team.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latest<'a> {
    /// The greatest message. Its text may be dropped when it never shows again.
    pub message: Option<MessageBody<'a>>,
    /// Its recall or edit, and those that wait for their messages: one for each id, in the order
    /// of the ids' bytes.
    pub amendments: Vec<Amendment<'a>>,
}

/// What is shown of a last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownMessage<'a> {
    /// The message, or the recall in its place.
    pub body: MessageBody<'a>,
    /// The fields of the edit that is laid over it.
    pub edit: Option<&'a str>,
}

impl<'a> LastChange<'a> {
    /// A message.
    pub fn message(post: &'a Post) -> Self {
        Self::Message(MessageBody::of(post, RANK_MESSAGE))
    }

    /// The recall of a message; `time` is the recall's, ms since 1970.
    pub fn recall(post: &'a Post, time: u64) -> Self {
        Self::Amendment(Amendment::Recall { body: MessageBody::of(post, RANK_RECALL), time })
    }

    /// The edit of a message.
    pub fn edit(edit: &'a Edit) -> Self {
        Self::Amendment(Amendment::Edit {
            id: &edit.message_id,
            time: edit.time,
            digest: digest(&edit.fields),
            fields: &edit.fields,
        })
    }
}

impl<'a> Amendment<'a> {
    /// Server id of the message.
    pub fn id(&self) -> &'a str {
        match self {
            Self::Recall { body, .. } => body.key.id,
            Self::Edit { id, .. } => id,
        }
    }

    fn recall_body(&self) -> Option<MessageBody<'a>> {
        match self {
            Self::Recall { body, .. } => Some(*body),
            Self::Edit { .. } => None,
        }
    }

    /// Tells which of two amendments of one message counts: a recall before every edit.
    fn outranks(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Recall { body: a, time: t }, Self::Recall { body: b, time: u }) => {
                (a.key, t) > (b.key, u)
            }
            (Self::Recall { .. }, Self::Edit { .. }) => true,
            (Self::Edit { .. }, Self::Recall { .. }) => false,
            (
                Self::Edit { time: t, digest: a, .. }, //
                Self::Edit { time: u, digest: b, .. },
            ) => (t, a) > (u, b),
        }
    }

    /// Orders amendments of several messages by their own times.
    fn age(&self) -> (u64, [u8; 8], &'a str) {
        match self {
            Self::Recall { body, time } => (*time, body.key.digest, body.key.id),
            Self::Edit { id, time, digest, .. } => (*time, *digest, id),
        }
    }
}

impl<'a> Latest<'a> {
    /// Takes what is known. False when nothing is stored: repeated, outranked, or older than all
    /// that wait.
    pub fn take(&mut self, change: LastChange<'a>) -> bool {
        let kept = match change {
            LastChange::Message(body) => self.take_message(body),
            LastChange::Amendment(amendment) => self.take_amendment(amendment),
        };
        // A recall takes the text away for good: nothing outranks it.
        if let Some(message) = &mut self.message
            && let Ok(at) = position(&self.amendments, message.key.id)
            && self.amendments[at].recall_body().is_some()
        {
            message.text = "";
        }
        kept
    }

    fn take_message(&mut self, body: MessageBody<'a>) -> bool {
        if self.message.is_some_and(|message| message >= body) {
            return false;
        }
        self.message = Some(body);
        // The amendment of the message before waits now, for a resend with a later time.
        self.drop_oldest();
        true
    }

    fn take_amendment(&mut self, amendment: Amendment<'a>) -> bool {
        match position(&self.amendments, amendment.id()) {
            Ok(at) => {
                let outranks = amendment.outranks(&self.amendments[at]);
                if outranks {
                    self.amendments[at] = amendment;
                }
                outranks
            }
            Err(at) => {
                self.amendments.insert(at, amendment);
                self.drop_oldest() != Some(amendment)
            }
        }
    }

    /// Drops the oldest amendment that waits, if too many do.
    fn drop_oldest(&mut self) -> Option<Amendment<'a>> {
        let kept = [self.message.map(|message| message.key.id), self.greatest_waiting_id()];
        let waiting = self.amendments.iter().enumerate();
        let waiting = waiting.filter(|(_, amendment)| !kept.contains(&Some(amendment.id())));
        if waiting.clone().count() <= WAITING_AMENDMENTS_MAX {
            return None;
        }
        let (at, _) = waiting.min_by_key(|(_, amendment)| amendment.age())?;
        Some(self.amendments.remove(at))
    }

    fn greatest_waiting_id(&self) -> Option<&'a str> {
        self.waiting_recall().map(|body| body.key.id)
    }

    /// The greatest recall of another message than the greatest one.
    fn waiting_recall(&self) -> Option<MessageBody<'a>> {
        let message_id = self.message.map(|message| message.key.id);
        let recalls = self.amendments.iter().filter_map(Amendment::recall_body);
        recalls.filter(|body| Some(body.key.id) != message_id).max()
    }

    /// Computes what is shown. A recall stands at the time that it claims until its message is
    /// known; then it is where its message is.
    pub fn shown(&self) -> Option<ShownMessage<'a>> {
        let plain = |body| ShownMessage { body, edit: None };
        let waiting = self.waiting_recall();
        let Some(message) = self.message else { return waiting.map(plain) };
        if let Some(recall) = waiting.filter(|recall| *recall > message) {
            return Some(plain(recall));
        }
        let Ok(at) = position(&self.amendments, message.key.id) else {
            return Some(plain(message));
        };
        Some(match self.amendments[at] {
            Amendment::Recall { body, .. } => {
                let digest = body.key.digest;
                let key = MessageKey { rank: RANK_RECALL, digest, ..message.key };
                plain(MessageBody { key, text: body.text })
            }
            Amendment::Edit { fields, .. } => ShownMessage { body: message, edit: Some(fields) },
        })
    }

    /// Drops the message's text if the floor hides it for ever, and tells whether it did. Its key
    /// stays, so that its recall never stands for itself and brings the session back; amendments
    /// stay, for a resend above the floor.
    pub(crate) fn drop_text_below(&mut self, floor: Option<MessageKey<'_>>) -> bool {
        let Some(message) = &mut self.message else { return false };
        let dropped = !message.text.is_empty() && floor.is_some_and(|floor| message.key <= floor);
        if dropped {
            message.text = "";
        }
        dropped
    }
}

fn position(amendments: &[Amendment<'_>], id: &str) -> Result<usize, usize> {
    amendments.binary_search_by_key(&id, Amendment::id)
}
