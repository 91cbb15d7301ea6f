//! The random events of the stream: messages of every type, over-long ones, recalls, notices in
//! every form, and messages that only look like notices. Each one writes its copy and its entry of
//! the model.

use super::{
    loose::{self, LooseField},
    model::{Kind, LAST_MSG_BYTES_MAX, MemberChange, Part, Said, last_msg},
};
use crate::{nim::seed::Seed, support::T0};

/// Names that break a reader that takes them for JSON, as numbers, as ASCII or as SQL.
pub(super) const ACCOUNTS: [&str; 24] = [
    "amy",
    "bob",
    "小明",
    "🎉",
    "a b",
    "A",
    "O'Neil",
    "[x]",
    "+%2541",
    "0",
    "7",
    "null",
    "true",
    "false",
    "9007199254740993",
    "9007199254740992",
    "99999999999999999999",
    "1e5",
    "-1",
    "é",
    "e\u{301}",
    "{}",
    "u_1",
    "u.2",
];
const TEAMS: [&str; 9] =
    ["1", "2", "3", "4", "2530000000", "9007199254740993", "9007199254740992", "hall", "小组"];
const TYPES: [(&str, u64); 12] = [
    ("TEXT", 0),
    ("PICTURE", 1),
    ("AUDIO", 2),
    ("VIDEO", 3),
    ("LOCATION", 4),
    ("NOTIFICATION", 5),
    ("FILE", 6),
    ("AVCHAT", 7),
    ("TIPS", 10),
    ("ROBOT", 11),
    ("NRTC_NETCALL", 12),
    ("CUSTOM", 100),
];
const CLIENTS: [(&str, Option<u64>); 9] = [
    ("AOS", Some(1)),
    ("IOS", Some(2)),
    ("PC", Some(4)),
    ("WEB", Some(16)),
    ("REST", Some(32)),
    ("MAC", Some(64)),
    ("HARMONY", Some(65)),
    ("WINPHONE", None),
    ("", None),
];
const ATTACHES: [&str; 8] = [
    r#"{"md5":"9e3","h":12,"w":9,"ext":"jpg","size":1024,"name":"a.jpg","url":"https://x/y"}"#,
    r#"{"size":38,"ext":"aac","dur":3900,"url":"https://x/z","md5":"c0"}"#,
    r#"{"lat":30.1, "lng":120.2, "title":"杭州"}"#,
    r#"{"id":4}"#,
    r#"[1,{"id":0}]"#,
    "not json {",
    "17",
    "",
];
const TEXTS: [&str; 9] = [
    "hi",
    "你好🎉",
    "\"quoted\"\\\n\t",
    "\u{0}\u{1f}\u{7f}\u{2028}",
    "{\"msg\": \"hi\"}",
    "42",
    "true",
    "",
    " ",
];

/// Places, among the fields of a message, of those that must be there.
const NEEDED: std::ops::Range<usize> = 1..6;

/// A message before it is written as a copy.
#[derive(Debug, Clone)]
pub(super) struct StreamMessage {
    kind: Kind,
    from: &'static str,
    to: &'static str,
    time: u64,
    id: String,
    client_id: String,
    type_: (&'static str, u64),
    client: (&'static str, Option<u64>),
    device: &'static str,
    nick: &'static str,
    body: String,
    attach: String,
    ext: &'static str,
    resend: Option<u64>,
    audience: Vec<&'static str>,
    change: MemberChange,
    /// The flag that says that NIM did not deliver it.
    held_by: Option<&'static str>,
}

/// A recall before it is written as a copy.
#[derive(Debug, Clone)]
pub(super) struct StreamRecall {
    kind: Kind,
    by: &'static str,
    to: &'static str,
    id: String,
    client_id: String,
    message_time: u64,
    time: u64,
    ps: &'static str,
    attach: &'static str,
}

impl StreamMessage {
    /// Any message but a notice of a team.
    pub(super) fn any(seed: &mut Seed, n: u64) -> Self {
        let kind = *seed.pick(&[&Kind::P2p, &Kind::P2p, &Kind::Team, &Kind::SuperTeam]);
        let from = seed.pick(&ACCOUNTS);
        let to = if kind == Kind::P2p { seed.pick(&ACCOUNTS) } else { seed.pick(&TEAMS) };
        let mut type_ = TYPES[seed.below(TYPES.len())];
        if type_.0 == "NOTIFICATION" && kind != Kind::P2p {
            type_ = ("CUSTOM", 100);
        }
        let audience = if kind == Kind::Team && seed.one_in(8) {
            let count = 1 + seed.below(3);
            seed.some(count, &ACCOUNTS)
        } else {
            Vec::new()
        };
        let (time, attach) = (time(seed), seed.pick(&ATTACHES).to_owned());
        let mut message = Self {
            kind,
            from,
            to,
            time,
            id: id(seed, n),
            client_id: if seed.one_in(9) { String::new() } else { format!("c-{n}") },
            type_,
            client: CLIENTS[seed.below(CLIENTS.len())],
            device: seed.pick(&["", "d-1", "17", "[\"d\"]"]),
            nick: seed.pick(&["", "Amy", "艾米", "7", "{\"n\": 1}"]),
            body: seed.pick(&TEXTS).to_owned(),
            attach,
            ext: seed.pick(&["", "{\"a\":1}", "5", "x"]),
            resend: *seed.pick(&[&None, &None, &Some(0)]),
            audience,
            change: MemberChange::Nothing,
            held_by: seed.one_in(12).then(|| seed.pick(&["blacklist", "antispam"])),
        };
        match seed.below(60) {
            0 => message.body = seed.pick(&["长", "🎉", "\"", "\u{1}", "x"]).repeat(17_000),
            1 => message.attach = format!("{{\"id\":4,\"pad\":\"{}\"}}", "y".repeat(17_000)),
            // Only looks like a notice.
            2..6 => message.attach = notice_attach(seed, 4, &["amy"]),
            _ => {}
        }
        message
    }

    /// A notice of a team, with what it does.
    pub(super) fn notice(seed: &mut Seed, n: u64) -> Self {
        let kind = *seed.pick(&[&Kind::Team, &Kind::SuperTeam]);
        let count = 1 + seed.below(4);
        let named = seed.some(count, &ACCOUNTS);
        let names: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let from = seed.pick(&ACCOUNTS);
        let me = vec![from.to_owned()];
        // Number in a team, number in a super team, what it does.
        let table = [
            (0, 401, MemberChange::Invited(names.clone())),
            (0, 401, MemberChange::Invited(names.clone())),
            (5, 410, MemberChange::In(names.clone())),
            (9, 411, MemberChange::In(me.clone())),
            (1, 402, MemberChange::Out(names.clone())),
            (2, 403, MemberChange::Out(me)),
            (3, 404, MemberChange::Nothing),
            (6, 406, MemberChange::Nothing),
            (7, 407, MemberChange::Nothing),
            (8, 408, MemberChange::Nothing),
            (10, 409, MemberChange::Nothing),
            (11, 400, MemberChange::Nothing),
        ];
        let (in_team, in_super_team, mut change) = table[seed.below(table.len())].clone();
        let in_super = kind == Kind::SuperTeam && seed.one_in(2);
        let mut number = if in_super { in_super_team } else { in_team };
        if seed.one_in(40) {
            (number, change) = (if in_super { 405 } else { 4 }, MemberChange::End);
        }
        let mut attach = notice_attach(seed, number, &named);
        match seed.below(20) {
            // Its attach goes out of `lastMsg`, and counts all the same.
            0 => attach = attach.replacen('{', &format!("{{\"p\":\"{}\",", "z".repeat(17_000)), 1),
            // Cannot be read: a message, and no more.
            1 => (attach, change) = (attach[..attach.len() - 1].to_owned(), MemberChange::Nothing),
            _ => {}
        }
        let to = seed.pick(&TEAMS);
        let any = Self::any(seed, n);
        let audience = if kind == Kind::Team { seed.some(2, &ACCOUNTS) } else { Vec::new() };
        let type_ = ("NOTIFICATION", 5);
        Self { kind, from, to, type_, body: String::new(), attach, audience, change, ..any }
    }

    /// The same, sent once more by its client.
    pub(super) fn resent(&self) -> Self {
        Self { resend: Some(1), ..self.clone() }
    }

    /// Another body under the same ids.
    pub(super) fn with_another_body(&self, n: u64) -> Self {
        Self { body: format!("another {n}"), ..self.clone() }
    }

    /// Its recall, by its sender or by a manager.
    pub(super) fn recall(&self, seed: &mut Seed) -> StreamRecall {
        let by = match self.kind {
            Kind::P2p => self.from,
            Kind::Team | Kind::SuperTeam => seed.pick(&[self.from, "bob"]),
        };
        StreamRecall {
            kind: self.kind,
            by,
            to: self.to,
            id: self.id.clone(),
            client_id: self.client_id.clone(),
            message_time: self.time,
            time: self.time + seed.next() % 90_000,
            ps: seed.pick(&["", "sorry", "对不起"]),
            attach: seed.pick(&["", "{\"a\": 1}"]),
        }
    }

    pub(super) fn copy(&self, seed: &mut Seed) -> String {
        let fields = self.fields(seed);
        loose::object(seed, &fields)
    }

    /// A malformed copy: one needed field is not there or not what it must be, or the text
    /// breaks off.
    pub(super) fn malformed_copy(&self, seed: &mut Seed) -> String {
        let mut fields = self.fields(seed);
        if seed.one_in(10) {
            let whole = loose::object(seed, &fields);
            let cut = whole.trim_end().strip_suffix('}').unwrap().to_owned();
            return seed.pick(&[&cut, &format!("[{whole}]"), &format!("{whole}{{}}")]).clone();
        }
        let needed = NEEDED.start + seed.below(NEEDED.len());
        let wrong = ["{}", "[]", "\"\"", "null", "true", "\"a\\u0001\"", "[\"amy\"]"];
        if seed.one_in(3) {
            fields.remove(needed);
        } else {
            fields[needed].1 = LooseField::Raw(seed.pick(&wrong).to_owned());
        }
        loose::object(seed, &fields)
    }

    /// Those of [`NEEDED`] are always there.
    fn fields(&self, seed: &mut Seed) -> Vec<(&'static str, LooseField)> {
        let conv = match self.kind {
            Kind::P2p => "PERSON",
            Kind::Team => "TEAM",
            Kind::SuperTeam => "SUPER_TEAM",
        };
        let name = |text: &str| LooseField::Name(text.to_owned());
        let content = |text: &str| LooseField::Content(text.to_owned());
        let mut fields = vec![
            ("eventType", name("1")),
            ("convType", name(conv)),
            ("to", name(self.to)),
            ("fromAccount", name(self.from)),
            ("msgTimestamp", name(&self.time.to_string())),
            ("msgType", name(self.type_.0)),
            ("msgidServer", name(&self.id)),
            ("fromClientType", content(self.client.0)),
            ("fromDeviceId", content(self.device)),
            ("fromNick", content(self.nick)),
            ("body", content(&self.body)),
            ("attach", content(&self.attach)),
            ("ext", content(self.ext)),
        ];
        if !self.client_id.is_empty() {
            fields.push(("msgidClient", name(&self.client_id)));
        }
        if let Some(resend) = self.resend {
            fields.push(("resendFlag", name(&resend.to_string())));
        }
        if !self.audience.is_empty() {
            fields.push(("tMembers", LooseField::Raw(loose::accounts(seed, &self.audience))));
        }
        if let Some(flag) = self.held_by {
            let set = seed.pick(&["true", "1", "\"true\"", "\"1\""]);
            fields.push((flag, LooseField::Raw(set.to_owned())));
        }
        fields
    }

    pub(super) fn said(&self) -> Said {
        let is_notice = self.type_.1 == 5;
        let may_send_away = matches!(self.change, MemberChange::Out(_) | MemberChange::End)
            || serde_json::from_str::<serde_json::Value>(&self.attach).is_err();
        let mut audience = self.audience.clone();
        if is_notice && may_send_away {
            audience.clear();
        }
        if !is_notice && !["", "REST"].contains(&self.client.0) {
            audience.push(self.from);
        }
        Said {
            kind: self.kind,
            from: self.from.to_owned(),
            to: self.to.to_owned(),
            time: self.time,
            id: self.id.clone(),
            rank: 0,
            last_msg: self.last_msg(),
            change: self.change.clone(),
            audience: audience.iter().map(|name| (*name).to_owned()).collect(),
            is_undelivered: self.held_by.is_some(),
        }
    }

    /// What does not fit loses its attach, then characters at the end of its body.
    fn last_msg(&self) -> String {
        let written = |body: &str, attach: &str| {
            let mut parts = vec![(0, Part::Number(scene(self.kind)))];
            parts.extend([(1, Part::Text(self.to)), (2, Part::Text(self.from))]);
            parts.extend(self.client.1.map(|number| (4, Part::Number(number))));
            parts.extend([(5, Part::Text(self.device)), (6, Part::Text(self.nick))]);
            parts.push((7, Part::Number(self.time)));
            parts.push((8, Part::Number(self.type_.1)));
            parts.extend([(9, Part::Text(body)), (10, Part::Text(attach))]);
            parts.extend([(11, Part::Text(&self.client_id)), (12, Part::Text(&self.id))]);
            parts.extend(self.resend.map(|number| (13, Part::Number(number))));
            parts.push((15, Part::Text(self.ext)));
            last_msg(&parts)
        };
        let whole = written(&self.body, &self.attach);
        if whole.len() <= LAST_MSG_BYTES_MAX {
            return whole;
        }
        // Halving finds how many characters may stay.
        let chars: Vec<char> = self.body.chars().collect();
        let start = |count: usize| chars[..count].iter().collect::<String>();
        let (mut fits, mut too_many) = (0, chars.len() + 1);
        while too_many - fits > 1 {
            let middle = usize::midpoint(fits, too_many);
            if written(&start(middle), "").len() <= LAST_MSG_BYTES_MAX {
                fits = middle;
            } else {
                too_many = middle;
            }
        }
        written(&start(fits), "")
    }
}

impl StreamRecall {
    pub(super) fn copy(&self, seed: &mut Seed) -> String {
        let event = match self.kind {
            Kind::P2p => "7",
            Kind::Team => "8",
            Kind::SuperTeam => "25",
        };
        let name = |text: &str| LooseField::Name(text.to_owned());
        let mut fields = vec![
            ("eventType", name(event)),
            ("msgId", name(&self.id)),
            ("from", name(self.by)),
            ("to", name(self.to)),
            ("sendTime", name(&self.message_time.to_string())),
            ("deleteTime", name(&self.time.to_string())),
            ("fromClientType", LooseField::Content("AOS".to_owned())),
            ("selfMsg", LooseField::Content(self.ps.to_owned())),
            ("attach", LooseField::Content(self.attach.to_owned())),
        ];
        if !self.client_id.is_empty() {
            fields.push(("clientId", name(&self.client_id)));
        }
        loose::object(seed, &fields)
    }

    pub(super) fn said(&self) -> Said {
        let number = match self.kind {
            Kind::P2p => 7,
            Kind::Team => 8,
            Kind::SuperTeam => 12,
        };
        let last_msg = last_msg(&[
            (0, Part::Number(self.time)),
            (1, Part::Number(number)),
            (2, Part::Text(self.to)),
            (3, Part::Text(self.by)),
            (4, Part::Text(self.ps)),
            (5, Part::Text(self.attach)),
            (10, Part::Text(&self.client_id)),
            (11, Part::Text(&self.id)),
            (14, Part::Number(self.message_time)),
            (16, Part::Text(self.by)),
        ]);
        Said {
            kind: self.kind,
            from: self.by.to_owned(),
            to: self.to.to_owned(),
            time: self.message_time,
            id: self.id.clone(),
            rank: 1,
            last_msg,
            change: MemberChange::Nothing,
            audience: Vec::new(),
            is_undelivered: false,
        }
    }
}

fn scene(kind: Kind) -> u64 {
    match kind {
        Kind::P2p => 0,
        Kind::Team => 1,
        Kind::SuperTeam => 5,
    }
}

/// Five hundred moments for thousands of messages, so that ties are the rule.
fn time(seed: &mut Seed) -> u64 {
    T0 + 400 * (seed.next() % 500)
}

/// Unique by `n`; most are beyond 2^53, some beyond 2^64, some are no numbers.
fn id(seed: &mut Seed, n: u64) -> String {
    match seed.below(8) {
        0 => n.to_string(),
        1 => format!("1844674407370955{:07}", n),
        2 => format!("id-{n}"),
        _ => (9_007_199_254_740_993 + n).to_string(),
    }
}

/// The text of a notice's attach, in one of the forms that NIM prints.
fn notice_attach(seed: &mut Seed, number: u64, named: &[&str]) -> String {
    // Alone and in brackets it would be Java's list of what is in them.
    let stands_alone = named.len() == 1 && !named[0].starts_with('[');
    let list = if stands_alone && seed.one_in(3) {
        loose::string(seed, named[0])
    } else {
        loose::accounts(seed, named)
    };
    let field = seed.pick(&["ids", "id"]);
    let tinfo = r#""tinfo":{"1":"2530000000","3":"name","5":"owner","9":"3"}"#;
    let mut data = format!(r#"{{"{field}":{list},{tinfo},"uinfos":[{{"1":"a","3":"a"}}]}}"#);
    if seed.one_in(4) {
        data = loose::string(seed, &data);
    }
    let number = if seed.one_in(3) { format!("\"{number}\"") } else { number.to_string() };
    if seed.one_in(2) {
        format!(r#"{{"id":{number},"data":{data}}}"#)
    } else {
        format!(r#"{{"data":{data}, "id":{number}}}"#)
    }
}
