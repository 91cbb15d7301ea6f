//! Page tokens and sync cursors of engines that number their versions: their content, and when they
//! are refused. Opaque to everybody else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use huihua_core::SessionId;
use huihua_event::Owner;
use sha2::{Digest, Sha256};

use crate::{
    kind::{kind_byte, kind_of},
    order::{Bounds, Position},
};

/// First byte of a cursor, and of a page token. A new format takes a new number.
const CURSOR_FORMAT: u8 = 1;
const PAGE_TOKEN_FORMAT: u8 = 2;

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
    pub fn encode(&self) -> String {
        let mut bytes = vec![CURSOR_FORMAT];
        self.write(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor from a client's text; `None` when it is not one of this format.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut reader = Reader(&bytes);
        reader.format(CURSOR_FORMAT)?;
        let cursor = reader.cursor()?;
        reader.0.is_empty().then_some(cursor)
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
    pub fn encode(&self) -> String {
        let mut bytes = vec![PAGE_TOKEN_FORMAT];
        self.cursor.write(&mut bytes);
        for number in [self.bounds.min, self.bounds.max, self.after.update_time] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.push(kind_byte(self.after.id.kind()));
        bytes.extend(self.after.id.peer().as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token from a client's text; `None` when it is not one of this format.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut reader = Reader(&bytes);
        reader.format(PAGE_TOKEN_FORMAT)?;
        let cursor = reader.cursor()?;
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

    fn format(&mut self, wanted: u8) -> Option<()> {
        let [format] = self.take()?;
        (format == wanted).then_some(())
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

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        let owner_hash = owner_hash(&owner("k", "a"));
        let cursor = Cursor { owner: owner_hash, era: 7, version: u64::MAX, start: 4 };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        let after = Position { update_time: 9, id: "super_team|5".parse().unwrap() };
        let token = PageToken { cursor, bounds: Bounds { min: 1, max: 2 }, after };
        assert_eq!(PageToken::decode(&token.encode()), Some(token.clone()));
        for text in [cursor.encode(), token.encode()] {
            for cut in 0..text.len().min(66) {
                assert_eq!(Cursor::decode(&text[..cut]), None);
                assert_eq!(PageToken::decode(&text[..cut]), None);
            }
        }
        assert_eq!(Cursor::decode(&token.encode()), None);
        assert_eq!(PageToken::decode(&cursor.encode()), None);
        assert_eq!(Cursor::decode("é"), None);
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
