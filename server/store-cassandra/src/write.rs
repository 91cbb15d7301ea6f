//! A client's writes: ext and delete, each one compare-and-set of its account, with the first
//! result of a keyed one in the same batch.

use huihua_core::{RecentSession, SessionId};
use huihua_event::Owner;
use huihua_store::{
    Attempt, Error,
    rules::{EXT_ONLY_SESSIONS_MAX, Moved, View},
    shown,
};

use crate::{
    cells::{Fingerprint, Meta, SessionCells, ext_digest, floor_bytes, short_digest},
    failure::damaged,
    hand_out::{contended, next_version, pause},
    locks::AccountLocks,
    names::RESULTS_SID,
    results::FirstResult,
    run::{Conditional, Outcome, blob, text},
    scan::{Scanned, Scanner},
};

/// How often a write loses against others of its account before it gives up.
const TRIES_MAX: u32 = 100;
/// Writes of one engine.
pub(crate) struct Writer<'s> {
    pub(crate) scanner: &'s Scanner,
    pub(crate) locks: &'s AccountLocks,
}

impl Writer<'_> {
    /// Puts the first result of a keyed write into its batch.
    fn push_result<'s>(
        &'s self,
        batch: &mut Conditional<'s>,
        uid: &str,
        scanned: &Scanned,
        (attempt, request): (&Attempt, [u8; 8]),
    ) {
        let Some(key) = &attempt.key else { return };
        let first = FirstResult { time: attempt.now, request };
        let all = scanned.results.with(key.as_str(), first);
        let values = vec![blob(all.to_bytes()), text(uid), text(RESULTS_SID)];
        batch.push(&self.scanner.cql.statements.put_meta, values);
    }

    /// Sets the ext of a session, and returns the session.
    pub(crate) async fn update(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: &str,
        attempt: &Attempt,
    ) -> Result<RecentSession, Error> {
        let request = short_digest(format!("update\n{id}\n{ext}").as_bytes());
        let _lock = self.locks.lock(owner).await;
        let mut serial = false;
        for tries in 0..TRIES_MAX {
            let scanned = self.scanner.scan(owner, serial, 0).await?;
            if let Some(first) = scanned.results.of(attempt, request)? {
                return self.again(owner, id, ext, first.time).await;
            }
            let Some((batch, session)) =
                self.update_batch(owner, &scanned, (id, ext), (attempt, request)).await?
            else {
                pause(tries).await;
                continue;
            };
            let Some(batch) = batch else { return Ok(session) };
            match self.scanner.cql.set_all_if(batch).await {
                Outcome::Applied => return Ok(session),
                Outcome::Lost => serial = false,
                // Its effect is its own proof: the same ext again changes nothing, and under a key
                // the result is there.
                Outcome::Unknown => serial = true,
            }
            pause(tries).await;
        }
        Err(contended())
    }

    /// Makes the batch of an update, `None` if there is nothing to write, and the session as it is
    /// then; nothing at all when the session moved since the scan.
    async fn update_batch<'s>(
        &'s self,
        owner: &Owner,
        scanned: &Scanned,
        (id, ext): (&SessionId, &str),
        (attempt, request): (&Attempt, [u8; 8]),
    ) -> Result<Option<(Option<Conditional<'s>>, RecentSession)>, Error> {
        let sid = id.to_string();
        let full = self.scanner.sessions(owner, std::slice::from_ref(&sid)).await?;
        let empty = SessionCells { sid: sid.clone(), ..SessionCells::default() };
        let cells = full.sessions.first().unwrap_or(&empty);
        let scanned_meta = scanned.sessions.iter().find(|one| one.sid == sid).map(|one| &one.meta);
        if scanned_meta.unwrap_or(&Meta::default()) != &cells.meta {
            return Ok(None);
        }
        let is_new = full.view(cells, |view| view.update_time.is_none())?;
        if is_new && ext_only_sessions(scanned)? >= EXT_ONLY_SESSIONS_MAX {
            return Err(Error::TooManySessions { max: EXT_ONLY_SESSIONS_MAX });
        }
        let mut row = cells.row()?;
        let moved = row.take_ext(ext, attempt.now);
        let head = full.head(cells)?;
        let view = row.view(id.kind(), head.as_ref());
        let fingerprint = Fingerprint::of(&view, ext_digest(ext));
        let session = shown::recent_session(id, ext, &view)?;
        let session = session.ok_or_else(|| damaged("session just updated", &sid))?;
        if moved == Moved::No && attempt.key.is_none() {
            return Ok(Some((None, session)));
        }
        let uid = self.scanner.names.uid_of(owner);
        let version = scanned.version + 1;
        let mut batch = next_version(self.scanner, &uid, scanned.version, version);
        if moved != Moved::No {
            let meta = Meta {
                version,
                fingerprint,
                created: row.created,
                deleted: cells.meta.deleted,
                ext: ext_digest(ext),
                floor: cells.meta.floor.clone(),
            };
            let values = vec![blob(meta.to_bytes()), text(ext), text(&uid), text(&sid)];
            batch.push(&self.scanner.cql.statements.put_ext, values);
        }
        self.push_result(&mut batch, &uid, scanned, (attempt, request));
        Ok(Some((Some(batch), session)))
    }

    /// The session with the ext that the first attempt gave it, and its last message of now: it is
    /// the one of then unless one came since, or the session was deleted since.
    async fn again(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: &str,
        time: u64,
    ) -> Result<RecentSession, Error> {
        let full = self.scanner.sessions(owner, &[id.to_string()]).await?;
        let now = match full.sessions.first() {
            Some(cells) => full.view(cells, |view| shown::recent_session(id, ext, view))??,
            None => None,
        };
        if let Some(session) = now {
            return Ok(session);
        }
        let (last, update_time) = (None, Some(time));
        let view = View { last, edit: None, update_time, version: 0, in_since: None };
        let left = shown::recent_session(id, ext, &view)?;
        left.ok_or_else(|| damaged("first result", &id.to_string()))
    }

    /// Hides sessions up to their last messages.
    pub(crate) async fn delete(
        &self,
        owner: &Owner,
        ids: &[SessionId],
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let names: String = ids.iter().map(|id| format!("\n{id}")).collect();
        let request = short_digest(format!("delete{names}").as_bytes());
        let _lock = self.locks.lock(owner).await;
        let mut serial = false;
        for tries in 0..TRIES_MAX {
            let scanned = self.scanner.scan(owner, serial, 0).await?;
            if scanned.results.of(attempt, request)?.is_some() {
                return Ok(());
            }
            let Some(batch) = self.delete_batch(owner, &scanned, ids, (attempt, request))? else {
                return Ok(());
            };
            match self.scanner.cql.set_all_if(batch).await {
                Outcome::Applied => return Ok(()),
                Outcome::Lost => serial = false,
                // What is deleted is not there: the next try finds nothing left to do, or hides
                // what came while this call still was on its way.
                Outcome::Unknown => serial = true,
            }
            pause(tries).await;
        }
        Err(contended())
    }

    fn delete_batch<'s>(
        &'s self,
        owner: &Owner,
        scanned: &Scanned,
        ids: &[SessionId],
        (attempt, request): (&Attempt, [u8; 8]),
    ) -> Result<Option<Conditional<'s>>, Error> {
        let uid = self.scanner.names.uid_of(owner);
        let mut floors = Vec::new();
        let mut version = scanned.version;
        for id in ids {
            let sid = id.to_string();
            let Some(cells) = scanned.sessions.iter().find(|one| one.sid == sid) else { continue };
            let mut row = cells.row()?;
            let head = scanned.head(cells)?;
            let view = row.view(id.kind(), head.as_ref());
            let moved = row.delete(&view);
            if moved == Moved::No || floors.iter().any(|(other, _)| *other == sid) {
                continue;
            }
            version += 1;
            let fingerprint = Fingerprint::UNSEEN;
            let floor = floor_bytes(row.floor);
            let deleted = Some(attempt.now);
            let meta = Meta { version, fingerprint, floor, deleted, ..Meta::default() };
            floors.push((sid, meta));
        }
        if floors.is_empty() && attempt.key.is_none() {
            return Ok(None);
        }
        // The condition needs a change, also when nothing but a result is written.
        let to = version.max(scanned.version + 1);
        let mut batch = next_version(self.scanner, &uid, scanned.version, to);
        for (sid, meta) in floors {
            let values = vec![blob(meta.to_bytes()), None, text(&uid), text(&sid)];
            batch.push(&self.scanner.cql.statements.put_ext, values);
        }
        self.push_result(&mut batch, &uid, scanned, (attempt, request));
        Ok(Some(batch))
    }
}

/// Counts the sessions that exist by ext alone.
fn ext_only_sessions(scanned: &Scanned) -> Result<usize, Error> {
    let seen = scanned.seen()?;
    Ok(seen.iter().filter(|one| one.update_time.is_some() && !one.has_message).count())
}
