//! `POST /nim/copy` against what NIM's documents print: every number of a notice in a team and a
//! super team, everything that only looks like a notice, and each printed attach as text and
//! as an object.

use serde_json::{Value, json};

use crate::support::{T0, TestServer, message, notice};

/// What a notice of amy's about cat and dan does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    /// Cat, dan and amy, who invites, are in.
    Invite,
    /// Cat and dan are in.
    In,
    /// Amy is in.
    Join,
    /// Cat and dan are out.
    Kick,
    /// Amy is out.
    Leave,
    End,
    Nothing,
}

/// By number: NIM prints super teams' notices with the numbers of both columns.
const NUMBERS: [(u64, u64, Does); 12] = [
    (0, 401, Does::Invite),
    (1, 402, Does::Kick),
    (2, 403, Does::Leave),
    (3, 404, Does::Nothing),
    (4, 405, Does::End),
    (5, 410, Does::In),
    (6, 406, Does::Nothing),
    (7, 407, Does::Nothing),
    (8, 408, Does::Nothing),
    (9, 411, Does::Join),
    (10, 409, Does::Nothing),
    (11, 400, Does::Nothing),
];
const WATCHED: [&str; 5] = ["own", "amy", "bob", "cat", "dan"];

/// A copy with some of its fields set.
fn with(copy: &str, fields: &Value) -> String {
    let mut copy: Value = serde_json::from_str(copy).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        copy[name] = value.clone();
    }
    copy.to_string()
}

/// Which of the watched see the message of this number in the team.
async fn seers(server: &TestServer, kind: &str, team: &str, n: u64) -> Vec<&'static str> {
    let kind = if kind == "TEAM" { "team" } else { "super_team" };
    let (mut seers, id) = (Vec::new(), n.to_string());
    for account in WATCHED {
        let path = format!("/v1/sessions/{kind}%7C{team}");
        let answer = server.http.get(&path, &server.token("a", account)).await;
        if answer.status == 200 && answer.json()["lastMsg"]["12"] == id {
            seers.push(account);
        }
    }
    seers
}

fn expected_seers(does: Does, in_before: &[&'static str]) -> Vec<&'static str> {
    let mut seers = in_before.to_vec();
    match does {
        Does::Invite => seers.extend(["amy", "cat", "dan"]),
        Does::In => seers.extend(["cat", "dan"]),
        Does::Join => seers.push("amy"),
        Does::Kick => seers.retain(|name| !["cat", "dan"].contains(name)),
        Does::Leave => seers.retain(|name| *name != "amy"),
        Does::End => seers.clear(),
        Does::Nothing => {}
    }
    WATCHED.into_iter().filter(|name| seers.contains(name)).collect()
}

#[tokio::test]
async fn every_number_of_a_notice_does_what_nim_says_it_does() {
    let server = TestServer::start().await;
    let mut n = 10;
    for (in_team, in_super_team, does) in NUMBERS {
        for (kind, number) in
            [("TEAM", in_team), ("SUPER_TEAM", in_super_team), ("SUPER_TEAM", in_team)]
        {
            // With nobody but own and bob in before, and with all.
            for in_before in [&WATCHED[..1], &WATCHED] {
                n += 10;
                let team = n.to_string();
                let setup = json!({"id": 5, "data": {"ids": in_before}});
                let attach = json!({"id": number, "data": {"ids": ["cat", "dan"],
                    "tinfo": {"1": team, "3": "name"}, "uinfos": [{"1": "cat"}]}});
                let as_text = notice(kind, "amy", &team, n + 2, &attach);
                let expected = expected_seers(does, in_before);
                // The audience of a notice that sends somebody away still names who went.
                let goes = matches!(does, Does::Kick | Does::Leave | Does::End);
                let audience = if goes { &WATCHED[..] } else { &expected };
                let as_object = with(
                    &as_text,
                    &json!({"attach": attach, "msgTimestamp": T0 + n + 2,
                    "eventType": 1, "tMembers": audience}),
                );
                let attach_text = if n.is_multiple_of(20) { as_text } else { as_object };
                server
                    .deliver(&[
                        notice(kind, "own", &team, n + 1, &setup),
                        attach_text.clone(),
                        message(kind, "own", &team, n + 3),
                    ])
                    .await;
                let seen = seers(&server, kind, &team, n + 3).await;
                assert_eq!(seen, expected, "{kind} {number} {does:?}: {attach_text}");
            }
        }
    }
}

/// Copies that name bob, who is in, and cat, who is not, and change neither.
fn impostors(kind: &str, team: &str, n: u64) -> Vec<String> {
    let mut copies = Vec::new();
    for attach in [
        json!({"id": 4}),
        json!({"id": 405}),
        json!({"id": 1, "data": {"ids": ["bob"]}}),
        json!({"id": 402, "data": {"ids": ["bob"]}}),
        json!({"id": 2, "data": {}}),
        json!({"id": 0, "data": {"ids": ["cat"]}}),
        json!({"id": 401, "data": {"ids": ["cat"]}}),
    ] {
        let base = message(kind, "bob", team, n);
        let text = attach.to_string();
        // Every type but NOTIFICATION is opaque, also when it says the same elsewhere.
        let types = ["TEXT", "PICTURE", "AUDIO", "VIDEO", "LOCATION", "FILE", "AVCHAT", "TIPS"];
        for type_ in types.into_iter().chain(["ROBOT", "NRTC_NETCALL", "CUSTOM"]) {
            copies.push(with(&base, &json!({"msgType": type_, "attach": attach})));
            let everywhere = json!({"msgType": type_, "attach": text, "body": text, "ext": text,
                "notification": text});
            copies.push(with(&base, &everywhere));
        }
        // A notice between two accounts, of which one has the team's name.
        copies.push(with(
            &base,
            &json!({"convType": "PERSON", "msgType": "NOTIFICATION", "attach": text}),
        ));
        for conv in ["CUSTOM_TEAM", "CUSTOM_PERSON"] {
            let custom = json!({"convType": conv, "msgType": "NOTIFICATION", "attach": attach,
                "tMembers": "[bob, cat]"});
            copies.push(with(&base, &custom));
        }
        for type_ in [
            "TEAM_APPLY",
            "TEAM_APPLY_REJECT",
            "TEAM_INVITE",
            "TEAM_INVITE_REJECT",
            "CUSTOM_TEAM_MSG",
            "notification",
            "Notification",
            "8",
            "101",
        ] {
            copies.push(with(
                &base,
                &json!({"msgType": type_, "attach": text,
                "tMembers": ["cat"]}),
            ));
        }
        // A recall's attach is opaque too; and so are events that are no messages.
        for event in [8, 25, 7] {
            copies.push(
                json!({"eventType": event, "msgId": n, "from": "bob", "to": team,
                "sendTime": T0 + 1, "deleteTime": T0 + n, "attach": attach})
                .to_string(),
            );
        }
        for event in [2, 3, 4, 5, 6, 9, 24, 28, 34, 100] {
            copies.push(with(
                &base,
                &json!({"eventType": event, "msgType": "NOTIFICATION",
                "attach": text}),
            ));
        }
    }
    copies
}

#[tokio::test]
async fn what_looks_like_a_notice_and_is_none_changes_no_membership() {
    let server = TestServer::start().await;
    for kind in ["TEAM", "SUPER_TEAM"] {
        let setup = json!({"id": 5, "data": {"ids": ["own", "bob"]}});
        server.deliver(&[notice(kind, "own", "77", 1, &setup)]).await;
        let copies = impostors(kind, "77", 2);
        server.deliver(&copies).await;
        server.deliver(&[message(kind, "own", "77", 3)]).await;
        let seen = seers(&server, kind, "77", 3).await;
        assert_eq!(seen, ["own", "bob"], "{kind}, after {} copies", copies.len());
    }
    // Beside the super team of this number there is a team of which nothing is known.
    let cat = server.http.list(&server.token("a", "cat")).await;
    assert!(cat.is_empty(), "{cat:?}");
}

#[tokio::test]
async fn an_audience_is_a_hint_in_both_of_its_forms_and_of_messages_in_teams_only() {
    let server = TestServer::start().await;
    let mut n = 10;
    for (kind, type_, members, expected) in [
        ("TEAM", "TEXT", json!("[bob, cat]"), &["bob", "cat"][..]),
        ("TEAM", "CUSTOM", json!(["bob", "cat"]), &["bob", "cat"]),
        ("TEAM", "TIPS", json!("[\"bob\",\"cat\"]"), &["bob", "cat"]),
        ("TEAM", "TEXT", json!("[bob]"), &["bob"]),
        ("TEAM", "TEXT", json!("bob"), &["bob"]),
        ("TEAM", "TEXT", json!("[]"), &[]),
        ("TEAM", "TEXT", json!({"bob": 1}), &[]),
        ("TEAM", "TEXT", json!(true), &[]),
        ("TEAM", "NOTIFICATION", json!("[bob, cat]"), &["bob", "cat"]),
    ] {
        n += 1;
        let team = n.to_string();
        let copy = with(
            &message(kind, "own", &team, n),
            &json!({"msgType": type_, "tMembers": members, "attach": {"id": 3}}),
        );
        server.deliver(&[copy]).await;
        assert_eq!(seers(&server, kind, &team, n).await, expected, "{type_} {members}");
    }
}

#[tokio::test]
async fn each_printed_attach_is_kept_as_it_came_as_text_and_as_an_object() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let printed = [
        ("TEXT", 0, ""),
        (
            "PICTURE",
            1,
            r#"{"md5":"9e","h":1440,"w":1080,"ext":"jpg","size":104857,"name":"p","url":"https://x/y"}"#,
        ),
        ("AUDIO", 2, r#"{"size":3884,"ext":"aac","dur":3900,"url":"https://x/a","md5":"87"}"#),
        (
            "VIDEO",
            3,
            r#"{"dur":8003,"md5":"da","url":"https://x/v","w":360,"ext":"mp4","size":16420,"h":480}"#,
        ),
        ("LOCATION", 4, r#"{"lat":30.190000001,"lng":120.1,"title":"杭州"}"#),
        ("NOTIFICATION", 5, r#"{"id":4,"data":{}}"#),
        ("FILE", 6, r#"{"md5":"79","size":154,"name":"a b.txt","url":"https://x/f","ext":"txt"}"#),
        ("AVCHAT", 7, r#"{"calls":[{"duration":3,"accid":"amy"}]}"#),
        ("TIPS", 10, ""),
        ("ROBOT", 11, r#"{"robotAccid":"r","msgOut":""}"#),
        (
            "NRTC_NETCALL",
            12,
            r#"{"type":1,"channelId":9007199254740993,"status":1,"durations":[]}"#,
        ),
        ("CUSTOM", 100, r#"{"id": 4, "value":1e400, "n":9007199254740993}"#),
    ];
    for (n, (type_, number, attach)) in (1..).zip(printed) {
        let object = if attach.is_empty() { "null" } else { attach };
        for written in [Value::from(attach).to_string(), object.to_owned()] {
            let start = message("PERSON", "bob", "amy", n);
            let start = start.replace("\"TEXT\"", &format!("\"{type_}\""));
            let copy = format!(r#"{},"attach":{written}}}"#, start.strip_suffix('}').unwrap());
            server.deliver(&[copy]).await;
            let row = server.http.get("/v1/sessions/p2p%7Cbob", &token).await.ok();
            let mut last = json!({"0": 0, "1": "amy", "2": "bob", "7": T0 + n, "8": number,
                "9": format!("body {n}"), "11": format!("c{n}"), "12": n.to_string()});
            if !attach.is_empty() {
                last["10"] = attach.into();
            }
            assert_eq!(row["lastMsg"], last, "{type_}");
        }
    }
    let list = server.http.list(&token).await;
    assert_eq!(list.len(), 1, "the notice between two accounts is a message: {list:?}");
}
