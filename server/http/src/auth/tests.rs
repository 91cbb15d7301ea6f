//! Tokens of every kind, good and bad.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::app::Secret;

fn verify(apps: &Apps, token: &str, now: u64) -> Result<AuthenticatedCaller, Error> {
    TokenVerifier::new(Arc::new(apps.clone())).verify(token, now)
}

const NOW: u64 = 1_800_000_000;

fn app(key: &str) -> App {
    let secret = |name: &str| Secret::new(format!("{name}-{key}-0123456789abcdef0123456789"));
    App {
        key: AppKey::new(key).unwrap(),
        accounts: AccountForm::Nim,
        secret: secret("nim"),
        token_keys: vec![secret("new"), secret("old")],
        ingest_keys: vec![secret("ingest")],
    }
}

fn apps() -> Apps {
    ["a", "b"].map(|key| (AppKey::new(key).unwrap(), app(key))).into()
}

/// A token of any header and claims, signed with HS256 and any key.
fn forge(header: &str, claims: &str, key: &Secret) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(header), part(claims));
    let mac = Hs256::new(key.expose().as_bytes()).0.chain_update(&message).finalize();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

fn claims_until(exp: u64) -> String {
    format!(r#"{{"sub":"amy","exp":{exp}}}"#)
}

/// Returns the account of a token with this `sub`, if it is one.
pub(crate) fn account_of_token(accounts: AccountForm, sub: &str) -> Option<Account> {
    let app = App { accounts, ..app("a") };
    let claims = serde_json::json!({ "sub": sub, "exp": NOW }).to_string();
    let token = forge(HEADER, &claims, &app.token_keys[0]);
    let caller = verify(&Apps::from([(app.key.clone(), app)]), &token, NOW).ok()?;
    assert_eq!(caller.accounts, accounts);
    Some(caller.owner.account)
}

const HEADER: &str = r#"{"alg":"HS256","kid":"a"}"#;

#[test]
fn hs256_is_that_of_the_rfc() {
    // RFC 7515, appendix A.1: key, message and signature.
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let right = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let signer = Hs256::new(&URL_SAFE_NO_PAD.decode(key).unwrap());
    let signature = signature::Signer::try_sign(&signer, message.as_bytes()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(&signature), right);
    assert!(signature::Verifier::verify(&signer, message.as_bytes(), &signature).is_ok());
    let short = signature[..31].to_vec();
    assert!(signature::Verifier::verify(&signer, message.as_bytes(), &short).is_err());
}

#[test]
fn a_token_signed_here_is_read_here() {
    let account = "小明".parse::<Account>().unwrap();
    let token = sign(&app("a"), &account, NOW, 60).unwrap();
    let caller = verify(&apps(), &token, NOW).unwrap();
    assert_eq!((caller.owner.app.as_str(), caller.owner.account), ("a", account.clone()));
    assert_eq!(caller.expires_at, (NOW + 60) * 1_000);
    for ttl in [0, TOKEN_TTL_S_MAX + 1, u64::MAX] {
        assert!(sign(&app("a"), &account, NOW, ttl).is_err(), "{ttl}");
    }
}

#[test]
fn both_token_keys_hold_during_a_rotation() {
    for key in &app("a").token_keys {
        assert!(verify(&apps(), &forge(HEADER, &claims_until(NOW), key), NOW).is_ok());
    }
}

/// Its signature is verified once; everything else counts at every request.
#[test]
fn a_token_that_was_accepted_expires_all_the_same_and_goes_with_its_key() {
    let current = CurrentApps::new(apps());
    let verify = |token: &str, now: u64| current.verifier().verify(token, now);
    let token = |exp: u64| forge(HEADER, &claims_until(exp), &app("a").token_keys[1]);
    let (soon, far) = (token(NOW + 60), token(NOW + TOKEN_TTL_S_MAX));
    for _ in 0..2 {
        assert_eq!(verify(&soon, NOW).unwrap().expires_at, (NOW + 60) * 1_000);
        assert_eq!(verify(&far, NOW).unwrap().owner.app.as_str(), "a");
    }
    assert!(verify(&soon, NOW + 60 + LEEWAY_S + 1).is_err(), "expired");
    assert!(verify(&far, NOW - LEEWAY_S - 1).is_err(), "more than 90 days ahead");
    assert!(verify(&format!("{soon}x"), NOW).is_err(), "another token");
    let mut rotated = apps();
    rotated.insert(
        AppKey::new("a").unwrap(),
        App { token_keys: vec![app("a").token_keys[0].clone()], ..app("a") },
    );
    current.replace(rotated);
    assert!(verify(&soon, NOW).is_err(), "its key is gone");
}

#[test]
fn accepted_tokens_take_a_bounded_memory() {
    let apps = apps();
    let verifier = TokenVerifier::new(Arc::new(apps));
    let key = &app("a").token_keys[0];
    for n in 0..=VERIFIED_TOKENS_MAX.get() as u64 {
        verifier.verify(&forge(HEADER, &claims_until(NOW + n), key), NOW).unwrap();
    }
    assert!(verifier.verify("a.b.c", NOW).is_err());
    assert_eq!(verifier.verified().len(), VERIFIED_TOKENS_MAX.get());
}

#[test]
fn every_other_token_is_refused_with_its_reason() {
    let [a, b] = ["a", "b"].map(app);
    let key = &a.token_keys[0];
    let good = claims_until(NOW + 60);
    let with = |claims: &str| forge(HEADER, claims, key);
    let cases = [
        (String::new(), "not a valid JWT"),
        ("a.b.c".into(), "not a valid JWT"),
        (forge(r#"{"alg":"none","kid":"a"}"#, &good, key), "not a valid JWT"),
        (forge(r#"{"alg":"HS512","kid":"a"}"#, &good, key), "alg must be HS256"),
        (forge(r#"{"alg":"RS256","kid":"a"}"#, &good, key), "alg must be HS256"),
        (forge(r#"{"alg":"HS256"}"#, &good, key), "lacks kid"),
        (forge(r#"{"alg":"HS256","kid":"c"}"#, &good, key), "not an app of this server"),
        (forge(r#"{"alg":"HS256","kid":"a|b"}"#, &good, key), "not an app of this server"),
        (forge(r#"{"alg":"HS256","kid":"a","crit":["x"]}"#, &good, key), "critical"),
        (forge(r#"{"alg":"HS256","kid":"b"}"#, &good, key), "not signed with"),
        (forge(HEADER, &good, &b.token_keys[0]), "not signed with"),
        (forge(HEADER, &good, &a.secret), "not signed with"),
        (forge(HEADER, &good, a.ingest_key()), "not signed with"),
        (format!("{}x", with(&good)), "not signed with"),
        (with(r#"{"sub":"amy"}"#), "claims must hold"),
        (with(r#"{"exp":1}"#), "claims must hold"),
        (with(r#"{"sub":5,"exp":1}"#), "claims must hold"),
        (with(r#"{"sub":"amy","exp":"soon"}"#), "claims must hold"),
        (with(&claims_until(NOW - LEEWAY_S - 1)), "expired"),
        (with(r#"{"sub":"amy","exp":-5.5}"#), "claims must hold"),
        (with(&claims_until(NOW + TOKEN_TTL_S_MAX + LEEWAY_S + 1)), "90 days"),
        (with(&claims_until(u64::MAX)), "90 days"),
        (with(&good.replace('}', &format!(r#","nbf":{}}}"#, NOW + LEEWAY_S + 1))), "nbf"),
        (with(&good.replace('}', r#","aud":"x"}"#)), "aud"),
        (with(&good.replace('}', r#","aud":5}"#)), "aud"),
        (with(&good.replace('}', r#","aud":{"x":[]}}"#)), "aud"),
        (with(&good.replace("amy", "a|b")), "sub is not an account"),
        (with(&good.replace("amy", "")), "sub is not an account"),
        (with(&good.replace("amy", &"a".repeat(129))), "sub is not an account"),
    ];
    for (token, expected) in cases {
        let Err(Error::Unauthorized { detail }) = verify(&apps(), &token, NOW) else {
            panic!("accepted: {token}")
        };
        assert!(detail.contains(expected), "{detail} instead of {expected}");
    }
    for within in [NOW - LEEWAY_S, NOW, NOW + TOKEN_TTL_S_MAX + LEEWAY_S] {
        assert!(verify(&apps(), &with(&claims_until(within)), NOW).is_ok(), "{within}");
    }
    let fraction = with(&format!(r#"{{"sub":"amy","exp":{NOW}.5}}"#));
    assert!(verify(&apps(), &fraction, NOW).is_ok(), "a NumericDate may have a fraction");
}
