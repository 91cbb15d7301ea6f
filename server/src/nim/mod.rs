//! All of NIM's field names and quirks: its message copies, its server API, its `lastMsg`. Pure
//! functions; no clock.

pub mod copy;
pub mod last_msg;
pub mod rest;
