//! Page tokens and sync cursors of engines that number their versions: their content, and when they
//! are refused. Opaque to everybody else.

use std::fmt;

use aes_siv::{KeyInit as _, siv::Aes128Siv};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use huihua_core::SessionId;
use huihua_event::Owner;
use sha2::{Digest, Sha256};

use crate::{
    kind::{kind_byte, kind_of},
    order::{Bounds, Position},
};

/// First byte of a cursor, and of a page token. A new format takes a new number.
const CURSOR_FORMAT: u8 = 3;
const PAGE_TOKEN_FORMAT: u8 = 4;
/// Those that earlier servers gave, before cursors were sealed.
const PLAIN_CURSOR_FORMAT: u8 = 1;
const PLAIN_PAGE_TOKEN_FORMAT: u8 = 2;

/// "Everything up to here is known": bound to an account, to an era, and to a version in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Hash of app and account.
    pub owner: [u8; 8],
    /// Drawn at random each time the store was opened for writing.
    pub era: u64,
    /// The last version known.
    pub version: u64,
    /// The last version of the store when the sync began that this cursor carries on: deletions
    /// before it need not be announced. Equal to `version` once that sync came to its end.
    pub start: u64,
}

/// The position of a walk by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// The sync cursor of the walk's first page.
    pub cursor: Cursor,
    /// The bounds of the walk's first page.
    pub bounds: Bounds,
    /// The last row given.
    pub after: Position,
}

/// One opening of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Era {
    /// The random number of this opening.
    pub era: u64,
    /// Last version written before it.
    pub base: u64,
}

/// Seals cursors and page tokens: what they hold would tell every client how much all apps write.
///
/// AES-SIV (RFC 5297) under a key of the store. One cursor has one text, so that a client may
/// compare two: it learns whether anything at all was written between them, and not how much.
pub struct Sealer {
    key: [u8; 32],
    /// Plain cursors up to this version are known still: that is what the store had when its
    /// cursors were sealed first. Later ones nobody gave: they could be made up to find the last
    /// version out.
    plain_until: u64,
}

impl Sealer {
    /// Makes the sealer of a store. The key is random.
    pub fn new(key: [u8; 32], plain_until: u64) -> Self {
        Self { key, plain_until }
    }

    fn seal(&self, format: u8, write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut plain = Vec::new();
        write(&mut plain);
        let sealed = Aes128Siv::new(&self.key.into())
            .encrypt([[format]], &plain)
            .expect("a few hundred bytes are not too many");
        URL_SAFE_NO_PAD.encode([[format].as_slice(), &sealed].concat())
    }

    /// Opens a text, whose first byte says what it is; `None` when this store did not seal it.
    fn open(&self, text: &str) -> Option<(u8, Vec<u8>)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (format, rest) = bytes.split_first()?;
        if [PLAIN_CURSOR_FORMAT, PLAIN_PAGE_TOKEN_FORMAT].contains(format) {
            return Some((*format, rest.to_vec()));
        }
        let plain = Aes128Siv::new(&self.key.into()).decrypt([[*format]], rest).ok()?;
        Some((*format, plain))
    }

    fn is_plain_known(&self, cursor: &Cursor) -> bool {
        cursor.version <= self.plain_until
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Hashes the owner for its cursors, so that an account cannot use another's.
pub fn owner_hash(owner: &Owner) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(owner.app.as_str());
    hash.update([0]);
    hash.update(owner.account.as_str());
    hash.finalize()[..8].try_into().expect("SHA-256 has more than 8 bytes")
}

impl Cursor {
    /// Writes it as the text that a client gets.
    pub fn encode(&self, sealer: &Sealer) -> String {
        sealer.seal(CURSOR_FORMAT, |bytes| self.write(bytes))
    }

    /// Reads a cursor from a client's text; `None` when this store did not give it.
    pub fn decode(text: &str, sealer: &Sealer) -> Option<Self> {
        let (format, bytes) = sealer.open(text)?;
        let mut reader = Reader(&bytes);
        let cursor = reader.cursor().filter(|_| reader.0.is_empty())?;
        let is_known = match format {
            CURSOR_FORMAT => true,
            PLAIN_CURSOR_FORMAT => sealer.is_plain_known(&cursor),
            _ => false,
        };
        is_known.then_some(cursor)
    }

    /// Tells whether the cursor belongs to this owner and this store's history.
    ///
    /// `eras` are in the order of their openings, `last` is the newest version, `horizon` the
    /// oldest that cursors may name.
    pub fn is_known(&self, owner: &Owner, eras: &[Era], last: u64, horizon: u64) -> bool {
        let Some(at) = eras.iter().position(|era| era.era == self.era) else { return false };
        let end = eras.get(at + 1).map_or(last, |next| next.base);
        self.owner == owner_hash(owner)
            && (eras[at].base..=end).contains(&self.version)
            && self.start >= horizon
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.owner);
        bytes.extend(self.era.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.start.to_be_bytes());
    }
}

impl PageToken {
    /// Writes it as the text that a client gets.
    pub fn encode(&self, sealer: &Sealer) -> String {
        sealer.seal(PAGE_TOKEN_FORMAT, |bytes| {
            self.cursor.write(bytes);
            for number in [self.bounds.min, self.bounds.max, self.after.update_time] {
                bytes.extend(number.to_be_bytes());
            }
            bytes.push(kind_byte(self.after.id.kind()));
            bytes.extend(self.after.id.peer().as_bytes());
        })
    }

    /// Reads a token from a client's text; `None` when this store did not give it.
    pub fn decode(text: &str, sealer: &Sealer) -> Option<Self> {
        let (format, bytes) = sealer.open(text)?;
        let mut reader = Reader(&bytes);
        let cursor = reader.cursor()?;
        let is_known = match format {
            PAGE_TOKEN_FORMAT => true,
            PLAIN_PAGE_TOKEN_FORMAT => sealer.is_plain_known(&cursor),
            _ => false,
        };
        if !is_known {
            return None;
        }
        let bounds = Bounds { min: reader.number()?, max: reader.number()? };
        let update_time = reader.number()?;
        let [kind] = reader.take()?;
        let kind = kind_of(kind)?;
        let peer = std::str::from_utf8(reader.0).ok()?;
        let id = SessionId::new(kind, peer).ok()?;
        Some(Self { cursor, bounds, after: Position { update_time, id } })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn cursor(&mut self) -> Option<Cursor> {
        let (owner, era) = (self.take()?, self.number()?);
        Some(Cursor { owner, era, version: self.number()?, start: self.number()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(app: &str, account: &str) -> Owner {
        Owner { app: app.parse().unwrap(), account: account.parse().unwrap() }
    }

    fn sealer(key: u8) -> Sealer {
        Sealer::new([key; 32], 5)
    }

    fn cursor(version: u64) -> Cursor {
        Cursor { owner: owner_hash(&owner("k", "a")), era: 7, version, start: 4 }
    }

    fn page_token(version: u64) -> PageToken {
        let after = Position { update_time: 9, id: "super_team|5".parse().unwrap() };
        PageToken { cursor: cursor(version), bounds: Bounds { min: 1, max: 2 }, after }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        let (sealer, other) = (sealer(1), sealer(2));
        let (cursor, token) = (cursor(u64::MAX), page_token(u64::MAX));
        let texts = [cursor.encode(&sealer), token.encode(&sealer)];
        assert_eq!(Cursor::decode(&texts[0], &sealer), Some(cursor));
        assert_eq!(PageToken::decode(&texts[1], &sealer), Some(token));
        assert_eq!(Cursor::decode(&texts[1], &sealer), None);
        assert_eq!(PageToken::decode(&texts[0], &sealer), None);
        let none = |text: &str, sealer: &Sealer| {
            assert_eq!(Cursor::decode(text, sealer), None, "{text}");
            assert_eq!(PageToken::decode(text, sealer), None, "{text}");
        };
        for text in &texts {
            (0..text.len()).for_each(|cut| none(&text[..cut], &sealer));
            none(text, &other);
            let sealed = URL_SAFE_NO_PAD.decode(text).unwrap();
            for at in 0..sealed.len() {
                let mut flipped = sealed.clone();
                flipped[at] ^= 1;
                none(&URL_SAFE_NO_PAD.encode(flipped), &sealer);
            }
        }
        none("é", &sealer);
    }

    /// The version in a cursor told every client how much all apps wrote.
    #[test]
    fn a_cursor_does_not_tell_how_much_was_written() {
        let sealer = sealer(1);
        let texts: Vec<_> = [9, 10, 1_000].map(|version| cursor(version).encode(&sealer)).into();
        let bytes: Vec<_> =
            texts.iter().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap()[1..].to_vec()).collect();
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            let same = bytes[a].iter().zip(&bytes[b]).filter(|(a, b)| a == b).count();
            assert!(same < bytes[a].len() / 4, "{same} of {} bytes are the same", bytes[a].len());
        }
        assert!(!bytes[0].windows(8).any(|part| part == 9_u64.to_be_bytes()));
    }

    /// As earlier servers wrote them. A later version could be made up, to find the last one out.
    #[test]
    fn a_plain_cursor_is_read_up_to_the_version_at_which_sealing_began() {
        let plain_cursor = |version: u64| {
            let mut bytes = vec![PLAIN_CURSOR_FORMAT];
            cursor(version).write(&mut bytes);
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let plain_token = |version: u64| {
            let mut bytes = vec![PLAIN_PAGE_TOKEN_FORMAT];
            cursor(version).write(&mut bytes);
            [1, 2, 9_u64].iter().for_each(|number| bytes.extend(number.to_be_bytes()));
            bytes.push(kind_byte(page_token(version).after.id.kind()));
            bytes.push(b'5');
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let sealer = sealer(1);
        assert_eq!(Cursor::decode(&plain_cursor(5), &sealer), Some(cursor(5)));
        assert_eq!(Cursor::decode(&plain_cursor(6), &sealer), None);
        assert_eq!(PageToken::decode(&plain_token(5), &sealer), Some(page_token(5)));
        assert_eq!(PageToken::decode(&plain_token(6), &sealer), None);
    }

    #[test]
    fn a_cursor_is_known_within_its_era_only() {
        let amy = owner("k", "amy");
        let eras = [Era { era: 7, base: 0 }, Era { era: 8, base: 10 }, Era { era: 9, base: 10 }];
        let known = |era, version, horizon| {
            let cursor = Cursor { owner: owner_hash(&amy), era, version, start: version };
            cursor.is_known(&amy, &eras, 20, horizon)
        };
        assert!(known(7, 0, 0) && known(7, 10, 0) && !known(7, 11, 0), "a copy went its own way");
        assert!(known(8, 10, 0) && !known(8, 9, 0) && !known(8, 11, 0));
        assert!(known(9, 20, 0) && !known(9, 21, 0), "past the end: the store was restored");
        assert!(!known(6, 5, 0), "an unknown era");
        assert!(known(9, 15, 15) && !known(9, 14, 15), "below the horizon");
        let bob = owner("k", "bob");
        let cursor = Cursor { owner: owner_hash(&bob), era: 9, version: 15, start: 15 };
        assert!(!cursor.is_known(&amy, &eras, 20, 0), "another account's");
    }

    #[test]
    fn app_and_account_glued_together_are_not_one_owner() {
        assert_ne!(owner_hash(&owner("ab", "c")), owner_hash(&owner("a", "bc")));
    }
}
