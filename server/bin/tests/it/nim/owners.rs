//! `team/changeOwner` and `superteam/changeOwner`: who may give a team away, what its members see,
//! and who may change it then.

use serde_json::{Value, json};

use super::{fixture::sdk_of, sdk::Sdk};
use crate::support::TestServer;

/// The calls of one kind of team.
struct TeamCalls {
    create: &'static str,
    invited: &'static str,
    change_owner: &'static str,
    invite: &'static str,
    session: &'static str,
    /// NIM's numbers of the notices: the owner changed, a member left.
    notices: [u16; 2],
}

const KINDS: [TeamCalls; 2] = [
    TeamCalls {
        create: "/team/create.action",
        invited: "members",
        change_owner: "/team/changeOwner.action",
        invite: "/team/add.action",
        session: "team",
        notices: [6, 2],
    },
    TeamCalls {
        create: "/superteam/create.action",
        invited: "inviteAccids",
        change_owner: "/superteam/changeOwner.action",
        invite: "/superteam/invite.action",
        session: "super_team",
        notices: [406, 403],
    },
];

async fn owner(sdk: &Sdk, calls: &TeamCalls, team: &str) -> String {
    let tids = format!("[{team}]");
    let (path, field) = match calls.session {
        "team" => ("/team/query.action", "owner"),
        _ => ("/superteam/getTinfos.action", "creator"),
    };
    let answer = sdk.ok(path, &[("tids", &tids), ("ope", "0")]).await;
    answer["tinfos"][0][field].as_str().unwrap().to_owned()
}

/// Asserts that the account sees this notice last: who made the change, and NIM's attach.
fn assert_sees(rows: &[Value], by: &str, attach: &Value) {
    let last = &rows[0]["lastMsg"];
    assert_eq!((&last["2"], &last["8"]), (&json!(by), &json!(5)), "a NOTIFICATION: {last}");
    let seen: Value = serde_json::from_str(last["10"].as_str().unwrap()).unwrap();
    assert_eq!(&seen, attach);
}

#[tokio::test]
async fn the_owner_gives_a_team_to_a_member_and_goes_if_it_wants() {
    for calls in &KINDS {
        let server = TestServer::start().await;
        let sdk = sdk_of(&server, "a");
        let create = [("tname", "t"), ("owner", "own"), (calls.invited, "[\"amy\",\"bob\"]")];
        let team = sdk.ok(calls.create, &create).await["tid"].as_str().unwrap().to_owned();
        let give = async |from: &str, to: &str, leave: &str| {
            let parameters =
                [("tid", team.as_str()), ("owner", from), ("newowner", to), ("leave", leave)];
            sdk.call(calls.change_owner, &parameters).await["code"].as_u64().unwrap()
        };
        let list = async |account: &str| server.http.list(&server.token("a", account)).await;
        let before = list("bob").await;
        for (from, to, leave, code) in [
            ("amy", "bob", "2", 403),
            ("eve", "eve", "1", 403),
            ("own", "eve", "2", 404),
            ("own", "own", "1", 403),
            ("own", "own", "2", 200),
        ] {
            assert_eq!(give(from, to, leave).await, code, "{from} to {to}, leave {leave}");
            assert_eq!(owner(&sdk, calls, &team).await, "own");
            assert_eq!(list("bob").await, before);
        }
        assert_eq!(give("own", "amy", "2").await, 200);
        assert_eq!(owner(&sdk, calls, &team).await, "amy");
        let notice = json!({"id": calls.notices[0], "data": {"ids": ["amy"]}});
        for account in ["own", "amy", "bob"] {
            assert_sees(&list(account).await, "own", &notice);
        }
        // The new owner decides, the old one does not.
        for (by, code) in [("own", 403), ("amy", 200)] {
            let invite = [("tid", team.as_str()), ("owner", by), (calls.invited, "[\"cat\"]")];
            assert_eq!(sdk.call(calls.invite, &invite).await["code"], code, "{by} invites");
        }
        assert_eq!(give("amy", "bob", "1").await, 200);
        assert_eq!(owner(&sdk, calls, &team).await, "bob");
        let left = json!({"id": calls.notices[1], "data": {}});
        for account in ["own", "amy", "bob", "cat"] {
            assert_sees(&list(account).await, "amy", &left);
        }
        let invite = [("tid", team.as_str()), ("owner", "bob"), (calls.invited, "[\"dan\"]")];
        sdk.ok(calls.invite, &invite).await;
        assert_sees(&list("amy").await, "amy", &left);
        assert_ne!(list("own").await, list("amy").await, "amy is out");
    }
}
