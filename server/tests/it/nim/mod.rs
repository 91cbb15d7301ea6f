//! What NIM sends us and what NIM's server SDKs ask of us, held to NIM's documents.

mod calls;
mod copies;
mod full_disk;
mod ground;
mod lists;
mod pages;
mod refusals;
mod request_id;
mod schema;
mod sdk;
mod seed;
mod sessions;
mod story;
mod stream;
mod switch;
mod teams;
mod tokens;
