//! The targets, one file a reader, and what a well-formed event is.

mod copy;
mod event;
mod events;
mod form;
mod jwt;
mod link;
mod session_id;
mod text;
mod tokens;

use crate::Target;

/// Every target. `cargo xtask fuzz` reads their names from the names of their seeds.
pub const TARGETS: &[Target] = &[
    Target { name: "copy", check: copy::check },
    Target { name: "cursor", check: tokens::check_cursor },
    Target { name: "events", check: events::check },
    Target { name: "form", check: form::check },
    Target { name: "jwt", check: jwt::check },
    Target { name: "link-binary", check: link::check_binary },
    Target { name: "link-text", check: link::check_text },
    Target { name: "page-token", check: tokens::check_page_token },
    Target { name: "session-id", check: session_id::check },
];
