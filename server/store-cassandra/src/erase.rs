//! Erasing an account: its entry and tokens first, so that nobody comes in by them meanwhile; then
//! its sessions cell by cell at the stamps that they were written with, so that newer messages
//! begin a new list and the erased ones stay away; then its name as the owner of teams.

use huihua_event::Owner;
use huihua_store::{Erased, Error, directory::AccountEntry};

use crate::{
    blocked::BlockedAccounts,
    bytes::ByteReader,
    cells::{MemCell, SessionCells, stamp},
    directory::{Directory, Stored, encode},
    failure::damaged,
    hand_out::{contended, next_version, pause},
    locks::AccountLocks,
    names::RESULTS_SID,
    run::{Outcome, number, text},
    scan::{Scanned, Scanner},
};

/// Rows of one step.
const STEP_ROWS_MAX: usize = 50;
const TRIES_MAX: u32 = 100;

pub(crate) struct Eraser<'s> {
    pub(crate) scanner: &'s Scanner,
    pub(crate) locks: &'s AccountLocks,
    pub(crate) blocked: &'s BlockedAccounts,
}

impl Eraser<'_> {
    pub(crate) async fn erase(&self, owner: &Owner) -> Result<Erased, Error> {
        let mut all = Erased { entries: self.entry(owner).await?, ..Erased::default() };
        let mut tries = 0;
        while let Some(step) = self.rows(owner).await? {
            let is_nothing = step.is_nothing();
            all.add(step);
            if is_nothing {
                tries += 1;
                if tries == TRIES_MAX {
                    return Err(contended());
                }
                pause(tries).await;
            }
        }
        all.owned_teams = self.teams(owner).await?;
        Ok(all)
    }

    /// Takes the entry away; returns how many there were.
    async fn entry(&self, owner: &Owner) -> Result<u64, Error> {
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let directory = Directory { scanner: self.scanner };
        let uid = self.scanner.names.uid_of(owner);
        for tries in 0..TRIES_MAX {
            let entry = directory.account(&owner.app, &owner.account).await?;
            let Some(bytes) = entry.bytes else { return Ok(0) };
            let none: Option<&[u8]> = None;
            if cql.set_if(&of.put_account, (none, &uid, &bytes)).await != Outcome::Applied {
                pause(tries).await;
                continue;
            }
            for token in entry.value.iter().flat_map(AccountEntry::known_tokens) {
                let mark = (self.scanner.names.token(&owner.app, &token), owner.account.as_str());
                cql.set_surely(&of.drop_token, mark).await?;
            }
            cql.set_surely(&of.drop_blocked, (self.scanner.names.realm(), &uid)).await?;
            self.blocked.change(&uid, false);
            return Ok(1);
        }
        Err(contended())
    }

    /// Erases the next rows; `None` when there are none, nothing when it lost against another.
    async fn rows(&self, owner: &Owner) -> Result<Option<Erased>, Error> {
        let _lock = self.locks.lock(owner).await;
        let scanned = self.scanner.scan(owner, true, 0).await?;
        let first_results = scanned.results.0.len() as u64;
        if scanned.sessions.is_empty() && first_results == 0 {
            return Ok(None);
        }
        let sessions = &scanned.sessions[..scanned.sessions.len().min(STEP_ROWS_MAX)];
        for cells in sessions {
            self.blind_cells(owner, cells).await?;
        }
        if !self.conditional_cells(owner, &scanned, sessions).await? {
            return Ok(Some(Erased::default()));
        }
        let sessions = sessions.len() as u64;
        Ok(Some(Erased { sessions, first_results, ..Erased::default() }))
    }

    async fn blind_cells(&self, owner: &Owner, cells: &SessionCells) -> Result<(), Error> {
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let (uid, sid) = (self.scanner.names.uid_of(owner), cells.sid.as_str());
        let unreadable = || damaged("session", sid);
        if let Some(key) = &cells.latest.key {
            let time = ByteReader(key).number().ok_or_else(unreadable)?;
            cql.put(&of.drop_message, (stamp(time), &uid, sid)).await?;
        }
        // Both begin with the time that they were written at.
        for (id, value) in &cells.latest.recalls {
            let time = ByteReader(value).number().ok_or_else(unreadable)?;
            cql.put(&of.drop_recall, (id, stamp(time), &uid, sid)).await?;
        }
        for (id, value) in &cells.latest.edits {
            let time = ByteReader(value).number().ok_or_else(unreadable)?;
            cql.put(&of.drop_edit, (id, stamp(time), &uid, sid)).await?;
        }
        let tid = self.scanner.names.tid_of_session(&owner.app, sid);
        for (key, value) in &cells.mem {
            let at = MemCell::stamp_of(key, value).ok_or_else(unreadable)?;
            cql.put(&of.drop_member, (key, at, &tid, owner.account.as_str())).await?;
            cql.put(&of.drop_mem, (key, at, &uid, sid)).await?;
        }
        Ok(())
    }

    async fn conditional_cells(
        &self,
        owner: &Owner,
        scanned: &Scanned,
        sessions: &[SessionCells],
    ) -> Result<bool, Error> {
        let of = &self.scanner.cql.statements;
        let uid = self.scanner.names.uid_of(owner);
        let version = scanned.version + 1;
        let mut batch = next_version(self.scanner, &uid, scanned.version, version);
        // Cursors of before are reset.
        batch.push(&of.put_horizon, vec![number(version), text(&uid)]);
        for cells in sessions {
            batch.push(&of.drop_meta, vec![text(&uid), text(&cells.sid)]);
        }
        batch.push(&of.drop_meta, vec![text(&uid), text(RESULTS_SID)]);
        Ok(self.scanner.cql.set_all_if(batch).await == Outcome::Applied)
    }

    /// Takes the owner away from its teams; returns how many.
    async fn teams(&self, owner: &Owner) -> Result<u64, Error> {
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let uid = self.scanner.names.uid_of(owner);
        let mut count = 0;
        for tries in 0..TRIES_MAX {
            let mut is_sure = true;
            for (team, entry) in (Directory { scanner: self.scanner }).owned(owner).await? {
                let Some(mut value) = entry.value else { continue };
                value.owner = None;
                let tid = self.scanner.names.tid(&owner.app, &team);
                let after = encode(&Stored { entry: value, by: [0; 8] });
                if cql.set_if(&of.put_team, (after, &tid, entry.bytes)).await == Outcome::Applied {
                    count += 1;
                    cql.set_surely(&of.drop_owned, (&uid, &tid)).await?;
                } else {
                    is_sure = false;
                }
            }
            if is_sure {
                return Ok(count);
            }
            pause(tries).await;
        }
        Err(contended())
    }
}
