//! Teams, accounts and messages through NIM's server API, where `docs/from-nim.md` differs from
//! NIM: permissions, membership, ids, and calls that change no list.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    fixture::sdk_of,
    schema,
    sdk::{Sdk, SdkRequest},
};
use crate::support::{T0, TestServer, changed_ids, message, notice};

const TEXT: [(&str, &str); 2] = [("type", "0"), ("body", "{\"msg\":\"hi\"}")];

async fn make(sdk: &Sdk, more: &[(&str, &str)]) -> String {
    let parameters = [
        &[
            ("tname", "名"),
            ("owner", "amy"),
            ("members", "[\"bob\"]"),
            ("custom", "{\"a\":1}"),
            ("teamMemberLimit", "50"),
        ],
        more,
    ]
    .concat();
    sdk.ok("/team/create.action", &parameters).await["tid"].as_str().unwrap().to_owned()
}

async fn send(sdk: &Sdk, from: &str, team: &str) -> Value {
    let parameters = [&[("from", from), ("ope", "1"), ("to", team)], &TEXT[..]].concat();
    sdk.call("/msg/sendMsg.action", &parameters).await
}

/// Ids of the teams that the account is in.
async fn joined(sdk: &Sdk, account: &str) -> Vec<String> {
    let answer = sdk.ok("/team/joinTeams.action", &[("accid", account)]).await;
    let teams = answer["infos"].as_array().unwrap().iter();
    teams.map(|team| team["tid"].to_string()).collect()
}

#[tokio::test]
async fn who_may_change_a_team_and_who_is_in_it() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let team = make(&sdk, &[]).await;
    let call = async |path: &str, by: &str, field: &str, names: &str| {
        let owner = if field == "accid" { field } else { "owner" };
        let parameters = [("tid", team.as_str()), (owner, by), (field, names)];
        let parameters = if field == "accid" { &parameters[..2] } else { &parameters };
        sdk.call(path, parameters).await["code"].as_u64().unwrap()
    };
    let (add, kick, leave) = ("/team/add.action", "/team/kick.action", "/team/leave.action");
    for (path, by, field, names, code, cat_is_in) in [
        (add, "bob", "members", "[\"cat\"]", 403, false),
        (add, "amy", "members", "[\"cat\",\"bob\"]", 200, true),
        (add, "amy", "members", "[\"cat\"]", 200, true),
        (kick, "bob", "members", "[\"cat\"]", 403, true),
        (kick, "amy", "members", "[\"nobody\"]", 404, true),
        (kick, "amy", "member", "cat", 200, false),
        (kick, "amy", "members", "[\"cat\"]", 404, false),
        (leave, "cat", "accid", "", 404, false),
        (leave, "amy", "accid", "", 403, false),
        (add, "amy", "members", "[\"cat\"]", 200, true),
        (leave, "cat", "accid", "", 200, false),
    ] {
        assert_eq!(call(path, by, field, names).await, code, "{path} {by} {field} {names}");
        let is_in = joined(&sdk, "cat").await == [team.clone()];
        assert_eq!(is_in, cat_is_in, "after {path} {by} {field} {names}");
    }
    let open = make(&sdk, &[("invitemode", "1")]).await;
    for (by, code) in [("cat", 403), ("bob", 200)] {
        let parameters = [("tid", open.as_str()), ("owner", by), ("members", "[\"cat\"]")];
        assert_eq!(sdk.call(add, &parameters).await["code"], code, "{by} invites");
    }
    let answer = sdk.ok("/team/joinTeams.action", &[("accid", "cat")]).await;
    let form = schema::success("/team/joinTeams.action").expect("no page");
    schema::assert_form(&form, &answer, "joinTeams");
    let info = json!({"tid": open.parse::<u64>().unwrap(), "owner": "amy", "tname": "名",
        "custom": "{\"a\":1}", "maxusers": 50, "maxUsers": 50, "size": 3});
    assert_eq!(answer["infos"], json!([info]));
}

#[tokio::test]
async fn a_sender_need_not_be_in_and_an_ended_team_stays_ended() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let team = make(&sdk, &[]).await;
    assert_eq!(send(&sdk, "stranger", &team).await["code"], 200);
    let bob = server.http.list(&server.token("a", "bob")).await;
    assert_eq!(
        (&bob[0]["lastMsg"]["2"], &bob[0]["lastMsg"]["9"]),
        (&"stranger".into(), &"hi".into())
    );
    assert!(server.http.list(&server.token("a", "stranger")).await.is_empty());
    sdk.ok("/team/remove.action", &[("tid", &team), ("owner", "amy")]).await;
    schema::assert_refused(&send(&sdk, "amy", &team).await, 803, "an ended team");
    let mut ids = BTreeSet::from([team]);
    for _ in 0..20 {
        assert!(ids.insert(make(&sdk, &[]).await), "a team id given twice");
    }
}

/// A team that lives at NIM has no owner here, and its id is never given to another.
#[tokio::test]
async fn a_team_known_from_copies_may_be_changed_by_anyone() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let invite = json!({"id": 0, "data": {"ids": ["amy", "bob"]}});
    server
        .deliver(&[notice("TEAM", "own", "2530", 1, &invite), message("TEAM", "own", "2530", 2)])
        .await;
    assert_eq!(send(&sdk, "bob", "2530").await["code"], 200);
    let kick = [("tid", "2530"), ("owner", "amy"), ("members", "[\"bob\"]")];
    sdk.ok("/team/kick.action", &kick).await;
    assert_eq!((joined(&sdk, "bob").await.len(), joined(&sdk, "amy").await.len()), (0, 1));
    let path = "/v1/sessions/team%7C2530";
    let of_bob = server.http.get(path, &server.token("a", "bob")).await.ok();
    assert_eq!(of_bob["lastMsg"]["8"], 5, "the notice of the kick");
    // And NIM's next copy, though its clock is behind ours, does not bring bob back.
    server.deliver(&[message("TEAM", "own", "2530", 9)]).await;
    assert_eq!(server.http.get(path, &server.token("a", "bob")).await.ok(), of_bob);
}

#[tokio::test]
async fn what_asks_to_move_no_list_moves_none() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let team = make(&sdk, &[]).await;
    let bob = server.token("a", "bob");
    let cursor = server.http.latest(&bob).await;
    let id = [("deleteMsgid", "1"), ("timetag", "1700000000000"), ("from", "amy"), ("to", "bob")];
    for (path, parameters) in [
        (
            "/msg/sendMsg.action",
            [
                &[
                    ("from", "amy"),
                    ("ope", "0"),
                    ("to", "bob"),
                    ("option", "{\"sessionUpdate\":false}"),
                ],
                &TEXT[..],
            ]
            .concat(),
        ),
        (
            "/msg/sendMsg.action",
            [
                &[
                    ("from", "amy"),
                    ("ope", "1"),
                    ("to", &*team),
                    ("option", "{\"push\":true,\"sessionUpdate\": \"false\"}"),
                ],
                &TEXT[..],
            ]
            .concat(),
        ),
        (
            "/msg/sendBatchMsg.action",
            [
                &[
                    ("fromAccid", "amy"),
                    ("toAccids", "[\"bob\",\"bob\"]"),
                    ("option", "{\"sessionUpdate\":false}"),
                ],
                &TEXT[..],
            ]
            .concat(),
        ),
        ("/msg/delMsgOneWay.action", [&[("type", "13")], &id[..]].concat()),
        ("/msg/delMsg.action", [&[("type", "7")], &id[..]].concat()),
        ("/msg/delRoamSession.action", [&[("type", "1")], &id[2..]].concat()),
        ("/user/create.action", vec![("accid", "bob")]),
        ("/user/refreshToken.action", vec![("accid", "bob")]),
    ] {
        sdk.ok(path, &parameters).await;
    }
    let page = server.http.sync(&bob, &format!("cursor={cursor}")).await;
    assert_eq!(changed_ids(&page).len(), 0, "{page}");
    let batch = [&[("fromAccid", "amy"), ("toAccids", "[\"bob\"]")], &TEXT[..]].concat();
    sdk.ok("/msg/sendBatchMsg.action", &batch).await;
    let page = server.http.sync(&bob, &format!("cursor={cursor}")).await;
    assert_eq!(changed_ids(&page), ["p2p|amy"], "the control: this one does");
}

#[tokio::test]
async fn a_message_that_was_never_sent_through_here_is_recalled_all_the_same() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let time = (T0 + 2).to_string();
    let recall = [
        ("deleteMsgid", "2"),
        ("timetag", &*time),
        ("type", "7"),
        ("from", "bob"),
        ("to", "amy"),
        ("msg", "sorry"),
    ];
    sdk.ok("/msg/recall.action", &recall).await;
    server.deliver(&[message("PERSON", "bob", "amy", 2), message("PERSON", "bob", "amy", 1)]).await;
    let rows = server.http.list(&server.token("a", "amy")).await;
    assert_eq!((rows.len(), &rows[0]["lastMsgType"]), (1, &json!(1)));
    assert_eq!(rows[0]["updateTime"], T0 + 2);
    // A recall does not know of its message either that it moved no list.
    let silent = [
        &[("from", "eve"), ("ope", "0"), ("to", "amy"), ("option", "{\"sessionUpdate\":false}")],
        &TEXT[..],
    ]
    .concat();
    let sent = sdk.ok("/msg/sendMsg.action", &silent).await;
    let (id, time) = (sent["data"]["msgid"].to_string(), sent["data"]["timetag"].to_string());
    let recall =
        [("deleteMsgid", &*id), ("timetag", &*time), ("type", "7"), ("from", "eve"), ("to", "amy")];
    assert_eq!(server.http.list(&server.token("a", "amy")).await.len(), 1);
    sdk.ok("/msg/recall.action", &recall).await;
    assert_eq!(server.http.list(&server.token("a", "amy")).await.len(), 2);
}

#[tokio::test]
async fn a_recall_by_the_server_api_with_another_time_left_the_text() {
    let server = TestServer::start().await;
    let (sdk, amy) = (sdk_of(&server, "a"), server.token("a", "amy"));
    for (id, timetag) in [(5, T0 / 1_000), (6, T0), (7, T0 + 8)] {
        server.deliver(&[message("PERSON", "bob", "amy", id)]).await;
        let (id, timetag) = (id.to_string(), timetag.to_string());
        let recall = [
            ("deleteMsgid", &*id),
            ("timetag", &*timetag),
            ("type", "7"),
            ("from", "bob"),
            ("to", "amy"),
        ];
        sdk.ok("/msg/recall.action", &recall).await;
        let rows = server.http.list(&amy).await;
        assert_eq!((rows.len(), &rows[0]["lastMsgType"]), (1, &json!(1)), "{id} at {timetag}");
        assert_eq!(rows[0]["updateTime"], T0 + id.parse::<u64>().unwrap());
        assert_eq!(rows[0]["lastMsg"]["11"], id);
    }
}

#[tokio::test]
async fn the_longest_lists_are_taken_and_each_account_counts_once() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let names = |count: usize| (0..count).map(|n| format!("m{n}")).collect::<Vec<_>>();
    let all = json!(names(500)).to_string();
    let more = [("returnMsgid", "true"), ("ext", "")];
    let batch = [&[("fromAccid", "amy"), ("toAccids", &*all)], &TEXT[..], &more].concat();
    let answer = sdk.ok("/msg/sendBatchMsg.action", &batch).await;
    let ids = answer["msgids"].as_object().unwrap();
    let distinct: BTreeSet<u64> = ids.values().map(|id| id.as_u64().unwrap()).collect();
    assert_eq!((ids.len(), distinct.len()), (500, 500));
    assert_eq!(server.http.list(&server.token("a", "amy")).await.len(), 500);
    assert_eq!(server.http.list(&server.token("a", "m499")).await.len(), 1);
    let members = json!([names(199), vec!["amy".to_owned()]].concat()).to_string();
    let create = [("tname", "t"), ("owner", "amy"), ("members", &*members)];
    let team = sdk.ok("/team/create.action", &create).await["tid"].as_str().unwrap().to_owned();
    // Of those who are named only some are in, and one of them twice.
    let gone = json!(["m1", "m400", "m2", "m1"]).to_string();
    let kick = [("tid", team.as_str()), ("owner", "amy"), ("members", &*gone)];
    sdk.ok("/team/kick.action", &kick).await;
    let answer = sdk.ok("/team/joinTeams.action", &[("accid", "m3")]).await;
    assert_eq!(answer["infos"][0]["size"], 200 - 2);
    for (account, teams) in [("m1", 0), ("m2", 0), ("m3", 1), ("m400", 0)] {
        assert_eq!(joined(&sdk, account).await.len(), teams, "{account}");
    }
}

/// Everything at once, by many: each account is made once, every id is given once, and the ids of
/// one line rise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_are_given_once_under_concurrency() {
    let server = TestServer::start().await;
    let sdk = Arc::new(sdk_of(&server, "a"));
    let mut lines = JoinSet::new();
    for line in 0..8 {
        let sdk = Arc::clone(&sdk);
        lines.spawn(async move {
            let (mut made, mut teams, mut ids) = (0, Vec::new(), Vec::new());
            for n in 0..8 {
                let account = format!("u{n}");
                let answer = sdk.call("/user/create.action", &[("accid", &account)]).await;
                made += usize::from(answer["code"] == 200);
                teams.push(make(&sdk, &[]).await);
                let peer = format!("v{line}");
                let parameters = [&[("from", "amy"), ("ope", "0"), ("to", &peer)], &TEXT[..]];
                let sent = sdk.ok("/msg/sendMsg.action", &parameters.concat()).await;
                ids.push(sent["data"]["msgid"].as_u64().unwrap());
            }
            assert!(ids.is_sorted(), "message ids rise: {ids:?}");
            (made, teams, ids)
        });
    }
    let (mut made, mut teams, mut ids) = (0, BTreeSet::new(), BTreeSet::new());
    while let Some(line) = lines.join_next().await {
        let line = line.unwrap();
        made += line.0;
        teams.extend(line.1);
        ids.extend(line.2);
    }
    assert_eq!((made, teams.len(), ids.len()), (8, 64, 64));
    assert_eq!(joined(&sdk, "amy").await.len(), 64);
    assert_eq!(server.http.list(&server.token("a", "amy")).await.len(), 64 + 8);
}

/// Forms that no SDK writes, but that are forms all the same; and some that are none.
#[tokio::test]
async fn forms_are_read_as_the_standard_says() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let good = sdk.request("/user/create.action", &[("accid", "amy")]);
    for (body, account) in [
        ("accid=b%6Fb&name=B", Some("bob")),
        ("accid=a+b", Some("a b")),
        ("&&accid=cat&&", Some("cat")),
        ("accid=%E5%B0%8F", Some("小")),
        ("accid=%E5%B0", None),
        ("accid", None),
        ("=amy", None),
        ("ACCID=amy", None),
    ] {
        let name = sdk.request("", &[]).header("RequestId").clone();
        let request = SdkRequest { body: body.into(), ..good.clone() }.with("RequestId", &name);
        let answer = sdk.send(&request).await;
        match account {
            Some(account) => assert_eq!(answer["info"]["accid"], account, "{body}"),
            None => schema::assert_refused(&answer, 414, body),
        }
    }
}
