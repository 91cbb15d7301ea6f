//! All of NIM's field names and quirks: its message copies, its server API, their CheckSums, its
//! `lastMsg`. Pure functions; no clock.

pub mod check_sum;
pub mod copy;
pub mod last_msg;
pub mod rest;
