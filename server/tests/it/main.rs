//! The server from outside: its routes by URL, its promises over crashes, its examples in the docs.

mod support;

mod routes {
    //! Mirrors the URLs.

    mod account;
    mod copy;
    mod sessions;
}

mod bad_input;
mod borders;
mod crash;
mod dev;

mod protocol;
mod stop;
