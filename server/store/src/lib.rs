//! The session list without its disk: who wins, who sees what, what an app's own server may do,
//! and the traits that an engine implements. Nothing here does I/O or reads a clock.
//!
//! With the feature `suite`, [`conformance_tests!`] gives an engine every test of its contract.

pub mod account_data;
mod account_form;
mod answer_room;
pub mod answers;
mod attempt;
pub mod cursor;
pub mod decide;
pub mod directory;
mod engine;
mod error;
mod inspect;
mod items;
mod json;
pub mod key;
pub mod kind;
pub mod latest;
pub mod order;
pub mod rules;
pub mod shown;
#[cfg(feature = "suite")]
#[allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests of engines: their names say what they prove, and they fail loudly"
)]
pub mod suite;

pub use account_data::{Erased, TakeRecord};
pub use account_form::{
    AccountFormRefusal, CAPITALS_COUNTED_MAX, CapitalAccounts, check_account_form, form_number,
    form_of,
};
pub use answer_room::AnswerRoom;
pub use attempt::{Attempt, IDEMPOTENCY_MS, IdempotencyKey};
pub use decide::Refusal;
pub use engine::{
    ChangeHint, ChangedList, Distribution, Engine, EngineReport, Outcome, Progress, Store,
    SweepState, SyncFrom, SyncRequest, TOMBSTONE_MS,
};
pub use error::Error;
pub use inspect::InspectedSession;
pub use items::{ItemBatch, StoredHead, StoredItem, StoredKey, StoredSession};
pub use json::{PageJson, SessionJson, ShownSession, SyncPageJson};
