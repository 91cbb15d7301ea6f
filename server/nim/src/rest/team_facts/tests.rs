//! Pages of members lose nobody and repeat nobody; the answers have NIM's fields.

use serde_json::{Value, json};

use huihua_core::AccountForm;

use super::*;

fn form(text: &str) -> Form {
    Form::parse(text.as_bytes(), AccountForm::Nim).unwrap()
}

fn members(times: &[u64]) -> Vec<Member> {
    let member = |(at, since): (usize, &u64)| Member {
        since: *since,
        account: format!("m{at:03}").parse().unwrap(),
    };
    times.iter().enumerate().map(member).collect()
}

fn facts(kind: TeamKind, owner: Option<&str>, times: &[u64]) -> TeamFacts {
    let entry = TeamEntry {
        owner: owner.map(|owner| owner.parse().unwrap()),
        name: "N".into(),
        custom: "{}".into(),
        members_max: 9,
        anyone_invites: true,
        created: 7,
    };
    TeamFacts { team: kind.team("253".parse().unwrap()), entry, members: members(times) }
}

/// Walks as NIM's documents say: the next `timetag` is the last one's `createtime`, until a page is
/// shorter than its limit.
fn walk(team: &TeamFacts, limit: usize, reverse: u8) -> Vec<(u64, String)> {
    let (mut walked, mut timetag) = (Vec::new(), 0);
    loop {
        let text = format!("tid=253&timetag={timetag}&limit={limit}&reverse={reverse}");
        let answer = members_answer(&members_query(&form(&text)).unwrap(), team);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let page = answer["tlists"].as_array().unwrap();
        walked.extend(page.iter().map(|member| {
            let since = member["createtime"].as_u64().unwrap();
            (since, member["accid"].as_str().unwrap().to_owned())
        }));
        if page.len() < limit {
            return walked;
        }
        timetag = walked.last().unwrap().0;
    }
}

/// Everybody of an import came in within one millisecond: a page cut there lost the rest.
#[test]
fn pages_of_members_lose_nobody_who_came_in_within_one_millisecond() {
    let all_at_once = [5; 30];
    let (early, late) = ([0, 0, 0, 1, 9, 9, 9, 10], [3, 1, 2, 2, 2, 2, 2, 8]);
    for times in [&all_at_once[..], &early, &late, &[4], &[]] {
        let team = facts(TeamKind::Super, None, times);
        let mut expected: Vec<(u64, String)> = team
            .members
            .iter()
            .map(|member| (member.since.max(1), member.account.to_string()))
            .collect();
        expected.sort();
        for limit in [1, 2, 3, 5, 8, 100] {
            assert_eq!(walk(&team, limit, 1), expected, "{times:?} by {limit}");
            let newest_first: Vec<_> = walk(&team, limit, 2).into_iter().rev().collect();
            assert_eq!(newest_first, expected, "{times:?} by {limit}, newest first");
        }
    }
}

#[test]
fn what_is_wrong_with_a_question_is_named() {
    let page = |text: &str| members_query(&form(text)).err().map(|fault| fault.name);
    assert_eq!(page("tid=1&timetag=0&limit=100"), None);
    for (text, name) in [
        ("timetag=0&limit=1", "tid"),
        ("tid=a%7Cb&timetag=0&limit=1", "tid"),
        ("tid=1&limit=1", "timetag"),
        ("tid=1&timetag=x&limit=1", "timetag"),
        ("tid=1&timetag=0", "limit"),
        ("tid=1&timetag=0&limit=0", "limit"),
        ("tid=1&timetag=0&limit=101", "limit"),
        ("tid=1&timetag=0&limit=1&reverse=0", "reverse"),
    ] {
        assert_eq!(page(text), Some(name), "{text}");
    }
    let asked = |text: &str| query(&form(text)).err().map(|fault| fault.name);
    let many = serde_json::to_string(&vec!["1"; 101]).unwrap();
    for (tids, name) in [
        ("[\"1\",\"2\"]", None),
        ("[1,9007199254740993]", None),
        ("", Some("tids")),
        ("[]", Some("tids")),
        ("1", Some("tids")),
        ("[\"a|b\"]", Some("tids")),
        ("[true]", Some("tids")),
        ("[1.5]", Some("tids")),
        (&many, Some("tids")),
    ] {
        let tids = tids.replace('|', "%7C");
        assert_eq!(asked(&format!("tids={tids}&ope=1")), name, "{tids}");
    }
    assert_eq!(asked("tids=[1]"), Some("ope"));
    assert_eq!(asked("tids=[1]&ope=2"), Some("ope"));
    let (teams, with_members) = query(&form("tids=[\"2\",1,\"2\"]&ope=0")).unwrap();
    let ids: Vec<&str> = teams.iter().map(|team| team.id().as_str()).collect();
    assert_eq!((ids, with_members), (vec!["2", "1"], false));
}

#[test]
fn members_are_told_beside_their_owner_with_the_times_at_which_they_came_in() {
    let parsed = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let team = facts(TeamKind::Normal, Some("m001"), &[5, 6, 4]);
    let tinfo = &parsed(detail_answer(&team))["tinfo"];
    assert_eq!(
        (&tinfo["owner"]["accid"], &tinfo["owner"]["createtime"]),
        (&json!("m001"), &json!(6))
    );
    let times: Vec<(&str, u64)> = tinfo["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["accid"].as_str().unwrap(), one["createtime"].as_u64().unwrap()))
        .collect();
    assert_eq!(times, [("m000", 5), ("m002", 4)]);
    assert_eq!((&tinfo["size"], &tinfo["createtime"]), (&json!(3), &json!(7)));
    let queried = parsed(query_answer(std::slice::from_ref(&team), true));
    assert_eq!(queried["tinfos"][0]["owner"], "m001");
    assert_eq!(queried["tinfos"][0]["members"], json!(["m000", "m002"]));
    assert!(parsed(query_answer(&[team], false))["tinfos"][0].get("members").is_none());
    let unowned = parsed(detail_answer(&facts(TeamKind::Normal, None, &[5])));
    assert_eq!(unowned["tinfo"]["owner"]["accid"], "");
    let gone = parsed(detail_answer(&facts(TeamKind::Normal, Some("gone"), &[5])));
    assert_eq!(gone["tinfo"]["owner"]["createtime"], 0);
    let team = facts(TeamKind::Super, Some("m001"), &[5, 5]);
    let listed =
        parsed(members_answer(&members_query(&form("tid=253&timetag=0&limit=9")).unwrap(), &team));
    assert_eq!(listed["tlists"][1]["type"], 1);
    assert_eq!(listed["tlists"][0]["type"], 0);
}
