//! The server of the cloud session list. Modules in reading order: what happens (`event`), what
//! it does to a list (`store`), how NIM says it (`nim`), who may ask (`config`, `auth`), how
//! failure is answered (`error`), what is asked (`handlers`), and the process around it
//! (`server`, `dev`, `logging`).

pub mod event;
pub mod store;

pub mod nim;

pub mod auth;
pub mod config;
pub mod error;
pub mod handlers;

pub mod dev;
pub mod logging;
pub mod server;
