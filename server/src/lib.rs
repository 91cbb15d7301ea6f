//! The server of the cloud session list. Modules in reading order: what happens (`event`), what
//! it does to a list (`store`), how others say it (`events_json`, `nim`), who may ask (`config`,
//! `auth`), how failure is answered (`error`), who waits (`live`), what is asked (`handlers`), the
//! process around it (`server`, `dev`, `logging`, `open_files`), and its tools
//! (`admin`, `members`).

pub mod event;
pub mod store;

pub mod events_json;
pub mod nim;

pub mod auth;
pub mod config;
pub mod error;
pub mod handlers;
pub mod live;

pub mod admin;
pub mod dev;
pub mod logging;
pub mod members;
pub mod open_files;
pub mod server;
