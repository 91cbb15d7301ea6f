//! How a page and the changes of a sync are answered from the rows of a list, whatever engine has
//! read them: where a sync starts, which rows count, where the answer ends. Pure.

use huihua_core::SessionKind;

use crate::{
    PageJson, SessionJson, SyncFrom, SyncPageJson, SyncRequest,
    cursor::{Cursor, PageToken, Sealer},
    order::{Bounds, Position},
};

/// Where a sync starts.
pub enum SyncStart {
    /// Nothing is to be read: this is the answer.
    Answer(SyncPageJson),
    /// At the changes after a version.
    After {
        /// The last version that the client knows.
        since: u64,
        /// Deletions up to this version need not be announced.
        start: u64,
    },
}

impl SyncStart {
    /// Finds where the request starts. `now` is the cursor of the list as it is read; `knows` tells
    /// whether a cursor belongs to it.
    pub fn of(
        request: &SyncRequest,
        now: &Cursor,
        sealer: &Sealer,
        knows: impl FnOnce(&Cursor) -> bool,
    ) -> Self {
        match &request.from {
            SyncFrom::Latest => Self::Answer(SyncPageJson::new(0, now.encode(sealer))),
            SyncFrom::Beginning => Self::After { since: 0, start: now.version },
            SyncFrom::Cursor(text) => match Cursor::decode(text, sealer).filter(knows) {
                // Nothing at all was written since: one cursor has one text, and this is it.
                Some(cursor) if cursor == *now => Self::Answer(SyncPageJson::new(0, text.clone())),
                Some(cursor) => Self::After { since: cursor.version, start: cursor.start },
                None => {
                    let mut answer = SyncPageJson::new(0, now.encode(sealer));
                    answer.reset = true;
                    Self::Answer(answer)
                }
            },
        }
    }
}

/// Tells whether a row is announced to a sync that started at the version `start`.
pub fn is_announced(is_visible: bool, version: u64, start: u64) -> bool {
    is_visible || version > start
}

/// One change of an answer.
pub enum Change<'s> {
    /// The session as it is now.
    Session(&'s SessionJson),
    /// The session is in the list no more.
    Deleted(SessionKind, &'s str),
}

/// Writes a page from the rows of its cut, and from their sessions as far as they were read. `last`
/// makes the position of a row.
///
/// # Errors
/// Those of `last`.
pub fn write_page<'s, R, E>(
    (cursor, bounds): (Cursor, Bounds),
    (rows, has_more): (&[R], bool),
    sessions: impl Iterator<Item = &'s SessionJson> + Clone,
    last: impl FnOnce(&R) -> Result<Position, E>,
    (sealer, need_last_msg): (&Sealer, bool),
) -> Result<PageJson, E> {
    let bytes: usize = sessions.clone().map(|session| session.sent_bytes(need_last_msg)).sum();
    let mut page = PageJson::new(bytes + rows.len(), cursor.encode(sealer));
    let fitting = sessions.take_while(|session| page.push(session, need_last_msg)).count();
    page.has_more = has_more || fitting < rows.len();
    if let Some(row) = fitting.checked_sub(1).and_then(|at| rows.get(at)).filter(|_| page.has_more)
    {
        let after = last(row)?;
        page.next_page_token = Some(PageToken { cursor, bounds, after }.encode(sealer));
    }
    Ok(page)
}

/// Writes the changes of a sync from the versions of its rows, and from the changes as far as they
/// were read.
///
/// # Errors
/// Those of the changes.
pub fn write_changes<'s, E>(
    (now, start): (Cursor, u64),
    (versions, has_more): (&[u64], bool),
    bytes: usize,
    changes: impl Iterator<Item = Result<Change<'s>, E>>,
    (sealer, need_last_msg): (&Sealer, bool),
) -> Result<SyncPageJson, E> {
    let mut answer = SyncPageJson::new(bytes + 24 * versions.len(), now.encode(sealer));
    let mut fitting = 0;
    for change in changes {
        let fits = match change? {
            Change::Session(session) => answer.push_session(session, need_last_msg),
            Change::Deleted(kind, peer) => answer.push_deleted(kind, peer),
        };
        if !fits {
            break;
        }
        fitting += 1;
    }
    answer.has_more = has_more || fitting < versions.len();
    let last = fitting.checked_sub(1).and_then(|at| versions.get(at));
    if let Some(version) = last.filter(|_| answer.has_more) {
        answer.cursor = Cursor { version: *version, start, ..now }.encode(sealer);
    }
    Ok(answer)
}
