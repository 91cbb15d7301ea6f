//! Teams and super teams of NIM's server API: what a call asks, the notice it makes, what it gets.

use huihua_core::{Account, SessionKind};
use serde::Serialize;

use super::{Fault, Form, ShownTeamId, answer};
use crate::{
    event::{Event, Place, Post, TeamKind},
    nim::{
        copy::membership,
        last_msg::{CLIENT_TYPE_REST, Message, MessageType},
    },
    store::directory::{Action, Change, Done, JoinedTeam, TeamEntry, Told},
};

/// Most accounts that one call brings in or sends away, as NIM allows.
const ACCOUNTS_MAX: usize = 200;
/// Longest name, in characters, as NIM allows.
const NAME_CHARS_MAX: usize = 64;
/// Longest text of the app's own, in characters, as NIM allows.
const CUSTOM_CHARS_MAX: usize = 1_024;
/// Members of a team when the app does not say how many there may be.
const MEMBERS_MAX_DEFAULT: u64 = 200;

/// `team/create`, `superteam/create`.
///
/// # Errors
/// The parameter that is wrong.
pub fn create(form: &Form, kind: TeamKind) -> Result<Action, Fault> {
    let owner = form.account("owner")?;
    form.text("tname")?;
    let members_max = form.optional_number("teamMemberLimit")?.unwrap_or(MEMBERS_MAX_DEFAULT);
    let members_max = u32::try_from(members_max)
        .map_err(|_| Fault::new("teamMemberLimit", "must be a number of members"))?;
    let entry = TeamEntry {
        owner: Some(owner.clone()),
        name: form.short("tname", NAME_CHARS_MAX)?.to_owned(),
        custom: form.short("custom", CUSTOM_CHARS_MAX)?.to_owned(),
        members_max,
        anyone_invites: form.flag("invitemode")?.unwrap_or(false),
    };
    let members = match form.optional(newcomers(kind)) {
        Some(_) => form.accounts(newcomers(kind), 0..=ACCOUNTS_MAX)?,
        None => Vec::new(),
    };
    Ok(Action::CreateTeam { kind, entry, owner, members, tell })
}

/// The parameter that names who comes in.
fn newcomers(kind: TeamKind) -> &'static str {
    match kind {
        TeamKind::Normal => "members",
        TeamKind::Super => "inviteAccids",
    }
}

/// `team/add`, `superteam/invite`.
///
/// # Errors
/// The parameter that is wrong.
pub fn invite(form: &Form, kind: TeamKind) -> Result<Action, Fault> {
    let accounts = form.accounts(newcomers(kind), 1..=ACCOUNTS_MAX)?;
    change(form, kind, "owner", Change::Invite(accounts))
}

/// `team/kick`, `superteam/kick`. A team's kick may name one account by itself.
///
/// # Errors
/// The parameter that is wrong.
pub fn kick(form: &Form, kind: TeamKind) -> Result<Action, Fault> {
    let accounts = match kind {
        TeamKind::Super => form.accounts("kickAccids", 1..=ACCOUNTS_MAX)?,
        TeamKind::Normal
            if form.optional("members").is_none() && form.optional("member").is_some() =>
        {
            vec![form.account("member")?]
        }
        TeamKind::Normal => form.accounts("members", 1..=ACCOUNTS_MAX)?,
    };
    change(form, kind, "owner", Change::Kick(accounts))
}

/// `team/leave`, `superteam/leave`.
///
/// # Errors
/// The parameter that is wrong.
pub fn leave(form: &Form, kind: TeamKind) -> Result<Action, Fault> {
    change(form, kind, "accid", Change::Leave)
}

/// `team/remove`, `superteam/dismiss`.
///
/// # Errors
/// The parameter that is wrong.
pub fn dismiss(form: &Form, kind: TeamKind) -> Result<Action, Fault> {
    change(form, kind, "owner", Change::Dissolve)
}

fn change(form: &Form, kind: TeamKind, by: &'static str, change: Change) -> Result<Action, Fault> {
    let team = form.team("tid", kind)?;
    Ok(Action::ChangeTeam { team, by: form.account(by)?, change, tell })
}

/// The notice as NIM would send it, and what it does: read by what reads copies, so that both doors
/// agree.
fn tell(told: &Told<'_>) -> Vec<Event> {
    let attach = attach(told);
    let server_id = told.message_id.to_string();
    let notice = Message {
        scene: told.team.kind(),
        to: told.team.id().as_str(),
        from: told.by.as_str(),
        from_client_type: Some(CLIENT_TYPE_REST),
        from_device_id: "",
        from_nick: "",
        time: told.time,
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
    let post = Post { time: told.time, message_id: server_id, last_msg };
    let change = membership(told.team, told.by, &post, &attach);
    let place = Place::Team(told.team.clone());
    let message = Event::Message { place, post, updates_session: true, audience: Vec::new() };
    std::iter::once(message).chain(change).collect()
}

/// NIM's number of the notice.
fn notice_id(told: &Told<'_>) -> u16 {
    let is_super = told.team.kind() == SessionKind::SuperTeam;
    match told.change {
        Change::Invite(_) if is_super => 401,
        Change::Kick(_) if is_super => 402,
        Change::Leave if is_super => 403,
        Change::Dissolve if is_super => 405,
        Change::Invite(_) => 0,
        Change::Kick(_) => 1,
        Change::Leave => 2,
        Change::Dissolve => 4,
    }
}

/// What a notice carries. An invitation tells of the team too.
fn attach(told: &Told<'_>) -> String {
    #[derive(Serialize)]
    struct Attach<'a> {
        id: u16,
        data: Data<'a>,
    }
    #[derive(Serialize, Default)]
    struct Data<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        ids: Option<Vec<&'a str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tinfo: Option<Team<'a>>,
    }
    #[derive(Serialize)]
    struct Team<'a> {
        #[serde(rename = "1")]
        tid: &'a str,
        #[serde(rename = "3")]
        name: &'a str,
        #[serde(rename = "5", skip_serializing_if = "Option::is_none")]
        owner: Option<&'a str>,
    }
    let ids = || Some(told.accounts.iter().map(Account::as_str).collect());
    let team = || Team {
        tid: told.team.id().as_str(),
        name: &told.entry.name,
        owner: told.entry.owner.as_ref().map(Account::as_str),
    };
    let data = match told.change {
        Change::Invite(_) => Data { ids: ids(), tinfo: Some(team()) },
        Change::Kick(_) => Data { ids: ids(), tinfo: None },
        Change::Leave | Change::Dissolve => Data::default(),
    };
    answer(&Attach { id: notice_id(told), data })
}

/// Accounts that could not be brought in: there are none.
#[derive(Serialize)]
struct Failed {
    accid: [&'static str; 0],
    msg: &'static str,
}

const NONE_FAILED: Failed = Failed { accid: [], msg: "" };

/// The answer to a team made. Its id is a text here, as NIM writes it.
pub fn answer_created(done: &Done) -> String {
    #[derive(Serialize)]
    struct Answer {
        code: u16,
        tid: String,
        faccid: Failed,
    }
    let tid = done.team_id.unwrap_or(0).to_string();
    answer(&Answer { code: 200, tid, faccid: NONE_FAILED })
}

/// The answer to accounts brought in or sent away.
pub fn answer_changed() -> String {
    #[derive(Serialize)]
    struct Answer {
        code: u16,
        faccid: Failed,
    }
    answer(&Answer { code: 200, faccid: NONE_FAILED })
}

/// `team/joinTeams`: the teams that an account is in; NIM tells no super teams here.
pub fn answer_joined(teams: &[JoinedTeam]) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        code: u16,
        infos: Vec<Joined<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Joined<'a> {
        tid: ShownTeamId<'a>,
        owner: &'a str,
        tname: &'a str,
        /// NIM's Java SDK reads this name; other readers the one in camel case.
        maxusers: u32,
        max_users: u32,
        size: usize,
        custom: &'a str,
    }
    let infos = teams.iter().map(|JoinedTeam { team, entry, size }| Joined {
        tid: ShownTeamId::of(team.id().as_str()),
        owner: entry.owner.as_ref().map_or("", Account::as_str),
        tname: &entry.name,
        maxusers: entry.members_max,
        max_users: entry.members_max,
        size: *size,
        custom: &entry.custom,
    });
    let infos = infos.collect();
    answer(&Answer { code: 200, infos })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap()
    }

    fn told(kind: TeamKind, change: &Change, accounts: &[&str]) -> (String, Vec<Event>) {
        let team = kind.team("253".parse().unwrap());
        let owner: Account = "amy".parse().unwrap();
        let entry =
            TeamEntry { owner: Some(owner.clone()), name: "N".into(), ..Default::default() };
        let accounts: Vec<Account> = accounts.iter().map(|name| name.parse().unwrap()).collect();
        let (team, entry, by) = (&team, &entry, &owner);
        let told = Told { team, entry, by, change, accounts: &accounts, time: 5, message_id: 7 };
        let mut events = tell(&told);
        let Event::Message { post, .. } = events.remove(0) else { panic!() };
        (post.last_msg, events)
    }

    #[test]
    fn every_change_has_its_notice_and_the_notice_does_what_its_copy_would() {
        let invite = Change::Invite(Vec::new());
        let kick = Change::Kick(Vec::new());
        for (change, accounts, ids, data) in [
            (
                &invite,
                &["bob", "cat"][..],
                [0, 401],
                r#"{"ids":["bob","cat"],"tinfo":{"1":"253","3":"N","5":"amy"}}"#,
            ),
            (&kick, &["bob"], [1, 402], r#"{"ids":["bob"]}"#),
            (&Change::Leave, &["amy"], [2, 403], "{}"),
            (&Change::Dissolve, &[], [4, 405], "{}"),
        ] {
            for (kind, scene, id) in [(TeamKind::Normal, 1, ids[0]), (TeamKind::Super, 5, ids[1])] {
                let (last_msg, events) = told(kind, change, accounts);
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
                        assert_eq!((change, notice.time), (&Change::Dissolve, 5));
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
        let fault = |result: Result<Action, Fault>| result.err().map(|fault| fault.name);
        let of = [TeamKind::Normal, TeamKind::Super];
        let good = "tid=5&owner=a&tname=N&members=%5B%22b%22%5D&inviteAccids=%5B%22b%22%5D&\
                    kickAccids=%5B%22b%22%5D&accid=b&";
        for kind in of {
            for (call, names) in [
                (create as fn(&Form, TeamKind) -> _, &["owner", "tname"][..]),
                (invite, &["tid", "owner", newcomers(kind)]),
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
    fn teams_joined_are_told_with_what_is_known_of_them() {
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
            answer_joined(&teams),
            concat!(
                r#"{"code":200,"infos":[{"tid":253,"owner":"amy","tname":"","maxusers":0,"maxUsers":0,"#,
                r#""size":3,"custom":""},{"tid":"room","owner":"","tname":"","maxusers":0,"#,
                r#""maxUsers":0,"size":3,"#,
                r#""custom":""}]}"#
            )
        );
    }
}
