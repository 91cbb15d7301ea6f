//! Authorization headers and the JWTs in them. An input is a whole header, or, with a line feed in
//! it, the JSON of a JWT's header and of its claims, which the target signs.

use std::{collections::HashMap, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use huihua_core::{AccountForm, AppKey};
use huihua_http::{
    app::{App, Secret},
    fuzz::{TokenOwner, Tokens},
};
use serde_json::value::RawValue;
use sha2::Sha256;

use crate::Verdict;

/// The server's clock, seconds since 1970; seeds hold tokens of that time.
const NOW: u64 = 1_800_000_000;
/// The contract's: leeway of the clocks, longest lifetime.
const LEEWAY_S: u64 = 30;
const TTL_S_MAX: u64 = 90 * 24 * 60 * 60;

/// Keys of the only app, `app`: two for its tokens, and two that sign none.
const TOKEN_KEYS: [&str; 2] =
    ["first token key, of 32 bytes or more", "second token key, of 32 bytes"];
const OTHER_KEYS: [&str; 2] = ["nim's secret, which signs no tokens", "an ingest key, neither"];

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let app = App {
        key: AppKey::new("app").expect("it is a key"),
        accounts: AccountForm::Nim,
        secret: Secret::new(OTHER_KEYS[0]),
        token_keys: TOKEN_KEYS.map(Secret::new).into(),
        ingest_keys: vec![Secret::new(OTHER_KEYS[1])],
    };
    Tokens::new([(app.key.clone(), app)].into())
});

/// Who is let in has a header as the contract says and a signature that a second implementation
/// computes as well; a refusal says why, and shows nothing of the token.
pub(super) fn check(input: &[u8]) -> Verdict {
    let Some(at) = input.iter().position(|byte| *byte == b'\n') else { return check_header(input) };
    let (header, claims) = (&input[..at], &input[at + 1..]);
    for key in OTHER_KEYS {
        assert!(TOKENS.read(&signed(header, claims, key), NOW).is_err(), "a key that signs none");
    }
    let verdicts = TOKEN_KEYS.map(|key| check_header(&signed(header, claims, key)));
    assert_eq!(verdicts[0], verdicts[1], "one of two keys is worth more");
    verdicts[0]
}

fn signed(header: &[u8], claims: &[u8], key: &str) -> Vec<u8> {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(mac(key, &message));
    format!("Bearer {message}.{signature}").into_bytes()
}

fn mac(key: &str, message: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

fn check_header(authorization: &[u8]) -> Verdict {
    match TOKENS.read(authorization, NOW) {
        Ok(owner) => {
            check_token(authorization, &owner);
            Verdict::Accepted
        }
        Err(refusal) => {
            assert!(refusal.len() < 200, "a refusal that shows the token: {refusal}");
            let names = ["token", "Authorization", "header"];
            assert!(names.iter().any(|name| refusal.contains(name)), "no field in: {refusal}");
            Verdict::Refused
        }
    }
}

fn check_token(authorization: &[u8], owner: &TokenOwner) {
    let text = std::str::from_utf8(authorization).expect("a header that was read is text");
    let (scheme, token) = text.split_once(' ').expect("a scheme and a token");
    assert!(scheme.eq_ignore_ascii_case("bearer"));
    let parts: Vec<&str> = token.trim().split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{} parts", parts.len()) };
    let message = format!("{header}.{claims}");
    let right = TOKEN_KEYS.map(|key| URL_SAFE_NO_PAD.encode(mac(key, &message)));
    assert!(right.iter().any(|right| right == signature), "let in without a signature of ours");
    let (header, claims) = (Fields::of(header), Fields::of(claims));
    assert_eq!(header.text("alg").as_deref(), Some("HS256"));
    assert_eq!(header.text("kid").as_deref(), Some("app"));
    assert!(header.lacks("crit"), "critical extensions that nobody understood");
    assert!(claims.lacks("aud"), "a token for somebody else");
    let sub = claims.text("sub").expect("sub is a text");
    assert_eq!(AccountForm::Nim.account(sub).as_ref(), Ok(&owner.owner.account));
    assert_eq!(owner.owner.app.as_str(), "app");
    let expires_s = owner.expires_at / 1_000;
    let times = NOW - LEEWAY_S..=NOW + TTL_S_MAX + LEEWAY_S;
    assert!(times.contains(&expires_s), "it expires at {expires_s}");
    assert!(claims.number("exp").is_some(), "it never expires");
    let begins = claims.number("nbf").unwrap_or_default();
    assert!(begins < (NOW + LEEWAY_S + 1) as f64, "it begins at {begins}");
}

/// The fields of a part of a token. What the server does not read may be anything.
struct Fields(HashMap<String, Box<RawValue>>);

impl Fields {
    fn of(part: &str) -> Self {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("a part is base64");
        let text = String::from_utf8_lossy(&bytes);
        Self(serde_json::from_str(&text).expect("a part is a JSON object"))
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    fn number(&self, name: &str) -> Option<f64> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    fn lacks(&self, name: &str) -> bool {
        self.0.get(name).is_none_or(|value| value.get() == "null")
    }
}
