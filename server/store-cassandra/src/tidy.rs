//! What a reader in passing takes away, of the sessions that it gives a version: the text of a
//! recalled message, and what the rules keep no more of amendments and notices. All of it by blind
//! writes at the stamps of what goes, so that nothing newer is touched and the same event that
//! comes again stays away. Best effort: the next change of the session brings the next reader.

use huihua_event::Owner;
use huihua_store::{
    Error,
    key::MessageBody,
    latest::Amendment,
    rules::{Notice, Row},
};

use crate::{
    bytes::ByteReader,
    cells::{LatestCells, MemCell, SessionCells, body_bytes, stamp},
    failure::damaged,
    scan::{Scanned, Scanner},
};

/// What there is to take away.
#[derive(Debug, Default, PartialEq, Eq)]
struct Goes {
    /// The body without its text.
    body: Option<(i64, Vec<u8>)>,
    recalls: Vec<(String, i64)>,
    edits: Vec<(String, i64)>,
    mem: Vec<(Vec<u8>, i64)>,
}

/// Finds what of a last message goes.
fn of_latest(cells: &LatestCells, of: &str) -> Result<Goes, Error> {
    let unreadable = || damaged("last message", of);
    let latest = cells.latest().ok_or_else(unreadable)?;
    let mut goes = Goes::default();
    let is_recall = |one: &&Amendment<'_>| matches!(one, Amendment::Recall { .. });
    if let Some(message) = latest.message
        && latest.amendments.iter().filter(is_recall).any(|one| one.id() == message.key.id)
    {
        let without = MessageBody { text: "", ..message };
        goes.body = Some((stamp(message.key.time), body_bytes(without)));
    }
    // Both values begin with the time that they were written at.
    let time = |value: &[u8]| ByteReader(value).number().map(stamp).ok_or_else(unreadable);
    for (id, value) in &cells.recalls {
        let is_kept = latest.amendments.iter().filter(is_recall).any(|one| one.id() == id);
        if !is_kept {
            goes.recalls.push((id.clone(), time(value)?));
        }
    }
    for (id, value) in &cells.edits {
        // An edit of a recalled message never shows.
        let is_kept = latest.amendments.iter().any(|one| one.id() == id && !is_recall(&one));
        if !is_kept {
            goes.edits.push((id.clone(), time(value)?));
        }
    }
    Ok(goes)
}

/// Finds the notices that the rules keep no more.
fn of_notices(cells: &SessionCells, row: &Row<'_>) -> Vec<(Vec<u8>, i64)> {
    let is_kept = |key: &[u8]| {
        let Some((time, kind)) = MemCell::notice_of(key) else { return true };
        row.notices.iter().any(|one| one.time() == time && kind == matches!(one, Notice::Out(_)))
    };
    let goes = cells.mem.iter().filter(|(key, _)| !is_kept(key));
    goes.filter_map(|(key, value)| Some((key.clone(), MemCell::stamp_of(key, value)?))).collect()
}

/// Takes away what these sessions of a list and their teams keep no more.
pub(crate) async fn tidy(scanner: &Scanner, owner: &Owner, scanned: &Scanned, sessions: &[usize]) {
    for cells in sessions.iter().filter_map(|at| scanned.sessions.get(*at)) {
        if let Err(error) = tidy_session(scanner, owner, scanned, cells).await {
            tracing::debug!(%error, "a session is tidied by its next reader");
        }
    }
}

async fn tidy_session(
    scanner: &Scanner,
    owner: &Owner,
    scanned: &Scanned,
    cells: &SessionCells,
) -> Result<(), Error> {
    let (cql, of) = (&scanner.cql, &scanner.cql.statements);
    let sid = cells.sid.as_str();
    let mut goes = of_latest(&cells.latest, sid)?;
    goes.mem = of_notices(cells, &cells.row()?);
    let uid = scanner.names.uid_of(owner);
    let tid = scanner.names.tid_of_session(&owner.app, sid);
    if let Some((at, body)) = goes.body {
        cql.put(&of.put_body, (at, body, &uid, sid)).await?;
    }
    for (id, at) in goes.recalls {
        cql.put(&of.drop_recall, (id, at, &uid, sid)).await?;
    }
    for (id, at) in goes.edits {
        cql.put(&of.drop_edit, (id, at, &uid, sid)).await?;
    }
    for (key, at) in goes.mem {
        cql.put(&of.drop_member, (&key, at, &tid, owner.account.as_str())).await?;
        cql.put(&of.drop_mem, (key, at, &uid, sid)).await?;
    }
    let Some(head) = scanned.heads.get(sid) else { return Ok(()) };
    let goes = of_latest(&head.latest, sid)?;
    if let Some((at, body)) = goes.body {
        cql.put(&of.put_head_body, (at, body, &tid)).await?;
    }
    for (id, at) in goes.recalls {
        cql.put(&of.drop_head_recall, (id, at, &tid)).await?;
    }
    for (id, at) in goes.edits {
        cql.put(&of.drop_head_edit, (id, at, &tid)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use huihua_event::{Edit, Post};
    use huihua_store::latest::LastChange;

    use super::*;
    use crate::cells::LastCells;

    fn cells(changes: &[LastChange<'_>]) -> LatestCells {
        let mut cells = LatestCells::default();
        for change in changes {
            match LastCells::of(*change) {
                LastCells::Message { key, .. } => cells.key = Some(key),
                LastCells::Recall { id, value, .. } => drop(cells.recalls.insert(id, value)),
                LastCells::Edit { id, value, .. } => drop(cells.edits.insert(id, value)),
            }
        }
        cells
    }

    fn post(time: u64, id: u64) -> Post {
        Post { time, message_id: id.to_string(), last_msg: "{}".into() }
    }

    fn edit(id: u64, time: u64) -> Edit {
        Edit { message_id: id.to_string(), time, fields: "{}".into() }
    }

    #[test]
    fn the_text_of_a_recalled_message_goes_and_of_no_other() {
        let (message, recall) = (post(5, 1), post(4, 1));
        let sent = LastChange::message(&message);
        let goes = of_latest(&cells(&[sent, LastChange::recall(&recall, 9)]), "").unwrap();
        let (at, body) = goes.body.unwrap();
        assert_eq!((at, ByteReader(&body).body().unwrap().text), (5_000, ""));
        let other = post(4, 2);
        let goes = of_latest(&cells(&[sent, LastChange::recall(&other, 9)]), "").unwrap();
        assert_eq!(goes, Goes::default());
    }

    #[test]
    fn of_edits_that_wait_the_eight_newest_stay_and_the_one_that_shows() {
        let message = post(5, 1);
        let edits: Vec<Edit> = (1..12).map(|id| edit(id, 100 - id)).collect();
        let mut changes = vec![LastChange::message(&message)];
        changes.extend(edits.iter().map(LastChange::edit));
        let goes = of_latest(&cells(&changes), "").unwrap();
        assert_eq!(goes.edits, [("10".to_owned(), 90_000), ("11".to_owned(), 89_000)]);
        assert!(goes.body.is_none() && goes.recalls.is_empty());
    }
}
