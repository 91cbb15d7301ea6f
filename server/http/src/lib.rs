//! The HTTP side of the server: routes and handlers, authentication, errors, waiting syncs, and the
//! listener with its limits. The rules of the list are in `huihua-store`, NIM's names in
//! `huihua-nim`; the process chooses the engine.

#[cfg(test)]
mod account_doors;
mod addresses;
pub mod admin;
mod answer_body;
mod answer_notes;
pub mod app;
pub mod auth;
pub mod clock;
mod connection;
pub mod console;
mod error;
pub mod events_json;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod handlers;
mod http2;
mod limits;
mod line_rate;
mod link;
pub mod live;
mod peer_stream;
mod rates;
pub mod server;
mod socket;
pub mod tls;

pub use handlers::{Caller, RouteInfo, routes};
