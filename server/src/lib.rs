//! The server of the cloud session list. Modules in reading order: what happens (`event`), what it
//! does to a list (`store`).

pub mod event;
pub mod store;
