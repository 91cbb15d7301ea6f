//! What a commit wrote of lists, on its way from the transaction to the lists in memory.

/// What one commit wrote of lists.
#[derive(Default)]
pub(crate) struct CommittedLists {
    /// Keys and values of sessions, in the order of the writes.
    pub(crate) rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Keys and values of heads, in the order of the writes.
    pub(crate) heads: Vec<(Vec<u8>, Vec<u8>)>,
    /// What every key of the sessions of erased accounts starts with.
    pub(crate) erased: Vec<Vec<u8>>,
    pub(crate) version: u64,
    /// `None` when it did not move.
    pub(crate) horizon: Option<u64>,
}
