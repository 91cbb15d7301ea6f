//! A server whose clock is 11 minutes behind the newest messages: every call of NIM's server API
//! either does what it says, or answers 503, changes nothing and logs why.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use huihua_http::clock::{self, Clock};
use serde_json::Value;

use super::{
    calls::CALLS,
    fixture::{Fixture, borrowed},
};

/// The accounts whose lists, teams and tokens are compared.
const ACCOUNTS: [&str; 6] = ["own", "amy", "bob", "cat", "dan", "new"];

/// What must be seen of a call that is answered 200.
#[derive(Debug, Clone, Copy)]
enum Effect {
    /// These sessions of these accounts change, as `account session`, apart by a comma.
    Sessions(&'static str),
    /// This account gets a token that opens its list, or loses the one that did.
    Token(&'static str),
    /// The call reads, or changes no list by its meaning.
    Nothing,
    /// The call must not be done at all.
    Refused,
}

use Effect::{Nothing, Refused, Sessions, Token};

/// Each call with parameters and its effect, in this order. `{fresh}` and `{super_fresh}` are the
/// teams that were created while the clock was behind; `{id}` and `{time}` the newest message from
/// amy to bob.
const STEPS: [(&str, &str, Effect); 57] = [
    ("/history/querySessionList", "accid=amy", Nothing),
    ("/team/joinTeams", "accid=amy", Nothing),
    ("/user/block", "accid=eve", Nothing),
    ("/user/unblock", "accid=eve", Nothing),
    ("/team/query", "tids=[\"{team}\"] ope=1", Nothing),
    ("/team/queryDetail", "tid={team}", Nothing),
    ("/superteam/getTinfos", "tids=[\"{super_team}\"]", Nothing),
    ("/superteam/getTlists", "tid={super_team} timetag=0 limit=9", Nothing),
    ("/superteam/joinTeams", "accid=amy", Nothing),
    ("/user/create", "accid=new token=news_token", Token("new")),
    ("/user/update", "accid=amy token=other_token", Token("amy")),
    ("/user/refreshToken", "accid=new", Token("new")),
    ("/msg/sendMsg", "from=amy to=bob ope=0 type=0 body={text}", Refused),
    ("/msg/sendMsg", "from=bob to=amy ope=0 type=0 body={text}", Refused),
    (
        "/msg/sendMsg",
        "from=amy to=cat ope=0 type=0 body={text}",
        Sessions("amy p2p|cat,cat p2p|amy"),
    ),
    ("/msg/sendMsg", "from=amy to={team} ope=1 type=0 body={text}", Refused),
    ("/msg/sendBatchMsg", "fromAccid=amy toAccids=[\"dan\",\"bob\"] type=0 body={text}", Refused),
    (
        "/msg/sendBatchMsg",
        "fromAccid=amy toAccids=[\"dan\",\"cat\"] type=0 body={text}",
        Sessions("amy p2p|dan,dan p2p|amy,cat p2p|amy"),
    ),
    ("/msg/recall", "deleteMsgid={id} timetag={time} type=7 from=amy to=bob", Refused),
    ("/msg/recall", "deleteMsgid={id} timetag={time} type=8 from=amy to={team}", Refused),
    (
        "/msg/recall",
        "deleteMsgid=7 timetag=1700000000007 type=7 from=cat to=dan",
        Sessions("cat p2p|dan,dan p2p|cat"),
    ),
    ("/msg/delMsgOneWay", "deleteMsgid={id} timetag={time} type=13 from=amy to=bob", Refused),
    ("/msg/delMsgOneWay", "deleteMsgid=7 timetag=1700000000007 type=13 from=amy to=bob", Nothing),
    ("/msg/delMsg", "deleteMsgid={id} timetag={time} type=7 from=amy to=bob", Nothing),
    ("/msg/delRoamSession", "type=1 from=amy to=bob", Nothing),
    ("/superteam/sendMsg", "fromAccid=amy tid={super_team} type=0 body={text}", Refused),
    ("/superteam/recallMsg", "deleteMsgid={id} timetag={time} from=amy to={super_team}", Refused),
    ("/team/add", "tid={team} owner=own members=[\"cat\"] magree=0 msg=m", Refused),
    ("/team/kick", "tid={team} owner=own members=[\"bob\"]", Refused),
    ("/team/leave", "tid={team} accid=amy", Refused),
    ("/team/remove", "tid={team} owner=own", Refused),
    ("/superteam/invite", "tid={super_team} owner=own inviteAccids=[\"cat\"] msg=m", Refused),
    ("/superteam/kick", "tid={super_team} owner=own kickAccids=[\"bob\"]", Refused),
    ("/superteam/leave", "tid={super_team} accid=amy", Refused),
    ("/superteam/dismiss", "tid={super_team} owner=own", Refused),
    (
        "/team/create",
        "tname=t owner=own members=[\"cat\"] msg=m magree=0 joinmode=0",
        Sessions("own team|{fresh},cat team|{fresh}"),
    ),
    (
        "/superteam/create",
        "tname=t owner=own inviteAccids=[\"cat\"] joinmode=0",
        Sessions("own super_team|{super_fresh},cat super_team|{super_fresh}"),
    ),
    (
        "/msg/sendMsg",
        "from=cat to={fresh} ope=1 type=0 body={text}",
        Sessions("own team|{fresh},cat team|{fresh}"),
    ),
    (
        "/team/add",
        "tid={fresh} owner=own members=[\"dan\",\"amy\"] magree=0 msg=m",
        Sessions("own team|{fresh},dan team|{fresh},amy team|{fresh}"),
    ),
    (
        "/team/kick",
        "tid={fresh} owner=own members=[\"dan\"]",
        Sessions("own team|{fresh},dan team|{fresh}"),
    ),
    ("/team/changeOwner", "tid={team} owner=own newowner=amy leave=2", Refused),
    (
        "/team/changeOwner",
        "tid={fresh} owner=own newowner=amy leave=2",
        Sessions("own team|{fresh},amy team|{fresh}"),
    ),
    (
        "/team/changeOwner",
        "tid={fresh} owner=amy newowner=own leave=2",
        Sessions("own team|{fresh},amy team|{fresh}"),
    ),
    ("/team/leave", "tid={fresh} accid=amy", Sessions("own team|{fresh},amy team|{fresh}")),
    ("/team/joinTeams", "accid=cat", Nothing),
    ("/team/remove", "tid={fresh} owner=own", Sessions("own team|{fresh},cat team|{fresh}")),
    (
        "/superteam/sendMsg",
        "fromAccid=cat tid={super_fresh} type=0 body={text}",
        Sessions("own super_team|{super_fresh},cat super_team|{super_fresh}"),
    ),
    (
        "/superteam/invite",
        "tid={super_fresh} owner=own inviteAccids=[\"dan\",\"amy\"] msg=m",
        Sessions("own super_team|{super_fresh},dan super_team|{super_fresh}"),
    ),
    (
        "/superteam/kick",
        "tid={super_fresh} owner=own kickAccids=[\"dan\"]",
        Sessions("own super_team|{super_fresh},dan super_team|{super_fresh}"),
    ),
    (
        "/superteam/changeOwner",
        "tid={super_fresh} owner=own newowner=amy leave=2",
        Sessions("own super_team|{super_fresh},amy super_team|{super_fresh}"),
    ),
    (
        "/superteam/changeOwner",
        "tid={super_fresh} owner=amy newowner=own leave=2",
        Sessions("own super_team|{super_fresh},amy super_team|{super_fresh}"),
    ),
    ("/superteam/changeOwner", "tid={super_team} owner=own newowner=amy leave=1", Refused),
    (
        "/superteam/leave",
        "tid={super_fresh} accid=amy",
        Sessions("own super_team|{super_fresh},amy super_team|{super_fresh}"),
    ),
    (
        "/superteam/dismiss",
        "tid={super_fresh} owner=own",
        Sessions("own super_team|{super_fresh},cat super_team|{super_fresh}"),
    ),
    // Once more, after all of them: nothing before has moved the newest messages.
    ("/msg/sendMsg", "from=amy to=bob ope=0 type=0 body={text}", Refused),
    ("/team/kick", "tid={team} owner=own members=[\"bob\"]", Refused),
    ("/superteam/kick", "tid={super_team} owner=own kickAccids=[\"bob\"]", Refused),
];

/// The log of the handlers, which run on the test's own thread.
#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CapturedLog {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

/// All that a call may change: rows and sync cursors of the lists, teams, holders of tokens.
async fn state(fixture: &Fixture, tokens: &[String]) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    for account in ACCOUNTS {
        let token = fixture.server.token("a", account);
        for row in fixture.server.http.list(&token).await {
            let id = row["sessionId"].as_str().unwrap();
            state.insert(format!("{account} {id}"), row.clone());
        }
        let cursor = fixture.server.http.latest(&token).await;
        state.insert(format!("cursor of {account}"), cursor.into());
        let teams = fixture.sdk.ok("/team/joinTeams.action", &[("accid", account)]).await;
        state.insert(format!("teams of {account}"), teams);
    }
    for token in tokens {
        let answer = fixture.server.http.get("/v1/account", token).await;
        state.insert(format!("holder of {token}"), answer.json()["account"].clone());
    }
    state
}

/// Asserts that the sessions of these accounts changed, as `account session`.
fn assert_changed(
    sessions: &str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
    what: &str,
) {
    for session in sessions.split(',') {
        let row = after.get(session);
        assert!(row.is_some(), "{what}: 200, but {session} is not in the list");
        assert_ne!(row, before.get(session), "{what}: 200, but {session} did not change");
    }
}

#[tokio::test]
async fn every_call_does_what_it_says_or_answers_503_and_changes_nothing() {
    let log = CapturedLog::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(lines.finish());

    let fixture = Fixture::new().await;
    let old = crate::support::message("PERSON", "cat", "dan", 7);
    fixture.server.deliver(&[old]).await;
    let text = [("from", "amy"), ("to", "bob"), ("ope", "0"), ("type", "0")];
    let text = [&text[..], &[("body", "{\"msg\":\"newest\"}")]].concat();
    let sent = fixture.sdk.ok("/msg/sendMsg.action", &text).await;
    let behind = Clock::new(|| clock::now_ms() - 11 * 60 * 1_000);
    let fixture = fixture.restart_at(behind).await;
    let mut names = vec![
        ("{id}", sent["data"]["msgid"].to_string()),
        ("{time}", sent["data"]["timetag"].to_string()),
    ];
    let mut tokens = vec!["amys_token".to_owned(), "other_token".to_owned(), "news_token".into()];
    let mut tried = Vec::new();
    for (path, parameters, effect) in STEPS {
        let parameters = fixture.values.pairs(parameters).into_iter();
        let fill =
            |text: String| names.iter().fold(text, |text, (name, value)| text.replace(name, value));
        let parameters: Vec<_> = parameters.map(|(name, value)| (name, fill(value))).collect();
        let what = format!("{path} {parameters:?}");
        let path = format!("{path}.action");
        let before = state(&fixture, &tokens).await;
        log.take();
        let answer = fixture.sdk.call(&path, &borrowed(&parameters)).await;
        let logged = log.take();
        if path.ends_with("create.action") && answer["tid"].is_string() {
            let name = if path.starts_with("/team/") { "{fresh}" } else { "{super_fresh}" };
            names.push((name, answer["tid"].as_str().unwrap().to_owned()));
        }
        if let Some(token) = answer["info"]["token"].as_str() {
            tokens.push(token.to_owned());
        }
        let after = state(&fixture, &tokens).await;
        let code = if matches!(effect, Refused) { 503 } else { 200 };
        assert_eq!(answer["code"], code, "{what}: {answer}");
        let errors = logged.lines().filter(|line| line.contains("ERROR")).count();
        assert_eq!(errors, usize::from(code == 503), "{what}: {logged}");
        match effect {
            Sessions(sessions) => {
                let sessions = names
                    .iter()
                    .fold(sessions.to_owned(), |text, (name, value)| text.replace(name, value));
                assert_changed(&sessions, &before, &after, &what);
            }
            Token(account) => {
                let opened = |state: &BTreeMap<String, Value>| {
                    let holders = state.iter().filter(|(what, _)| what.starts_with("holder of "));
                    let held = holders.filter(|(_, holder)| *holder == account);
                    held.map(|(what, _)| what.clone()).collect::<Vec<_>>()
                };
                assert_eq!(opened(&after).len(), 1, "{what}");
                assert_ne!(opened(&after), opened(&before), "{what}");
            }
            Nothing => assert_eq!(after, before, "{what}"),
            Refused => {
                assert_eq!(after, before, "{what}: 503, but something changed");
                let says_why = logged.contains("check the clock") && logged.contains("app_key=a ");
                assert!(says_why, "{what}: {logged}");
            }
        }
        tried.push(path);
    }
    for call in &CALLS {
        assert!(tried.iter().any(|path| path == call.path), "{} is not tried", call.path);
    }
}
