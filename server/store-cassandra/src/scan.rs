//! One account's partition as it is in one state, with its teams read after it; and what is seen
//! of each session, which the rules alone say.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::future::try_join_all;
use huihua_core::SessionKind;
use huihua_event::Owner;
use huihua_store::{
    Error,
    rules::{Head, View},
};

use crate::{
    cells::{Entries, Fingerprint, HeadCells, LatestCells, Meta, SessionCells, ext_digest},
    failure::{damaged, unavailable},
    flights::Flights,
    head_cache::{self, HeadCache},
    names::{Names, RESULTS_SID},
    results::FirstResults,
    statements::Cql,
};

/// Partitions in one `IN`: enough that a request is worth it, few enough for one coordinator.
const KEYS_MAX: usize = 100;

/// A partition with its teams.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scanned {
    /// The last version handed out.
    pub(crate) version: u64,
    /// Cursors below are reset.
    pub(crate) horizon: u64,
    pub(crate) sessions: Vec<SessionCells>,
    /// By the ids of their sessions.
    pub(crate) heads: HashMap<String, HeadCells>,
    /// First results of keyed writes.
    pub(crate) results: FirstResults,
}

type ScanRow = (
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<Vec<u8>>,
    Option<Entries<String>>,
    Option<Entries<String>>,
    Option<Entries<Vec<u8>>>,
    Option<Vec<u8>>,
);

type FullRow = (
    String,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<Entries<String>>,
    Option<Entries<String>>,
    Option<Entries<Vec<u8>>>,
    Option<Vec<u8>>,
    Option<String>,
);

type HeadRow =
    (String, Option<Vec<u8>>, Option<Entries<String>>, Option<Entries<String>>, Option<Vec<u8>>);

type FullHeadRow = (
    String,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<Entries<String>>,
    Option<Entries<String>>,
    Option<Vec<u8>>,
);

fn meta_of(bytes: Option<Vec<u8>>, sid: &str) -> Result<Meta, Error> {
    let Some(bytes) = bytes else { return Ok(Meta::default()) };
    Meta::of_bytes(&bytes).ok_or_else(|| damaged("meta", sid))
}

fn version(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// Reads partitions of accounts and teams.
#[derive(Clone)]
pub(crate) struct Scanner {
    pub(crate) cql: Cql,
    pub(crate) names: Names,
    /// Teams of late, if the process asked for it.
    pub(crate) head_cache: Option<Arc<HeadCache>>,
    flights: Arc<Flights<Owner, Arc<Scanned>>>,
}

impl Scanner {
    pub(crate) fn new(cql: Cql, names: Names, head_cache: Option<Arc<HeadCache>>) -> Self {
        Self { cql, names, head_cache, flights: Arc::default() }
    }

    /// A scan that all share who ask for it at one time, with teams of late if there are any. For
    /// lists alone: what a deletion covers is read anew.
    pub(crate) async fn shared_scan(&self, owner: &Owner, least: u64) -> Result<Scanned, Error> {
        let cache = self.head_cache.as_deref();
        let scan = async { self.scan_with(owner, false, least, cache).await.map(Arc::new) };
        let shared = self.flights.share(owner, scan).await?;
        if shared.version < least {
            // Read by one that knew less.
            return self.scan(owner, false, least).await;
        }
        Ok(Arc::try_unwrap(shared).unwrap_or_else(|shared| Scanned::clone(&shared)))
    }

    /// Reads the account's partition, then its teams. `serial`: an outcome is unknown.
    ///
    /// `least` is the version that the caller knows of: a partition that looks older, or torn, is
    /// read again at LOCAL_SERIAL (R3).
    pub(crate) async fn scan(
        &self,
        owner: &Owner,
        serial: bool,
        least: u64,
    ) -> Result<Scanned, Error> {
        self.scan_with(owner, serial, least, None).await
    }

    async fn scan_with(
        &self,
        owner: &Owner,
        serial: bool,
        least: u64,
        head_cache: Option<&HeadCache>,
    ) -> Result<Scanned, Error> {
        let uid = self.names.uid_of(owner);
        let mut scanned = self.partition(&uid, serial).await?;
        let is_torn = |of: &Scanned| {
            of.version < least || of.sessions.iter().any(|one| one.meta.version > of.version)
        };
        if !serial && is_torn(&scanned) {
            scanned = self.partition(&uid, true).await?;
        }
        let sids = scanned.sessions.iter().filter(|one| !one.mem.is_empty());
        let sids: Vec<String> = sids.map(|one| one.sid.clone()).collect();
        match head_cache {
            None => scanned.heads = self.heads(owner, &sids, false).await?,
            Some(cache) => self.heads_of_late(cache, owner, sids, &mut scanned).await?,
        }
        self.read_memberships_again(&uid, &mut scanned).await?;
        Ok(scanned)
    }

    /// Takes teams that were read a short time ago as far as they show nothing new, and reads all
    /// others.
    async fn heads_of_late(
        &self,
        cache: &HeadCache,
        owner: &Owner,
        mut sids: Vec<String>,
        scanned: &mut Scanned,
    ) -> Result<(), Error> {
        let begun = head_cache::now();
        let tid = |sid: &str| self.names.tid_of_session(&owner.app, sid);
        let of_late = |sid: &String| Some((sid.clone(), cache.get(&tid(sid), begun)?));
        scanned.heads = sids.iter().filter_map(of_late).collect();
        let mut is_kept = HashSet::new();
        for (at, cells) in scanned.sessions.iter().enumerate() {
            if scanned.heads.contains_key(&cells.sid)
                && scanned.seen_at(at)?.fingerprint == cells.meta.fingerprint
            {
                is_kept.insert(cells.sid.clone());
            }
        }
        sids.retain(|sid| !is_kept.contains(sid));
        let read = self.heads(owner, &sids, false).await?;
        for (sid, head) in &read {
            cache.put(tid(sid), head.clone(), begun);
        }
        // A team without a row was not there when it was kept either.
        scanned.heads.extend(read);
        Ok(())
    }

    /// Takes the memberships of now where the teams, which were read after the partition, show
    /// something new. Else who left in between would see what was said in the team after it.
    ///
    /// What is seen is then of the moment at which the teams were read, or, of who left or came in
    /// since, nothing that was said outside of its time. A session of which nothing new is seen was
    /// read right by whoever gave it its version.
    async fn read_memberships_again(&self, uid: &str, scanned: &mut Scanned) -> Result<(), Error> {
        let mut moved: HashMap<String, usize> = HashMap::new();
        for (at, cells) in scanned.sessions.iter().enumerate() {
            let is_team = !cells.mem.is_empty();
            if is_team && scanned.seen_at(at)?.fingerprint != cells.meta.fingerprint {
                moved.insert(cells.sid.clone(), at);
            }
        }
        let sids: Vec<&str> = moved.keys().map(String::as_str).collect();
        let parts = sids.chunks(KEYS_MAX);
        let parts = parts.map(|part| self.cql.read(&self.cql.statements.mems, (uid, part)));
        let parts = try_join_all(parts).await?;
        for rows in parts {
            for row in rows.rows::<(String, Option<Entries<Vec<u8>>>)>().map_err(unavailable)? {
                let (sid, mem) = row.map_err(unavailable)?;
                if let Some(at) = moved.get(&sid) {
                    scanned.sessions[*at].mem = mem.unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    async fn partition(&self, uid: &str, serial: bool) -> Result<Scanned, Error> {
        let statements = &self.cql.statements;
        let statement = if serial { &statements.scan_serial } else { &statements.scan };
        #[cfg(test)]
        self.cql.faults.count_scan();
        let rows = self.cql.read(statement, (uid,)).await?;
        let mut scanned = Scanned::default();
        for row in rows.rows::<ScanRow>().map_err(unavailable)? {
            let (sid, ver, horizon, key, recalls, edits, mem, meta) = row.map_err(unavailable)?;
            (scanned.version, scanned.horizon) = (version(ver), version(horizon));
            // A partition of nothing but static columns has one row without a session.
            let Some(sid) = sid else { continue };
            if sid == RESULTS_SID {
                let bytes = meta.unwrap_or_default();
                let results = FirstResults::of_bytes(&bytes);
                scanned.results = results.ok_or_else(|| damaged("first results", uid))?;
                continue;
            }
            let latest = LatestCells {
                key,
                body: None,
                recalls: recalls.unwrap_or_default(),
                edits: edits.unwrap_or_default(),
            };
            let (mem, meta) = (mem.unwrap_or_default(), meta_of(meta, &sid)?);
            scanned.sessions.push(SessionCells { sid, latest, mem, meta, ext: None });
        }
        #[cfg(test)]
        if self.cql.faults.tears && !serial {
            scanned.version = scanned.version.saturating_sub(1);
        }
        Ok(scanned)
    }

    /// Reads these sessions with their texts, and their teams.
    pub(crate) async fn sessions(&self, owner: &Owner, sids: &[String]) -> Result<Scanned, Error> {
        let uid = self.names.uid_of(owner);
        let parts = sids.chunks(KEYS_MAX).map(|part| {
            let uid = &uid;
            async move { self.cql.read(&self.cql.statements.sessions, (uid, part)).await }
        });
        let mut scanned = Scanned::default();
        for rows in try_join_all(parts).await? {
            for row in rows.rows::<FullRow>().map_err(unavailable)? {
                let (sid, key, body, recalls, edits, mem, meta, ext) = row.map_err(unavailable)?;
                let latest = LatestCells {
                    key,
                    body,
                    recalls: recalls.unwrap_or_default(),
                    edits: edits.unwrap_or_default(),
                };
                let (mem, meta) = (mem.unwrap_or_default(), meta_of(meta, &sid)?);
                let ext = Some(ext.unwrap_or_default());
                scanned.sessions.push(SessionCells { sid, latest, mem, meta, ext });
            }
        }
        #[cfg(test)]
        self.cql.faults.let_pass(crate::faults::Moment::BeforeTeams).await;
        let teams = scanned.sessions.iter().filter(|one| !one.mem.is_empty());
        let teams: Vec<String> = teams.map(|one| one.sid.clone()).collect();
        scanned.heads = self.heads(owner, &teams, true).await?;
        self.read_memberships_again(&uid, &mut scanned).await?;
        Ok(scanned)
    }

    /// Reads the teams of these sessions.
    pub(crate) async fn heads(
        &self,
        owner: &Owner,
        sids: &[String],
        with_texts: bool,
    ) -> Result<HashMap<String, HeadCells>, Error> {
        let prefix = self.names.of_app(&owner.app);
        let tids: Vec<String> =
            sids.iter().map(|sid| self.names.tid_of_session(&owner.app, sid)).collect();
        let parts = tids.chunks(KEYS_MAX).map(|part| self.some_heads(part, with_texts));
        let mut heads = HashMap::new();
        for (tid, cells) in try_join_all(parts).await?.into_iter().flatten() {
            let sid = tid.strip_prefix(&prefix).ok_or_else(|| damaged("key", &tid))?;
            heads.insert(sid.to_owned(), cells);
        }
        Ok(heads)
    }

    /// Reads these partitions of teams.
    pub(crate) async fn some_heads(
        &self,
        tids: &[String],
        with_texts: bool,
    ) -> Result<Vec<(String, HeadCells)>, Error> {
        let mut heads = Vec::with_capacity(tids.len());
        let mut take = |tid, key, body, recalls: Option<_>, edits: Option<_>, dissolved| {
            let (recalls, edits) = (recalls.unwrap_or_default(), edits.unwrap_or_default());
            let latest = LatestCells { key, body, recalls, edits };
            heads.push((tid, HeadCells { latest, dissolved }));
        };
        let statements = &self.cql.statements;
        if with_texts {
            let rows = self.cql.read(&statements.full_heads, (tids,)).await?;
            for row in rows.rows::<FullHeadRow>().map_err(unavailable)? {
                let (tid, key, body, recalls, edits, dissolved) = row.map_err(unavailable)?;
                take(tid, key, body, recalls, edits, dissolved);
            }
        } else {
            let rows = self.cql.read(&statements.heads, (tids,)).await?;
            for row in rows.rows::<HeadRow>().map_err(unavailable)? {
                let (tid, key, recalls, edits, dissolved) = row.map_err(unavailable)?;
                take(tid, key, None, recalls, edits, dissolved);
            }
        }
        Ok(heads)
    }
}

/// What an account sees of one session, as far as a list is made of it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Its place among the sessions that were read.
    pub(crate) at: usize,
    pub(crate) update_time: Option<u64>,
    pub(crate) has_message: bool,
    pub(crate) in_since: Option<u64>,
    pub(crate) fingerprint: Fingerprint,
}

impl Scanned {
    /// Calls `read` with the view of a session.
    pub(crate) fn view<T>(
        &self,
        cells: &SessionCells,
        read: impl FnOnce(&View<'_>) -> T,
    ) -> Result<T, Error> {
        let (row, head) = (cells.row()?, self.head(cells)?);
        Ok(read(&row.view(cells.kind()?.0, head.as_ref())))
    }

    /// The registers of a session's team.
    pub(crate) fn head(&self, cells: &SessionCells) -> Result<Option<Head<'_>>, Error> {
        let head = match cells.kind()?.0 {
            SessionKind::P2p => None,
            SessionKind::Team | SessionKind::SuperTeam => self.heads.get(&cells.sid),
        };
        head.map(|head| head.head(&cells.sid)).transpose()
    }

    /// What is seen of every session, in their order.
    pub(crate) fn seen(&self) -> Result<Vec<Seen>, Error> {
        (0..self.sessions.len()).map(|at| self.seen_at(at)).collect()
    }

    /// What is seen of the session at this place.
    pub(crate) fn seen_at(&self, at: usize) -> Result<Seen, Error> {
        let cells = &self.sessions[at];
        self.view(cells, |view| Seen {
            at,
            update_time: view.update_time,
            has_message: view.last.is_some(),
            in_since: view.in_since,
            fingerprint: Fingerprint::of(view, digest_of(cells)),
        })
    }
}

/// The digest of a session's ext: of the text if it was read, else what was stored of it.
pub(crate) fn digest_of(cells: &SessionCells) -> [u8; 8] {
    cells.ext.as_deref().map_or(cells.meta.ext, ext_digest)
}
