//! Lists as ready-made JSON: what an engine answers, so that no door builds it again. The one
//! writer of a session's JSON, and the ways back to values, for who writes another form.

use std::fmt;

use huihua_core::{LastMsgType, Page, RecentSession, SessionKind, SyncPage};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    answer_room::{AROUND_BYTES, AnswerRoom},
};

/// A visible session as values that an engine holds.
#[derive(Clone, Copy)]
pub struct ShownSession<'a> {
    /// Kind of the session.
    pub kind: SessionKind,
    /// The part of its id after the `|`.
    pub peer: &'a str,
    /// ms since 1970.
    pub update_time: u64,
    /// The account's own text.
    pub ext: &'a str,
    /// What the last message is.
    pub last_msg_type: LastMsgType,
    /// The last message: the text of a JSON object.
    pub last_msg: Option<&'a str>,
}

/// One session as JSON: what serde writes for its [`RecentSession`].
#[derive(Clone, PartialEq, Eq)]
pub struct SessionJson {
    json: Box<[u8]>,
    /// Where its last field begins, `,"lastMsg":…`; at the closing brace without one.
    last_msg_at: usize,
}

/// One page of a list: a [`Page`] as JSON.
pub struct PageJson {
    sessions: Items,
    /// Whether older sessions match; exact.
    pub has_more: bool,
    /// Selects the next page; set while there is one.
    pub next_page_token: Option<String>,
    /// The cursor of the walk's first page.
    pub sync_cursor: String,
}

/// The changes of one sync: a [`SyncPage`] as JSON.
#[derive(Clone)]
pub struct SyncPageJson {
    changes: Items,
    /// The cursor for the next sync.
    pub cursor: String,
    /// Whether the next sync returns changes at once; exact.
    pub has_more: bool,
    /// Whether the list must be read again.
    pub reset: bool,
}

/// The beginning of an answer: all of its JSON up to the end of its list.
#[derive(Clone)]
struct Items {
    json: Vec<u8>,
    room: AnswerRoom,
}

/// What stands around a session among changes.
const BEFORE_SESSION: &[u8] = b"{\"session\":";

impl SessionJson {
    /// Writes a session.
    pub fn new(session: &ShownSession<'_>) -> Self {
        let ShownSession { kind, peer, update_time, ext, last_msg_type, last_msg } = session;
        let texts = peer.len() + ext.len() + last_msg.map_or(0, str::len);
        let mut json = Vec::with_capacity(texts + 112);
        json.extend_from_slice(b"{\"sessionId\":");
        write_value(&mut json, &format_args!("{kind}|{peer}"));
        json.extend_from_slice(b",\"updateTime\":");
        write_value(&mut json, update_time);
        json.extend_from_slice(b",\"ext\":");
        write_value(&mut json, ext);
        json.extend_from_slice(b",\"lastMsgType\":");
        write_value(&mut json, last_msg_type);
        let last_msg_at = json.len();
        if let Some(last_msg) = last_msg {
            json.extend_from_slice(b",\"lastMsg\":");
            json.extend_from_slice(last_msg.as_bytes());
        }
        json.push(b'}');
        Self { json: json.into(), last_msg_at }
    }

    /// Its length with the last message, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.json.len()
    }

    /// Its length as it is sent, in bytes: with its last message only if that is needed.
    pub fn sent_bytes(&self, need_last_msg: bool) -> usize {
        if need_last_msg { self.json.len() } else { self.last_msg_at + 1 }
    }

    /// Appends it, with its last message only if that is needed.
    pub fn write(&self, json: &mut Vec<u8>, need_last_msg: bool) {
        if need_last_msg {
            json.extend_from_slice(&self.json);
        } else {
            json.extend_from_slice(&self.json[..self.last_msg_at]);
            json.push(b'}');
        }
    }

    /// Returns the JSON.
    pub fn into_json(self) -> Vec<u8> {
        self.json.into()
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a stored last message is no JSON object.
    pub fn into_session(self) -> Result<RecentSession, Error> {
        read_back(&self.json)
    }
}

impl PageJson {
    /// Begins a page for sessions of so many bytes; it is the last one unless told otherwise.
    pub fn new(sessions_bytes: usize, sync_cursor: String) -> Self {
        let sessions = Items::new(b"{\"sessionList\":[", sessions_bytes);
        Self { sessions, has_more: false, next_page_token: None, sync_cursor }
    }

    /// Adds the next session. False: the page ends before it, for it would get too large.
    #[must_use]
    pub fn push(&mut self, session: &SessionJson, need_last_msg: bool) -> bool {
        let bytes = session.sent_bytes(need_last_msg);
        self.sessions.push(bytes, |json| session.write(json, need_last_msg))
    }

    /// Ends the page and returns its JSON.
    pub fn into_json(self) -> Vec<u8> {
        let mut json = self.sessions.json;
        json.extend_from_slice(b"],\"hasMore\":");
        write_value(&mut json, &self.has_more);
        if let Some(token) = &self.next_page_token {
            json.extend_from_slice(b",\"nextPageToken\":");
            write_value(&mut json, token);
        }
        json.extend_from_slice(b",\"syncCursor\":");
        write_value(&mut json, &self.sync_cursor);
        json.push(b'}');
        json
    }

    /// Reads the page back.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a stored last message is no JSON object.
    pub fn into_page(self) -> Result<Page, Error> {
        read_back(&self.into_json())
    }
}

impl SyncPageJson {
    /// Begins an answer for changes of so many bytes.
    pub fn new(changes_bytes: usize, cursor: String) -> Self {
        let changes = Items::new(b"{\"changes\":[", changes_bytes);
        Self { changes, cursor, has_more: false, reset: false }
    }

    /// Adds a session that changed. False: the answer ends before it, for it would get too large.
    #[must_use]
    pub fn push_session(&mut self, session: &SessionJson, need_last_msg: bool) -> bool {
        let bytes = BEFORE_SESSION.len() + session.sent_bytes(need_last_msg) + 1;
        self.changes.push(bytes, |json| {
            json.extend_from_slice(BEFORE_SESSION);
            session.write(json, need_last_msg);
            json.push(b'}');
        })
    }

    /// Adds a session that is in the list no more. False: as in [`Self::push_session`].
    #[must_use]
    pub fn push_deleted(&mut self, kind: SessionKind, peer: &str) -> bool {
        let mut change = b"{\"deleted\":".to_vec();
        write_value(&mut change, &format_args!("{kind}|{peer}"));
        change.push(b'}');
        self.changes.push(change.len(), |json| json.extend_from_slice(&change))
    }

    /// Tells whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.room.is_empty()
    }

    /// Ends the answer and returns its JSON.
    pub fn into_json(self) -> Vec<u8> {
        let mut json = self.changes.json;
        json.extend_from_slice(b"],\"cursor\":");
        write_value(&mut json, &self.cursor);
        json.extend_from_slice(b",\"hasMore\":");
        write_value(&mut json, &self.has_more);
        json.extend_from_slice(b",\"reset\":");
        write_value(&mut json, &self.reset);
        json.push(b'}');
        json
    }

    /// Reads the changes back.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a stored last message is no JSON object.
    pub fn into_sync_page(self) -> Result<SyncPage, Error> {
        read_back(&self.into_json())
    }
}

impl fmt::Debug for SessionJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionJson({} bytes)", self.json.len())
    }
}

impl fmt::Debug for PageJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageJson({} bytes)", self.sessions.json.len())
    }
}

impl fmt::Debug for SyncPageJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncPageJson({} bytes)", self.changes.json.len())
    }
}

impl Items {
    fn new(start: &[u8], bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes + AROUND_BYTES);
        json.extend_from_slice(start);
        Self { json, room: AnswerRoom::new() }
    }

    /// Adds an item of so many bytes, if it fits.
    fn push(&mut self, bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let is_first = self.room.is_empty();
        let fits = self.room.take(bytes);
        if fits {
            if !is_first {
                self.json.push(b',');
            }
            write(&mut self.json);
        }
        fits
    }
}

fn write_value(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(json, value).expect("texts and numbers can always be written");
}

fn read_back<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    // The parser's message would show parts of the message.
    serde_json::from_slice(json)
        .map_err(|_| Error::Damaged { what: "a last message, which is no JSON object".to_owned() })
}

#[cfg(test)]
mod tests {
    use huihua_core::{ANSWER_BYTES_MAX, LastMsg, SessionChange, SessionId};
    use proptest::prelude::*;

    use super::*;

    fn session() -> impl Strategy<Value = RecentSession> {
        let kind = proptest::sample::select(SessionKind::ALL.to_vec());
        let id = (kind, "[^|\\p{Cc}]{1,16}").prop_map(|(kind, peer)| SessionId::new(kind, peer));
        let id = id.prop_filter_map("an id", Result::ok);
        let last_msg_type = any::<bool>();
        let last_msg = proptest::option::of(any::<String>().prop_map(|text| {
            let text = serde_json::to_string(&text).unwrap();
            LastMsg::new(format!("{{\"7\":1,\"9\":{text}}}")).unwrap()
        }));
        (id, any::<u64>(), any::<String>(), last_msg_type, last_msg).prop_map(
            |(session_id, update_time, ext, is_recall, last_msg)| RecentSession {
                session_id,
                update_time,
                ext,
                last_msg_type: if is_recall { LastMsgType::Recall } else { LastMsgType::Message },
                last_msg,
            },
        )
    }

    fn written(session: &RecentSession) -> SessionJson {
        SessionJson::new(&ShownSession {
            kind: session.session_id.kind(),
            peer: session.session_id.peer(),
            update_time: session.update_time,
            ext: &session.ext,
            last_msg_type: session.last_msg_type,
            last_msg: session.last_msg.as_ref().map(LastMsg::as_str),
        })
    }

    fn fits(is_in: bool) {
        assert!(is_in, "it is far from 4 MiB");
    }

    proptest! {
        #[test]
        fn a_session_is_written_byte_for_byte_as_serde_writes_it(session in session()) {
            let json = written(&session);
            let mut short = Vec::new();
            json.write(&mut short, false);
            let short_bytes = short.len();
            let without = RecentSession { last_msg: None, ..session.clone() };
            prop_assert_eq!(short, serde_json::to_vec(&without).unwrap());
            prop_assert_eq!(json.sent_bytes(false), short_bytes);
            prop_assert_eq!(json.len(), serde_json::to_vec(&session).unwrap().len());
            prop_assert_eq!(json.sent_bytes(true), json.len());
            prop_assert_eq!(json.clone().into_session().unwrap(), session.clone());
            prop_assert_eq!(json.into_json(), serde_json::to_vec(&session).unwrap());
        }

        #[test]
        fn a_page_is_written_byte_for_byte_as_serde_writes_it(
            sessions in proptest::collection::vec(session(), 0..4),
            has_more: bool,
            token in proptest::option::of(any::<String>()),
            sync_cursor: String,
        ) {
            let mut page = PageJson::new(0, sync_cursor.clone());
            (page.has_more, page.next_page_token) = (has_more, token.clone());
            sessions.iter().for_each(|session| fits(page.push(&written(session), true)));
            let expected =
                Page { session_list: sessions, has_more, next_page_token: token, sync_cursor };
            prop_assert_eq!(page.into_json(), serde_json::to_vec(&expected).unwrap());
        }

        #[test]
        fn changes_are_written_byte_for_byte_as_serde_writes_them(
            sessions in proptest::collection::vec((session(), any::<bool>()), 0..4),
            cursor: String,
            has_more: bool,
            reset: bool,
        ) {
            let mut page = SyncPageJson::new(0, cursor.clone());
            (page.has_more, page.reset) = (has_more, reset);
            prop_assert!(page.is_empty());
            let mut changes = Vec::new();
            for (session, is_deleted) in sessions {
                if is_deleted {
                    let id = &session.session_id;
                    fits(page.push_deleted(id.kind(), id.peer()));
                    changes.push(SessionChange::Deleted(session.session_id));
                } else {
                    fits(page.push_session(&written(&session), true));
                    changes.push(SessionChange::Session(session));
                }
                prop_assert!(!page.is_empty());
            }
            let expected = SyncPage { changes, cursor, has_more, reset };
            prop_assert_eq!(page.into_json(), serde_json::to_vec(&expected).unwrap());
        }
    }

    /// Whatever the rows are, with cursors at their longest.
    #[test]
    fn no_answer_is_larger_than_4_mib_and_none_ends_before_it_must() {
        for ext_bytes in [0, 1, 100, 4_096, 70_000] {
            let ext = "\u{1}".repeat(ext_bytes);
            let session = ShownSession {
                kind: SessionKind::SuperTeam,
                peer: "1",
                update_time: u64::MAX,
                ext: &ext,
                last_msg_type: LastMsgType::Message,
                last_msg: Some("{}"),
            };
            let session = SessionJson::new(&session);
            let mut page = PageJson::new(0, "c".repeat(80));
            (page.has_more, page.next_page_token) = (true, Some("t".repeat(280)));
            while page.push(&session, true) {}
            let mut changes = SyncPageJson::new(0, "c".repeat(80));
            while changes.push_session(&session, true) {}
            let mut deleted = SyncPageJson::new(0, "c".repeat(80));
            while deleted.push_deleted(SessionKind::SuperTeam, "1") {}
            for json in [page.into_json(), changes.into_json(), deleted.into_json()] {
                assert!(json.len() <= ANSWER_BYTES_MAX, "{}", json.len());
                assert!(json.len() + AROUND_BYTES + 16 + session.len() > ANSWER_BYTES_MAX);
            }
        }
    }

    #[test]
    fn what_is_no_json_is_read_back_as_an_error_that_shows_no_text() {
        let session = ShownSession {
            kind: SessionKind::P2p,
            peer: "bob",
            update_time: 1,
            ext: "s3cret",
            last_msg_type: LastMsgType::Message,
            last_msg: Some("{s3cret}"),
        };
        let json = SessionJson::new(&session);
        let mut page = PageJson::new(0, String::new());
        fits(page.push(&json, true));
        assert!(!format!("{json:?} {page:?}").contains("s3cret"));
        for error in [json.into_session().unwrap_err(), page.into_page().unwrap_err()] {
            assert!(
                matches!(error, Error::Damaged { .. }) && !error.to_string().contains("s3cret")
            );
        }
    }
}
