//! Page tokens and sync cursors: opaque texts that clients give back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use huihua_core::{SessionId, SessionKind};
use huihua_event::Owner;
use huihua_store::{
    cursor::{Cursor, Era, PageToken, Sealer, owner_hash},
    order::{Bounds, Position},
};

use crate::Verdict;

/// Plain tokens of earlier servers are known up to this version.
const PLAIN_UNTIL: u64 = 1 << 32;
/// First bytes of the plain forms, and of the sealed ones.
const PLAIN: [u8; 2] = [1, 2];
const SEALED_CURSOR: u8 = 3;
const SEALED_PAGE_TOKEN: u8 = 4;

fn sealer(key: u8) -> Sealer {
    Sealer::new([key; 32], PLAIN_UNTIL)
}

/// What is read was sealed by this store, or is plain and older than sealing; a cursor of any
/// content is read back, and with one bit flipped it is not.
pub(super) fn check_cursor(input: &[u8]) -> Verdict {
    let cursor = Bytes(input).cursor();
    let text = cursor.encode(&sealer(1));
    assert_eq!(Cursor::decode(&text, &sealer(1)), Some(cursor));
    let is_cursor = |text: &str, sealer: &Sealer| Cursor::decode(text, sealer).is_some();
    check_sealed(&text, input, is_cursor);
    assert_eq!(PageToken::decode(&text, &sealer(1)), None, "a cursor is no page token");
    check_owners(&cursor);

    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let Some(cursor) = Cursor::decode(text, &sealer(1)) else { return Verdict::Refused };
    check_source(text, SEALED_CURSOR, cursor.version, &cursor.encode(&sealer(1)));
    check_owners(&cursor);
    Verdict::Accepted
}

/// As [`check_cursor`].
pub(super) fn check_page_token(input: &[u8]) -> Verdict {
    if let Some(token) = Bytes(input).page_token() {
        let text = token.encode(&sealer(1));
        let is_token = |text: &str, sealer: &Sealer| PageToken::decode(text, sealer).is_some();
        check_sealed(&text, input, is_token);
        assert_eq!(Cursor::decode(&text, &sealer(1)), None, "a page token is no cursor");
        assert_eq!(PageToken::decode(&text, &sealer(1)), Some(token));
    }

    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let Some(token) = PageToken::decode(text, &sealer(1)) else { return Verdict::Refused };
    check_source(text, SEALED_PAGE_TOKEN, token.cursor.version, &token.encode(&sealer(1)));
    Verdict::Accepted
}

/// A text that we sealed: under another key, or with a bit that the input chooses flipped, it is
/// nobody's.
fn check_sealed(text: &str, input: &[u8], is_read: impl Fn(&str, &Sealer) -> bool) {
    assert!(!is_read(text, &sealer(2)), "read under another key");
    let mut bent = URL_SAFE_NO_PAD.decode(text).expect("we write base64");
    let chosen = Bytes(input).number() as usize;
    let at = chosen / 8 % bent.len();
    bent[at] ^= 1 << (chosen % 8);
    // A first byte of an earlier server's is another form, not a sealed text.
    if !PLAIN.contains(&bent[0]) {
        assert!(!is_read(&URL_SAFE_NO_PAD.encode(bent), &sealer(1)), "read with byte {at} bent");
    }
}

/// A text that was read: who wrote it?
fn check_source(text: &str, sealed: u8, version: u64, again: &str) {
    let bytes = URL_SAFE_NO_PAD.decode(text).expect("it was read");
    assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), text, "one token has two texts");
    if PLAIN.contains(&bytes[0]) {
        assert!(version <= PLAIN_UNTIL, "a plain token of a version that nobody gave");
    } else {
        assert_eq!((bytes[0], text), (sealed, again), "not sealed by this store");
    }
}

/// A cursor is its owner's alone, in the eras of this store alone.
fn check_owners(cursor: &Cursor) {
    let owner = |name: &str| Owner { app: "k".parse().unwrap(), account: name.parse().unwrap() };
    let amy = owner("amy");
    let eras = [Era { era: cursor.era, base: 0 }];
    let is_amys = cursor.owner == owner_hash(&amy);
    assert_eq!(cursor.is_known(&amy, &eras, u64::MAX, 0), is_amys);
    assert!(!cursor.is_known(&amy, &eras, u64::MAX, u64::MAX) || cursor.start == u64::MAX);
    let own = Cursor { owner: owner_hash(&amy), ..*cursor };
    assert!(own.is_known(&amy, &eras, own.version, own.start));
    assert!(!own.is_known(&owner("bob"), &eras, u64::MAX, 0), "another account's");
    assert!(own.version == 0 || !own.is_known(&amy, &eras, own.version - 1, 0), "from the future");
    assert!(!own.is_known(&amy, &[], u64::MAX, 0), "of no era");
}

/// Reads numbers from the input, zeros after its end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn number(&mut self) -> u64 {
        let (head, rest) = self.0.split_at(self.0.len().min(8));
        self.0 = rest;
        head.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn cursor(&mut self) -> Cursor {
        let owner = self.number().to_be_bytes();
        Cursor { owner, era: self.number(), version: self.number(), start: self.number() }
    }

    /// `None` if the rest is no id.
    fn page_token(&mut self) -> Option<PageToken> {
        let cursor = self.cursor();
        let bounds = Bounds { min: self.number(), max: self.number() };
        let update_time = self.number();
        let kind = SessionKind::ALL[self.0.len() % SessionKind::ALL.len()];
        let id = SessionId::new(kind, std::str::from_utf8(self.0).ok()?).ok()?;
        Some(PageToken { cursor, bounds, after: Position { update_time, id } })
    }
}
