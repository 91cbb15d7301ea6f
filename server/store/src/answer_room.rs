//! The size of an answer: which rows fit into one. The one place of this rule, for every engine.

use huihua_core::ANSWER_BYTES_MAX;

/// Fields of an answer around its rows, in bytes: two cursors at their longest, and names.
pub(crate) const AROUND_BYTES: usize = 512;

/// The room that an answer has for rows.
///
/// An answer ends before the row that would make it larger than [`ANSWER_BYTES_MAX`]; the first row
/// always fits, so that a walk goes on.
#[derive(Debug, Clone)]
pub struct AnswerRoom {
    bytes_left: usize,
    is_empty: bool,
}

impl AnswerRoom {
    /// The room of an answer without rows.
    pub fn new() -> Self {
        Self { bytes_left: ANSWER_BYTES_MAX - AROUND_BYTES, is_empty: true }
    }

    /// Takes room for the next row, of so many bytes as it is sent. False: the answer ends before
    /// it, and no row fits any more.
    #[must_use]
    pub fn take(&mut self, row_bytes: usize) -> bool {
        // With the comma after it.
        let left = self.bytes_left.checked_sub(row_bytes.saturating_add(1));
        let fits = self.is_empty || left.is_some();
        self.bytes_left = left.unwrap_or(0);
        self.is_empty = false;
        fits
    }

    /// Tells whether no row has come yet.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl Default for AnswerRoom {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_up_to_the_limit_and_none_after_the_first_that_does_not() {
        let whole = ANSWER_BYTES_MAX - AROUND_BYTES;
        let fits = |rows: &[usize]| {
            let mut room = AnswerRoom::new();
            rows.iter().map(|bytes| room.take(*bytes)).collect::<Vec<_>>()
        };
        assert_eq!(fits(&[whole - 1, 0]), [true, false]);
        assert_eq!(fits(&[whole - 12, 10, 0]), [true, true, false]);
        assert_eq!(fits(&[whole - 12, 11, 0]), [true, false, false], "the next one is small");
        assert_eq!(fits(&[2 * whole, 0]), [true, false], "the first always fits");
    }
}
