//! What NIM's server API tells of teams and super teams, and of who is in them since when.

use huihua_core::Account;
use huihua_event::{JoinedTeam, Member, Team, TeamEntry, TeamKind};
use serde::Serialize;

use super::{answer::to_json, fault::RequestFault, form::Form, shown_team_id::ShownTeamId};

/// Most teams that one call asks for.
const TEAMS_MAX: usize = 100;
/// Most members on a page, but for those of one millisecond; as NIM allows.
const PAGE_MEMBERS_MAX: u64 = 100;

/// The number of an ordinary member in `type`.
const TYPE_MEMBER: u8 = 0;
/// The number of the owner in `type`.
const TYPE_OWNER: u8 = 1;

/// A team with everybody who is in.
#[derive(Debug)]
pub struct TeamFacts {
    /// Which team.
    pub team: Team,
    /// Its entry in the directory.
    pub entry: TeamEntry,
    /// Who is in, in the order of the accounts' bytes.
    pub members: Vec<Member>,
}

impl TeamFacts {
    fn is_owner(&self, member: &Member) -> bool {
        self.entry.owner.as_ref() == Some(&member.account)
    }
}

/// Reads `team/query`: the teams, and whether their members are wanted.
///
/// # Errors
/// The parameter that is wrong.
pub fn query(form: &Form) -> Result<(Vec<Team>, bool), RequestFault> {
    let teams = form.teams("tids", TeamKind::Normal, 1..=TEAMS_MAX)?;
    Ok((teams, form.choice("ope", &[(0, false), (1, true)])?))
}

/// Reads `superteam/getTinfos`.
///
/// # Errors
/// The parameter that is wrong.
pub fn super_teams(form: &Form) -> Result<Vec<Team>, RequestFault> {
    form.teams("tids", TeamKind::Super, 1..=TEAMS_MAX)
}

/// One page of a super team's members, by the times at which they came in.
#[derive(Debug)]
pub struct MembersQuery {
    /// Which team.
    pub team: Team,
    /// The page begins after the members of this time, ms since 1970. 0: with the first.
    after: u64,
    limit: usize,
    order: JoinOrder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JoinOrder {
    OldestFirst,
    NewestFirst,
}

/// Reads `superteam/getTlists`.
///
/// # Errors
/// The parameter that is wrong.
pub fn members_query(form: &Form) -> Result<MembersQuery, RequestFault> {
    let limit = form.number("limit")?;
    if !(1..=PAGE_MEMBERS_MAX).contains(&limit) {
        let reason = format_args!("must be from 1 to {PAGE_MEMBERS_MAX}");
        return Err(RequestFault::new("limit", reason));
    }
    let order = match form.optional("reverse") {
        None => JoinOrder::OldestFirst,
        Some(_) => {
            form.choice("reverse", &[(1, JoinOrder::OldestFirst), (2, JoinOrder::NewestFirst)])?
        }
    };
    Ok(MembersQuery {
        team: form.team("tid", TeamKind::Super)?,
        after: form.number("timetag")?,
        limit: usize::try_from(limit).expect("at most 100"),
        order,
    })
}

impl MembersQuery {
    /// Cuts the page. It holds all members of each of its milliseconds, even beyond its limit, so
    /// that the time of its last one as the next `timetag` loses nobody and repeats nobody.
    fn page(&self, members: &[Member]) -> Vec<Member> {
        let mut members: Vec<Member> = members.to_vec();
        for member in &mut members {
            // A `timetag` of 0 is the beginning: nobody came in at 0.
            member.since = member.since.max(1);
        }
        members.sort();
        if self.order == JoinOrder::NewestFirst {
            members.reverse();
        }
        members.retain(|member| match self.order {
            _ if self.after == 0 => true,
            JoinOrder::OldestFirst => member.since > self.after,
            JoinOrder::NewestFirst => member.since < self.after,
        });
        if let Some(last) = members.get(self.limit - 1).map(|member| member.since) {
            let ties = members[self.limit..].iter().take_while(|member| member.since == last);
            members.truncate(self.limit + ties.count());
        }
        members
    }
}

/// The facts of a team that `team/query` and `team/queryDetail` share. What is not kept here is
/// empty, or NIM's default.
#[derive(Serialize)]
struct ShownTeam<'a> {
    tid: ShownTeamId<'a>,
    tname: &'a str,
    icon: &'static str,
    maxusers: u32,
    size: usize,
    announcement: &'static str,
    intro: &'static str,
    joinmode: u8,
    beinvitemode: u8,
    invitemode: u8,
    uptinfomode: u8,
    upcustommode: u8,
    #[serde(rename = "muteType")]
    mute_type: u8,
    custom: &'a str,
    #[serde(rename = "clientCustom")]
    client_custom: &'static str,
    mute: bool,
    createtime: u64,
    updatetime: u64,
}

impl<'a> ShownTeam<'a> {
    fn of(TeamFacts { team, entry, members }: &'a TeamFacts) -> Self {
        Self {
            tid: ShownTeamId::of(team.id().as_str()),
            tname: &entry.name,
            icon: "",
            maxusers: entry.members_max,
            size: members.len(),
            announcement: "",
            intro: "",
            joinmode: 0,
            beinvitemode: 0,
            invitemode: entry.anyone_invites.into(),
            uptinfomode: 0,
            upcustommode: 0,
            mute_type: 0,
            custom: &entry.custom,
            client_custom: "",
            mute: false,
            createtime: entry.created,
            updatetime: entry.created,
        }
    }
}

/// Writes the answer to `team/query`.
pub fn query_answer(teams: &[TeamFacts], with_members: bool) -> String {
    #[derive(Serialize)]
    struct TeamsBody<'a> {
        code: u16,
        tinfos: Vec<QueriedTeam<'a>>,
    }
    #[derive(Serialize)]
    struct QueriedTeam<'a> {
        owner: &'a str,
        #[serde(flatten)]
        team: ShownTeam<'a>,
        admins: [&'static str; 0],
        #[serde(skip_serializing_if = "Option::is_none")]
        members: Option<Vec<&'a str>>,
    }
    let shown = |team| QueriedTeam::<'_> {
        owner: owner_name(team),
        team: ShownTeam::of(team),
        admins: [],
        members: with_members.then(|| {
            let others = team.members.iter().filter(|member| !team.is_owner(member));
            others.map(|member| member.account.as_str()).collect()
        }),
    };
    to_json(&TeamsBody { code: 200, tinfos: teams.iter().map(shown).collect() })
}

fn owner_name(team: &TeamFacts) -> &str {
    team.entry.owner.as_ref().map_or("", Account::as_str)
}

/// Writes the answer to `team/queryDetail`. `createtime` of a member is the time at which it came
/// in; 0 for an owner that is not in.
pub fn detail_answer(team: &TeamFacts) -> String {
    #[derive(Serialize)]
    struct TeamDetailBody<'a> {
        code: u16,
        tinfo: DetailedTeam<'a>,
    }
    #[derive(Serialize)]
    struct DetailedTeam<'a> {
        owner: ShownMember<'a>,
        #[serde(flatten)]
        team: ShownTeam<'a>,
        admins: [ShownMember<'a>; 0],
        members: Vec<ShownMember<'a>>,
    }
    #[derive(Serialize)]
    struct ShownMember<'a> {
        accid: &'a str,
        nick: &'static str,
        createtime: u64,
        updatetime: u64,
        mute: bool,
        custom: &'static str,
    }
    let shown = |accid, since| ShownMember {
        accid,
        nick: "",
        createtime: since,
        updatetime: since,
        mute: false,
        custom: "",
    };
    let owner = team.members.iter().find(|member| team.is_owner(member));
    let others = team.members.iter().filter(|member| !team.is_owner(member));
    let tinfo = DetailedTeam {
        owner: shown(owner_name(team), owner.map_or(0, |owner| owner.since)),
        team: ShownTeam::of(team),
        admins: [],
        members: others.map(|member| shown(member.account.as_str(), member.since)).collect(),
    };
    to_json(&TeamDetailBody { code: 200, tinfo })
}

/// Writes the answer to `superteam/getTinfos` and `superteam/joinTeams`.
pub fn super_teams_answer(teams: &[JoinedTeam]) -> String {
    #[derive(Serialize)]
    struct SuperTeamsBody<'a> {
        code: u16,
        tinfos: Vec<ShownSuperTeam<'a>>,
    }
    #[derive(Serialize)]
    struct ShownSuperTeam<'a> {
        tid: ShownTeamId<'a>,
        tname: &'a str,
        creator: &'a str,
        tlevel: u32,
        size: usize,
        intro: &'static str,
        announcement: &'static str,
        #[serde(rename = "clientCustom")]
        client_custom: &'static str,
        #[serde(rename = "serverCustom")]
        server_custom: &'a str,
        icon: &'static str,
        #[serde(rename = "muteType")]
        mute_type: u8,
        joinmode: u8,
        beinvitemode: u8,
        invitemode: u8,
        uptinfomode: u8,
        upcustommode: u8,
        createtime: u64,
        updatetime: u64,
    }
    let tinfos = teams.iter().map(|JoinedTeam { team, entry, size }| ShownSuperTeam {
        tid: ShownTeamId::of(team.id().as_str()),
        tname: &entry.name,
        creator: entry.owner.as_ref().map_or("", Account::as_str),
        tlevel: entry.members_max,
        size: *size,
        intro: "",
        announcement: "",
        client_custom: "",
        server_custom: &entry.custom,
        icon: "",
        mute_type: 0,
        joinmode: 0,
        beinvitemode: 0,
        invitemode: entry.anyone_invites.into(),
        uptinfomode: 0,
        upcustommode: 0,
        createtime: entry.created,
        updatetime: entry.created,
    });
    to_json(&SuperTeamsBody { code: 200, tinfos: tinfos.collect() })
}

/// Writes the answer to `superteam/getTlists`: the page of the query.
pub fn members_answer(query: &MembersQuery, team: &TeamFacts) -> String {
    #[derive(Serialize)]
    struct MembersBody<'a> {
        code: u16,
        tlists: Vec<ListedMember<'a>>,
    }
    #[derive(Serialize)]
    struct ListedMember<'a> {
        tid: ShownTeamId<'a>,
        accid: &'a str,
        #[serde(rename = "type")]
        kind: u8,
        nick: &'static str,
        jointime: u64,
        mute: u8,
        invitor: &'static str,
        validflag: u8,
        custom: &'static str,
        createtime: u64,
        updatetime: u64,
    }
    let page = query.page(&team.members);
    let tlists = page.iter().map(|member| ListedMember {
        tid: ShownTeamId::of(team.team.id().as_str()),
        accid: member.account.as_str(),
        kind: if team.is_owner(member) { TYPE_OWNER } else { TYPE_MEMBER },
        nick: "",
        jointime: member.since,
        mute: 0,
        invitor: "",
        validflag: 1,
        custom: "",
        createtime: member.since,
        updatetime: member.since,
    });
    to_json(&MembersBody { code: 200, tlists: tlists.collect() })
}

#[cfg(test)]
mod tests;
