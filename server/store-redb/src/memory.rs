//! How much memory the store may use, and for what.

/// The memory of a store: a part for pages of the file, a part for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    bytes: usize,
}

impl Memory {
    /// So many MiB.
    pub fn of_mb(mb: usize) -> Self {
        Self { bytes: mb.saturating_mul(1024 * 1024) }
    }

    /// A quarter: writes, and lists that are not in memory, need the pages of the file.
    pub(crate) fn cache_bytes(self) -> usize {
        self.bytes / 4
    }

    /// A half. The last quarter is what the allocator loses where many threads take and free pages
    /// and lists: measured, it is about as much as the pages.
    pub(crate) fn lists_bytes(self) -> usize {
        self.bytes / 2
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::of_mb(256)
    }
}
