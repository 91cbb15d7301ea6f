//! A backend that speaks NIM, and its users: accounts, a team and a super team, a hundred messages
//! of every type, recalls, kicks, one-way deletes. Every list is read through NIM's API and through
//! `/v1` with the account's own token; both must be what a naive model expects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    lists::{ExpectedLast, ListModel, assert_lists},
    schema,
    sdk::Sdk,
    seed::Seed,
};
use crate::support::{Http, ServerProcess};

/// Names that a form can get wrong.
const ACCOUNTS: [&str; 8] =
    ["amy", "小明", "a b+c", "n%41me", "o&o=o", "🎉", "bob", "9007199254740993"];
const MESSAGES: usize = 100;

/// Everything that the story needs to go on.
struct Story {
    sdk: Sdk,
    http: Http,
    seed: Seed,
    tokens: BTreeMap<String, String>,
    model: ListModel,
    sent: Vec<Sent>,
}

/// A message that may be recalled.
#[derive(Clone)]
struct Sent {
    /// `p2p`, or the session id of a team.
    place: String,
    from: String,
    to: String,
    id: u64,
    time: u64,
}

impl Story {
    /// A call that goes well, in exactly the right form.
    async fn ok(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = self.sdk.ok(path, parameters).await;
        schema::assert_form(&schema::success(path).expect("no page"), &answer, path);
        answer
    }

    fn any_account(&mut self) -> &'static str {
        self.seed.pick(&ACCOUNTS)
    }

    async fn make_accounts(&mut self) {
        for account in ACCOUNTS {
            let name = format!("name of {account}");
            let given = format!("token-{}", self.seed.next());
            let mut parameters =
                vec![("accid", account), ("name", &name), ("icon", ""), ("ex", "")];
            if self.seed.one_in(2) {
                parameters.push(("token", &given));
            }
            let answer = self.ok("/user/create.action", &parameters).await;
            assert_eq!(answer["info"]["accid"], account);
            assert_eq!(answer["info"]["name"], name.as_str());
            let token = answer["info"]["token"].as_str().unwrap();
            assert!(parameters.len() == 4 || token == given);
            self.tokens.insert(account.to_owned(), token.to_owned());
            let again = self.sdk.call("/user/create.action", &parameters).await;
            schema::assert_refused(&again, 414, "created twice");
            assert_eq!(again["desc"], "already register");
        }
    }

    /// A team of either kind with these members; its session id.
    async fn make_team(&mut self, kind: &str, owner: &str, members: &[&str]) -> String {
        let list = json!(members).to_string();
        let answer = if kind == "team" {
            let parameters = [
                ("tname", "我的 team"),
                ("owner", owner),
                ("members", &list),
                ("msg", "come in"),
                ("magree", "0"),
                ("joinmode", "0"),
                ("custom", "{\"a\":1}"),
            ];
            self.ok("/team/create.action", &parameters).await
        } else {
            let parameters = [
                ("tname", "super"),
                ("owner", owner),
                ("inviteAccids", &*list),
                ("joinmode", "0"),
                ("msg", "come in"),
            ];
            self.ok("/superteam/create.action", &parameters).await
        };
        let tid = answer["tid"].as_str().unwrap();
        assert!(tid.bytes().all(|b| b.is_ascii_digit()), "{tid}");
        let session = format!("{kind}|{tid}");
        let all: BTreeSet<String> =
            members.iter().chain([&owner]).map(|name| (*name).to_owned()).collect();
        self.model.join(&session, &all, ExpectedLast::notice(&[0, 401], owner));
        session
    }

    /// Adds to a team, or kicks out of it.
    async fn change_team(&mut self, session: &str, verb: &str, by: &str, names: &[&str]) {
        let (kind, tid) = session.split_once('|').unwrap();
        let list = json!(names).to_string();
        let owned: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (path, field) = match (kind, verb) {
            ("team", "add") => ("/team/add.action", "members"),
            ("team", _) => ("/team/kick.action", "members"),
            (_, "add") => ("/superteam/invite.action", "inviteAccids"),
            _ => ("/superteam/kick.action", "kickAccids"),
        };
        let mut parameters = vec![("tid", tid), ("owner", by), (field, &*list), ("attach", "a")];
        if verb == "add" {
            parameters.extend([("magree", "0"), ("msg", "come")]);
        }
        self.ok(path, &parameters).await;
        match verb {
            "add" => self.model.join(session, &owned, ExpectedLast::notice(&[0, 401], by)),
            _ => self.model.leave(session, &owned, ExpectedLast::notice(&[1, 402], by)),
        }
    }

    async fn leave_team(&mut self, session: &str, account: &str) {
        let (kind, tid) = session.split_once('|').unwrap();
        let path = if kind == "team" { "/team/leave.action" } else { "/superteam/leave.action" };
        self.ok(path, &[("tid", tid), ("accid", account)]).await;
        let names = BTreeSet::from([account.to_owned()]);
        self.model.leave(session, &names, ExpectedLast::notice(&[2, 403], account));
    }

    async fn end_team(&mut self, session: &str, owner: &str) {
        let (kind, tid) = session.split_once('|').unwrap();
        let path = if kind == "team" { "/team/remove.action" } else { "/superteam/dismiss.action" };
        self.ok(path, &[("tid", tid), ("owner", owner)]).await;
        let all = self.model.members(session);
        self.model.leave(session, &all, ExpectedLast::notice(&[4, 405], owner));
    }

    /// One message of any type, to an account, to several, or to a team.
    async fn send(&mut self, n: usize, teams: &[String]) {
        let types =
            [("0", 0), ("1", 1), ("2", 2), ("3", 3), ("4", 4), ("6", 6), ("10", 10), ("100", 100)];
        let (type_, number) = types[n % types.len()];
        let body = body_of(number, n);
        let ext = self.seed.pick(&["", "{\"e\":1}", "a+b c"]).to_owned();
        let refreshes = !self.seed.one_in(8);
        let option = if refreshes { "{\"push\":false}" } else { "{\"sessionUpdate\":false}" };
        let mut more = vec![("type", type_), ("body", &*body), ("option", option)];
        if !ext.is_empty() {
            more.push(("ext", &ext));
        }
        let last = |from: &str, time: u64, id: u64| {
            ExpectedLast::sent(number, from, &body, &ext, time, id)
        };
        match self.seed.below(5) {
            0 if refreshes => self.send_batch(&more[..2], number, &body).await,
            0 | 1 => {
                let (from, to) = (self.any_account(), self.any_account());
                let parameters = [&[("from", from), ("ope", "0"), ("to", to)], &more[..]].concat();
                let (id, time) = sent(&self.ok("/msg/sendMsg.action", &parameters).await);
                if !refreshes {
                    return;
                }
                self.model.p2p(from, to, last(from, time, id));
                let (from, to) = (from.to_owned(), to.to_owned());
                self.sent.push(Sent { place: "p2p".to_owned(), from, to, id, time });
            }
            _ => {
                let session = &teams[self.seed.below(teams.len())];
                let (kind, tid) = session.split_once('|').unwrap();
                let members = self.model.members(session);
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                let from = self.seed.pick(&members);
                let (path, parameters) = if kind == "team" {
                    ("/msg/sendMsg.action", vec![("from", from), ("ope", "1"), ("to", tid)])
                } else {
                    ("/superteam/sendMsg.action", vec![("fromAccid", from), ("tid", tid)])
                };
                let answer = self.ok(path, &[parameters, more].concat()).await;
                let (id, time) = sent(&answer);
                if !refreshes {
                    return;
                }
                self.model.team(session, last(from, time, id));
                let (place, to) = (session.clone(), tid.to_owned());
                self.sent.push(Sent { place, from: from.to_owned(), to, id, time });
            }
        }
    }

    async fn send_batch(&mut self, more: &[(&str, &str)], number: u64, body: &str) {
        let from = self.any_account();
        let to = self.seed.some(3, &ACCOUNTS);
        let list = json!(to).to_string();
        let parameters =
            [&[("fromAccid", from), ("toAccids", &list), ("returnMsgid", "true")], more].concat();
        let answer = self.sdk.ok("/msg/sendBatchMsg.action", &parameters).await;
        let mut form = schema::success("/msg/sendBatchMsg.action").expect("no page");
        form["msgids"] = json!({"*": "number"});
        schema::assert_form(&form, &answer, "sendBatchMsg");
        assert_eq!(answer["unregister"], "[]");
        let ids = answer["msgids"].as_object().unwrap();
        assert_eq!(
            ids.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            to.iter().copied().collect()
        );
        // All have one time: the sender's rows are then ordered by their ids.
        let mut to = to;
        to.sort_unstable_by(|a, b| b.cmp(a));
        for to in to {
            let (id, time) = (ids[to].as_u64().unwrap(), answer["timetag"].as_u64().unwrap());
            self.model.p2p(from, to, ExpectedLast::sent(number, from, body, "", time, id));
            let (from, to) = (from.to_owned(), to.to_owned());
            self.sent.push(Sent { place: "p2p".to_owned(), from, to, id, time });
        }
    }

    /// Takes a message back, for all or, which no list shows, for its sender alone.
    async fn recall(&mut self, of: &Sent, one_way: bool) {
        let (id, time) = (of.id.to_string(), of.time.to_string());
        let kind = of.place.split('|').next().unwrap();
        let mut parameters = vec![
            ("deleteMsgid", &*id),
            ("timetag", &time),
            ("from", &of.from),
            ("to", &of.to),
            ("msg", "sorry"),
        ];
        let (path, type_) = match (kind, one_way) {
            ("p2p", true) => ("/msg/delMsgOneWay.action", "13"),
            (_, true) => ("/msg/delMsgOneWay.action", "14"),
            ("p2p", false) => ("/msg/recall.action", "7"),
            ("team", false) => ("/msg/recall.action", "8"),
            _ => ("/superteam/recallMsg.action", ""),
        };
        if !type_.is_empty() {
            parameters.push(("type", type_));
        }
        if !one_way {
            parameters.push(("ignoreTime", "1"));
        }
        self.ok(path, &parameters).await;
        if one_way {
            return;
        }
        let recalled = ExpectedLast::recalled(of.id, of.time, &of.from, "sorry");
        match kind {
            "p2p" => self.model.p2p(&of.from, &of.to, recalled),
            _ => self.model.team(&of.place, recalled),
        }
    }

    async fn assert_lists(&self) {
        for (account, token) in &self.tokens {
            let expected = self.model.list(account);
            assert_lists(&self.sdk, &self.http, account, token, &expected).await;
        }
    }

    /// What the users do themselves shows in NIM's API too.
    async fn write_own(&mut self) {
        let token = &self.tokens["amy"];
        let list = self.http.list(token).await;
        let id = |at: usize| list[at]["sessionId"].as_str().unwrap();
        let (kept, deleted) = (id(0).to_owned(), id(1).to_owned());
        self.http.set_ext(&kept, token, "{\"top\":true}").await.ok();
        assert_eq!(self.http.delete(&[&deleted], token).await.status, 204);
        self.model.set_ext("amy", &kept, "{\"top\":true}");
        self.model.delete("amy", &deleted);
    }
}

/// NIM's body of a message of this type.
fn body_of(type_: u64, n: usize) -> String {
    let text = format!("text {n} & 你好 + \"q\" 50%");
    match type_ {
        0 | 10 => json!({ "msg": text }),
        1 => json!({"name": text, "md5": "9e", "url": "https://x/y", "ext": "jpg", "w": 6, "h": 4,
            "size": 388_245}),
        2 => json!({"dur": 4_551, "md5": "87", "url": "https://x/a", "ext": "aac", "size": 9}),
        3 => json!({"dur": 8_003, "md5": "da", "url": "https://x/v", "w": 3, "h": 4, "ext": "mp4",
            "size": 16_420}),
        4 => json!({"title": text, "lng": 120.1, "lat": 30.2}),
        6 => json!({"name": text, "md5": "79", "url": "https://x/f", "ext": "txt", "size": 154}),
        _ => json!({"id": 4, "my": text}),
    }
    .to_string()
}

/// Message id and time of an answer to a sending.
fn sent(answer: &Value) -> (u64, u64) {
    let data = &answer["data"];
    assert_eq!(data["antispam"], false);
    (data["msgid"].as_u64().unwrap(), data["timetag"].as_u64().unwrap())
}

#[tokio::test]
async fn a_backend_that_speaks_nim_plays_a_story_and_every_list_is_right() {
    let seed = Seed::printed("story");
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let sdk =
        Sdk::new(&server.http.url, &server.dev["appKey"], &server.dev["appSecret"], seed.clone());
    let http = server.http.clone();
    let mut story = Story {
        sdk,
        http,
        seed,
        tokens: BTreeMap::new(),
        model: ListModel::default(),
        sent: Vec::new(),
    };
    story.make_accounts().await;
    story.assert_lists().await;
    let team = story.make_team("team", "amy", &ACCOUNTS[1..5]).await;
    let super_team = story.make_team("super_team", "小明", &ACCOUNTS[2..6]).await;
    story.assert_lists().await;
    let teams = [team.clone(), super_team.clone()];
    for n in 0..MESSAGES {
        story.send(n, &teams).await;
        match n {
            _ if n % 9 == 4 => {
                let newest = story.sent.last().unwrap().clone();
                story.recall(&newest, false).await;
            }
            _ if n % 9 == 7 => {
                let earlier = story.sent[story.seed.below(story.sent.len())].clone();
                let one_way = story.seed.one_in(2);
                story.recall(&earlier, one_way).await;
            }
            20 => story.change_team(&team, "kick", "amy", &["n%41me", "o&o=o"]).await,
            30 => story.change_team(&super_team, "kick", "小明", &["🎉"]).await,
            40 => story.change_team(&team, "add", "amy", &["🎉", "n%41me"]).await,
            50 => story.change_team(&super_team, "add", "小明", &["bob"]).await,
            60 => story.leave_team(&team, "a b+c").await,
            65 => story.leave_team(&super_team, "n%41me").await,
            70 => story.write_own().await,
            _ => {}
        }
        if n % 10 == 5 {
            story.assert_lists().await;
        }
    }
    story.end_team(&team, "amy").await;
    story.assert_lists().await;
    story.end_team(&super_team, "小明").await;
    story.assert_lists().await;
    println!("{} messages, {} rows", story.sent.len(), story.model.rows());
}
