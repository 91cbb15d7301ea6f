//! The client against a server on a real socket that does as each test says, and the wire's JSON.

// A helper that fails is a test that fails, and clippy's allowance ends at the test's own function.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a server that misbehaves on a real socket, and its clock"
)]

mod calls;
mod compression;
mod faults;
mod last_messages;
mod list;
mod list_server;
mod log;
mod pins;
mod proxy;
mod retry;
mod roots;
mod servers;
mod support;
mod sync;
mod tls;
mod token;
mod watch;
mod watch_faults;
mod wire;
