//! A server that keeps a list, its changes and its cursors as the real one does, for tests that
//! change the list, forget cursors, or are away.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{ReceivedRequest, ScriptedReply, answer, json as ok, problem};

/// Limit of the changes in one answer, small enough to need several.
const CHANGES_MAX: usize = 7;

/// Holds the list of one account, which changes while clients look. Clones are the same list.
#[derive(Clone)]
pub(crate) struct ListServer(Arc<Mutex<State>>);

struct State {
    account: String,
    era: u32,
    version: u64,
    /// Of each session: its version, and its time unless it is deleted.
    sessions: BTreeMap<String, (u64, Option<u64>)>,
    /// Page tokens given: the walk's version, and the last row.
    tokens: Vec<(u64, (u64, String))>,
}

impl ListServer {
    pub(crate) fn new(account: &str) -> Self {
        Self(Arc::new(Mutex::new(State {
            account: account.to_owned(),
            era: 1,
            version: 0,
            sessions: BTreeMap::new(),
            tokens: Vec::new(),
        })))
    }

    /// Makes a list of these many sessions, `p2p|0` the newest.
    pub(crate) fn with_sessions(account: &str, count: u64) -> Self {
        let list = Self::new(account);
        for n in 0..count {
            list.message(&n.to_string(), 1_000_000 - n);
        }
        list
    }

    pub(crate) fn message(&self, peer: &str, time: u64) {
        self.set(peer, Some(time));
    }

    pub(crate) fn delete(&self, peer: &str) {
        self.set(peer, None);
    }

    fn set(&self, peer: &str, time: Option<u64>) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let version = state.version;
        state.sessions.insert(format!("p2p|{peer}"), (version, time));
    }

    /// Makes every cursor and token unknown, as a restored store does.
    pub(crate) fn forget_cursors(&self) {
        let mut state = self.0.lock().unwrap();
        state.era += 1;
        state.tokens.clear();
    }

    /// Returns ids and times of the newest sessions, as `p2p|a@5`.
    pub(crate) fn top(&self, count: usize) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let rows = state.rows().into_iter().take(count);
        rows.map(|(time, id, _)| format!("{id}@{time}")).collect()
    }

    pub(crate) fn answer(&self, seen: &ReceivedRequest) -> ScriptedReply {
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)).map(str::to_owned)
        };
        let mut state = self.0.lock().unwrap();
        match path {
            "/v1/account" => {
                let account = state.account.clone();
                ok(&json!({"account": account, "appKey": "app", "expiresAt": 1}).to_string())
            }
            "/v1/sessions" => {
                let limit = value("limit=").unwrap().parse().unwrap();
                state.page(limit, value("pageToken="))
            }
            "/v1/sync" => {
                let (cursor, wait) = (value("cursor=").unwrap(), value("waitMs="));
                let waits = wait.is_some_and(|ms| ms != "0");
                if waits && state.has_nothing_after(&cursor) {
                    drop(state);
                    return self.answer_later(cursor);
                }
                state.sync(&cursor)
            }
            _ => answer(500, "text/plain", "no such path"),
        }
    }

    fn answer_later(&self, cursor: String) -> ScriptedReply {
        let list = self.clone();
        ScriptedReply::Later(Arc::new(move || {
            let (list, cursor) = (list.clone(), cursor.clone());
            Box::pin(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    let state = list.0.lock().unwrap();
                    if !state.has_nothing_after(&cursor) {
                        return state.sync(&cursor);
                    }
                }
            })
        }))
    }
}

impl State {
    /// Returns time, id and version of all sessions, newest first.
    fn rows(&self) -> Vec<(u64, String, u64)> {
        let shown = self.sessions.iter();
        let mut rows: Vec<_> = shown
            .filter_map(|(id, (version, time))| time.map(|time| (time, id.clone(), *version)))
            .collect();
        rows.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
        rows
    }

    fn cursor(&self, version: u64) -> String {
        format!("{}.{}.{version}", self.account, self.era)
    }

    fn version_of(&self, cursor: &str) -> Option<u64> {
        cursor.strip_prefix(&format!("{}.{}.", self.account, self.era))?.parse().ok()
    }

    fn has_nothing_after(&self, cursor: &str) -> bool {
        self.version_of(cursor) == Some(self.version)
    }

    fn page(&mut self, limit: usize, token: Option<String>) -> ScriptedReply {
        let (walk, after) = match token {
            None => (self.version, None),
            Some(token) => match self.tokens.get(token.parse::<usize>().unwrap()) {
                None => return problem(400, 414, ""),
                Some((walk, last)) => (*walk, Some(last.clone())),
            },
        };
        let mut rows = self.rows();
        rows.retain(|(time, id, version)| {
            let is_below = after.as_ref().is_none_or(|(t, i)| (*t, id) > (*time, i));
            *version <= walk && is_below
        });
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let list: Vec<_> = rows.iter().map(|(time, id, _)| session(id, *time)).collect();
        let mut page =
            json!({"sessionList": list, "hasMore": has_more, "syncCursor": self.cursor(walk)});
        if let (true, Some((time, id, _))) = (has_more, rows.last()) {
            page["nextPageToken"] = self.tokens.len().to_string().into();
            self.tokens.push((walk, (*time, id.clone())));
        }
        ok(&page.to_string())
    }

    fn sync(&self, cursor: &str) -> ScriptedReply {
        let Some(since) = self.version_of(cursor) else {
            let cursor = self.cursor(self.version);
            let reset = json!({"changes": [], "cursor": cursor, "hasMore": false, "reset": true});
            return ok(&reset.to_string());
        };
        let mut changed: Vec<_> =
            self.sessions.iter().filter(|(_, (version, _))| *version > since).collect();
        changed.sort_by_key(|(_, (version, _))| *version);
        let has_more = changed.len() > CHANGES_MAX;
        changed.truncate(CHANGES_MAX);
        let end = changed.last().map_or(since, |(_, (version, _))| *version);
        let changes: Vec<_> = changed
            .into_iter()
            .map(|(id, (_, time))| match time {
                Some(time) => json!({"session": session(id, *time)}),
                None => json!({"deleted": id}),
            })
            .collect();
        let cursor = self.cursor(end);
        let page =
            json!({"changes": changes, "cursor": cursor, "hasMore": has_more, "reset": false});
        ok(&page.to_string())
    }
}

fn session(id: &str, time: u64) -> Value {
    let text = format!("s3cret of {id}");
    json!({"sessionId": id, "updateTime": time, "ext": "", "lastMsgType": 0, "lastMsg": {"9": text}})
}
