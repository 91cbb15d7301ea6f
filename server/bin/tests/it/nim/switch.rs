//! The move from NIM to this server as `docs/from-nim.md` describes it, with one server in NIM's
//! place: members by `members import`, last messages as events made of the rows of
//! `querySessionList`, the accounts' own texts; then both lists are equal.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{schema, sdk::Sdk, seed::Seed};
use crate::support::{ServerProcess, binary, printed_token};

const ACCOUNTS: [&str; 5] = ["amy", "小明", "cat", "dan", "9007199254740993"];
const LIST: &str = "/history/querySessionList.action";

/// What the page's table makes of a row of `account`'s list.
fn event_of(account: &str, row: &Value) -> Value {
    let kind = ["", "p2p", "team", "super_team"][row["sessionType"].as_u64().unwrap() as usize];
    let last = &row["lastMsg"];
    let from = last["from"].as_str().unwrap();
    let to = match row["accid"].as_str() {
        Some(peer) if from == account => peer.to_owned(),
        Some(_) => account.to_owned(),
        None => row["tid"].to_string(),
    };
    let mut event = if row["lastMsgType"] == "RECALL" {
        json!({"type": "recall", "messageTime": last["deleteMsgCreateTime"],
            "messageId": last["deleteMsgIdServer"], "clientId": last["deleteMsgIdClient"]})
    } else {
        let types = [
            (0, "text"),
            (1, "image"),
            (2, "audio"),
            (3, "video"),
            (4, "location"),
            (5, "notification"),
            (6, "file"),
            (7, "avchat"),
            (10, "tip"),
            (11, "robot"),
            (12, "call"),
            (100, "custom"),
        ];
        let type_ = types.iter().find(|(number, _)| last["type"] == *number).unwrap().1;
        json!({"type": "message", "messageId": last["msgIdServer"].to_string(), "msgType": type_,
            "clientId": last["msgIdClient"], "fromClientType": last["fromClientType"],
            "body": last["body"], "attach": last["attach"], "ext": last["ext"]})
    };
    for (name, value) in [("sessionType", kind), ("from", from), ("to", &to)] {
        event[name] = value.into();
    }
    event["time"] = last["time"].clone();
    event.as_object_mut().unwrap().retain(|_, value| *value != "");
    event
}

/// A life at NIM: teams, messages of all types in all kinds of session, recalls, a kick, an ext.
async fn live(nim: &ServerProcess, sdk: &Sdk, folder: &TempDir) -> [String; 2] {
    let all = json!(ACCOUNTS).to_string();
    let parameters =
        [("tname", "t"), ("owner", "amy"), ("members", &*all), ("inviteAccids", &*all)];
    let team = sdk.ok("/team/create.action", &parameters).await;
    let super_team = sdk.ok("/superteam/create.action", &parameters).await;
    let [team, super_team] =
        [team, super_team].map(|made| made["tid"].as_str().unwrap().to_owned());
    let mut sent = Vec::new();
    for (n, type_) in ["0", "1", "2", "3", "4", "6", "10", "100"].iter().enumerate() {
        let body = json!({"msg": format!("{n} 你好"), "url": "https://x/y"}).to_string();
        let content = [("type", *type_), ("body", &body), ("ext", "{\"e\":1}")];
        let (from, to) = (ACCOUNTS[n % 5], ACCOUNTS[(n * 3 + 1) % 5]);
        for place in [[("ope", "0"), ("to", to)], [("ope", "1"), ("to", &team)]] {
            let parameters = [&[("from", from)], &place[..], &content].concat();
            let answer = sdk.ok("/msg/sendMsg.action", &parameters).await;
            sent.push((from, place, answer["data"].clone()));
        }
        let parameters = [&[("fromAccid", from), ("tid", &super_team)], &content[..]].concat();
        sdk.ok("/superteam/sendMsg.action", &parameters).await;
    }
    let kick = [("tid", super_team.as_str()), ("owner", "amy"), ("kickAccids", "[\"dan\"]")];
    sdk.ok("/superteam/kick.action", &kick).await;
    for (from, place, data) in sent.iter().rev().take(4) {
        let (id, time) = (data["msgid"].to_string(), data["timetag"].to_string());
        let type_ = if place[0].1 == "0" { "7" } else { "8" };
        let parameters = [
            ("deleteMsgid", &*id),
            ("timetag", &*time),
            ("type", type_),
            ("from", *from),
            place[1],
        ];
        sdk.ok("/msg/recall.action", &parameters).await;
    }
    let amy = printed_token(folder.path(), "amy");
    nim.http.set_ext(&format!("team|{team}"), &amy, "{\"top\":true}").await.ok();
    [team, super_team]
}

async fn list(sdk: &Sdk, account: &str) -> Vec<Value> {
    schema::session_rows(&sdk.ok(LIST, &[("accid", account), ("needLastMsg", "1")]).await)
}

#[tokio::test]
async fn the_way_from_nim_leads_to_equal_lists() {
    let mut seed = Seed::printed("switch");
    let (at_nim, at_ours) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (nim, ours) =
        (ServerProcess::start(at_nim.path()).await, ServerProcess::start(at_ours.path()).await);
    let sdk_of = |server: &ServerProcess, seed: Seed| {
        Sdk::new(&server.http.url, &server.dev["appKey"], &server.dev["appSecret"], seed)
    };
    let (of_nim, of_ours) = (sdk_of(&nim, seed.fork()), sdk_of(&ours, seed.fork()));
    let [team, super_team] = live(&nim, &of_nim, &at_nim).await;

    let without_dan: Vec<&str> = ACCOUNTS.into_iter().filter(|name| *name != "dan").collect();
    let lines = [("team", &team, &ACCOUNTS[..]), ("super_team", &super_team, &without_dan)].map(
        |(kind, team, members)| {
            json!({"sessionType": kind, "teamId": team, "accounts": members, "time": 1}).to_string()
        },
    );
    let file = at_ours.path().join("members.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut import = binary();
    import.args(["members", "import", "--url", &ours.http.url, "--file"]).arg(&file);
    import.arg("--data").arg(at_ours.path());
    let imported = tokio::task::spawn_blocking(move || import.output().unwrap()).await.unwrap();
    assert!(imported.status.success(), "{imported:?}");

    let mut recalls = 0;
    for account in ACCOUNTS {
        let rows = list(&of_nim, account).await;
        for row in &rows {
            let left = row["sessionType"] == 3 && account == "dan";
            let event = if left {
                json!({"type": "leave", "sessionType": "super_team", "teamId": super_team,
                    "accounts": [account], "time": row["updateTime"]})
            } else {
                event_of(account, row)
            };
            recalls += usize::from(event["type"] == "recall");
            let answer = ours.events(json!([event])).await;
            assert_ne!(answer["results"][0]["status"], "rejected", "{event}: {answer}");
            if row["ext"] != "" {
                let token = printed_token(at_ours.path(), account);
                let (id, ext) = (format!("team|{team}"), row["ext"].as_str().unwrap());
                ours.http.set_ext(&id, &token, ext).await.ok();
            }
        }
    }
    assert!(recalls > 4, "recalls were carried over too: {recalls}");
    for account in ACCOUNTS {
        let (mut expected, got) = (list(&of_nim, account).await, list(&of_ours, account).await);
        assert!(expected.len() > 2, "{account}: {expected:?}");
        if account == "dan" {
            let notice = expected.iter_mut().find(|row| row["sessionType"] == 3).unwrap();
            for (name, bare) in [
                ("msgIdServer", json!(0)),
                ("from", json!("")),
                ("fromClientType", json!("")),
                ("attach", json!("")),
            ] {
                notice["lastMsg"][name] = bare;
            }
        }
        assert_eq!(got, expected, "{account}");
    }
}
