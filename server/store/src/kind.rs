//! The byte of a session's kind, as keys on a disk and page tokens hold it: listed once, never
//! reused.

use huihua_core::SessionKind;

/// Returns the byte of a kind.
pub const fn kind_byte(kind: SessionKind) -> u8 {
    match kind {
        SessionKind::P2p => 0,
        SessionKind::Team => 1,
        SessionKind::SuperTeam => 2,
    }
}

/// Returns the kind of a byte; `None` when no kind has it.
pub fn kind_of(byte: u8) -> Option<SessionKind> {
    SessionKind::ALL.into_iter().find(|kind| kind_byte(*kind) == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_kinds_never_change() {
        let kinds = [SessionKind::P2p, SessionKind::Team, SessionKind::SuperTeam];
        assert_eq!(kinds.map(kind_byte), [0, 1, 2]);
        assert_eq!([0, 1, 2].map(kind_of), kinds.map(Some));
        assert_eq!(kind_of(3), None);
    }
}
