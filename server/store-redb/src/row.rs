//! Rows as bytes: the registers of sessions and teams, written and read back, each value sealed
//! with a checksum over its key and itself.

use huihua_core::Account;
use huihua_event::{TeamEntry, TokenHash};
use huihua_store::{
    directory::{AccountEntry, Block},
    key::{MessageBody, MessageKey},
    latest::{Amendment, LastChange, Latest},
    rules::{Head, Notice, Row},
};

use crate::{failure::StoreFailure, tables};

/// Of stores of formats 1 and 2; read, but not written.
const OLD_ROW_FORMAT: u8 = 1;
/// Of stores of formats 1 and 2; read, but not written.
const OLD_HEAD_FORMAT: u8 = 2;
const NUMBERS_FORMAT: u8 = 3;
const FIRST_RESULT_FORMAT: u8 = 4;
/// Of accounts before they could be blocked; read, written no more.
const OLD_ACCOUNT_FORMAT: u8 = 5;
/// Of teams before their time of creation was kept; read, written no more.
const OLD_TEAM_FORMAT: u8 = 6;
const MARK_FORMAT: u8 = 7;
const ROW_FORMAT: u8 = 8;
const HEAD_FORMAT: u8 = 9;
const ACCOUNT_FORMAT: u8 = 10;
const TEAM_FORMAT: u8 = 11;

const SEAL_BYTES: usize = 4;
/// Most registers take no more beside the text of their message.
const TYPICAL_BYTES: usize = 192;

/// The bytes of a session's registers, sealed under its key.
pub(crate) fn encode_row(key: &[u8], row: &Row<'_>) -> Vec<u8> {
    let texts = row.ext.len() + row.latest.message.map_or(0, |message| message.text.len());
    let mut out = ByteWriter(Vec::with_capacity(texts + TYPICAL_BYTES));
    out.0.push(ROW_FORMAT);
    out.number(row.version);
    out.option(row.inviter, ByteWriter::number);
    out.option(row.hint, ByteWriter::number);
    out.option(row.created, ByteWriter::number);
    out.option(row.floor, ByteWriter::key);
    out.text(row.ext);
    out.0.push(u8::try_from(row.notices.len()).expect("at most 16 notices"));
    for notice in &row.notices {
        match notice {
            Notice::In(time) => {
                out.0.push(0);
                out.number(*time);
            }
            Notice::Out(body) => {
                out.0.push(1);
                out.body(*body);
            }
        }
    }
    out.latest(&row.latest);
    out.option(row.inviter_last, ByteWriter::number);
    seal(key, out.0)
}

/// The registers in a session's value.
pub(crate) fn decode_row<'a>(key: &[u8], value: &'a [u8]) -> Result<Row<'a>, StoreFailure> {
    let (mut input, is_old) = unseal_either(key, value, OLD_ROW_FORMAT, ROW_FORMAT)?;
    read_row(&mut input, is_old)
        .filter(|_| input.0.is_empty())
        .ok_or_else(|| damaged("session", key))
}

fn read_row<'a>(input: &mut ByteReader<'a>, is_old: bool) -> Option<Row<'a>> {
    let mut row = Row {
        version: input.number()?,
        inviter: input.option(ByteReader::number)?,
        hint: input.option(ByteReader::number)?,
        created: input.option(ByteReader::number)?,
        floor: input.option(ByteReader::key)?,
        ext: input.text()?,
        ..Row::default()
    };
    let [count] = input.take()?;
    for _ in 0..count {
        let [kind] = input.take()?;
        row.notices.push(match kind {
            0 => Notice::In(input.number()?),
            1 => Notice::Out(input.body()?),
            2.. => return None,
        });
    }
    row.latest = input.latest(is_old)?;
    // Of an account that invited more than once, the old format kept only the first time.
    row.inviter_last = if is_old { row.inviter } else { input.option(ByteReader::number)? };
    Some(row)
}

/// The bytes of a team's registers, sealed under its key.
pub(crate) fn encode_head(key: &[u8], head: &Head<'_>) -> Vec<u8> {
    let texts = head.latest.message.map_or(0, |message| message.text.len());
    let mut out = ByteWriter(Vec::with_capacity(texts + TYPICAL_BYTES));
    out.0.push(HEAD_FORMAT);
    out.number(head.version);
    out.number(head.dissolved_version);
    out.0.push(u8::from(head.dissolved_again));
    out.option(head.dissolved, ByteWriter::body);
    out.latest(&head.latest);
    seal(key, out.0)
}

/// The registers in a team's value.
pub(crate) fn decode_head<'a>(key: &[u8], value: &'a [u8]) -> Result<Head<'a>, StoreFailure> {
    let (mut input, is_old) = unseal_either(key, value, OLD_HEAD_FORMAT, HEAD_FORMAT)?;
    read_head(&mut input, is_old).filter(|_| input.0.is_empty()).ok_or_else(|| damaged("team", key))
}

fn read_head<'a>(input: &mut ByteReader<'a>, is_old: bool) -> Option<Head<'a>> {
    Some(Head {
        version: input.number()?,
        dissolved_version: input.number()?,
        dissolved_again: input.take::<1>()? != [0],
        dissolved: input.option(ByteReader::body)?,
        latest: input.latest(is_old)?,
    })
}

/// The bytes of a list of numbers, sealed under its key.
pub(crate) fn encode_numbers(key: &[u8], numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut out = ByteWriter(vec![NUMBERS_FORMAT]);
    numbers.into_iter().for_each(|number| out.number(number));
    seal(key, out.0)
}

/// The numbers in a value.
pub(crate) fn decode_numbers(key: &[u8], value: &[u8]) -> Result<Vec<u64>, StoreFailure> {
    let mut input = unseal(key, value, NUMBERS_FORMAT)?;
    let mut numbers = Vec::new();
    while !input.0.is_empty() {
        numbers.push(input.number().ok_or_else(|| damaged("numbers", key))?);
    }
    Ok(numbers)
}

/// The first result of a client's write, remembered under its idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstResult<'a> {
    /// When it was written, ms since 1970.
    pub(crate) time: u64,
    /// Distinguishes the write from any other.
    pub(crate) request: [u8; 8],
    /// The answer as JSON; empty for one without a body, or that is made again.
    pub(crate) answer: &'a str,
}

/// The bytes of a first result, sealed under its key.
pub(crate) fn encode_first_result(key: &[u8], result: &FirstResult<'_>) -> Vec<u8> {
    let mut out = ByteWriter(vec![FIRST_RESULT_FORMAT]);
    out.number(result.time);
    out.0.extend(result.request);
    out.text(result.answer);
    seal(key, out.0)
}

/// The first result in a value.
pub(crate) fn decode_first_result<'a>(
    key: &[u8],
    value: &'a [u8],
) -> Result<FirstResult<'a>, StoreFailure> {
    let mut input = unseal(key, value, FIRST_RESULT_FORMAT)?;
    let mut read = || {
        let (time, request) = (input.number()?, input.take()?);
        Some(FirstResult { time, request, answer: input.text()? })
    };
    let result = read();
    result.filter(|_| input.0.is_empty()).ok_or_else(|| damaged("first result", key))
}

/// The bytes of what is known of an account, sealed under its key.
pub(crate) fn encode_account(key: &[u8], entry: &AccountEntry) -> Vec<u8> {
    let mut out = ByteWriter(vec![ACCOUNT_FORMAT]);
    out.text(&entry.name);
    out.option(entry.token, |out, token| out.0.extend(token.0));
    out.option(entry.blocked, |out, blocked| {
        out.option(blocked.ended_token, |out, token| out.0.extend(token.0));
    });
    seal(key, out.0)
}

/// What is known of an account.
pub(crate) fn decode_account(key: &[u8], value: &[u8]) -> Result<AccountEntry, StoreFailure> {
    let (mut input, is_old) = unseal_either(key, value, OLD_ACCOUNT_FORMAT, ACCOUNT_FORMAT)?;
    let mut read = || {
        let name = input.text()?.to_owned();
        let token = |input: &mut ByteReader<'_>| input.take().map(TokenHash);
        let entry = AccountEntry { name, token: input.option(token)?, blocked: None };
        if is_old {
            return Some(entry);
        }
        let blocked = input.option(|input| Some(Block { ended_token: input.option(token)? }))?;
        Some(AccountEntry { blocked, ..entry })
    };
    let entry = read();
    entry.filter(|_| input.0.is_empty()).ok_or_else(|| damaged("account", key))
}

/// The bytes of what is known of a team, sealed under its key.
pub(crate) fn encode_team(key: &[u8], entry: &TeamEntry) -> Vec<u8> {
    let mut out = ByteWriter(vec![TEAM_FORMAT]);
    out.text(entry.owner.as_ref().map_or("", Account::as_str));
    out.text(&entry.name);
    out.text(&entry.custom);
    out.number(entry.members_max.into());
    out.0.push(u8::from(entry.anyone_invites));
    out.number(entry.created);
    seal(key, out.0)
}

/// What is known of a team.
pub(crate) fn decode_team(key: &[u8], value: &[u8]) -> Result<TeamEntry, StoreFailure> {
    let (mut input, is_old) = unseal_either(key, value, OLD_TEAM_FORMAT, TEAM_FORMAT)?;
    let mut read = || {
        let owner = match input.text()? {
            "" => None,
            owner => Some(tables::stored_account(owner.as_bytes())?),
        };
        let (name, custom) = (input.text()?.to_owned(), input.text()?.to_owned());
        let members_max = u32::try_from(input.number()?).ok()?;
        let anyone_invites = input.take::<1>()? != [0];
        let created = if is_old { 0 } else { input.number()? };
        Some(TeamEntry { owner, name, custom, members_max, anyone_invites, created })
    };
    let entry = read();
    entry.filter(|_| input.0.is_empty()).ok_or_else(|| damaged("team entry", key))
}

/// The bytes of a value that only says that its key is there.
pub(crate) fn encode_mark(key: &[u8]) -> Vec<u8> {
    seal(key, vec![MARK_FORMAT])
}

/// Checks a mark.
pub(crate) fn decode_mark(key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
    unseal(key, value, MARK_FORMAT).map(drop)
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; SEAL_BYTES] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key);
    crc.update(value);
    crc.finalize().to_le_bytes()
}

fn seal(key: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    let sum = checksum(key, &value);
    value.extend(sum);
    value
}

fn unseal<'a>(key: &[u8], value: &'a [u8], format: u8) -> Result<ByteReader<'a>, StoreFailure> {
    let (bytes, sum) =
        value.split_last_chunk::<SEAL_BYTES>().ok_or_else(|| damaged("value", key))?;
    if checksum(key, bytes) != *sum {
        return Err(damaged("checksum", key));
    }
    match bytes.split_first() {
        Some((first, rest)) if *first == format => Ok(ByteReader(rest)),
        Some(_) | None => Err(damaged("format", key)),
    }
}

/// Unseals a value of the old format or of the one that is written, and tells whether it is old.
fn unseal_either<'a>(
    key: &[u8],
    value: &'a [u8],
    old: u8,
    written: u8,
) -> Result<(ByteReader<'a>, bool), StoreFailure> {
    let is_old = value.first() == Some(&old);
    Ok((unseal(key, value, if is_old { old } else { written })?, is_old))
}

/// Checks a value's seal, whatever is in it.
pub(crate) fn verify(key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
    let format = value.first().copied().ok_or_else(|| damaged("value", key))?;
    unseal(key, value, format).map(drop)
}

/// The error that names a damaged value: keys hold app key, account and peer, no message. What a
/// damaged page gives for a key may be anything, so it is shown only if it looks like one.
pub(crate) fn damaged(what: &str, key: &[u8]) -> StoreFailure {
    let what = match is_like_a_key(key) {
        true => format!("{what} of row {}", key.escape_ascii()),
        false => format!("{what} of a row whose key is damaged too"),
    };
    StoreFailure::Damaged { what }
}

/// Longest name of the store's own numbers.
const NAME_BYTES_MAX: usize = 24;
/// Longest app key, account or peer.
const PART_BYTES_MAX: usize = 128;
/// Most parts of a key; one may be empty, because kinds of sessions are bytes like the separator.
const PARTS_MAX: usize = 4;

/// Tells whether these bytes are readable texts between separators, or the name of a number.
fn is_like_a_key(key: &[u8]) -> bool {
    let parts: Vec<&[u8]> = key.split(|byte| *byte <= 2).collect();
    let is_readable = |part: &&[u8]| {
        part.len() <= PART_BYTES_MAX
            && std::str::from_utf8(part).is_ok_and(|text| !text.contains(char::is_control))
    };
    let is_name = |part: &[u8]| {
        let is_of_name = |byte: &u8| byte.is_ascii_lowercase() || *byte == b' ';
        part.len() <= NAME_BYTES_MAX && part.iter().all(is_of_name)
    };
    match parts[..] {
        [name] => is_name(name),
        _ => parts.len() <= PARTS_MAX && parts.iter().all(is_readable),
    }
}

/// Bytes of the kinds of amendments.
const RECALL_BYTE: u8 = 0;
const EDIT_BYTE: u8 = 1;

struct ByteWriter(Vec<u8>);

impl ByteWriter {
    fn number(&mut self, number: u64) {
        self.0.extend(number.to_be_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn text(&mut self, text: &str) {
        let bytes = u32::try_from(text.len()).expect("texts are at most 16 KiB");
        self.0.extend(bytes.to_be_bytes());
        self.0.extend(text.as_bytes());
    }

    fn key(&mut self, key: MessageKey<'_>) {
        self.number(key.time);
        self.text(key.id);
        self.0.push(key.rank);
        self.0.extend(key.digest);
    }

    fn body(&mut self, body: MessageBody<'_>) {
        self.key(body.key);
        self.text(body.text);
    }

    fn latest(&mut self, latest: &Latest<'_>) {
        self.option(latest.message, Self::body);
        self.0.push(u8::try_from(latest.amendments.len()).expect("at most ten amendments"));
        for amendment in &latest.amendments {
            match amendment {
                Amendment::Recall { body, time } => {
                    self.0.push(RECALL_BYTE);
                    self.number(*time);
                    self.body(*body);
                }
                Amendment::Edit { id, time, digest, fields } => {
                    self.0.push(EDIT_BYTE);
                    self.number(*time);
                    self.text(id);
                    self.0.extend(digest);
                    self.text(fields);
                }
            }
        }
    }
}

struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        let [present] = self.take()?;
        match present {
            0 => Some(None),
            1 => read(self).map(Some),
            2.. => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let bytes = usize::try_from(u32::from_be_bytes(self.take()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        // Every row of a scan passes here, with texts that mostly nobody shows.
        simdutf8::basic::from_utf8(text).ok()
    }

    fn key(&mut self) -> Option<MessageKey<'a>> {
        let (time, id) = (self.number()?, self.text()?);
        let [rank] = self.take()?;
        Some(MessageKey { time, id, rank, digest: self.take()? })
    }

    fn body(&mut self) -> Option<MessageBody<'a>> {
        Some(MessageBody { key: self.key()?, text: self.text()? })
    }

    fn latest(&mut self, is_old: bool) -> Option<Latest<'a>> {
        if is_old {
            return self.old_latest();
        }
        let message = self.option(Self::body)?;
        let [count] = self.take()?;
        let mut amendments = Vec::with_capacity(count.into());
        for _ in 0..count {
            let [kind] = self.take()?;
            let time = self.number()?;
            amendments.push(match kind {
                RECALL_BYTE => Amendment::Recall { body: self.body()?, time },
                EDIT_BYTE => {
                    let id = self.text()?;
                    Amendment::Edit { id, time, digest: self.take()?, fields: self.text()? }
                }
                _ => return None,
            });
        }
        Some(Latest { message, amendments })
    }

    /// Formats 1 and 2 had one body: the greatest message or recall.
    fn old_latest(&mut self) -> Option<Latest<'a>> {
        let mut latest = Latest::default();
        if let Some(body) = self.option(Self::body)? {
            latest.take(if body.is_recall() {
                LastChange::Amendment(Amendment::Recall { body, time: body.key.time })
            } else {
                LastChange::Message(body)
            });
        }
        Some(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(time: u64) -> MessageBody<'static> {
        MessageBody {
            key: MessageKey { time, id: "77", rank: 1, digest: [3; 8] },
            text: r#"{"9":"你好"}"#,
        }
    }

    fn full_latest() -> Latest<'static> {
        let edit = Amendment::Edit { id: "7", time: 8, digest: [4; 8], fields: r#"{"9":"x"}"# };
        let recall = Amendment::Recall { body: body(9), time: 10 };
        Latest { message: Some(body(1)), amendments: vec![edit, recall] }
    }

    fn full_row() -> Row<'static> {
        Row {
            latest: full_latest(),
            notices: vec![Notice::In(2), Notice::Out(body(3))],
            inviter: Some(4),
            inviter_last: Some(8),
            hint: Some(5),
            floor: Some(body(6).key.floor()),
            created: Some(7),
            ext: "ext",
            version: u64::MAX,
        }
    }

    #[test]
    fn registers_read_back_as_they_were_written() {
        for row in [Row::default(), full_row()] {
            assert_eq!(decode_row(b"k", &encode_row(b"k", &row)).unwrap(), row);
        }
        let head = Head {
            latest: full_latest(),
            dissolved: Some(body(2)),
            dissolved_again: true,
            version: 3,
            dissolved_version: 4,
        };
        for head in [Head::default(), head] {
            assert_eq!(decode_head(b"k", &encode_head(b"k", &head)).unwrap(), head);
        }
        assert_eq!(decode_numbers(b"k", &encode_numbers(b"k", [1, 2])).unwrap(), [1, 2]);
        let token = Some(TokenHash::of("t"));
        let account = AccountEntry { name: "Amy".into(), token, blocked: None };
        let ended = [None, Some(TokenHash::of("old"))];
        let blocked = ended.map(|ended_token| AccountEntry {
            blocked: Some(Block { ended_token }),
            ..account.clone()
        });
        for entry in blocked.into_iter().chain([AccountEntry::default(), account]) {
            assert_eq!(decode_account(b"k", &encode_account(b"k", &entry)).unwrap(), entry);
        }
        let team = TeamEntry {
            owner: Some("amy".parse().unwrap()),
            name: "n".into(),
            custom: "{}".into(),
            members_max: 200,
            anyone_invites: true,
            created: 5,
        };
        for entry in [TeamEntry::default(), team] {
            assert_eq!(decode_team(b"k", &encode_team(b"k", &entry)).unwrap(), entry);
        }
        decode_mark(b"k", &encode_mark(b"k")).unwrap();
        assert!(decode_mark(b"l", &encode_mark(b"k")).is_err());
        let result = FirstResult { time: 1, request: [2; 8], answer: "{}" };
        let value = encode_first_result(b"k", &result);
        assert_eq!(decode_first_result(b"k", &value).unwrap(), result);
    }

    /// Bytes flipped in a page once made the log show what users had written.
    #[test]
    fn a_key_that_is_none_is_not_shown() {
        let long = format!("app\0amy\0\0{}", "x".repeat(200));
        for other in [
            br#"{"9":"body 7"}"#.as_slice(),
            b"app\0amy\0\0bob\x08\0\0\0\0\0\0\x01\x05secret",
            b"app\0amy\0\0bobapp\0amy\0\0cat",
            long.as_bytes(),
            b"\xff\0amy",
        ] {
            let error = damaged("key", other).to_string();
            assert_eq!(error, "damaged: key of a row whose key is damaged too");
        }
        let shown: [&[u8]; 5] =
            [b"version", b"app\0amy\0\0bob", b"app\0\x017", b"app\0\x017\0amy", b"app\0amy"];
        for key in shown {
            let error = damaged("key", key).to_string();
            assert!(error.ends_with(&key.escape_ascii().to_string()), "{error}");
        }
    }

    #[test]
    fn any_flipped_bit_and_any_other_key_is_an_error_that_names_the_row() {
        let value = encode_row(b"app\0amy", &full_row());
        for at in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let error = decode_row(b"app\0amy", &flipped).unwrap_err();
            assert!(error.to_string().contains(r"app\x00amy"), "{error}");
        }
        assert!(decode_row(b"app\0bob", &value).is_err());
        assert!(decode_head(b"app\0amy", &value).is_err());
        for cut in 0..value.len() {
            assert!(decode_row(b"app\0amy", &value[..cut]).is_err());
        }
    }
}
