//! Answers from one account's list: a page, the changes since a cursor, one session, the teams.

use std::collections::HashMap;

use huihua_core::{QueryMySessionOption, SessionId, SessionKind};
use huihua_event::{Owner, Team};
use huihua_store::{
    AnswerRoom, Error, InspectedSession, PageJson, SessionJson, SyncFrom, SyncPageJson,
    SyncRequest,
    answers::{self, Change, SyncStart},
    cursor::{Cursor, Era, PageToken, Sealer, owner_hash},
    order::{self, Bounds, Cut, Position},
    shown,
};

use crate::{
    cells::{Fingerprint, SessionCells, kind_and_peer},
    failure::{damaged, unavailable},
    hand_out::{VersionedList, contended, pause, renew, versioned},
    locks::{AccountLock, AccountLocks},
    scan::{Scanned, Scanner, digest_of},
};

/// How often a list is read again because others handed out versions meanwhile: from the second
/// time on none of this process does, since the account is locked.
const READS_MAX: u32 = 50;

/// What cursors of a store are made of.
pub(crate) struct History {
    pub(crate) era: u64,
    pub(crate) sealer: Sealer,
}

impl History {
    fn cursor(&self, owner: &Owner, version: u64) -> Cursor {
        Cursor { owner: owner_hash(owner), era: self.era, version, start: version }
    }

    fn knows(&self, cursor: &Cursor, owner: &Owner, list: &VersionedList) -> bool {
        let eras = [Era { era: self.era, base: 0 }];
        cursor.is_known(owner, &eras, list.scanned.version, list.scanned.horizon)
    }

    /// The version that a client's cursor names: a partition that looks older is not read right.
    fn least(&self, cursor: Option<&Cursor>, owner: &Owner) -> u64 {
        let own = |cursor: &&Cursor| cursor.era == self.era && cursor.owner == owner_hash(owner);
        cursor.filter(own).map_or(0, |cursor| cursor.version)
    }
}

/// Reads lists.
pub(crate) struct Reader<'s> {
    pub(crate) scanner: &'s Scanner,
    pub(crate) locks: &'s AccountLocks,
    pub(crate) history: &'s History,
}

/// Sessions as JSON by their ids, each with the fingerprint of what it shows; `None`: nobody sees
/// it.
type Texts = HashMap<String, (Fingerprint, Option<SessionJson>)>;

/// A row of a page, and its place in what is seen.
type PageRow = (Position, usize);

/// How it stands with the texts of an answer.
enum Ready {
    /// So many of its sessions have theirs: more do not fit into an answer.
    Texts(usize),
    /// Some had moved: the list was renewed, choose the rows again.
    Renewed,
    /// Others handed out versions: read the list again.
    Lost,
}

impl Reader<'_> {
    /// Answers one page.
    pub(crate) async fn page(
        &self,
        owner: &Owner,
        option: &QueryMySessionOption,
    ) -> Result<PageJson, Error> {
        let sealer = &self.history.sealer;
        let decode = |text| PageToken::decode(text, sealer).ok_or(Error::StalePageToken);
        let walk = option.page_token.as_deref().map(decode).transpose()?;
        let least = self.history.least(walk.as_ref().map(|walk| &walk.cursor), owner);
        let (mut held, mut texts) = (None, Texts::new());
        for tries in 0..READS_MAX {
            let mut list = self.list(owner, least, tries, &mut held).await?;
            let known = |walk: &PageToken| self.history.knows(&walk.cursor, owner, &list);
            if walk.as_ref().is_some_and(|walk| !known(walk)) {
                return Err(Error::StalePageToken);
            }
            loop {
                let (cursor, bounds, cut) = self.cut(owner, option, walk.as_ref(), &list)?;
                let rows: Vec<usize> = cut.rows.iter().map(|(_, at)| *at).collect();
                let need_last_msg = option.need_last_msg;
                match self.ready(owner, &mut list, &rows, &mut texts, need_last_msg).await? {
                    Ready::Lost => break,
                    Ready::Renewed => {}
                    Ready::Texts(count) => {
                        let sessions =
                            rows.iter().take(count).filter_map(|at| text_of(&texts, &list, *at));
                        let last = |row: &(Position, usize)| Ok::<_, Error>(row.0.clone());
                        let (rows, how) = ((&*cut.rows, cut.has_more), (sealer, need_last_msg));
                        return answers::write_page((cursor, bounds), rows, sessions, last, how);
                    }
                }
            }
        }
        Err(contended())
    }

    /// Reads the list with its versions; from the second try on under the account's lock.
    async fn list(
        &self,
        owner: &Owner,
        least: u64,
        tries: u32,
        held: &mut Option<AccountLock>,
    ) -> Result<VersionedList, Error> {
        if tries > 0 {
            if held.is_none() {
                *held = Some(self.locks.lock(owner).await);
            }
            pause(tries).await;
        }
        versioned(self.scanner, self.locks, owner, least, held).await
    }

    /// The rows of a page, each with its place in what is seen.
    fn cut(
        &self,
        owner: &Owner,
        option: &QueryMySessionOption,
        walk: Option<&PageToken>,
        list: &VersionedList,
    ) -> Result<(Cursor, Bounds, Cut<PageRow>), Error> {
        let mut rows = Vec::new();
        for (at, seen) in list.seen.iter().enumerate() {
            if let Some(update_time) = seen.update_time {
                rows.push((Position { update_time, id: session_id(list, at)? }, at));
            }
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let limit = option.limit as usize;
        Ok(match walk {
            None => {
                let bounds = Bounds::of(option);
                let rows = rows.into_iter().filter(|row| bounds.holds(row.0.update_time));
                let cut = order::first_page(rows, |row| row.0.update_time, bounds, limit);
                (self.history.cursor(owner, list.scanned.version), bounds, cut)
            }
            Some(PageToken { cursor, bounds, after }) => {
                // What changed since the first page comes by the sync from the walk's cursor, and
                // no row comes twice.
                let rows = rows.into_iter().filter(|(position, at)| {
                    bounds.holds(position.update_time)
                        && position > after
                        && list.version(&list.seen[*at]) <= cursor.version
                });
                (*cursor, *bounds, order::front(rows, limit))
            }
        })
    }

    /// Answers the changes since a cursor.
    pub(crate) async fn changes(
        &self,
        owner: &Owner,
        request: &SyncRequest,
    ) -> Result<SyncPageJson, Error> {
        let sealer = &self.history.sealer;
        let cursor = match &request.from {
            SyncFrom::Cursor(text) => Cursor::decode(text, sealer),
            SyncFrom::Beginning | SyncFrom::Latest => None,
        };
        let least = self.history.least(cursor.as_ref(), owner);
        let (mut held, mut texts) = (None, Texts::new());
        for tries in 0..READS_MAX {
            let mut list = self.list(owner, least, tries, &mut held).await?;
            loop {
                let now = self.history.cursor(owner, list.scanned.version);
                let knows = |cursor: &Cursor| self.history.knows(cursor, owner, &list);
                let (since, start) = match SyncStart::of(request, &now, sealer, knows) {
                    SyncStart::Answer(answer) => return Ok(answer),
                    SyncStart::After { since, start } => (since, start),
                };
                let Cut { rows, has_more } = changed_rows(&list, since, start, request);
                let (versions, rows): (Vec<u64>, Vec<usize>) = rows.into_iter().unzip();
                let need_last_msg = request.need_last_msg;
                match self.ready(owner, &mut list, &rows, &mut texts, need_last_msg).await? {
                    Ready::Lost => break,
                    Ready::Renewed => {}
                    Ready::Texts(count) => {
                        let rows = &rows[..count];
                        let json = |at: &usize| text_of(&texts, &list, *at);
                        let sizes = rows.iter().filter_map(json);
                        let bytes = sizes.map(|json| json.sent_bytes(need_last_msg)).sum();
                        let changes = rows.iter().map(|at| match json(at) {
                            Some(json) => Ok(Change::Session(json)),
                            None => kind_and_peer(list.sid(*at))
                                .map(|(kind, peer)| Change::Deleted(kind, peer)),
                        });
                        let (versions, how) = ((&*versions, has_more), (sealer, need_last_msg));
                        return answers::write_changes((now, start), versions, bytes, changes, how);
                    }
                }
            }
        }
        Err(contended())
    }

    /// Reads the texts of these sessions, in parts and in their order, as far as they fit into an
    /// answer. What shows something else than the list by now is taken into the list.
    async fn ready(
        &self,
        owner: &Owner,
        list: &mut VersionedList,
        rows: &[usize],
        texts: &mut Texts,
        need_last_msg: bool,
    ) -> Result<Ready, Error> {
        let mut room = AnswerRoom::new();
        let mut count = 0;
        // Of texts at their longest, one part is 4 MiB.
        for part in rows.chunks(100) {
            let is_missing = |at: &&usize| {
                let seen = &list.seen[**at];
                let known = texts.get(list.sid(**at));
                seen.update_time.is_some()
                    && known.is_none_or(|(fingerprint, _)| *fingerprint != seen.fingerprint)
            };
            let missing: Vec<usize> = part.iter().filter(is_missing).copied().collect();
            if !missing.is_empty() {
                let sids: Vec<String> = missing.iter().map(|at| list.sid(*at).to_owned()).collect();
                #[cfg(test)]
                self.scanner.cql.faults.let_pass(crate::faults::Moment::BeforeTexts).await;
                let later = self.scanner.sessions(owner, &sids).await?;
                take_texts(&later, texts)?;
                let has_moved = |at: &usize| {
                    let known = texts.get(list.sid(*at));
                    known.is_none_or(|(fingerprint, _)| *fingerprint != list.seen[*at].fingerprint)
                };
                if later.sessions.len() < sids.len() {
                    return Ok(Ready::Lost);
                }
                if missing.iter().any(has_moved) {
                    let is_renewed = renew(self.scanner, owner, list, later).await?;
                    return Ok(if is_renewed { Ready::Renewed } else { Ready::Lost });
                }
            }
            for at in part {
                let bytes = text_of(texts, list, *at).map(|json| json.sent_bytes(need_last_msg));
                // Deletions are small: the answer itself counts them.
                if bytes.is_some_and(|bytes| !room.take(bytes)) {
                    return Ok(Ready::Texts(count));
                }
                count += 1;
            }
        }
        Ok(Ready::Texts(count))
    }

    /// Answers one session; `None` when it is not visible. Reads no version.
    pub(crate) async fn session(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<Option<SessionJson>, Error> {
        let scanned = self.scanner.sessions(owner, &[id.to_string()]).await?;
        let Some(cells) = scanned.sessions.first() else { return Ok(None) };
        let ext = cells.ext.as_deref().unwrap_or_default();
        scanned.view(cells, |view| shown::session_json(id.kind(), id.peer(), ext, view))?
    }

    /// Tells everything of one session, its team's head too whether or not the account sees it.
    pub(crate) async fn inspect(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<InspectedSession, Error> {
        let sid = id.to_string();
        let mut scanned = self.scanner.sessions(owner, std::slice::from_ref(&sid)).await?;
        if id.kind() != SessionKind::P2p && scanned.heads.is_empty() {
            scanned.heads = self.scanner.heads(owner, std::slice::from_ref(&sid), true).await?;
        }
        let unknown = SessionCells { sid, ..SessionCells::default() };
        let cells = scanned.sessions.first().unwrap_or(&unknown);
        let (row, head) = (cells.row()?, scanned.head(cells)?);
        let view = row.view(id.kind(), head.as_ref());
        let shown = shown::session_json(id.kind(), id.peer(), row.ext, &view)?;
        Ok(InspectedSession::new(id, &row, head.as_ref(), shown))
    }

    /// Answers the teams that the account is in, in the order of their ids.
    pub(crate) async fn teams(&self, owner: &Owner) -> Result<Vec<Team>, Error> {
        let scanned = self.scanner.scan(owner, false, 0).await?;
        let mut teams = Vec::new();
        for seen in scanned.seen()?.iter().filter(|seen| seen.in_since.is_some()) {
            let sid = scanned.sessions.get(seen.at).map_or("", |cells| &cells.sid);
            let id: SessionId = sid.parse().map_err(|_| damaged("id", sid))?;
            teams.extend(Team::of(&id));
        }
        teams.sort();
        Ok(teams)
    }
}

/// The rows of a sync, each with its version and its place in what is seen.
fn changed_rows(
    list: &VersionedList,
    since: u64,
    start: u64,
    request: &SyncRequest,
) -> Cut<(u64, usize)> {
    let mut rows: Vec<(u64, usize)> = Vec::new();
    for (at, seen) in list.seen.iter().enumerate() {
        let version = list.version(seen);
        if version > since && answers::is_announced(seen.update_time.is_some(), version, start) {
            rows.push((version, at));
        }
    }
    rows.sort_unstable();
    order::front(rows.into_iter(), request.limit as usize)
}

/// Makes the JSON of sessions that were read with their texts.
fn take_texts(read: &Scanned, texts: &mut Texts) -> Result<(), Error> {
    for cells in &read.sessions {
        let (kind, peer) = cells.kind()?;
        let ext = cells.ext.as_deref().unwrap_or_default();
        let (fingerprint, json) = read.view(cells, |view| {
            let fingerprint = Fingerprint::of(view, digest_of(cells));
            (fingerprint, shown::session_json(kind, peer, ext, view))
        })?;
        texts.insert(cells.sid.clone(), (fingerprint, json?));
    }
    Ok(())
}

/// The JSON of a session of the list; `None` when nobody sees it.
fn text_of<'t>(texts: &'t Texts, list: &VersionedList, at: usize) -> Option<&'t SessionJson> {
    list.seen[at].update_time?;
    texts.get(list.sid(at)).and_then(|(_, json)| json.as_ref())
}

fn session_id(list: &VersionedList, at: usize) -> Result<SessionId, Error> {
    let sid = list.sid(at);
    sid.parse().map_err(|_| damaged("id", sid))
}

/// Draws the era of a new store.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| unavailable(format!("no randomness: {error}")))?;
    Ok(bytes)
}
