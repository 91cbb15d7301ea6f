//! What is on the disk: tables, keys and numbers, listed once and never reused.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use huihua_core::{Account, AppKey, SessionId, SessionKind};
use huihua_event::{Owner, Team, TokenHash};
use huihua_store::{
    IdempotencyKey,
    cursor::owner_hash,
    kind::{kind_byte, kind_of},
};
use redb::TableDefinition;

/// File of the store in its data folder.
pub const FILE_NAME: &str = "huihua.redb";
/// Name of a file that is being written and has no name of its own yet.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.part", path.display()))
}

/// File beside it with the lists of the pages of its last two commits; not in a backup.
pub(crate) const PAGE_LISTS_FILE_NAME: &str = "huihua.pages";
/// Format of keys and values; a store of a newer format is refused, one of an older is brought up
/// to date when it is opened. 1: lists alone. 2: with a directory. 3: with amendments.
pub(crate) const FORMAT: u64 = 3;

/// Every table maps bytes to bytes; every value is sealed by `row::seal`.
pub(crate) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// app ‖ 00 ‖ account ‖ 00 ‖ kind ‖ peer → the registers of one session.
pub(crate) const SESSIONS: Definition = TableDefinition::new("sessions");
/// app ‖ 00 ‖ kind ‖ team id → the registers of one team.
pub(crate) const HEADS: Definition = TableDefinition::new("heads");
/// app ‖ 00 ‖ account ‖ 00 ‖ idempotency key → the write and its first result.
pub(crate) const RESULTS: Definition = TableDefinition::new("results");
/// app ‖ 00 ‖ account → what the directory knows of it.
pub(crate) const ACCOUNTS: Definition = TableDefinition::new("accounts");
/// app ‖ 00 ‖ SHA-256 of a token ‖ account → a mark.
pub(crate) const TOKENS: Definition = TableDefinition::new("tokens");
/// app ‖ 00 ‖ kind ‖ team id → what the directory knows of it.
pub(crate) const TEAMS: Definition = TableDefinition::new("teams");
/// app ‖ 00 ‖ kind ‖ team id ‖ 00 ‖ account → a mark: something is known of its membership, which
/// its session holds.
pub(crate) const MEMBERS: Definition = TableDefinition::new("members");
/// One of the names below → numbers.
pub(crate) const META: Definition = TableDefinition::new("meta");

/// Every table: what a backup copies.
pub(crate) const ALL: [Definition; 8] =
    [SESSIONS, HEADS, RESULTS, META, ACCOUNTS, TOKENS, TEAMS, MEMBERS];
/// How many of them a store of format 1 has.
const OF_FORMAT_1: usize = 4;

/// The tables of a store of this format; `None` for one that this server does not read.
pub(crate) fn of_format(format: u64) -> Option<&'static [Definition]> {
    match format {
        1 => Some(&ALL[..OF_FORMAT_1]),
        2 | FORMAT => Some(&ALL),
        _ => None,
    }
}

/// Format of the store.
pub(crate) const META_FORMAT: &[u8] = b"format";
/// Version of the last write.
pub(crate) const META_VERSION: &[u8] = b"version";
/// Pairs of era and base, in the order of the openings that wrote something.
pub(crate) const META_ERAS: &[u8] = b"eras";
/// The key that seals cursors (four numbers), and the version of the store when it was drawn.
pub(crate) const META_CURSOR_KEY: &[u8] = b"cursor key";
/// Oldest version that a cursor may start from: what was deleted before it is announced no more.
pub(crate) const META_HORIZON: &[u8] = b"horizon";
/// Pairs of clock (ms) and version, one an hour, oldest first.
pub(crate) const META_CLOCK: &[u8] = b"clock";
/// The last message id that was given.
pub(crate) const META_MESSAGE_ID: &[u8] = b"message id";
/// The last team id that was given.
pub(crate) const META_TEAM_ID: &[u8] = b"team id";

/// Name of the number that says how this app writes its account ids. A store made before there was
/// a choice has none.
pub(crate) fn account_form_name(app: &AppKey) -> Vec<u8> {
    [b"accounts of ", app.as_str().as_bytes()].concat()
}

/// What the name of every erasure starts with.
pub(crate) const META_ERASED: &[u8] = b"erased ";

/// Name of the number that says at which version this owner was erased last. It holds a hash: no
/// name stays.
pub(crate) fn erased_name(owner: &Owner) -> Vec<u8> {
    [META_ERASED, &owner_hash(owner)].concat()
}

/// Openings remembered; cursors of older ones are reset. 64 KiB.
pub(crate) const ERAS_MAX: usize = 4_096;

/// What every session key of this owner starts with.
fn owner_prefix(app: &AppKey, account: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(app.as_str().len() + account.len() + 67);
    key.extend(app.as_str().as_bytes());
    key.push(0);
    key.extend(account.as_bytes());
    key.push(0);
    key
}

/// Builds the key of one session.
pub(crate) fn session_key(app: &AppKey, account: &str, kind: SessionKind, peer: &str) -> Vec<u8> {
    let mut key = owner_prefix(app, account);
    key.push(kind_byte(kind));
    key.extend(peer.as_bytes());
    key
}

/// Builds the key of one write of a client, or of the app's own server with an empty account.
pub(crate) fn result_key(app: &AppKey, account: &str, key: &IdempotencyKey) -> Vec<u8> {
    let mut bytes = owner_prefix(app, account);
    bytes.extend(key.as_str().as_bytes());
    bytes
}

/// Keys of all sessions of this owner. No account holds a control character, so none is another's
/// prefix.
pub(crate) fn owner_range(owner: &Owner) -> Range<Vec<u8>> {
    let start = owner_prefix(&owner.app, owner.account.as_str());
    let mut end = start.clone();
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    start..end
}

/// Kind and peer in a session key of this owner's range; `None` when the key is damaged.
pub(crate) fn peer_of<'k>(range: &Range<Vec<u8>>, key: &'k [u8]) -> Option<(SessionKind, &'k str)> {
    let (kind, peer) = key.get(range.start.len()..)?.split_first()?;
    Some((kind_of(*kind)?, std::str::from_utf8(peer).ok()?))
}

/// Owner, kind and peer in any session key; `None` when the key is damaged.
pub(crate) fn session_of(key: &[u8]) -> Option<(Owner, SessionKind, &str)> {
    let mut parts = key.splitn(3, |byte| *byte == 0);
    let app = AppKey::new(std::str::from_utf8(parts.next()?).ok()?).ok()?;
    let account = stored_account(parts.next()?)?;
    let (kind, peer) = parts.next()?.split_first()?;
    Some((Owner { app, account }, kind_of(*kind)?, std::str::from_utf8(peer).ok()?))
}

/// Builds the key of one team.
pub(crate) fn head_key(app: &AppKey, kind: SessionKind, team: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(app.as_str().len() + team.len() + 2);
    key.extend(app.as_str().as_bytes());
    key.push(0);
    key.push(kind_byte(kind));
    key.extend(team.as_bytes());
    key
}

/// What every key of this app starts with.
pub(crate) fn app_prefix(app: &AppKey) -> Vec<u8> {
    let mut key = Vec::with_capacity(app.as_str().len() + 200);
    key.extend(app.as_str().as_bytes());
    key.push(0);
    key
}

/// Keys of all rows of this app.
pub(crate) fn app_range(app: &AppKey) -> Range<Vec<u8>> {
    let (start, mut end) = (app_prefix(app), app_prefix(app));
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    start..end
}

/// The team of a key of this app; `None` when the key is damaged.
pub(crate) fn team_of_key(app: &AppKey, key: &[u8]) -> Option<Team> {
    let (kind, id) = key.strip_prefix(app_prefix(app).as_slice())?.split_first()?;
    let id = SessionId::new(kind_of(*kind)?, std::str::from_utf8(id).ok()?).ok()?;
    Team::of(&id)
}

/// Builds the key of one account.
pub(crate) fn account_key(app: &AppKey, account: &Account) -> Vec<u8> {
    let mut key = app_prefix(app);
    key.extend(account.as_str().as_bytes());
    key
}

/// The owner of an account's key; `None` when the key is damaged.
pub(crate) fn account_of_key(key: &[u8]) -> Option<Owner> {
    let (app, account) = std::str::from_utf8(key).ok()?.split_once('\0')?;
    Some(Owner { app: AppKey::new(app).ok()?, account: stored_account(account.as_bytes())? })
}

/// What every key of this token starts with; the rest is an account.
pub(crate) fn token_prefix(app: &AppKey, token: &TokenHash) -> Vec<u8> {
    let mut key = app_prefix(app);
    key.extend(token.0);
    key
}

/// The token of a token's key; `None` when the key is damaged.
pub(crate) fn token_of_key(key: &[u8]) -> Option<TokenHash> {
    let app_end = key.iter().position(|byte| *byte == 0)?;
    key.get(app_end + 1..)?.first_chunk().map(|hash| TokenHash(*hash))
}

/// Builds the key of one account's token.
pub(crate) fn token_key(app: &AppKey, token: &TokenHash, account: &Account) -> Vec<u8> {
    let mut key = token_prefix(app, token);
    key.extend(account.as_str().as_bytes());
    key
}

/// What every key of this team's members starts with; the rest is an account. No team id holds a
/// control character, so none is another's prefix.
pub(crate) fn members_prefix(app: &AppKey, team: &Team) -> Vec<u8> {
    let mut key = head_key(app, team.kind(), team.id().as_str());
    key.push(0);
    key
}

/// Builds the key of one member.
pub(crate) fn member_key(app: &AppKey, team: &Team, account: &Account) -> Vec<u8> {
    let mut key = members_prefix(app, team);
    key.extend(account.as_str().as_bytes());
    key
}

/// The key of the session that a member's key stands for; `None` when the key is damaged.
pub(crate) fn session_of_member(key: &[u8]) -> Option<Vec<u8>> {
    let mut parts = key.splitn(3, |byte| *byte == 0);
    let (app, team, account) = (parts.next()?, parts.next()?, parts.next()?);
    Some([app, account, team].join(&0))
}

/// App, token and account of a token's key; `None` when the key is damaged.
pub(crate) fn parts_of_token(key: &[u8]) -> Option<(AppKey, TokenHash, Account)> {
    let app_end = key.iter().position(|byte| *byte == 0)?;
    let app = AppKey::new(std::str::from_utf8(&key[..app_end]).ok()?).ok()?;
    let (hash, account) = key.get(app_end + 1..)?.split_first_chunk()?;
    Some((app, TokenHash(*hash), stored_account(account)?))
}

/// The account at the end of a key that starts so; `None` when the key is another's or damaged.
pub(crate) fn account_after(prefix: &[u8], key: &[u8]) -> Option<Account> {
    stored_account(key.strip_prefix(prefix)?)
}

/// The account of these bytes; `None` when they are damaged.
#[expect(clippy::disallowed_methods, reason = "stored ids have their app's form already")]
pub(crate) fn stored_account(bytes: &[u8]) -> Option<Account> {
    Account::new(std::str::from_utf8(bytes).ok()?).ok()
}
