//! The rows of `history/querySessionList`: all pages of an account's list.

use std::collections::HashMap;

use huihua_core::{Account, AccountForm, InvalidId, SessionId, SessionKind};
use serde_json::Value;

use super::{
    json,
    nim_api::{NimApi, NimError},
};

const PATH: &str = "/history/querySessionList.action";
/// Rows of a page; NIM's maximum.
const LIMIT: usize = 100;
/// How far a row that moved during a walk of several pages may lie below the newest one, in ms:
/// NIM's machines have clocks of their own.
const MOVED_MS_MAX: u64 = 60_000;
/// Most further looks at the newest rows of a list that never rests.
const LOOKS_MAX: u32 = 5;

/// A session as NIM lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListedSession {
    pub(super) id: SessionId,
    pub(super) update_time: u64,
    pub(super) ext: String,
    pub(super) last: Option<ListedLast>,
}

/// A last message as NIM lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ListedLast {
    Message(ListedMessage),
    Recall(ListedRecall),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListedMessage {
    pub(super) client_id: String,
    pub(super) server_id: String,
    pub(super) from: String,
    pub(super) from_client_type: String,
    pub(super) time: u64,
    /// NIM's number of the type.
    pub(super) kind: String,
    pub(super) body: String,
    pub(super) attach: String,
    pub(super) ext: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListedRecall {
    pub(super) client_id: String,
    pub(super) server_id: String,
    pub(super) message_time: u64,
    pub(super) from: String,
    pub(super) time: u64,
}

/// An account's list.
#[derive(Debug, Default)]
pub(super) struct SessionRows {
    pub(super) rows: HashMap<SessionId, ListedSession>,
    /// Rows that name no session.
    pub(super) unreadable: u64,
    /// Times at which more sessions than a page holds stand: NIM shows no more of them.
    pub(super) crowded: u64,
}

impl SessionRows {
    /// Reads all pages. A row that moved up while they were read is found by a second look at the
    /// newest ones.
    pub(super) async fn read(
        api: &NimApi,
        account: &Account,
        last: NeedLast,
    ) -> Result<Self, NimError> {
        let mut list = Self::default();
        let walk = Walk { api, account, last };
        let (mut pages, mut newest) = walk.down(&mut list, 0).await?;
        // One page is one moment; several are not.
        for _ in 0..LOOKS_MAX {
            if pages < 2 {
                break;
            }
            let since = newest.saturating_sub(MOVED_MS_MAX).max(1);
            let before = newest;
            (pages, newest) = walk.down(&mut list, since).await?;
            if newest <= before {
                break;
            }
        }
        Ok(list)
    }

    /// Adds a row; returns whether it says something new.
    fn add(&mut self, row: ListedSession) -> bool {
        match self.rows.get(&row.id) {
            Some(known) if known.update_time > row.update_time || *known == row => false,
            Some(_) | None => self.rows.insert(row.id.clone(), row).is_none(),
        }
    }
}

/// Whether last messages are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NeedLast {
    Yes,
    No,
}

/// A way through the pages of a list.
struct Walk<'a> {
    api: &'a NimApi,
    account: &'a Account,
    last: NeedLast,
}

impl Walk<'_> {
    /// Reads pages from the newest row to the first at or after `since`. Returns how many there
    /// were, and the time of the newest row.
    async fn down(&self, list: &mut SessionRows, since: u64) -> Result<(u32, u64), NimError> {
        let (mut pages, mut newest, mut max) = (0, 0, 0);
        loop {
            let data = self.page(since, max).await?;
            pages += 1;
            let rows = json::list(&data, "sessions");
            let (mut oldest, mut new) = (u64::MAX, false);
            for row in &rows {
                match session(row, self.api.ids) {
                    Ok(row) => {
                        newest = newest.max(row.update_time);
                        oldest = oldest.min(row.update_time);
                        new |= list.add(row);
                    }
                    Err(_) => list.unreadable += 1,
                }
            }
            if !json::flag(&data, "hasMore") || oldest == u64::MAX {
                return Ok((pages, newest));
            }
            // Inclusive: the rest of the last row's millisecond comes with the next page.
            max = if new || oldest < max || max == 0 {
                oldest
            } else {
                list.crowded += 1;
                oldest - 1
            };
            if max == 0 || max < since {
                return Ok((pages, newest));
            }
        }
    }

    async fn page(&self, since: u64, max: u64) -> Result<Value, NimError> {
        let (since, max, limit) = (since.to_string(), max.to_string(), LIMIT.to_string());
        let mut form = vec![
            ("accid", self.account.as_str()),
            ("limit", &limit),
            ("needLastMsg", if self.last == NeedLast::Yes { "1" } else { "0" }),
        ];
        // NIM's default of both is "no bound".
        form.extend(
            [("minTimestamp", &*since), ("maxTimestamp", &max)]
                .into_iter()
                .filter(|(_, time)| *time != "0"),
        );
        let answer = self.api.call(PATH, &form).await?;
        Ok(json::parsed(&answer["data"]))
    }
}

fn session(row: &Value, ids: AccountForm) -> Result<ListedSession, InvalidId> {
    let id = match json::number(row, "sessionType") {
        1 => SessionId::p2p(&ids.account(json::text(row, "accid"))?),
        2 => SessionId::new(SessionKind::Team, json::text(row, "tid"))?,
        3 => SessionId::new(SessionKind::SuperTeam, json::text(row, "tid"))?,
        _ => return Err(InvalidId::SessionForm),
    };
    let last = json::parsed(&row["lastMsg"]);
    let is_recall = json::text(row, "lastMsgType").eq_ignore_ascii_case("RECALL");
    let last = last.as_object().is_some_and(|fields| !fields.is_empty()).then(|| {
        if is_recall {
            ListedLast::Recall(ListedRecall {
                client_id: json::text(&last, "deleteMsgIdClient"),
                server_id: json::text(&last, "deleteMsgIdServer"),
                message_time: json::number(&last, "deleteMsgCreateTime"),
                from: json::text(&last, "from"),
                time: json::number(&last, "time"),
            })
        } else {
            ListedLast::Message(ListedMessage {
                client_id: json::text(&last, "msgIdClient"),
                server_id: json::text(&last, "msgIdServer"),
                from: json::text(&last, "from"),
                from_client_type: json::text(&last, "fromClientType"),
                time: json::number(&last, "time"),
                kind: json::text(&last, "type"),
                body: json::text(&last, "body"),
                attach: json::text(&last, "attach"),
                ext: json::text(&last, "ext"),
            })
        }
    });
    let update_time = json::number(row, "updateTime");
    Ok(ListedSession { id, update_time, ext: json::text(row, "ext"), last })
}
