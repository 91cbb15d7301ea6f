//! NIM's CheckSum, by which a request proves that its sender knows the app secret: of copies and of
//! the server API alike, each with a text of its own in the middle.

use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// hex(sha1(app secret + middle + curTime)).
pub fn of(app_secret: &str, middle: &str, cur_time: &str) -> String {
    let sha1 = Sha1::new()
        .chain_update(app_secret.as_bytes())
        .chain_update(middle.as_bytes())
        .chain_update(cur_time.as_bytes())
        .finalize();
    hex::encode(sha1)
}

/// Whether the sum that came is the right one, in either case of its letters. Takes the same time
/// wherever they differ.
pub(super) fn matches(right: &str, claimed: &str) -> bool {
    right.as_bytes().ct_eq(claimed.to_ascii_lowercase().as_bytes()).into()
}
