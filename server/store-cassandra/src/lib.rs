//! The distributed engine: a keyspace of Apache Cassandra, any number of servers without a disk.
//!
//! Events are written blindly at the times that they speak of; versions are handed out when a list
//! is read, by compare-and-set. Who wins and what is seen, the rules of `huihua-store` alone say.
//!
//! - `schema.cql` and `schema`: the tables; `connect`: the session; `statements`: every
//!   statement with its consistency and why; `run`: how they are sent.
//! - `names` keys, `bytes` and `cells` registers as cells, `results` first results.
//! - `ingest` blind writes; `scan` one account's partition in one state; `hand_out` versions;
//!   `locks` one compare-and-set at a time per account; `flights` one scan for all who ask at once;
//!   `head_cache` teams of late.
//! - `store` the traits; `list` answers; `write` ext and delete; `directory` and `act` the app's
//!   own server; `values` the store's own values and leased ids; `blocked`; `servers` hints from
//!   server to server.
//! - `tidy` and `sweep` what goes; `erase` and `export` a user's rights, and `verify`.
//! - `items` everything on its way into another store, and back.

mod act;
mod blocked;
mod bytes;
mod cells;
pub mod connect;
mod directory;
mod erase;
mod export;
mod failure;
#[cfg(test)]
mod faults;
mod flights;
mod hand_out;
mod head_cache;
mod ingest;
mod items;
mod list;
mod locks;
mod names;
mod results;
mod run;
mod scan;
pub mod schema;
mod servers;
mod statements;
mod store;
mod sweep;
mod tidy;
mod values;
mod write;

pub use store::CassandraStore;

#[cfg(test)]
mod tests;
