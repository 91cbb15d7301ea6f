//! The server from outside: its routes by URL, its durability over crashes, the examples of the
//! docs.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail loudly, like the tests")]
#![allow(clippy::disallowed_methods, reason = "tests start servers and limit their waits")]

mod support;

mod routes {
    //! Mirrors the URLs.

    mod account;
    mod amendments;
    mod copy;
    mod events;
    mod sessions;
    mod sync;
}

mod accounts;
mod backup;
mod bad_input;
mod borders;
mod cassandra;
mod compression;
mod config;
mod console;
mod copies;
mod crash;
mod damage;
mod dev;
mod every_route;
mod files;
mod full_disk;
mod greedy;
mod idempotency;
mod import;
mod import_nim;
mod kept_list;
mod link;
mod live;
mod log;
mod measure;
mod nim;
mod openapi;
mod operator;
mod protocol;
mod rates;
mod samples;
mod sdk;
mod secrets;
mod slow;
mod stop;
mod tls;
mod under_fire;
mod unread;
mod verify;
