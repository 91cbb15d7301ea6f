//! The client against a server on a real socket that does as each test says, and the wire's JSON.

// A helper that fails is a test that fails, and clippy's allowance ends at the test's own function.
#![allow(clippy::unwrap_used)]

mod calls;
mod retry;
mod support;
mod sync;
mod tls;
mod token;
mod wire;
