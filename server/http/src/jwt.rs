//! JSON Web Tokens with HS256 and nothing else (RFC 7515, RFC 7519): takes them apart, checks and
//! makes signatures. Which claims are accepted, and of whom, is not said here.

use base64::{DecodeError, Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use sha2::Sha256;

/// The one algorithm.
pub(crate) const HS256: &str = "HS256";

/// A key of HS256. The hashing of the key itself is done once, when it is made.
#[derive(Clone)]
pub(crate) struct Hs256(Hmac<Sha256>);

impl Hs256 {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// Computes the code of a text in two parts.
    pub(crate) fn code(&self, first: &str, second: &str) -> [u8; 32] {
        self.0.clone().chain_update(first).chain_update(second).finalize().into_bytes().into()
    }

    /// Checks a code. Takes the same time wherever it differs from the right one.
    fn is_right(&self, message: &[u8], code: &[u8]) -> bool {
        self.0.clone().chain_update(message).verify_slice(code).is_ok()
    }

    /// Signs a token. `app_key` is its `kid`.
    pub(crate) fn sign(&self, app_key: &str, claims: &impl Serialize) -> String {
        #[derive(Serialize)]
        struct Header<'a> {
            typ: &'static str,
            alg: &'static str,
            kid: &'a str,
        }
        let header = Header { typ: "JWT", alg: HS256, kid: app_key };
        let mut token = encode(&header);
        token.push('.');
        token += &encode(claims);
        let code = self.code(&token, "");
        token.push('.');
        BASE64.encode_string(code, &mut token);
        token
    }
}

fn encode(part: &impl Serialize) -> String {
    BASE64.encode(serde_json::to_vec(part).expect("headers and claims have string keys only"))
}

/// What a token's header says that counts here.
#[derive(Deserialize)]
pub(crate) struct JwtHeader {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    /// Extensions that whoever reads the token must know.
    pub(crate) crit: Option<IgnoredAny>,
}

/// A token taken apart, nothing of it checked.
pub(crate) struct Jwt<'a> {
    pub(crate) header: JwtHeader,
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart; `None` if it has not three parts, or its header is no JSON object of
    /// a token.
    pub(crate) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if claims.contains('.') {
            return None;
        }
        let header = decode(header).ok().and_then(|json| serde_json::from_slice(&json).ok())?;
        Some(Self { header, signed, claims, signature })
    }

    pub(crate) fn is_signed_with(&self, key: &Hs256) -> bool {
        decode(self.signature).is_ok_and(|code| key.is_right(self.signed.as_bytes(), &code))
    }

    /// Reads the claims; `None` if they are not these.
    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&decode(self.claims).ok()?).ok()
    }
}

fn decode(part: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hs256_is_that_of_the_rfc() {
        // RFC 7515, appendix A.1: key, message and signature.
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let right = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let key = Hs256::new(&decode(key).unwrap());
        assert_eq!(BASE64.encode(key.code(message, "")), right);
        let is_right = |signature: &str| {
            Jwt::parse(&format!("{message}.{signature}")).unwrap().is_signed_with(&key)
        };
        assert!(is_right(right));
        for wrong in [&right[..42], &right.replacen('d', "e", 1), ""] {
            assert!(!is_right(wrong), "{wrong}");
        }
    }
}
