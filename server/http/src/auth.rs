//! Authentication: a bearer token becomes the `AuthenticatedCaller`, an ingest key the
//! `Ingestor`. Nothing else in a request names an account. Signs tokens too. Every failure is
//! code 302 with a detail that says what to change.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
};

use arc_swap::ArcSwap;
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header::AUTHORIZATION, request::Parts},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use huihua_core::{Account, AccountForm, AppKey};
use huihua_event::{Owner, TokenHash};
use huihua_nim::rest::TOKEN_CHARS_MAX;
use huihua_store::Store;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result as JwtResult, new_error},
    signature,
};
use lru::LruCache;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{
    app::{App, Apps},
    clock::Clock,
    error::Error,
    rates::Rates,
};

/// Longest lifetime of a token, in seconds: 90 days.
pub(crate) const TOKEN_TTL_S_MAX: u64 = 90 * 24 * 60 * 60;
/// How far clocks may differ, in seconds.
const LEEWAY_S: u64 = 30;
/// Tokens whose signatures need not be verified again: a device asks with the same one for hours,
/// and verifying it costs more than its page. 300 bytes each, a little over 1 MB.
const VERIFIED_TOKENS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not 0");

/// The account of a client's request, by its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthenticatedCaller {
    /// The owner of the list.
    pub owner: Owner,
    /// How the app writes the account ids that the request names.
    pub accounts: AccountForm,
    /// Expiry of the token, ms since 1970. A token of the directory does not expire: 90 days from
    /// now, the longest lifetime of any token.
    pub expires_at: u64,
    /// A token of the directory, which may be replaced at any moment.
    directory_token: Option<TokenHash>,
}

impl AuthenticatedCaller {
    /// Returns until when the token is accepted, ms since 1970: clocks may differ.
    pub(crate) fn accepted_until(&self) -> u64 {
        self.expires_at.saturating_add(LEEWAY_S * 1_000)
    }

    /// Checks again that the token is the account's and the account not blocked, for an answer that
    /// took long.
    ///
    /// # Errors
    /// Code 302 or 422; the store's.
    pub(crate) async fn check_still_valid(&self, store: &dyn Store) -> Result<(), Error> {
        self.refuse_blocked(store).await?;
        let Some(token) = &self.directory_token else { return Ok(()) };
        match store.account_of(&self.owner.app, token).await? {
            Some(account) if account == self.owner.account => Ok(()),
            Some(_) | None => Err(refused("the token was replaced: get a new one")),
        }
    }

    /// A block ends every token of the account, JWTs as well.
    ///
    /// # Errors
    /// Code 422; the store's.
    pub(crate) async fn refuse_blocked(&self, store: &dyn Store) -> Result<(), Error> {
        if store.is_blocked(&self.owner).await? { Err(Error::Blocked) } else { Ok(()) }
    }
}

/// Computes the token of this seed with the app's token key: 32 hex digits. Without the key the
/// seed does not reveal it.
pub(crate) fn draw_token(app: &App, seed: &str) -> String {
    // The signing input of a JWT has no space, so no signature of one is ever such a token.
    let key = app.token_keys[0].expose().as_bytes();
    let mac = Hs256::new(key).0.chain_update("huihua token ").chain_update(seed);
    hex::encode(&mac.finalize().into_bytes()[..16])
}

/// Finds the caller of a token, a JWT or one of the directory; inside, why it has none. Whether the
/// account is blocked is asked apart. `now` in seconds since 1970.
///
/// # Errors
/// The store's.
pub(crate) async fn authenticate(
    tokens: &TokenVerifier,
    store: &dyn Store,
    token: &str,
    now: u64,
) -> Result<Result<AuthenticatedCaller, Error>, Error> {
    match tokens.verify(token, now) {
        Ok(caller) => Ok(Ok(caller)),
        Err(no_jwt) => {
            let found = find_in_directories(&tokens.apps, store, token, now).await?;
            Ok(found.ok_or(no_jwt))
        }
    }
}

/// Finds the account of a token in the directories of the apps. `now` in seconds since 1970.
async fn find_in_directories(
    apps: &Apps,
    store: &dyn Store,
    token: &str,
    now: u64,
) -> Result<Option<AuthenticatedCaller>, Error> {
    if token.len() > TOKEN_CHARS_MAX {
        return Ok(None);
    }
    let hash = TokenHash::of(token);
    let mut found = None;
    for app in apps.values() {
        let Some(account) = store.account_of(&app.key, &hash).await? else { continue };
        if found.is_some() {
            // Two apps have chosen the same token: it identifies neither account.
            return Ok(None);
        }
        let owner = Owner { app: app.key.clone(), account };
        let expires_at = now.saturating_add(TOKEN_TTL_S_MAX).saturating_mul(1_000);
        found = Some(AuthenticatedCaller {
            owner,
            accounts: app.accounts,
            expires_at,
            directory_token: Some(hash),
        });
    }
    Ok(found)
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: Seconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<Seconds>,
    /// Whatever is in it: the library refuses texts alone, and lets an audience pass that is none.
    #[serde(default, skip_serializing)]
    aud: Option<IgnoredAny>,
}

/// Seconds since 1970: RFC 7519 lets a NumericDate have a fraction.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Fraction(f64),
}

impl Seconds {
    fn whole(self) -> u64 {
        match self {
            Self::Whole(seconds) => seconds,
            // `as` saturates: a negative or absurd time becomes 0 or the greatest number.
            Self::Fraction(seconds) => seconds as u64,
        }
    }
}

/// Signs a token with the app's first token key. `now` and `ttl` in seconds.
///
/// # Errors
/// If `ttl` is 0 or more than 90 days.
pub fn sign(app: &App, account: &Account, now: u64, ttl: u64) -> Result<String, InvalidTtl> {
    if ttl == 0 || ttl > TOKEN_TTL_S_MAX {
        return Err(InvalidTtl);
    }
    install_provider();
    let header = Header { kid: Some(app.key.as_str().to_owned()), ..Header::new(Algorithm::HS256) };
    let claims = Claims {
        sub: account.as_str().to_owned(),
        exp: Seconds::Whole(now + ttl),
        nbf: None,
        aud: None,
    };
    let key = EncodingKey::from_secret(app.token_keys[0].expose().as_bytes());
    Ok(jsonwebtoken::encode(&header, &claims, &key).expect("HMAC signs any bytes with any key"))
}

/// A lifetime that a token may not have: it must be from 1 second to 90 days.
#[derive(Debug, thiserror::Error)]
#[error("ttl must be from 1s to 90d")]
pub struct InvalidTtl;

/// The apps that are served now. A request takes them once, so that it sees one configuration.
pub(crate) struct CurrentApps(ArcSwap<TokenVerifier>);

impl CurrentApps {
    pub(crate) fn new(apps: Apps) -> Self {
        Self(ArcSwap::from_pointee(TokenVerifier::new(Arc::new(apps))))
    }

    /// Serves these apps from now on, all at once.
    pub(crate) fn replace(&self, apps: Apps) {
        self.0.store(Arc::new(TokenVerifier::new(Arc::new(apps))));
    }

    pub(crate) fn load(&self) -> Arc<Apps> {
        Arc::clone(&self.0.load().apps)
    }

    pub(crate) fn verifier(&self) -> Arc<TokenVerifier> {
        self.0.load_full()
    }
}

/// Verifies JWTs: the apps of a server with their token keys, made ready once.
pub(crate) struct TokenVerifier {
    apps: Arc<Apps>,
    keys: HashMap<AppKey, Vec<DecodingKey>>,
    validation: Validation,
    /// What these keys have signed, by the hash of the whole token. Its times count at every
    /// request.
    verified: Mutex<LruCache<TokenHash, Arc<VerifiedToken>>>,
}

/// A token whose signature is right.
struct VerifiedToken {
    app: AppKey,
    claims: Claims,
}

impl TokenVerifier {
    pub(crate) fn new(apps: Arc<Apps>) -> Self {
        install_provider();
        let ready = |app: &App| {
            let keys = app.token_keys.iter();
            keys.map(|key| DecodingKey::from_secret(key.expose().as_bytes())).collect()
        };
        let keys = apps.values().map(|app| (app.key.clone(), ready(app))).collect();
        let mut validation = Validation::new(Algorithm::HS256);
        // The caller checks the times against its own clock.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self { apps, keys, validation, verified: LruCache::new(VERIFIED_TOKENS_MAX).into() }
    }

    /// Verifies a token. `now` in seconds since 1970.
    ///
    /// # Errors
    /// Code 302, with a detail that says what is wrong with the token.
    pub(crate) fn verify(&self, token: &str, now: u64) -> Result<AuthenticatedCaller, Error> {
        let hash = TokenHash::of(token);
        let known = self.verified().get(&hash).cloned();
        let verified = match known {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.verify_signature(token)?);
                self.verified().put(hash, Arc::clone(&verified));
                verified
            }
        };
        let app = self.apps.get(&verified.app).expect("found when it was verified");
        caller(app, &verified.claims, now)
    }

    fn verified(&self) -> MutexGuard<'_, LruCache<TokenHash, Arc<VerifiedToken>>> {
        // Nothing under this lock panics half done.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verify_signature(&self, token: &str) -> Result<VerifiedToken, Error> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| {
            refused(
                "token not accepted: not a valid JWT (header alg=HS256, kid=<app key>) and not a \
                 current NIM token",
            )
        })?;
        if header.alg != Algorithm::HS256 {
            return Err(refused("the token's alg must be HS256"));
        }
        if header.crit.is_some() {
            return Err(refused("the token's header has critical extensions: none is supported"));
        }
        let kid = header.kid.ok_or_else(|| refused("the token's header lacks kid, the app key"))?;
        let (app, keys) = AppKey::new(kid)
            .ok()
            .and_then(|key| self.keys.get_key_value(&key))
            .ok_or_else(|| refused("the token's kid is not an app of this server"))?;
        Ok(VerifiedToken { app: app.clone(), claims: self.claims(keys, token)? })
    }

    fn claims(&self, keys: &[DecodingKey], token: &str) -> Result<Claims, Error> {
        let mut last = ErrorKind::InvalidSignature;
        for key in keys {
            match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
                Ok(data) if data.claims.aud.is_none() => return Ok(data.claims),
                Ok(_) => last = ErrorKind::InvalidAudience,
                Err(error) => last = error.into_kind(),
            }
            if !matches!(last, ErrorKind::InvalidSignature) {
                break;
            }
        }
        Err(refused(match last {
            ErrorKind::InvalidSignature => "the token is not signed with a token key of its app",
            ErrorKind::InvalidAudience => {
                "the token has an aud claim: tokens for this server must have none"
            }
            _ => "the token's claims must hold sub, the account, and exp, seconds since 1970",
        }))
    }
}

/// Returns the caller of a token whose signature is right.
fn caller(app: &App, claims: &Claims, now: u64) -> Result<AuthenticatedCaller, Error> {
    let expires_at = claims.exp.whole();
    if expires_at.saturating_add(LEEWAY_S) < now {
        return Err(refused("the token has expired: get a new one"));
    }
    if claims.nbf.is_some_and(|nbf| nbf.whole() > now.saturating_add(LEEWAY_S)) {
        return Err(refused("the token's nbf is in the future"));
    }
    if expires_at > now.saturating_add(TOKEN_TTL_S_MAX + LEEWAY_S) {
        return Err(refused("the token's exp is more than 90 days ahead"));
    }
    let account = app
        .accounts
        .account(claims.sub.as_str())
        .map_err(|e| refused(&format!("the token's sub is not an account: {e}")))?;
    let owner = Owner { app: app.key.clone(), account };
    Ok(AuthenticatedCaller {
        owner,
        accounts: app.accounts,
        expires_at: expires_at.saturating_mul(1_000),
        directory_token: None,
    })
}

fn refused(detail: &str) -> Error {
    Error::Unauthorized { detail: detail.to_owned() }
}

impl<S> FromRequestParts<S> for AuthenticatedCaller
where
    Arc<TokenVerifier>: FromRef<S>,
    Arc<dyn Store>: FromRef<S>,
    Arc<Rates>: FromRef<S>,
    Clock: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let token = bearer(parts, "token")?;
        let door = TokenDoor {
            tokens: &Arc::<TokenVerifier>::from_ref(state),
            store: &*Arc::<dyn Store>::from_ref(state),
            rates: &Arc::<Rates>::from_ref(state),
            address: parts.extensions.get().copied(),
        };
        door.caller(token, Clock::from_ref(state).now_s()).await
    }
}

/// What a token is checked with.
pub(crate) struct TokenDoor<'a> {
    pub(crate) tokens: &'a TokenVerifier,
    pub(crate) store: &'a dyn Store,
    pub(crate) rates: &'a Rates,
    /// Who sent it, unless it may be a proxy.
    pub(crate) address: Option<PeerAddress>,
}

impl TokenDoor<'_> {
    /// Returns the account of a token, and counts its request. `now` in seconds since 1970.
    ///
    /// # Errors
    /// Codes 302, 416 and 422; the store's.
    pub(crate) async fn caller(&self, token: &str, now: u64) -> Result<AuthenticatedCaller, Error> {
        let found = authenticate(self.tokens, self.store, token, now).await?;
        let caller =
            found.map_err(|refusal| wrong_credentials(self.rates, self.address, refusal))?;
        self.rates.count_request(&caller.owner)?;
        caller.refuse_blocked(self.store).await?;
        Ok(caller)
    }
}

/// A server of an app, by the app's ingest key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ingestor {
    /// The app whose lists it may change.
    pub app: AppKey,
    /// How the app writes the account ids of its events.
    pub accounts: AccountForm,
}

impl<S> FromRequestParts<S> for Ingestor
where
    Arc<Apps>: FromRef<S>,
    Arc<Rates>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let apps = Arc::<Apps>::from_ref(state);
        let key = bearer(parts, "the ingest key of your app")?;
        // Every app is compared, so that the time does not reveal which one it was.
        let mut found = None;
        for app in apps.values() {
            for ingest_key in &app.ingest_keys {
                if ingest_key.expose().as_bytes().ct_eq(key.as_bytes()).into() {
                    found = Some(Self { app: app.key.clone(), accounts: app.accounts });
                }
            }
        }
        let rates = Arc::<Rates>::from_ref(state);
        let found = found.ok_or_else(|| {
            let no_key =
                refused("the bearer token is not the ingest key of any app of this server");
            wrong_credentials(&rates, parts.extensions.get().copied(), no_key)
        })?;
        rates.count_events(&found.app)?;
        Ok(found)
    }
}

/// The address of a request's peer, as it is counted; in the request's extensions, unless it is of
/// this machine: there it may be a proxy, behind which everybody is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// Counts wrong credentials; returns what is said of them, or that they come too often.
fn wrong_credentials(rates: &Rates, address: Option<PeerAddress>, error: Error) -> Error {
    let Some(PeerAddress(address)) = address else { return error };
    rates.count_wrong_credentials(address).err().unwrap_or(error)
}

/// Returns the token of the request's one Authorization header; `what` names it in the error.
pub(crate) fn bearer<'a>(parts: &'a Parts, what: &str) -> Result<&'a str, Error> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else {
        return Err(refused(&format!("send one header Authorization: Bearer <{what}>")));
    };
    header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| refused(&format!("the Authorization header must be Bearer <{what}>")))
}

/// HS256 alone, over `hmac` and `sha2`: jsonwebtoken's own `rust_crypto` would bring RSA and three
/// curves, which nothing here may accept.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256::new(key.as_bytes()))),
        _ => Err(new_error(ErrorKind::InvalidAlgorithm)),
    },
    verifier_factory: |algorithm, key: &DecodingKey| -> JwtResult<Box<dyn JwtVerifier>> {
        match algorithm {
            Algorithm::HS256 => Ok(Box::new(Hs256::new(key.try_get_as_bytes()?))),
            _ => Err(new_error(ErrorKind::InvalidAlgorithm)),
        }
    },
    key_utils: KeyUtils::new_unimplemented(),
};

fn install_provider() {
    static ONCE: Once = Once::new();
    // An error means that the program has installed a provider before: that one is used.
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }
}

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let mac = self.0.clone().chain_update(message);
        mac.verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
pub(crate) mod tests;
