//! The server on which calls are tried: two apps, a team and a super team, a dissolved team, a
//! token; and everything that a call may change of it.

use huihua_http::{clock::Clock, server::Limits};
use serde_json::Value;

use super::{calls::CallValues, sdk::Sdk, seed::Seed};
use crate::support::{TestServer, message};

/// Amy's token; as in the table of calls.
const TOKEN: &str = "amys_token";
/// The accounts that any of the wrong calls names.
const NAMED: [&str; 4] = ["amy", "bob", "cat", "own"];

/// A server with a team and a super team of own, amy and bob.
pub(super) struct Fixture {
    pub(super) server: TestServer,
    pub(super) sdk: Sdk,
    pub(super) values: CallValues,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let server = TestServer::start().await;
        let sdk = sdk_of(&server, "a");
        sdk.ok("/user/create.action", &[("accid", "amy"), ("token", TOKEN)]).await;
        let members = "[\"amy\",\"bob\"]";
        let create = [
            ("tname", "t"),
            ("owner", "own"),
            ("members", members),
            ("msg", "m"),
            ("magree", "0"),
            ("joinmode", "0"),
            ("inviteAccids", members),
        ];
        let team = tid(&sdk.ok("/team/create.action", &create).await);
        let super_team = tid(&sdk.ok("/superteam/create.action", &create).await);
        let ended = tid(&sdk.ok("/team/create.action", &create).await);
        sdk.ok("/team/remove.action", &[("tid", &ended), ("owner", "own")]).await;
        server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
        server.copy("ab", &message("PERSON", "bob", "amy", 2)).await;
        Self { server, sdk, values: CallValues { team, super_team, ended } }
    }

    /// The same data behind a server with another clock, and an SDK that signs by it.
    pub(super) async fn restart_at(self, clock: Clock) -> Self {
        let folder = self.server.stop().await;
        let server = TestServer::start_at(folder, Limits::default(), clock).await;
        let sdk = sdk_of(&server, "a").at(clock);
        Self { server, sdk, values: self.values }
    }

    /// What a refusal must not change: lists of both apps, who is in which team, and amy's token.
    pub(super) async fn state(&self) -> Vec<(String, Value)> {
        let mut state = Vec::new();
        for app in ["a", "ab"] {
            for account in NAMED {
                let token = self.server.token(app, account);
                let list = self.server.http.list(&token).await;
                state.push((format!("list of {app} {account}"), list.into()));
                let latest = self.server.http.latest(&token).await;
                state.push((format!("cursor of {app} {account}"), latest.into()));
            }
        }
        for account in NAMED {
            let teams = self.sdk.ok("/team/joinTeams.action", &[("accid", account)]).await;
            state.push((format!("teams of {account}"), teams));
        }
        let holder = self.server.http.get("/v1/account", TOKEN).await.ok();
        state.push(("holder of amy's token".to_owned(), holder["account"].clone()));
        state
    }

    pub(super) async fn assert_unchanged(&self, before: &[(String, Value)], after: &str) {
        for ((what, got), (_, before)) in self.state().await.iter().zip(before) {
            assert_eq!(got, before, "{what}, after {after}");
        }
    }
}

/// NIM's SDK for one of the server's apps.
pub(super) fn sdk_of(server: &TestServer, app: &str) -> Sdk {
    Sdk::new(&server.http.url, app, server.app(app).secret.expose(), Seed::printed("refusals"))
}

fn tid(answer: &Value) -> String {
    answer["tid"].as_str().unwrap().to_owned()
}

pub(super) fn borrowed<'a>(
    parameters: &'a [(&'static str, String)],
) -> Vec<(&'static str, &'a str)> {
    parameters.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
