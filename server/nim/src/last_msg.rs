//! Builds `lastMsg`: a JSON object with NIM's numeric keys, ascending, compact, absent fields
//! absent. Its bytes decide between two bodies of one id, so the same input must give the same
//! text for ever.

use std::fmt::Write as _;

use huihua_core::SessionKind;
use huihua_event::{LAST_MSG_BYTES_MAX, Team, cut_end};

/// The type of a message (key 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// 0.
    Text,
    /// 1; copies say PICTURE.
    Image,
    /// 2.
    Audio,
    /// 3.
    Video,
    /// 4.
    Location,
    /// 5: the only type that may change membership.
    Notification,
    /// 6.
    File,
    /// 7: a call of the first generation.
    AvChat,
    /// 10; copies say TIPS.
    Tip,
    /// 11.
    Robot,
    /// 12; copies say NRTC_NETCALL.
    Call,
    /// 100.
    Custom,
}

impl MessageType {
    /// Every type.
    pub(crate) const ALL: [Self; 12] = [
        Self::Text,
        Self::Image,
        Self::Audio,
        Self::Video,
        Self::Location,
        Self::Notification,
        Self::File,
        Self::AvChat,
        Self::Tip,
        Self::Robot,
        Self::Call,
        Self::Custom,
    ];

    /// Returns the number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Image => 1,
            Self::Audio => 2,
            Self::Video => 3,
            Self::Location => 4,
            Self::Notification => 5,
            Self::File => 6,
            Self::AvChat => 7,
            Self::Tip => 10,
            Self::Robot => 11,
            Self::Call => 12,
            Self::Custom => 100,
        }
    }
}

/// Client types, by NIM's name and number (key 4).
const CLIENT_TYPES: [(&str, u8); 7] = [
    ("AOS", 1),
    ("IOS", 2),
    ("PC", 4),
    ("WEB", 16),
    ("REST", CLIENT_TYPE_REST),
    ("MAC", 64),
    ("HARMONY", 65),
];
/// Client type of the app's own server.
pub(crate) const CLIENT_TYPE_REST: u8 = 32;

/// Returns NIM's number of a client type (key 4), by its name or number; `None` for an unknown one.
pub fn client_type(text: &str) -> Option<u8> {
    let number = text.parse::<u8>().ok().filter(|number| number.to_string() == text);
    let mut known = CLIENT_TYPES.iter();
    known.find(|(name, of)| *name == text || Some(*of) == number).map(|(_, of)| *of)
}

/// Checks whether this names, or numbers, a client of a user: not the app's own server.
pub(crate) fn is_client(text: &str) -> bool {
    // WINPHONE has no number in a `lastMsg`.
    matches!(text, "WINPHONE" | "8") || client_type(text).is_some_and(|of| of != CLIENT_TYPE_REST)
}

/// Returns NIM's name of a client type, by its number.
pub(crate) fn client_type_name(number: u8) -> Option<&'static str> {
    CLIENT_TYPES.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

/// The fields of a message. An empty text counts as absent.
#[derive(Debug, Clone)]
pub struct LastMessage<'a> {
    /// Key 0.
    pub scene: SessionKind,
    /// Key 1: account or team id.
    pub to: &'a str,
    /// Key 2.
    pub from: &'a str,
    /// Key 4.
    pub from_client_type: Option<u8>,
    /// Key 5.
    pub from_device_id: &'a str,
    /// Key 6.
    pub from_nick: &'a str,
    /// Key 7, ms since 1970.
    pub time: u64,
    /// Key 8.
    pub message_type: MessageType,
    /// Key 9.
    pub body: &'a str,
    /// Key 10: the source text.
    pub attach: &'a str,
    /// Key 11.
    pub client_id: &'a str,
    /// Key 12.
    pub server_id: &'a str,
    /// Key 13.
    pub resend: Option<u8>,
    /// Key 15.
    pub ext: &'a str,
    /// Key 28.
    pub need_update_session: Option<u8>,
}

impl LastMessage<'_> {
    /// Writes the text, of any length.
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.number("0", Some(scene(self.scene)));
        object.text("1", self.to);
        object.text("2", self.from);
        object.number("4", self.from_client_type);
        object.text("5", self.from_device_id);
        object.text("6", self.from_nick);
        object.number("7", Some(self.time));
        object.number("8", Some(self.message_type.number()));
        object.text("9", self.body);
        object.text("10", self.attach);
        object.text("11", self.client_id);
        object.text("12", self.server_id);
        object.number("13", self.resend);
        object.text("15", self.ext);
        object.number("28", self.need_update_session);
        object.finish()
    }

    /// Writes the text cut to 16 KiB: drops the attach first, then the end of the body. `None` if
    /// the rest is still too long.
    pub(crate) fn to_fitting_json(&self) -> Option<String> {
        let whole = self.to_json();
        if whole.len() <= LAST_MSG_BYTES_MAX {
            return Some(whole);
        }
        let mut cut = LastMessage { attach: "", ..self.clone() };
        cut.body = cut_end(cut.body, cut.to_json().len().saturating_sub(LAST_MSG_BYTES_MAX));
        Some(cut.to_json()).filter(|text| text.len() <= LAST_MSG_BYTES_MAX)
    }
}

/// The fields of a recall. An empty text counts as absent.
#[derive(Debug, Clone)]
pub struct LastRecall<'a> {
    /// Key 0: when it was recalled, ms since 1970.
    pub time: u64,
    /// Key 1, as NIM's number: 7 p2p, 8 team, 12 super team.
    pub scene: SessionKind,
    /// Key 2: account or team id.
    pub to: &'a str,
    /// Keys 3 and 16: the account that recalled it.
    pub operator: &'a str,
    /// Key 4: the text that goes with the recall.
    pub ps: &'a str,
    /// Key 5: the source text.
    pub attach: &'a str,
    /// Key 10: the recalled message's.
    pub client_id: &'a str,
    /// Key 11: the recalled message's.
    pub server_id: &'a str,
    /// Key 14: the recalled message's, ms since 1970.
    pub message_time: u64,
    /// Key 15.
    pub from_nick: &'a str,
}

impl LastRecall<'_> {
    /// Writes the text, of any length.
    pub fn to_json(&self) -> String {
        let kind = match self.scene {
            SessionKind::P2p => 7,
            SessionKind::Team => 8,
            SessionKind::SuperTeam => 12,
        };
        let mut object = Object::new();
        object.number("0", Some(self.time));
        object.number("1", Some(kind));
        object.text("2", self.to);
        object.text("3", self.operator);
        object.text("4", self.ps);
        object.text("5", self.attach);
        object.text("10", self.client_id);
        object.text("11", self.server_id);
        object.number("14", Some(self.message_time));
        object.text("15", self.from_nick);
        object.text("16", self.operator);
        object.finish()
    }

    /// Writes the text cut to 16 KiB: drops the attach first, then the end of `ps`. `None` if the
    /// rest is still too long.
    pub(crate) fn to_fitting_json(&self) -> Option<String> {
        let whole = self.to_json();
        if whole.len() <= LAST_MSG_BYTES_MAX {
            return Some(whole);
        }
        let mut cut = LastRecall { attach: "", ..self.clone() };
        cut.ps = cut_end(cut.ps, cut.to_json().len().saturating_sub(LAST_MSG_BYTES_MAX));
        Some(cut.to_json()).filter(|text| text.len() <= LAST_MSG_BYTES_MAX)
    }
}

/// The fields of a message that an edit replaces. An empty text counts as absent.
#[derive(Debug, Clone)]
pub struct LastEdit<'a> {
    /// Key 9.
    pub body: &'a str,
    /// Key 10: the source text.
    pub attach: &'a str,
    /// Key 15.
    pub ext: &'a str,
    /// Key 41.
    pub sub_type: Option<u32>,
    /// Key 62: when it was edited, ms since 1970.
    pub time: u64,
    /// Key 63: the account that edited it.
    pub operator: &'a str,
}

impl LastEdit<'_> {
    /// Checks whether it replaces nothing.
    pub fn is_empty(&self) -> bool {
        let texts = [self.body, self.attach, self.ext];
        texts.into_iter().all(str::is_empty) && self.sub_type.is_none()
    }

    /// Writes the fields, of any length.
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.text("9", self.body);
        object.text("10", self.attach);
        object.text("15", self.ext);
        object.number("41", self.sub_type);
        object.text("62", &self.time.to_string());
        object.text("63", self.operator);
        object.finish()
    }

    /// Writes the fields cut to 16 KiB: drops the attach first, then the end of the body. `None` if
    /// the rest is still too long.
    pub(crate) fn to_fitting_json(&self) -> Option<String> {
        let whole = self.to_json();
        if whole.len() <= LAST_MSG_BYTES_MAX {
            return Some(whole);
        }
        let mut cut = LastEdit { attach: "", ..self.clone() };
        cut.body = cut_end(cut.body, cut.to_json().len().saturating_sub(LAST_MSG_BYTES_MAX));
        Some(cut.to_json()).filter(|text| text.len() <= LAST_MSG_BYTES_MAX)
    }
}

/// Writes the notice of a `leave` or `dissolve` event that comes without a message.
pub fn notice(team: &Team, time: u64) -> String {
    let mut object = Object::new();
    object.number("0", Some(scene(team.kind())));
    object.text("1", team.id().as_str());
    object.number("7", Some(time));
    object.number("8", Some(MessageType::Notification.number()));
    object.finish()
}

fn scene(kind: SessionKind) -> u8 {
    match kind {
        SessionKind::P2p => 0,
        SessionKind::Team => 1,
        SessionKind::SuperTeam => 5,
    }
}

/// Most texts are shorter.
const TYPICAL_BYTES: usize = 512;

/// Writes a JSON object field by field, in the order of the calls.
struct Object(String);

impl Object {
    fn new() -> Self {
        let mut text = String::with_capacity(TYPICAL_BYTES);
        text.push('{');
        Self(text)
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    fn number(&mut self, key: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.key(key);
            write!(self.0, "{value}").expect("writing into a text fails never");
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.key(key);
            // serde_json escapes what JSON says must be escaped, and nothing else.
            if value.bytes().all(|byte| !matches!(byte, ..0x20 | b'"' | b'\\')) {
                self.0.push('"');
                self.0.push_str(value);
                self.0.push('"');
                return;
            }
            self.0.push_str(&serde_json::to_string(value).expect("a str is always valid JSON"));
        }
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use huihua_core::TeamId;
    use proptest::prelude::*;

    use super::*;

    fn message() -> LastMessage<'static> {
        LastMessage {
            scene: SessionKind::P2p,
            to: "bob",
            from: "amy",
            from_client_type: None,
            from_device_id: "",
            from_nick: "",
            time: 1_700_000_000_000,
            message_type: MessageType::Text,
            body: "",
            attach: "",
            client_id: "",
            server_id: "9007199254740993123",
            resend: None,
            ext: "",
            need_update_session: None,
        }
    }

    fn edit() -> LastEdit<'static> {
        LastEdit { body: "", attach: "", ext: "", sub_type: None, time: 30, operator: "amy" }
    }

    fn recall() -> LastRecall<'static> {
        LastRecall {
            time: 20,
            scene: SessionKind::P2p,
            to: "bob",
            operator: "amy",
            ps: "",
            attach: "",
            client_id: "",
            server_id: "7",
            message_time: 10,
            from_nick: "",
        }
    }

    #[test]
    fn keys_ascend_by_number_and_what_is_unknown_is_absent() {
        assert_eq!(
            message().to_json(),
            r#"{"0":0,"1":"bob","2":"amy","7":1700000000000,"8":0,"12":"9007199254740993123"}"#
        );
        let full = LastMessage {
            scene: SessionKind::SuperTeam,
            from_client_type: Some(16),
            from_device_id: "d",
            from_nick: "Amy",
            message_type: MessageType::Custom,
            body: "你好\u{7f}/\"\\\n\u{1}🎉",
            attach: r#"{"a":1}"#,
            client_id: "c",
            resend: Some(0),
            ext: "{}",
            need_update_session: Some(0),
            ..message()
        };
        assert_eq!(
            full.to_json(),
            concat!(
                r#"{"0":5,"1":"bob","2":"amy","4":16,"5":"d","6":"Amy","7":1700000000000,"8":100,"#,
                "\"9\":\"你好\u{7f}/\\\"\\\\\\n\\u0001🎉\",",
                r#""10":"{\"a\":1}","11":"c","12":"9007199254740993123","13":0,"15":"{}","28":0}"#
            )
        );
    }

    #[test]
    fn a_recall_has_keys_of_its_own() {
        assert_eq!(
            recall().to_json(),
            r#"{"0":20,"1":7,"2":"bob","3":"amy","11":"7","14":10,"16":"amy"}"#
        );
        let full = LastRecall {
            scene: SessionKind::SuperTeam,
            ps: "oops",
            attach: "[]",
            client_id: "c",
            from_nick: "Amy",
            ..recall()
        };
        assert_eq!(
            full.to_json(),
            concat!(
                r#"{"0":20,"1":12,"2":"bob","3":"amy","4":"oops","5":"[]","10":"c","#,
                r#""11":"7","14":10,"15":"Amy","16":"amy"}"#
            )
        );
        let team = LastRecall { scene: SessionKind::Team, ..recall() };
        assert!(team.to_json().contains(r#""1":8,"#));
    }

    #[test]
    fn a_notice_is_made_from_the_event_alone() {
        let id = TeamId::new("42").unwrap();
        assert_eq!(notice(&Team::normal(id.clone()), 9), r#"{"0":1,"1":"42","7":9,"8":5}"#);
        assert_eq!(notice(&Team::super_team(id), 9), r#"{"0":5,"1":"42","7":9,"8":5}"#);
    }

    #[test]
    fn a_long_text_loses_its_attach_first_and_then_only_as_much_as_it_must() {
        let long = "a".repeat(LAST_MSG_BYTES_MAX);
        let cut = LastMessage { attach: &long, body: "kept", ..message() };
        assert_eq!(
            cut.to_fitting_json(),
            Some(LastMessage { body: "kept", ..message() }.to_json()),
            "without the attach it fits: the body stays whole"
        );
        for unit in ["a", "好", "🎉", "\"", "\u{1}", "é\n"] {
            let body = unit.repeat(LAST_MSG_BYTES_MAX);
            let text = LastMessage { body: &body, ..message() }.to_fitting_json().unwrap();
            let longest_char_bytes = 6;
            assert!(text.len() <= LAST_MSG_BYTES_MAX, "{unit:?}");
            assert!(text.len() > LAST_MSG_BYTES_MAX - longest_char_bytes, "{unit:?} cut too much");
        }
        let edit = LastEdit { body: &long, attach: &long, ..edit() }.to_fitting_json().unwrap();
        assert_eq!(edit.len(), LAST_MSG_BYTES_MAX);
        assert!(edit.ends_with(r#"a","62":"30","63":"amy"}"#) && !edit.contains(r#""10":"#));
        let text = LastRecall { ps: &long, attach: &long, ..recall() }.to_fitting_json().unwrap();
        assert_eq!(text.len(), LAST_MSG_BYTES_MAX);
        assert!(!text.contains(r#""5":"#));
    }

    #[test]
    fn at_the_limit_nothing_is_cut_and_what_cannot_be_cut_is_refused() {
        let rest = LastMessage { body: "a", ..message() }.to_json().len() - 1;
        let body = "a".repeat(LAST_MSG_BYTES_MAX - rest);
        let exact = LastMessage { body: &body, ..message() };
        assert_eq!(exact.to_json().len(), LAST_MSG_BYTES_MAX);
        assert_eq!(exact.to_fitting_json(), Some(exact.to_json()));
        let ext = "a".repeat(LAST_MSG_BYTES_MAX);
        assert_eq!(LastMessage { ext: &ext, ..message() }.to_fitting_json(), None);
        assert_eq!(LastRecall { from_nick: &ext, ..recall() }.to_fitting_json(), None);
        assert_eq!(LastEdit { ext: &ext, ..edit() }.to_fitting_json(), None);
    }

    proptest! {
        #[test]
        fn any_text_gives_json_that_reads_back(body in ".*", attach in ".*", ext in ".*") {
            let text =
                LastMessage { body: &body, attach: &attach, ext: &ext, ..message() }.to_json();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            for (key, value) in [("9", &body), ("10", &attach), ("15", &ext)] {
                prop_assert_eq!(read[key].as_str().unwrap_or(""), value.as_str());
            }
        }
    }
}
