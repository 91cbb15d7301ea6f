//! The signature of a request: three headers that prove its sender knows the app secret.

use super::fault::RequestFault;
use crate::check_sum;

/// How far `CurTime` may be from the server's clock, in seconds, either way.
const CUR_TIME_OFF_S_MAX: u64 = 5 * 60;
/// Longest `Nonce` and `RequestId`, in bytes.
pub(super) const HEADER_BYTES_MAX: usize = 128;

/// The headers that sign a request.
#[derive(Clone, Copy)]
pub struct Signature<'a> {
    /// Random text.
    pub nonce: &'a str,
    /// Seconds since 1970.
    pub cur_time: &'a str,
    /// Sum over the app secret and the other two.
    pub check_sum: &'a str,
}

/// Checks that the sender knows the app secret and signed at most 5 minutes ago. Takes the same
/// time wherever the sums differ. `now` in seconds since 1970.
///
/// # Errors
/// The header that is wrong.
pub fn verify(app_secret: &str, signature: Signature<'_>, now: u64) -> Result<(), RequestFault> {
    let Signature { nonce, cur_time, check_sum: claimed } = signature;
    if nonce.is_empty() || nonce.len() > HEADER_BYTES_MAX {
        return Err(RequestFault::new("Nonce", "must be 1..=128 bytes"));
    }
    let seconds: Option<u64> =
        cur_time.bytes().all(|b| b.is_ascii_digit()).then(|| cur_time.parse().ok()).flatten();
    let seconds = seconds
        .ok_or_else(|| RequestFault::new("CurTime", "must be seconds since 1970, digits only"))?;
    if !check_sum::matches(&check_sum::of(app_secret, nonce, cur_time), claimed) {
        return Err(RequestFault::new(
            "CheckSum",
            "must be hex(sha1(AppSecret + Nonce + CurTime))",
        ));
    }
    if seconds.abs_diff(now) > CUR_TIME_OFF_S_MAX {
        return Err(RequestFault::new(
            "CurTime",
            "differs from this server's clock by more than 5 minutes",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed<'a>(nonce: &'a str, cur_time: &'a str, check_sum: &'a str) -> Signature<'a> {
        Signature { nonce, cur_time, check_sum }
    }

    #[test]
    fn a_check_sum_is_the_sha1_of_secret_nonce_and_time() {
        // `printf 'secretn1700000000' | sha1sum`
        let sum = "0d9a8a9b51da8aa09216d368b5f793247387f86a";
        assert_eq!(check_sum::of("secret", "n", "1700000000"), sum);
        let right = check_sum::of("secret", "n", "1700000000");
        fn fault(signature: Signature<'_>, now: u64) -> Result<(), &'static str> {
            verify("secret", signature, now).map_err(|fault| fault.name)
        }
        let now = 1_700_000_000;
        assert_eq!(fault(signed("n", "1700000000", &right), now), Ok(()));
        assert_eq!(fault(signed("n", "1700000000", &right.to_uppercase()), now), Ok(()));
        assert_eq!(fault(signed("n", "1700000000", &right), now + 300), Ok(()));
        assert_eq!(fault(signed("n", "1700000000", &right), now - 300), Ok(()));
        assert_eq!(fault(signed("n", "1700000000", &right), now + 301), Err("CurTime"));
        assert_eq!(fault(signed("n", "1700000000", &right), now - 301), Err("CurTime"));
        assert_eq!(fault(signed("m", "1700000000", &right), now), Err("CheckSum"));
        assert_eq!(fault(signed("n", "1700000001", &right), now), Err("CheckSum"));
        assert_eq!(fault(signed("n", "1700000000", ""), now), Err("CheckSum"));
        assert_eq!(fault(signed("", "1700000000", &right), now), Err("Nonce"));
        for cur_time in ["", "+1700000000", "1.7e9", "soon", "99999999999999999999"] {
            let sum = check_sum::of("secret", "n", cur_time);
            assert_eq!(fault(signed("n", cur_time, &sum), now), Err("CurTime"), "{cur_time}");
        }
        assert!(verify("other", signed("n", "1700000000", &right), now).is_err());
    }
}
