//! The server from outside: its routes by URL, its promises over crashes, its examples in the docs.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail loudly, like the tests")]

mod support;

mod routes {
    //! Mirrors the URLs.

    mod account;
    mod copy;
    mod events;
    mod sessions;
    mod sync;
}

mod backup;
mod bad_input;
mod borders;
mod crash;
mod dev;
mod full_disk;
mod idempotency;
mod import;
mod live;
mod log;
mod measure;
mod nim;
mod protocol;
mod sdk;
mod slow;
mod stop;
mod under_fire;
mod unread;
