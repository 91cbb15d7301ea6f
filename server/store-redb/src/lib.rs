//! The embedded engine: one redb file in a folder, one writer, MVCC readers. For one machine.

mod account_forms;
mod act;
mod backup;
mod blocked;
mod committed;
mod compact;
mod contained;
mod directory;
mod erase;
mod export;
mod failure;
mod file;
mod frozen;
mod history;
mod hot;
mod items;
mod job;
mod lookup;
mod memory;
mod meters;
mod once;
mod one_sync;
mod opening;
mod parts;
mod queue;
mod read;
mod registers;
mod result_counts;
mod row;
mod store;
mod sweep;
mod tables;
mod token_filter;
mod transaction;
mod verify;
mod write;

pub use backup::restore;
pub use compact::compact;
pub use contained::{PanicIn, note_panic};
pub use memory::Memory;
pub use queue::QueueLimits;
pub use store::RedbStore;
pub use tables::FILE_NAME;
pub use verify::verify;

#[cfg(test)]
mod tests;
