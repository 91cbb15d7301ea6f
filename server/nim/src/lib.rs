//! All of NIM's field names and quirks: message copies, the server API, their CheckSums, `lastMsg`.
//! Pure functions; no clock. Of the store it knows only events and actions.

pub mod check_sum;
pub mod copy;
pub mod last_msg;
pub mod link;
pub mod rest;
