//! Cells and registers: a write of the rules as cells with their stamps, and the registers of a
//! session or a team from the cells that were read.

use huihua_core::SessionKind;
use huihua_store::{
    Error,
    key::{MessageBody, MessageKey},
    latest::{Amendment, LastChange, Latest},
    rules::{Head, Membership, Notice, Row, View},
};
use sha2::{Digest as _, Sha256};

use crate::{
    bytes::{ByteReader, ByteWriter},
    failure::damaged,
};

/// The stamp of what happened at this time, ms: Cassandra counts in µs.
pub(crate) fn stamp(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX / 2_000).saturating_mul(1_000)
}

/// The stamp under which the earliest time wins.
fn stamp_of_first(time: u64) -> i64 {
    (1_i64 << 61).saturating_sub(stamp(time))
}

/// A blind write of one entry or one register.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LastCells {
    /// The newest message: its key, and its key with its body.
    Message { stamp: i64, key: Vec<u8>, body: Vec<u8> },
    /// The recall of the message with this id.
    Recall { stamp: i64, id: String, value: Vec<u8> },
    /// The edit of the message with this id.
    Edit { stamp: i64, id: String, value: Vec<u8> },
}

impl LastCells {
    /// The cells of a change of the last message.
    pub(crate) fn of(change: LastChange<'_>) -> Self {
        match change {
            LastChange::Message(body) => {
                let mut key = ByteWriter::default();
                key.key(body.key);
                Self::Message { stamp: stamp(body.key.time), key: key.0, body: body_bytes(body) }
            }
            LastChange::Amendment(Amendment::Recall { body, time }) => {
                let mut value = ByteWriter::default();
                value.key(body.key);
                value.number(time);
                value.last_text(body.text);
                let id = body.key.id.to_owned();
                Self::Recall { stamp: stamp(body.key.time), id, value: value.0 }
            }
            LastChange::Amendment(Amendment::Edit { id, time, digest, fields }) => {
                let mut value = ByteWriter::default();
                value.number(time);
                value.0.extend(digest);
                value.last_text(fields);
                Self::Edit { stamp: stamp(time), id: id.to_owned(), value: value.0 }
            }
        }
    }
}

/// A message's key and body in one cell.
pub(crate) fn body_bytes(body: MessageBody<'_>) -> Vec<u8> {
    let mut out = ByteWriter::default();
    out.body(body);
    out.0
}

const IN: u8 = 0;
const OUT: u8 = 1;
/// Keys of single entries; those of notices are longer.
const HINT: &[u8] = b"h";
const INVITER_FIRST: &[u8] = b"f";
const INVITER_LAST: &[u8] = b"l";
/// The value of an *in*: its key says all.
const MARK: &[u8] = &[1];

/// A blind write of one entry of what is known of a membership.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MemCell {
    pub(crate) stamp: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl MemCell {
    /// The entries of what is known: two for an inviter, whose first and last time are kept.
    pub(crate) fn of(membership: Membership<'_>) -> Vec<Self> {
        let number = |key: &[u8], stamp, time: u64| Self {
            stamp,
            key: key.to_vec(),
            value: time.to_be_bytes().to_vec(),
        };
        match membership {
            Membership::Notice(notice) => {
                let (kind, value) = match notice {
                    Notice::In(_) => (IN, MARK.to_vec()),
                    Notice::Out(body) => (OUT, body_bytes(body)),
                };
                let mut key = notice.time().to_be_bytes().to_vec();
                key.push(kind);
                vec![Self { stamp: stamp(notice.time()), key, value }]
            }
            Membership::Inviter(time) => vec![
                number(INVITER_FIRST, stamp_of_first(time), time),
                number(INVITER_LAST, stamp(time), time),
            ],
            Membership::Hint(time) => vec![number(HINT, stamp(time), time)],
        }
    }

    /// The entry of a notice.
    pub(crate) fn of_notice(notice: Notice<'_>) -> Vec<Self> {
        Self::of(Membership::Notice(notice))
    }

    /// The time of a notice's entry, and whether it is an *out*; `None` for another entry.
    pub(crate) fn notice_of(key: &[u8]) -> Option<(u64, bool)> {
        let mut input = ByteReader(key);
        let (time, [kind]) = (input.number()?, input.take()?);
        Some((time, kind == OUT))
    }

    /// The stamp of an entry that was read.
    pub(crate) fn stamp_of(key: &[u8], value: &[u8]) -> Option<i64> {
        match key {
            INVITER_FIRST => Some(stamp_of_first(ByteReader(value).number()?)),
            HINT | INVITER_LAST => Some(stamp(ByteReader(value).number()?)),
            _ => Some(stamp(ByteReader(key).number()?)),
        }
    }
}

/// A map of Cassandra, as it is read.
pub(crate) type Entries<K> = std::collections::BTreeMap<K, Vec<u8>>;

/// Takes what is known of a membership from its entries.
fn take_membership<'a>(row: &mut Row<'a>, entries: &'a Entries<Vec<u8>>) -> Option<()> {
    for (key, value) in entries {
        let membership = match key.as_slice() {
            HINT => Membership::Hint(ByteReader(value).number()?),
            // Both times are times at which it invited somebody: the rules keep first and last.
            INVITER_FIRST | INVITER_LAST => Membership::Inviter(ByteReader(value).number()?),
            key => {
                let mut key = ByteReader(key);
                let time = key.number()?;
                Membership::Notice(match key.take()? {
                    [IN] => Notice::In(time),
                    [OUT] => Notice::Out(ByteReader(value).body()?),
                    _ => return None,
                })
            }
        };
        row.take_membership(membership);
    }
    Some(())
}

/// Registers of a row from what is known of a membership alone: enough to tell who is in.
pub(crate) fn member_row<'a>(mem: &'a Entries<Vec<u8>>, of: &str) -> Result<Row<'a>, Error> {
    let mut row = Row::default();
    take_membership(&mut row, mem).ok_or_else(|| damaged("membership", of))?;
    Ok(row)
}

/// The cells of the last message.
#[derive(Debug, Default, Clone)]
pub(crate) struct LatestCells {
    pub(crate) key: Option<Vec<u8>>,
    /// `None` also in a scan, which reads no texts.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) recalls: Entries<String>,
    pub(crate) edits: Entries<String>,
}

impl LatestCells {
    /// The registers; `None` when a cell cannot be read.
    pub(crate) fn latest(&self) -> Option<Latest<'_>> {
        let mut latest = Latest::default();
        let message = match (&self.body, &self.key) {
            (Some(body), _) => Some(ByteReader(body).body()?),
            (None, Some(key)) => Some(MessageBody { key: ByteReader(key).key()?, text: "" }),
            (None, None) => None,
        };
        let mut amendments = Vec::new();
        for value in self.recalls.values() {
            let mut value = ByteReader(value);
            let (key, time) = (value.key()?, value.number()?);
            let body = MessageBody { key, text: value.last_text()? };
            amendments.push(Amendment::Recall { body, time });
        }
        for (id, value) in &self.edits {
            let mut value = ByteReader(value);
            let (time, digest) = (value.number()?, value.take()?);
            amendments.push(Amendment::Edit { id, time, digest, fields: value.last_text()? });
        }
        // The message first: what it keeps beside it depends on no order then.
        if let Some(message) = message {
            latest.take(LastChange::Message(message));
        }
        for amendment in amendments {
            latest.take(LastChange::Amendment(amendment));
        }
        Some(latest)
    }
}

/// What is written by compare-and-set of one session.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    /// The last version that was handed out for it; 0: none yet.
    pub(crate) version: u64,
    /// The fingerprint of what was seen then.
    pub(crate) fingerprint: Fingerprint,
    /// The key of the floor, as bytes.
    pub(crate) floor: Option<Vec<u8>>,
    pub(crate) created: Option<u64>,
    /// When it was deleted, ms since 1970, until its texts are swept.
    pub(crate) deleted: Option<u64>,
    /// The digest of the ext.
    pub(crate) ext: [u8; 8],
}

const META_FORMAT: u8 = 1;

impl Meta {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = ByteWriter(vec![META_FORMAT]);
        out.number(self.version);
        out.0.extend(self.fingerprint.0);
        out.0.extend(self.ext);
        out.option(self.created, ByteWriter::number);
        out.option(self.deleted, ByteWriter::number);
        out.0.extend(self.floor.as_deref().unwrap_or_default());
        out.0
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = ByteReader(bytes);
        if input.take()? != [META_FORMAT] {
            return None;
        }
        let (version, fingerprint) = (input.number()?, Fingerprint(input.take()?));
        let (ext, created) = (input.take()?, input.option(ByteReader::number)?);
        let deleted = input.option(ByteReader::number)?;
        let floor = Some(input.0.to_vec()).filter(|floor| !floor.is_empty());
        Some(Self { version, fingerprint, floor, created, deleted, ext })
    }
}

/// What is seen of a session, in 8 bytes: a session has changed when it is another.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// Of a session that nobody sees: a row that never was seen gets no version.
    pub(crate) const UNSEEN: Self = Self([0; 8]);

    /// Takes the fingerprint of a view with the digest of its ext.
    pub(crate) fn of(view: &View<'_>, ext: [u8; 8]) -> Self {
        let Some(time) = view.update_time else { return Self::UNSEEN };
        let mut out = ByteWriter::default();
        out.number(time);
        out.option(view.last.map(|last| last.key), ByteWriter::key);
        out.option(view.edit, ByteWriter::text);
        out.0.extend(ext);
        let mut fingerprint = short_digest(&out.0);
        // That of nothing is taken.
        fingerprint[0] |= 1;
        Self(fingerprint)
    }
}

/// The first 8 bytes of SHA-256.
pub(crate) fn short_digest(bytes: &[u8]) -> [u8; 8] {
    Sha256::digest(bytes)[..8].try_into().expect("SHA-256 has more than 8 bytes")
}

/// The digest of an ext; of an empty one, zeros.
pub(crate) fn ext_digest(ext: &str) -> [u8; 8] {
    if ext.is_empty() { [0; 8] } else { short_digest(ext.as_bytes()) }
}

/// The cells of one session of an account.
#[derive(Debug, Default, Clone)]
pub(crate) struct SessionCells {
    pub(crate) sid: String,
    pub(crate) latest: LatestCells,
    pub(crate) mem: Entries<Vec<u8>>,
    pub(crate) meta: Meta,
    /// `None` in a scan: then the digest in `meta` stands for it.
    pub(crate) ext: Option<String>,
}

impl SessionCells {
    /// The registers.
    pub(crate) fn row(&self) -> Result<Row<'_>, Error> {
        let read = || {
            let floor = match &self.meta.floor {
                Some(floor) => Some(ByteReader(floor).key()?),
                None => None,
            };
            let mut row = Row {
                latest: self.latest.latest()?,
                floor,
                created: self.meta.created,
                ext: self.ext.as_deref().unwrap_or_default(),
                version: self.meta.version,
                ..Row::default()
            };
            take_membership(&mut row, &self.mem)?;
            Some(row)
        };
        read().ok_or_else(|| damaged("session", &self.sid))
    }

    /// The kind and the part of the id after it.
    pub(crate) fn kind(&self) -> Result<(SessionKind, &str), Error> {
        kind_and_peer(&self.sid)
    }
}

/// The kind of a session, and the part of its id after it.
pub(crate) fn kind_and_peer(sid: &str) -> Result<(SessionKind, &str), Error> {
    let parts = sid.split_once('|').and_then(|(kind, peer)| {
        let kind = SessionKind::ALL.into_iter().find(|one| one.to_string() == kind)?;
        Some((kind, peer))
    });
    parts.ok_or_else(|| damaged("id", sid))
}

/// The bytes of a floor.
pub(crate) fn floor_bytes(floor: Option<MessageKey<'_>>) -> Option<Vec<u8>> {
    floor.map(|floor| {
        let mut out = ByteWriter::default();
        out.key(floor);
        out.0
    })
}

/// The cells of one team.
#[derive(Debug, Default, Clone)]
pub(crate) struct HeadCells {
    pub(crate) latest: LatestCells,
    pub(crate) dissolved: Option<Vec<u8>>,
}

impl HeadCells {
    /// The registers. Their versions are 0: an account's own versions number what it sees.
    pub(crate) fn head(&self, tid: &str) -> Result<Head<'_>, Error> {
        let read = || {
            let dissolved = match &self.dissolved {
                Some(body) => Some(ByteReader(body).body()?),
                None => None,
            };
            Some(Head { latest: self.latest.latest()?, dissolved, ..Head::default() })
        };
        read().ok_or_else(|| damaged("team", tid))
    }
}

#[cfg(test)]
mod tests;
