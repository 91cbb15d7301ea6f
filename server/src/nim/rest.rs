//! NIM's server API, as an app's backend speaks it: its signature, and what its answers share. What
//! each call asks and gets is in the files below, by its noun. Pure: no clock.

pub mod accounts;
mod form;
pub mod messages;
pub mod recalls;
pub mod sessions;
pub mod teams;

use std::fmt;

use serde::Serialize;

pub use self::form::Form;
use super::check_sum;

/// How far `CurTime` may be from the server's clock, in seconds, either way.
const CUR_TIME_OFF_S_MAX: u64 = 5 * 60;
/// Longest `Nonce` and `RequestId`, in bytes.
const HEADER_BYTES_MAX: usize = 128;

/// The headers that sign a request.
#[derive(Clone, Copy)]
pub struct Signature<'a> {
    /// `Nonce`.
    pub nonce: &'a str,
    /// `CurTime`, seconds since 1970.
    pub cur_time: &'a str,
    /// `CheckSum`.
    pub check_sum: &'a str,
}

/// Whether the headers prove that the sender knows the app secret, and were made now. Takes the
/// same time whatever is wrong with the sum. `now` in seconds since 1970.
///
/// # Errors
/// What is wrong, naming the header.
pub fn verify(app_secret: &str, signature: Signature<'_>, now: u64) -> Result<(), Fault> {
    let Signature { nonce, cur_time, check_sum: claimed } = signature;
    if nonce.is_empty() || nonce.len() > HEADER_BYTES_MAX {
        return Err(Fault::new("Nonce", "must be 1..=128 bytes"));
    }
    let seconds: Option<u64> =
        cur_time.bytes().all(|b| b.is_ascii_digit()).then(|| cur_time.parse().ok()).flatten();
    let seconds =
        seconds.ok_or_else(|| Fault::new("CurTime", "must be seconds since 1970, digits only"))?;
    if !check_sum::matches(&check_sum::of(app_secret, nonce, cur_time), claimed) {
        return Err(Fault::new("CheckSum", "must be hex(sha1(AppSecret + Nonce + CurTime))"));
    }
    if seconds.abs_diff(now) > CUR_TIME_OFF_S_MAX {
        return Err(Fault::new("CurTime", "is more than 5 minutes off this server's clock"));
    }
    Ok(())
}

/// What is wrong with a request: names header or parameter, never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    name: &'static str,
    reason: String,
}

impl Fault {
    /// A fault of this header or parameter.
    pub fn new(name: &'static str, reason: impl fmt::Display) -> Self {
        Self { name, reason: reason.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.reason)
    }
}

impl std::error::Error for Fault {}

/// The answer to a call that tells nothing.
pub const DONE: &str = r#"{"code":200}"#;

/// The answer to a call that is refused.
pub fn refusal(code: u16, desc: &str) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        code: u16,
        desc: &'a str,
    }
    answer(&Answer { code, desc })
}

fn answer(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("answers have string keys only")
}

/// A team id as NIM's callers read it: a number where it is one, else the text.
#[derive(Serialize)]
#[serde(untagged)]
enum ShownTeamId<'a> {
    Number(i64),
    Text(&'a str),
}

impl<'a> ShownTeamId<'a> {
    fn of(id: &'a str) -> Self {
        match id.parse::<i64>() {
            // Only a number that prints as the same text names the same team.
            Ok(number) if number.to_string() == id => Self::Number(number),
            Ok(_) | Err(_) => Self::Text(id),
        }
    }
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

    #[test]
    fn a_team_id_is_a_number_only_where_it_prints_as_one() {
        for (id, shown) in [
            ("2530000000", "2530000000"),
            ("9007199254740993", "9007199254740993"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "\"9223372036854775808\""),
            ("007", "\"007\""),
            ("-", "\"-\""),
            ("+5", "\"+5\""),
            ("room", "\"room\""),
        ] {
            assert_eq!(answer(&ShownTeamId::of(id)), shown);
        }
    }
}
