//! Hints from server to server, through two small tables: what one changed wakes the waits at
//! another within 2 s. Best effort: a hint that is lost costs a wait its time, never a change.
//!
//! No listener and no clock: each server numbers the rows of its hints, and says in `servers` how
//! far it is. The others look there twice a second, and read the rows that they have not seen.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use huihua_store::{ChangeHint, ChangedList, Error};
use tokio::{sync::broadcast, task::JoinHandle};

use crate::{
    failure::unavailable,
    head_cache::{self, HeadCache},
    list::random,
    names::Names,
    statements::Cql,
};

/// How often a server looks at what the others wrote.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long hints gather before they are written: a busy server writes three rows a second.
const GATHER: Duration = Duration::from_millis(300);
/// How often a server says that it lives, in looks; and when the others forget it.
const LOOKS_A_BEAT: u32 = 20;
const LIFE_S: i32 = 60;
/// How long hints are there for one that looks late.
const HINTS_LIFE_S: i32 = 60;
/// Lists that wait to be written: more are not hinted at. Some 100 bytes each.
const LISTS_MAX: usize = 20_000;
/// Bytes of one row of hints: small beside what a node takes in one write.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// Rows of one partition.
const BUCKET_ROWS: i64 = 64;
/// Rows that one look reads of a server: who is further behind goes on at the end.
const ROWS_BEHIND_MAX: i64 = 2 * BUCKET_ROWS;

/// This server among the others.
pub(crate) struct Servers {
    cql: Cql,
    names: Names,
    /// Drawn when the store is opened.
    id: String,
    changed: Mutex<Changed>,
}

/// Lists that changed here and were not written yet.
#[derive(Default)]
struct Changed {
    recent: HashSet<ChangedList>,
    /// Those of the look before: kept that long although nobody else lives, for a server that just
    /// started and is not known yet.
    before: HashSet<ChangedList>,
}

/// What was seen of the other servers: how far each is.
#[derive(Default)]
struct Others {
    rows: HashMap<String, i64>,
    /// False before the first look: what was written before it wakes nobody here.
    have_looked: bool,
}

impl Servers {
    pub(crate) fn new(cql: Cql, names: Names) -> Result<Self, Error> {
        let id = random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { cql, names, id, changed: Mutex::default() })
    }

    fn changed(&self) -> MutexGuard<'_, Changed> {
        // Nothing under this lock panics half done.
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what changed here, for the others.
    pub(crate) fn tell(&self, lists: &[ChangedList]) {
        let mut changed = self.changed();
        for list in lists {
            if changed.recent.len() < LISTS_MAX {
                changed.recent.insert(list.clone());
            }
        }
    }

    /// Looks and writes until it is aborted; what others changed goes to `hints`.
    pub(crate) fn run(
        self: Arc<Self>,
        hints: broadcast::Sender<ChangeHint>,
        head_cache: Option<Arc<HeadCache>>,
    ) -> JoinHandle<()> {
        let take = move |names: &Names, lists: Vec<ChangedList>| {
            if let Some(cache) = &head_cache {
                forget(cache, names, &lists);
            }
            // Nobody listening is no fault.
            let _ = hints.send(lists.into());
        };
        tokio::spawn(async move {
            let (mut others, mut written, mut looks) = (Others::default(), 0, 0);
            loop {
                let is_beat = looks % LOOKS_A_BEAT == 0;
                looks = looks.wrapping_add(1);
                if let Err(error) = self.look(&mut others, &take).await {
                    tracing::debug!(%error, "what other servers changed was not read");
                }
                if let Err(error) = self.write(&others, &mut written, is_beat).await {
                    tracing::debug!(%error, "other servers were not told what changed");
                }
                tokio::time::sleep(LOOK_EVERY.saturating_sub(GATHER)).await;
                // Written before the next look too: changes wait at most for `GATHER`.
                if let Err(error) = self.write(&others, &mut written, false).await {
                    tracing::debug!(%error, "other servers were not told what changed");
                }
                tokio::time::sleep(GATHER).await;
            }
        })
    }

    /// Reads what others wrote since the last look.
    async fn look(
        &self,
        others: &mut Others,
        take: &(dyn Fn(&Names, Vec<ChangedList>) + Send + Sync),
    ) -> Result<(), Error> {
        let of = &self.cql.statements;
        let rows = self.cql.read(&of.servers, (self.names.realm(),)).await?;
        let mut living = HashMap::new();
        for row in rows.rows::<(String, i64)>().map_err(unavailable)? {
            let (id, written) = row.map_err(unavailable)?;
            if id != self.id {
                living.insert(id, written);
            }
        }
        others.rows.retain(|id, _| living.contains_key(id));
        for (id, written) in living {
            let first = if others.have_looked { 0 } else { written };
            let seen = others.rows.entry(id.clone()).or_insert(first);
            // A server that was away for long: what it missed, the ends of its waits bring.
            let from = (*seen).max(written - ROWS_BEHIND_MAX);
            if from < written {
                self.read(&id, from, written, take).await?;
            }
            *seen = written;
        }
        others.have_looked = true;
        Ok(())
    }

    async fn read(
        &self,
        id: &str,
        from: i64,
        to: i64,
        take: &(dyn Fn(&Names, Vec<ChangedList>) + Send + Sync),
    ) -> Result<(), Error> {
        let buckets: Vec<i64> = ((from + 1) / BUCKET_ROWS..=to / BUCKET_ROWS).collect();
        let rows = self.cql.read(&self.cql.statements.hints, (id, buckets, from, to)).await?;
        for row in rows.rows::<(String,)>().map_err(unavailable)? {
            let (text,) = row.map_err(unavailable)?;
            let lists = text.lines().filter_map(|line| list_of(&self.names, line)).collect();
            take(&self.names, lists);
        }
        Ok(())
    }

    /// Writes what changed, if another server lives, and that this one does.
    async fn write(&self, others: &Others, written: &mut i64, is_beat: bool) -> Result<(), Error> {
        let lists = self.take(!others.rows.is_empty(), is_beat);
        let rows = rows_of(&self.names, &lists);
        let of = &self.cql.statements;
        for text in &rows {
            let next = *written + 1;
            let values = (&self.id, next / BUCKET_ROWS, next, text, HINTS_LIFE_S);
            self.cql.put(&of.put_hints, values).await?;
            *written = next;
        }
        if is_beat || !rows.is_empty() {
            let values = (LIFE_S, *written, self.names.realm(), &self.id);
            self.cql.put(&of.put_server, values).await?;
        }
        Ok(())
    }

    /// Takes what is to be written. Nobody to tell: the lists are kept for two beats at most.
    fn take(&self, is_told: bool, is_beat: bool) -> HashSet<ChangedList> {
        let mut changed = self.changed();
        if is_told {
            let mut lists = std::mem::take(&mut changed.before);
            lists.extend(std::mem::take(&mut changed.recent));
            return lists;
        }
        if is_beat {
            changed.before = std::mem::take(&mut changed.recent);
        }
        HashSet::new()
    }

    /// Says that this server is gone, so that the others need not wait for its time to end.
    pub(crate) async fn leave(&self) {
        let values = (1, 0_i64, self.names.realm(), &self.id);
        if let Err(error) = self.cql.put(&self.cql.statements.put_server, values).await {
            tracing::debug!(%error, "other servers were not told of the end of this one");
        }
    }
}

/// Forgets the teams that changed.
pub(crate) fn forget(cache: &HeadCache, names: &Names, lists: &[ChangedList]) {
    for list in lists {
        if let ChangedList::Team(app, team) = list {
            cache.forget(names.tid(app, team), head_cache::now());
        }
    }
}

/// The texts of rows: a line for each list.
fn rows_of(names: &Names, lists: &HashSet<ChangedList>) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    for list in lists {
        match list {
            ChangedList::Account(owner) => row.push_str(&names.uid_of(owner)),
            ChangedList::Team(app, team) => {
                row.push(TEAM);
                row.push_str(&names.tid(app, team));
            }
        }
        row.push('\n');
        if row.len() >= ROW_BYTES_MAX {
            rows.push(std::mem::take(&mut row));
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}

/// Before the name of a team's partition; no other name begins with it.
const TEAM: char = '\u{2}';

fn list_of(names: &Names, line: &str) -> Option<ChangedList> {
    let Some(tid) = line.strip_prefix(TEAM) else {
        return names.owner_of(line).map(ChangedList::Account);
    };
    let (app, team) = names.app_and_team_of(tid)?;
    Some(ChangedList::Team(app, team))
}

#[cfg(test)]
mod tests {
    use huihua_event::{Owner, Team};
    use huihua_store::suite::support::amy;

    use super::*;

    #[test]
    fn lists_are_read_back_from_their_rows_and_a_row_is_not_large() {
        let mut lists = HashSet::new();
        for n in 0..2_000 {
            let account = format!("account-with-a-long-name-{n}").parse().unwrap();
            lists.insert(ChangedList::Account(Owner { app: amy().app, account }));
            let team = Team::super_team(n.to_string().parse().unwrap());
            lists.insert(ChangedList::Team(amy().app, team));
        }
        // Of a keyspace of its own as of a shared one: hints of teams were lost in the former.
        for names in [Names::default(), Names::of_realm("r")] {
            let rows = rows_of(&names, &lists);
            assert!(rows.len() > 1 && rows.iter().all(|row| row.len() < ROW_BYTES_MAX + 200));
            let read = rows.iter().flat_map(|row| row.lines());
            let read: HashSet<ChangedList> =
                read.filter_map(|line| list_of(&names, line)).collect();
            assert_eq!(read, lists);
        }
    }
}
