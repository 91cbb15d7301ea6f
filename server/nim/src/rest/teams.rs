//! Teams and super teams of NIM's server API: parameters, notices of changed members, answers.

use huihua_core::{Account, AccountForm, SessionKind};
use huihua_event::{
    Action, Done, Event, JoinedTeam, MembershipChange, MembershipNotice, Place, Post, TeamEntry,
    TeamKind,
};
use serde::Serialize;

use super::{answer::to_json, fault::RequestFault, form::Form, shown_team_id::ShownTeamId};
use crate::{
    copy::membership,
    last_msg::{CLIENT_TYPE_REST, LastMessage, MessageType},
};

/// Most accounts that one call invites or kicks, as NIM allows.
const ACCOUNTS_MAX: usize = 200;
/// Longest name, in characters, as NIM allows.
const NAME_CHARS_MAX: usize = 64;
/// Longest `custom` text, in characters, as NIM allows.
const CUSTOM_CHARS_MAX: usize = 1_024;
/// Most members of a team if the app gives no limit.
const MEMBERS_MAX_DEFAULT: u64 = 200;

/// Reads `team/create` and `superteam/create`.
///
/// # Errors
/// The parameter that is wrong.
pub fn create(form: &Form, kind: TeamKind) -> Result<Action, RequestFault> {
    let owner = form.account("owner")?;
    form.text("tname")?;
    let members_max = form.optional_number("teamMemberLimit")?.unwrap_or(MEMBERS_MAX_DEFAULT);
    let members_max = u32::try_from(members_max)
        .map_err(|_| RequestFault::new("teamMemberLimit", "must be a number of members"))?;
    let entry = TeamEntry {
        owner: Some(owner.clone()),
        name: form.short("tname", NAME_CHARS_MAX)?.to_owned(),
        custom: form.short("custom", CUSTOM_CHARS_MAX)?.to_owned(),
        members_max,
        anyone_invites: form.flag("invitemode")?.unwrap_or(false),
        created: 0,
    };
    let members = match form.optional(invited(kind)) {
        Some(_) => form.accounts(invited(kind), 0..=ACCOUNTS_MAX)?,
        None => Vec::new(),
    };
    Ok(Action::CreateTeam { kind, entry, owner, members, notice: compose_notice })
}

/// Returns the name of the parameter that lists the invited accounts.
fn invited(kind: TeamKind) -> &'static str {
    match kind {
        TeamKind::Normal => "members",
        TeamKind::Super => "inviteAccids",
    }
}

/// Reads `team/add` and `superteam/invite`.
///
/// # Errors
/// The parameter that is wrong.
pub fn invite(form: &Form, kind: TeamKind) -> Result<Action, RequestFault> {
    let accounts = form.accounts(invited(kind), 1..=ACCOUNTS_MAX)?;
    change(form, kind, "owner", MembershipChange::Invite(accounts))
}

/// Reads `team/kick` and `superteam/kick`. A team's kick may name one account as `member`.
///
/// # Errors
/// The parameter that is wrong.
pub fn kick(form: &Form, kind: TeamKind) -> Result<Action, RequestFault> {
    let accounts = match kind {
        TeamKind::Super => form.accounts("kickAccids", 1..=ACCOUNTS_MAX)?,
        TeamKind::Normal
            if form.optional("members").is_none() && form.optional("member").is_some() =>
        {
            vec![form.account("member")?]
        }
        TeamKind::Normal => form.accounts("members", 1..=ACCOUNTS_MAX)?,
    };
    change(form, kind, "owner", MembershipChange::Kick(accounts))
}

/// Reads `team/leave` and `superteam/leave`.
///
/// # Errors
/// The parameter that is wrong.
pub fn leave(form: &Form, kind: TeamKind) -> Result<Action, RequestFault> {
    change(form, kind, "accid", MembershipChange::Leave)
}

/// Reads `team/remove` and `superteam/dismiss`.
///
/// # Errors
/// The parameter that is wrong.
pub fn dismiss(form: &Form, kind: TeamKind) -> Result<Action, RequestFault> {
    change(form, kind, "owner", MembershipChange::Dissolve)
}

/// Reads `team/changeOwner` and `superteam/changeOwner`.
///
/// # Errors
/// The parameter that is wrong.
pub fn change_owner(form: &Form, kind: TeamKind) -> Result<Action, RequestFault> {
    let to = form.account("newowner")?;
    let leaves = form.choice("leave", &[(1, true), (2, false)])?;
    change(form, kind, "owner", MembershipChange::ChangeOwner { to, leaves })
}

fn change(
    form: &Form,
    kind: TeamKind,
    by: &'static str,
    change: MembershipChange,
) -> Result<Action, RequestFault> {
    let team = form.team("tid", kind)?;
    Ok(Action::ChangeTeam { team, by: form.account(by)?, change, notice: compose_notice })
}

/// Writes NIM's notice of a change, and the events that its copy would become: the reader of
/// copies reads it, so both ways agree.
fn compose_notice(of: &MembershipNotice<'_>) -> Vec<Event> {
    let attach = attach(of);
    let server_id = of.message_id.to_string();
    let notice = LastMessage {
        scene: of.team.kind(),
        to: of.team.id().as_str(),
        from: of.by.as_str(),
        from_client_type: Some(CLIENT_TYPE_REST),
        from_device_id: "",
        from_nick: "",
        time: of.time,
        message_type: MessageType::Notification,
        body: "",
        attach: &attach,
        client_id: "",
        server_id: &server_id,
        resend: None,
        ext: "",
        need_update_session: None,
    };
    let last_msg = notice.to_fitting_json().expect("without its attach it is short");
    let post = Post { time: of.time, message_id: server_id, last_msg };
    // Its ids are accounts of the app already.
    let change = membership(of.team, of.by, &post, &attach, AccountForm::Exact);
    let place = Place::Team(of.team.clone());
    let message = Event::Message { place, post, updates_session: true, audience: Vec::new() };
    std::iter::once(message).chain(change).collect()
}

/// Returns NIM's number of the notice.
fn notice_id(of: &MembershipNotice<'_>) -> u16 {
    let is_super = of.team.kind() == SessionKind::SuperTeam;
    match of.change {
        MembershipChange::Invite(_) if is_super => 401,
        MembershipChange::Kick(_) if is_super => 402,
        MembershipChange::Leave if is_super => 403,
        MembershipChange::Dissolve if is_super => 405,
        MembershipChange::ChangeOwner { .. } if is_super => 406,
        MembershipChange::Invite(_) => 0,
        MembershipChange::Kick(_) => 1,
        MembershipChange::Leave => 2,
        MembershipChange::Dissolve => 4,
        MembershipChange::ChangeOwner { .. } => 6,
    }
}

/// Writes the attach of a notice. That of an invitation describes the team too.
fn attach(of: &MembershipNotice<'_>) -> String {
    #[derive(Serialize)]
    struct NoticeAttach<'a> {
        id: u16,
        data: AttachData<'a>,
    }
    #[derive(Serialize, Default)]
    struct AttachData<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        ids: Option<Vec<&'a str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tinfo: Option<AttachTeam<'a>>,
    }
    #[derive(Serialize)]
    struct AttachTeam<'a> {
        #[serde(rename = "1")]
        tid: &'a str,
        #[serde(rename = "3")]
        name: &'a str,
        #[serde(rename = "5", skip_serializing_if = "Option::is_none")]
        owner: Option<&'a str>,
    }
    let ids = || Some(of.accounts.iter().map(Account::as_str).collect());
    let team = || AttachTeam {
        tid: of.team.id().as_str(),
        name: &of.entry.name,
        owner: of.entry.owner.as_ref().map(Account::as_str),
    };
    let data = match of.change {
        MembershipChange::Invite(_) => AttachData { ids: ids(), tinfo: Some(team()) },
        MembershipChange::Kick(_) | MembershipChange::ChangeOwner { .. } => {
            AttachData { ids: ids(), tinfo: None }
        }
        MembershipChange::Leave | MembershipChange::Dissolve => AttachData::default(),
    };
    to_json(&NoticeAttach { id: notice_id(of), data })
}

/// The accounts that could not be invited: always none.
#[derive(Serialize)]
struct FailedAccounts {
    accid: [&'static str; 0],
    msg: &'static str,
}

const NONE_FAILED: FailedAccounts = FailedAccounts { accid: [], msg: "" };

/// Writes the answer to a created team. Its id is a text here, as NIM writes it.
pub fn created_answer(done: &Done) -> String {
    #[derive(Serialize)]
    struct TeamCreatedBody {
        code: u16,
        tid: String,
        faccid: FailedAccounts,
    }
    let tid = done.team_id.unwrap_or(0).to_string();
    to_json(&TeamCreatedBody { code: 200, tid, faccid: NONE_FAILED })
}

/// Writes the answer to invited or kicked accounts.
pub fn changed_answer() -> String {
    #[derive(Serialize)]
    struct TeamChangedBody {
        code: u16,
        faccid: FailedAccounts,
    }
    to_json(&TeamChangedBody { code: 200, faccid: NONE_FAILED })
}

/// Writes the answer to `team/joinTeams`: the teams of an account, without super teams, as NIM
/// does.
pub fn joined_answer(teams: &[JoinedTeam]) -> String {
    #[derive(Serialize)]
    struct JoinedTeamsBody<'a> {
        code: u16,
        infos: Vec<JoinedTeamInfo<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct JoinedTeamInfo<'a> {
        tid: ShownTeamId<'a>,
        owner: &'a str,
        tname: &'a str,
        /// NIM's Java SDK reads this name; other readers the one in camel case.
        maxusers: u32,
        max_users: u32,
        size: usize,
        custom: &'a str,
    }
    let infos = teams.iter().map(|JoinedTeam { team, entry, size }| JoinedTeamInfo {
        tid: ShownTeamId::of(team.id().as_str()),
        owner: entry.owner.as_ref().map_or("", Account::as_str),
        tname: &entry.name,
        maxusers: entry.members_max,
        max_users: entry.members_max,
        size: *size,
        custom: &entry.custom,
    });
    let infos = infos.collect();
    to_json(&JoinedTeamsBody { code: 200, infos })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes(), AccountForm::Nim).unwrap()
    }

    fn composed(
        kind: TeamKind,
        change: &MembershipChange,
        accounts: &[&str],
    ) -> (String, Vec<Event>) {
        let team = kind.team("253".parse().unwrap());
        let owner: Account = "amy".parse().unwrap();
        let entry =
            TeamEntry { owner: Some(owner.clone()), name: "N".into(), ..Default::default() };
        let accounts: Vec<Account> = accounts.iter().map(|name| name.parse().unwrap()).collect();
        let (team, entry, by) = (&team, &entry, &owner);
        let of = MembershipNotice {
            team,
            entry,
            by,
            change,
            accounts: &accounts,
            time: 5,
            message_id: 7,
        };
        let mut events = compose_notice(&of);
        let Event::Message { post, .. } = events.remove(0) else { panic!() };
        (post.last_msg, events)
    }

    #[test]
    fn every_change_has_its_notice_and_the_notice_does_what_its_copy_would() {
        let invite = MembershipChange::Invite(Vec::new());
        let kick = MembershipChange::Kick(Vec::new());
        for (change, accounts, ids, data) in [
            (
                &invite,
                &["bob", "cat"][..],
                [0, 401],
                r#"{"ids":["bob","cat"],"tinfo":{"1":"253","3":"N","5":"amy"}}"#,
            ),
            (&kick, &["bob"], [1, 402], r#"{"ids":["bob"]}"#),
            (&MembershipChange::Leave, &["amy"], [2, 403], "{}"),
            (&MembershipChange::Dissolve, &[], [4, 405], "{}"),
        ] {
            for (kind, scene, id) in [(TeamKind::Normal, 1, ids[0]), (TeamKind::Super, 5, ids[1])] {
                let (last_msg, events) = composed(kind, change, accounts);
                let attach = format!(r#"{{"id":{id},"data":{data}}}"#);
                let attach = serde_json::to_string(&attach).unwrap();
                assert_eq!(
                    last_msg,
                    format!(
                        r#"{{"0":{scene},"1":"253","2":"amy","4":32,"7":5,"8":5,"10":{attach},"12":"7"}}"#
                    )
                );
                let names: Vec<&str> = match &events[0] {
                    Event::Join { accounts, inviter, time: 5, .. } => {
                        assert_eq!((change, inviter.is_some()), (&invite, true));
                        accounts.iter().map(Account::as_str).collect()
                    }
                    Event::Leave { accounts, notice, .. } => {
                        assert_eq!(notice.last_msg, last_msg);
                        accounts.iter().map(Account::as_str).collect()
                    }
                    Event::Dissolve { notice, .. } => {
                        assert_eq!((change, notice.time), (&MembershipChange::Dissolve, 5));
                        Vec::new()
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(names, accounts);
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_call_is_named() {
        let fault = |result: Result<Action, RequestFault>| result.err().map(|fault| fault.name);
        let of = [TeamKind::Normal, TeamKind::Super];
        let good = "tid=5&owner=a&tname=N&members=%5B%22b%22%5D&inviteAccids=%5B%22b%22%5D&\
                    kickAccids=%5B%22b%22%5D&accid=b&";
        for kind in of {
            for (call, names) in [
                (create as fn(&Form, TeamKind) -> _, &["owner", "tname"][..]),
                (invite, &["tid", "owner", invited(kind)]),
                (kick, &["tid", "owner"]),
                (leave, &["tid", "accid"]),
                (dismiss, &["tid", "owner"]),
            ] {
                assert_eq!(fault(call(&form(good), kind)), None);
                for name in names {
                    let without = good.replace(&format!("{name}="), "x=");
                    assert_eq!(fault(call(&form(&without), kind)), Some(*name), "{without}");
                }
            }
        }
        assert!(kick(&form("tid=5&owner=a&member=b"), TeamKind::Normal).is_ok());
        assert!(kick(&form("tid=5&owner=a&member=b"), TeamKind::Super).is_err());
        let many = serde_json::to_string(&vec!["a"; 201]).unwrap();
        let many = format!("owner=a&tname=N&members={many}");
        assert_eq!(fault(create(&form(&many), TeamKind::Normal)), Some("members"));
        assert!(create(&form("owner=a&tname=N&members=%5B%5D"), TeamKind::Normal).is_ok());
    }

    #[test]
    fn joined_teams_are_listed_with_their_entries() {
        let entry = TeamEntry { owner: Some("amy".parse().unwrap()), ..TeamEntry::default() };
        let joined = |kind: TeamKind, id: &str, entry: &TeamEntry| JoinedTeam {
            team: kind.team(id.parse().unwrap()),
            entry: entry.clone(),
            size: 3,
        };
        let teams = [
            joined(TeamKind::Normal, "253", &entry),
            joined(TeamKind::Normal, "room", &TeamEntry::default()),
        ];
        assert_eq!(
            joined_answer(&teams),
            concat!(
                r#"{"code":200,"infos":[{"tid":253,"owner":"amy","tname":"","maxusers":0,"maxUsers":0,"#,
                r#""size":3,"custom":""},{"tid":"room","owner":"","tname":"","maxusers":0,"#,
                r#""maxUsers":0,"size":3,"#,
                r#""custom":""}]}"#
            )
        );
    }
}
