//! The file of a kept list: its bytes, and how one file takes the place of another. Pure but for
//! the functions at the end. When it is read and written is [`super::cache`]'s matter.

#![expect(
    clippy::disallowed_types,
    reason = "the one file that core writes, if the app asks for it"
)]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::RecentSession;

/// Number of the format. A file with another number is ignored and rewritten, so it rises with any
/// change of the body that an older or newer SDK would misread.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"huihua-l";
/// Magic, version and length of the body; then comes the checksum.
const HEAD_BYTES: usize = 16;
const BODY_AT: usize = HEAD_BYTES + SHA256_OUTPUT_LEN;

/// Limit of the kept sessions: what a user scrolls through before the server has answered.
pub(super) const CACHED_ROWS_MAX: usize = 500;
/// Limit of a file, in bytes: it is read whole before the first row shows, and written whole.
pub(super) const CACHE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one write, so that a kill in the middle of a big file is a case of its own in tests.
const WRITE_BYTES: usize = 16 * 1024;

/// Names whose list a file holds. A file of any other owner is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CacheOwner {
    pub(super) app_key: String,
    pub(super) account: String,
    /// The first URL of the service: a copy of the app may speak to a server for tests.
    pub(super) server: String,
}

/// Holds the top of a list, as of a cursor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CachedList {
    pub(super) sync_cursor: String,
    /// Whether the list has sessions below these.
    pub(super) has_more: bool,
    pub(super) sessions: Vec<RecentSession>,
}

/// Says why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is damaged")]
    Damaged,
    #[error("it has another format")]
    OtherVersion,
    #[error("it is of another account, app or server")]
    OtherOwner,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BodyOut<'a> {
    owner: &'a CacheOwner,
    sync_cursor: &'a str,
    has_more: bool,
    session_list: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BodyIn {
    owner: CacheOwner,
    sync_cursor: String,
    has_more: bool,
    session_list: Vec<RecentSession>,
}

/// Makes the bytes of a file, with as many of the first sessions as fit.
///
/// Returns `None` if not even the cursor fits, which is the server's text.
pub(super) fn encode(
    owner: &CacheOwner,
    sync_cursor: &str,
    has_more: bool,
    sessions: &[RecentSession],
) -> Option<Vec<u8>> {
    let mut body = BodyOut { owner, sync_cursor, has_more: true, session_list: Vec::new() };
    let frame = serde_json::to_vec(&body).expect("texts and flags are JSON").len() + BODY_AT;
    // `false` is one character longer than `true`.
    let mut bytes_left = CACHE_BYTES_MAX.checked_sub(frame + 1)?;
    for session in sessions.iter().take(CACHED_ROWS_MAX) {
        let row = serde_json::value::to_raw_value(session).expect("a session is JSON");
        // The comma counts.
        let Some(left) = bytes_left.checked_sub(row.get().len() + 1) else { break };
        bytes_left = left;
        body.session_list.push(row);
    }
    body.has_more = has_more || body.session_list.len() < sessions.len();
    let body = serde_json::to_vec(&body).expect("rows of JSON are JSON");
    let mut bytes = Vec::with_capacity(BODY_AT + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    let checksum = checksum(&bytes, &body);
    bytes.extend_from_slice(&checksum);
    bytes.extend_from_slice(&body);
    Some(bytes)
}

/// Reads the bytes of a file.
///
/// # Errors
/// [`Unusable`], whatever the bytes are.
pub(super) fn decode(owner: &CacheOwner, bytes: &[u8]) -> Result<CachedList, Unusable> {
    let damaged = Unusable::Damaged;
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(damaged)?;
    if !head.starts_with(&MAGIC) {
        return Err(damaged);
    }
    // Before the checksum, whose place and kind are the format's too.
    if head[8..12] != VERSION.to_le_bytes() {
        return Err(Unusable::OtherVersion);
    }
    let (sum, body) = rest.split_at_checked(SHA256_OUTPUT_LEN).ok_or(damaged)?;
    let length_fits = u32::try_from(body.len()).is_ok_and(|n| head[12..] == n.to_le_bytes());
    if !length_fits || sum != checksum(head, body) {
        return Err(damaged);
    }
    let body: BodyIn = serde_json::from_slice(body).map_err(|_| damaged)?;
    if body.owner != *owner {
        return Err(Unusable::OtherOwner);
    }
    let BodyIn { owner: _, sync_cursor, has_more, session_list } = body;
    Ok(CachedList { sync_cursor, has_more, sessions: session_list })
}

/// Returns the SHA-256 of head and body: it finds each flipped bit, and ring has it already.
fn checksum(head: &[u8], body: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(head);
    context.update(body);
    context.finish().as_ref().try_into().expect("it has the length of SHA-256")
}

/// Reads a whole file, unless it is longer than any of ours.
///
/// # Errors
/// Any error of the file system; [`io::ErrorKind::InvalidData`] for a file that is too long.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let limit = CACHE_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > CACHE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(bytes)
}

/// Names what [`replace`] has just done, for a test that kills the process there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplaceStep {
    FolderMade,
    LeftoverRemoved,
    FileMade,
    PartWritten,
    FileSynced,
    FileRenamed,
    FolderSynced,
}

/// Puts a file with these bytes in the place of the one at `path`, which no reader sees half.
///
/// The file can be read by its user alone. A process that is killed at any step leaves the old
/// file or the new one, and maybe an unread leftover that the next call removes.
///
/// # Errors
/// Any error of the file system; the old file is then as it was.
pub(super) fn replace(
    path: &Path,
    bytes: &[u8],
    mut done: impl FnMut(ReplaceStep),
) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_private_folder(folder)?;
    done(ReplaceStep::FolderMade);
    let new_path = path.with_extension(LEFTOVER);
    remove(&new_path)?;
    done(ReplaceStep::LeftoverRemoved);
    let written = write_new(&new_path, bytes, &mut done).and_then(|()| fs::rename(&new_path, path));
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = remove(&new_path);
        return Err(error);
    }
    done(ReplaceStep::FileRenamed);
    // Without it a crash of the device may bring the old file back, which is as good a start.
    let _ = sync_folder(folder);
    done(ReplaceStep::FolderSynced);
    Ok(())
}

/// Extension of a file that is being written. One name, so that killed processes leave one at most;
/// two that write at the same time may spoil the file, which is then ignored.
const LEFTOVER: &str = "new";

fn write_new(path: &Path, bytes: &[u8], done: &mut impl FnMut(ReplaceStep)) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    done(ReplaceStep::FileMade);
    for part in bytes.chunks(WRITE_BYTES) {
        file.write_all(part)?;
        done(ReplaceStep::PartWritten);
    }
    file.sync_all()?;
    done(ReplaceStep::FileSynced);
    Ok(())
}

/// Removes the file at `path` and what a killed process left beside it; none is fine.
///
/// # Errors
/// Any error of the file system: rows may then still be on the disk.
pub(super) fn erase(path: &Path) -> io::Result<()> {
    let leftover = erase_one(&path.with_extension(LEFTOVER));
    erase_one(path)?;
    leftover
}

/// Empties a file before it removes it: a removal may not survive a crash of the device.
fn erase_one(path: &Path) -> io::Result<()> {
    let emptied =
        OpenOptions::new().write(true).truncate(true).open(path).and_then(|file| file.sync_all());
    match emptied {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // A file that cannot be emptied may still be removed.
        Err(_) | Ok(()) => remove(path)?,
    }
    path.parent().map_or(Ok(()), |folder| sync_folder(folder).or(Ok(())))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Other systems cannot open a folder as a file.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
#[path = "cache_file_tests.rs"]
mod tests;
