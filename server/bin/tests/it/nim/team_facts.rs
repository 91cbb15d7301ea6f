//! Questions about teams through NIM's server API: who is in since when, page by page, as a backend
//! that moves to another server asks them.

use serde_json::{Value, json};

use super::{fixture::sdk_of, schema, sdk::Sdk};
use crate::support::{T0, TestServer, membership, notice};

async fn asked(sdk: &Sdk, path: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = sdk.ok(path, parameters).await;
    schema::assert_form(&schema::success(path).expect("no page"), &answer, path);
    answer
}

/// Accounts with the times at which they came in.
fn times(members: &Value) -> Vec<(String, u64)> {
    let of = |member: &Value| {
        let accid = member["accid"].as_str().unwrap().to_owned();
        assert_eq!(member["updatetime"], member["createtime"]);
        (accid, member["createtime"].as_u64().unwrap())
    };
    members.as_array().unwrap().iter().map(of).collect()
}

fn named(times: &[(&str, u64)]) -> Vec<(String, u64)> {
    times.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect()
}

#[tokio::test]
async fn a_team_tells_who_is_in_since_when() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let before = huihua_http::clock::now_ms();
    let create = [
        ("tname", "名"),
        ("owner", "amy"),
        ("members", "[\"bob\",\"cat\"]"),
        ("custom", "{\"a\":1}"),
        ("invitemode", "1"),
        ("teamMemberLimit", "50"),
    ];
    let team = sdk.ok("/team/create.action", &create).await["tid"].as_str().unwrap().to_owned();
    let kick = [("tid", team.as_str()), ("owner", "amy"), ("members", "[\"bob\"]")];
    sdk.ok("/team/kick.action", &kick).await;
    // A notice of NIM's about the same team, late.
    let later = huihua_http::clock::now_ms() - T0 + 5_000;
    let invite = json!({"id": 0, "data": {"ids": ["dan", "cat"]}});
    server.deliver(&[notice("TEAM", "amy", &team, later, &invite)]).await;

    let tids = format!("[\"{team}\",4611686018427387000,{team}]");
    let answer = asked(&sdk, "/team/query.action", &[("tids", tids.as_str()), ("ope", "1")]).await;
    assert_eq!(answer["tinfos"].as_array().unwrap().len(), 1, "each once, unknown ones left out");
    let queried = &answer["tinfos"][0];
    let created = queried["createtime"].as_u64().unwrap();
    assert!(created >= before && created <= T0 + later);
    for (field, expected) in [
        ("tid", json!(team.parse::<u64>().unwrap())),
        ("owner", json!("amy")),
        ("tname", json!("名")),
        ("size", json!(3)),
        ("maxusers", json!(50)),
        ("custom", json!("{\"a\":1}")),
        ("invitemode", json!(1)),
        ("members", json!(["cat", "dan"])),
        ("admins", json!([])),
        ("mute", json!(false)),
    ] {
        assert_eq!(queried[field], expected, "{field}");
    }
    let without = [("tids", tids.as_str()), ("ope", "0")];
    let without = sdk.ok("/team/query.action", &without).await;
    assert!(without["tinfos"][0].get("members").is_none(), "not asked for");

    let detail = asked(&sdk, "/team/queryDetail.action", &[("tid", &team)]).await;
    let tinfo = &detail["tinfo"];
    assert_eq!(times(&json!([tinfo["owner"]])), named(&[("amy", created)]));
    assert_eq!(times(&tinfo["members"]), named(&[("cat", created), ("dan", T0 + later)]));
}

/// A team that lives at NIM: its facts are not known here, its members are.
#[tokio::test]
async fn a_team_known_from_events_tells_who_is_in_and_no_owner() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let joins = [
        membership("join", "2530", &["amy", "bob"], T0 + 5),
        membership("join", "2530", &["cat"], T0 + 9),
    ];
    server.events(json!(joins)).await;
    let detail = asked(&sdk, "/team/queryDetail.action", &[("tid", "2530")]).await;
    let tinfo = &detail["tinfo"];
    assert_eq!((&tinfo["owner"]["accid"], &tinfo["createtime"]), (&json!(""), &json!(0)));
    let expected = named(&[("amy", T0 + 5), ("bob", T0 + 5), ("cat", T0 + 9)]);
    assert_eq!(times(&tinfo["members"]), expected);
}

/// An import gives hundreds of members one time; a page cut among them lost the rest.
#[tokio::test]
async fn pages_of_a_super_teams_members_lose_nobody_of_one_millisecond() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let early = huihua_http::clock::now_ms();
    let create = [("tname", "t"), ("owner", "own"), ("inviteAccids", "[\"m000\"]")];
    let created = sdk.ok("/superteam/create.action", &create).await;
    let team = created["tid"].as_str().unwrap().to_owned();
    let names: Vec<String> = (0..350).map(|at| format!("m{at:03}")).collect();
    let join = |range: std::ops::Range<usize>, time: u64| {
        json!({"type": "join", "sessionType": "super_team", "teamId": team,
            "accounts": names[range], "time": time})
    };
    let joins = [join(1..250, T0 + 7), join(250..300, T0 + 8), join(300..350, early + 60_000)];
    server.events(json!(joins)).await;
    let mut expected: Vec<String> = names.clone();
    expected.push("own".to_owned());
    for (reverse, limit) in [("1", "100"), ("2", "100"), ("1", "7"), ("2", "1")] {
        let mut walked = Vec::new();
        let mut timetag = 0;
        loop {
            let timetag_text = timetag.to_string();
            let parameters = [
                ("tid", team.as_str()),
                ("timetag", &timetag_text),
                ("limit", limit),
                ("reverse", reverse),
            ];
            let page = asked(&sdk, "/superteam/getTlists.action", &parameters).await;
            let page = page["tlists"].as_array().unwrap().clone();
            for member in &page {
                assert_eq!(member["jointime"], member["createtime"]);
                assert_eq!(member["type"], u8::from(member["accid"] == "own"), "{member}");
            }
            walked.extend(times(&json!(page)));
            let Some(last) = walked.last().filter(|_| page.len() >= limit.parse().unwrap()) else {
                break;
            };
            timetag = last.1;
        }
        let by_time: Vec<u64> = walked.iter().map(|(_, time)| *time).collect();
        let is_in_order =
            if reverse == "1" { by_time.is_sorted() } else { by_time.iter().rev().is_sorted() };
        assert!(is_in_order, "reverse {reverse}");
        let mut found: Vec<String> = walked.into_iter().map(|(name, _)| name).collect();
        found.sort();
        assert_eq!(found, expected, "each once, by {limit}, reverse {reverse}");
    }
    let tids = format!("[{team}]");
    let facts = asked(&sdk, "/superteam/getTinfos.action", &[("tids", &tids)]).await;
    let joined = asked(&sdk, "/superteam/joinTeams.action", &[("accid", "m349")]).await;
    assert_eq!(facts, joined);
    let tinfo = &facts["tinfos"][0];
    assert_eq!((&tinfo["creator"], &tinfo["size"]), (&json!("own"), &json!(351)));
    assert!(tinfo["createtime"].as_u64().unwrap() >= early);
    let nobody = asked(&sdk, "/superteam/joinTeams.action", &[("accid", "nobody")]).await;
    assert_eq!(nobody["tinfos"], json!([]));
    let teams = sdk.ok("/team/joinTeams.action", &[("accid", "m349")]).await;
    assert_eq!(teams["infos"], json!([]), "teams alone");
}
