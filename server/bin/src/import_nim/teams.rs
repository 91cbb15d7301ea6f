//! Teams and their members, as NIM's server API lists them.

use std::collections::{BTreeMap, HashMap};

use huihua_core::{Account, AccountForm, SessionKind, TeamId};
use huihua_event::Team;
use serde_json::Value;

use super::{
    json,
    nim_api::{NimApi, NimError},
};

/// Members of a page of a super team; NIM's maximum.
const LIMIT: usize = 100;
/// The join time of a member without one: before every message.
const TIME_UNKNOWN: u64 = 1;

/// The members of a team.
#[derive(Debug, Default)]
pub(super) struct TeamMembers {
    /// The members by the time when they joined.
    pub(super) by_time: BTreeMap<u64, Vec<Account>>,
    pub(super) count: u64,
    /// Members whose id cannot be read.
    pub(super) unreadable: u64,
    /// Members that NIM counts but does not list.
    pub(super) unlisted: u64,
}

impl TeamMembers {
    fn new(members: HashMap<Account, u64>) -> Self {
        let mut by_time: BTreeMap<u64, Vec<Account>> = BTreeMap::new();
        let count = members.len() as u64;
        for (account, time) in members {
            by_time.entry(time).or_default().push(account);
        }
        by_time.values_mut().for_each(|accounts| accounts.sort_unstable());
        Self { by_time, count, ..Self::default() }
    }
}

/// Returns the teams of one kind that the account is in.
pub(super) async fn joined(
    api: &NimApi,
    kind: SessionKind,
    account: &Account,
) -> Result<Vec<Team>, NimError> {
    let (path, field) = match kind {
        SessionKind::SuperTeam => ("/superteam/joinTeams.action", "tinfos"),
        SessionKind::Team | SessionKind::P2p => ("/team/joinTeams.action", "infos"),
    };
    let answer = api.call(path, &[("accid", account.as_str())]).await?;
    let ids = json::list(&answer, field).into_iter();
    let ids = ids.filter_map(|team| TeamId::new(json::text(&team, "tid")).ok());
    Ok(ids.map(|id| team(kind, id)).collect())
}

/// Returns the team of this kind and id.
pub(super) fn team(kind: SessionKind, id: TeamId) -> Team {
    match kind {
        SessionKind::SuperTeam => Team::super_team(id),
        SessionKind::Team | SessionKind::P2p => Team::normal(id),
    }
}

/// Returns all members of a team.
pub(super) async fn members(api: &NimApi, team: &Team) -> Result<TeamMembers, NimError> {
    match team.kind() {
        SessionKind::SuperTeam => super_team_members(api, team.id()).await,
        SessionKind::Team | SessionKind::P2p => team_members(api, team.id()).await,
    }
}

async fn team_members(api: &NimApi, id: &TeamId) -> Result<TeamMembers, NimError> {
    let answer = api.call("/team/queryDetail.action", &[("tid", id.as_str())]).await?;
    let team = json::parsed(&answer["tinfo"]);
    let mut rows = vec![json::parsed(&team["owner"])];
    rows.extend(json::list(&team, "admins"));
    rows.extend(json::list(&team, "members"));
    let (mut members, mut unreadable) = (HashMap::new(), 0);
    for row in rows {
        unreadable += u64::from(!add(&mut members, &row, (api.ids, &["createtime"])));
    }
    Ok(TeamMembers { unreadable, ..TeamMembers::new(members) })
}

async fn super_team_members(api: &NimApi, id: &TeamId) -> Result<TeamMembers, NimError> {
    let ids = serde_json::to_string(&[id]).expect("an id is always JSON");
    let answer = api.call("/superteam/getTinfos.action", &[("tids", &ids)]).await?;
    let teams = json::list(&answer, "tinfos");
    let Some(team) = teams.iter().find(|team| json::text(team, "tid") == id.as_str()) else {
        return Err(NimError::Refused { code: 803, desc: "no such super team".to_owned() });
    };
    let size = json::number(team, "size");
    let (mut members, mut unreadable, mut after) = (HashMap::new(), 0, 0_u64);
    loop {
        let page = page_of_members(api, id, after).await?;
        let known = members.len();
        let mut last = after;
        for row in &page {
            last = last.max(json::number(row, "createtime"));
            // 0: of one who is in no more.
            if json::text(row, "validflag") != "0" {
                unreadable +=
                    u64::from(!add(&mut members, row, (api.ids, &["jointime", "createtime"])));
            }
        }
        let ends = page.len() < LIMIT && last <= after + 1;
        // A server that answers with older members than asked for would never end.
        if page.is_empty()
            || ends
            || last == after && members.len() == known && ends_before(&page, after)
        {
            break;
        }
        // One before the last time, whether NIM's bound is inclusive or not: members who share
        // this millisecond may stand on both sides of the page's end.
        let next = last.saturating_sub(1);
        after = if next > after {
            next
        } else if members.len() > known {
            after
        } else {
            // A full page of one millisecond, twice: NIM shows no more of them.
            after + 1
        };
    }
    let unlisted = size.saturating_sub(members.len() as u64 + unreadable);
    Ok(TeamMembers { unreadable, unlisted, ..TeamMembers::new(members) })
}

/// Returns whether all rows of a page are from before a time.
fn ends_before(page: &[Value], time: u64) -> bool {
    page.iter().all(|row| json::number(row, "createtime") < time)
}

/// Returns a page of members, oldest first.
async fn page_of_members(api: &NimApi, id: &TeamId, after: u64) -> Result<Vec<Value>, NimError> {
    let (after, limit) = (after.to_string(), LIMIT.to_string());
    let form = [("tid", id.as_str()), ("timetag", &after), ("limit", &limit), ("reverse", "1")];
    let answer = api.call("/superteam/getTlists.action", &form).await?;
    Ok(json::list(&answer, "tlists"))
}

/// Adds a member with the first of these times that it has. Returns false if its id cannot be read.
fn add(
    members: &mut HashMap<Account, u64>,
    row: &Value,
    (ids, times): (AccountForm, &[&str]),
) -> bool {
    let Ok(account) = ids.account(json::text(row, "accid")) else { return false };
    let time = times.iter().map(|name| json::number(row, name)).find(|time| *time > 0);
    let time = time.unwrap_or(TIME_UNKNOWN);
    let known = members.entry(account).or_insert(time);
    *known = (*known).min(time);
    true
}
