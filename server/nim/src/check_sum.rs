//! NIM's CheckSum, which proves that the sender of a request knows the app secret. Copies and the
//! server API differ in the middle of the hashed text.

use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// Computes hex(sha1(app secret + middle + curTime)).
pub fn of(app_secret: &str, middle: &str, cur_time: &str) -> String {
    let sha1 = Sha1::new()
        .chain_update(app_secret.as_bytes())
        .chain_update(middle.as_bytes())
        .chain_update(cur_time.as_bytes())
        .finalize();
    hex::encode(sha1)
}

/// Compares the claimed sum with the right one, in either case of its letters. Takes the same time
/// wherever they differ.
pub(super) fn matches(right: &str, claimed: &str) -> bool {
    right.as_bytes().ct_eq(claimed.to_ascii_lowercase().as_bytes()).into()
}
