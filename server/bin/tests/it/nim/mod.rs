//! What NIM and NIM's server SDKs send, compared with NIM's documents.

mod account_forms;
mod blocks;
mod calls;
mod clock_behind;
mod copies;
mod fixture;
mod full_disk;
mod lists;
mod openapi;
mod owners;
mod pages;
mod refusals;
mod request_id;
mod schema;
pub(crate) mod sdk;
pub(crate) mod seed;
mod sessions;
mod story;
mod stream;
mod switch;
mod team_facts;
mod teams;
mod tokens;
