//! NIM's paths: each with the prefix that it has at NIM's own servers, and without.

use axum::http::Uri;

/// The prefix of NIM's paths at NIM's own servers.
pub(super) const PREFIX: &str = "/nimserver";

/// Returns the path without NIM's prefix: a retry may come with it and without.
pub(super) fn call_path(uri: &Uri) -> &str {
    let path = uri.path();
    path.strip_prefix(PREFIX).unwrap_or(path)
}

/// Checks whether the path is one of a call, known or not.
pub(crate) fn is_call(path: &str) -> bool {
    path.ends_with(".action") || path.split('/').nth(1) == Some(&PREFIX[1..])
}
