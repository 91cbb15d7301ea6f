//! A store that fails: panics and errors at every route; and a race that the real engine would not
//! show. Other tests run against the real engine, in `server/bin/tests/it`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use huihua_core::{
    Account, AccountForm, AppKey, Problem, QueryMySessionOption, RecentSession, SessionId,
};
use huihua_event::{
    Action, Done, Event, JoinedTeam, Member, Owner, Team, TeamEntry, TeamKind, TokenHash,
};
use huihua_nim::{check_sum, copy};
use huihua_store::{
    self as store, AccountFormRefusal, Attempt, ChangeHint, ChangedList, Engine, Erased, Outcome,
    PageJson, Progress, Refusal, SessionJson, Store, SweepState, SyncFrom, SyncPageJson,
    SyncRequest, TakeRecord,
};
use tokio::sync::broadcast;

use super::*;
use crate::{
    app::{App, Apps, Secret},
    auth::{self, CurrentApps},
    clock::Clock,
    error::Error,
    limits::{Limits, RateLimits},
    live::Live,
};

/// Fails every call in one way.
struct FailingEngine {
    failure: fn() -> store::Error,
    /// Lists, teams and tokens can be read all the same: there are none.
    has_empty_lists: bool,
    hints: broadcast::Sender<ChangeHint>,
    syncs: AtomicUsize,
    reads_of_teams: AtomicUsize,
    probes: AtomicUsize,
}

impl FailingEngine {
    fn new(failure: fn() -> store::Error, has_empty_lists: bool) -> Self {
        let [syncs, reads_of_teams, probes] = [0; 3].map(AtomicUsize::new);
        let hints = broadcast::Sender::new(9);
        Self { failure, has_empty_lists, hints, syncs, reads_of_teams, probes }
    }
}

#[async_trait]
impl Store for FailingEngine {
    async fn ingest(
        &self,
        _: &AppKey,
        _: Vec<Event>,
        _: u64,
    ) -> Result<Vec<Outcome>, store::Error> {
        Err((self.failure)())
    }
    async fn list(&self, _: &Owner, _: &QueryMySessionOption) -> Result<PageJson, store::Error> {
        Err((self.failure)())
    }
    async fn get(&self, _: &Owner, _: &SessionId) -> Result<Option<SessionJson>, store::Error> {
        Err((self.failure)())
    }
    async fn sync(&self, _: &Owner, _: &SyncRequest) -> Result<SyncPageJson, store::Error> {
        self.syncs.fetch_add(1, Relaxed);
        // Others come meanwhile.
        tokio::task::yield_now().await;
        let nothing = SyncPageJson::new(0, String::new());
        if self.has_empty_lists { Ok(nothing) } else { Err((self.failure)()) }
    }
    async fn update(
        &self,
        _: &Owner,
        _: &SessionId,
        _: String,
        _: &Attempt,
    ) -> Result<RecentSession, store::Error> {
        Err((self.failure)())
    }
    async fn delete(&self, _: &Owner, _: Vec<SessionId>, _: &Attempt) -> Result<(), store::Error> {
        Err((self.failure)())
    }
    async fn act(
        &self,
        _: &AppKey,
        _: Arc<Action>,
        _: &Attempt,
    ) -> Result<Result<Done, Refusal>, store::Error> {
        Err((self.failure)())
    }
    async fn account_of(&self, _: &AppKey, _: &TokenHash) -> Result<Option<Account>, store::Error> {
        if self.has_empty_lists { Ok(None) } else { Err((self.failure)()) }
    }
    async fn is_blocked(&self, _: &Owner) -> Result<bool, store::Error> {
        Ok(false)
    }
    async fn joined(&self, _: &Owner, _: TeamKind) -> Result<Vec<JoinedTeam>, store::Error> {
        Err((self.failure)())
    }
    async fn teams_of(&self, _: &Owner) -> Result<Vec<Team>, store::Error> {
        self.reads_of_teams.fetch_add(1, Relaxed);
        if self.has_empty_lists { Ok(Vec::new()) } else { Err((self.failure)()) }
    }
    async fn team(&self, _: &AppKey, _: &Team) -> Result<Option<TeamEntry>, store::Error> {
        Err((self.failure)())
    }
    async fn members(
        &self,
        _: &AppKey,
        _: &Team,
        _: Option<&Account>,
        _: usize,
    ) -> Result<Vec<Member>, store::Error> {
        Err((self.failure)())
    }
    fn hints(&self) -> broadcast::Receiver<ChangeHint> {
        self.hints.subscribe()
    }
}

#[async_trait]
impl Engine for FailingEngine {
    async fn remember_account_forms(
        &self,
        _: &[(AppKey, AccountForm)],
    ) -> Result<Result<(), AccountFormRefusal>, store::Error> {
        Err((self.failure)())
    }
    async fn health(&self) -> Result<(), store::Error> {
        self.probes.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        if self.has_empty_lists {
            return Ok(());
        }
        Err((self.failure)())
    }
    async fn sweep(&self, _: u64, _: usize) -> Result<SweepState, store::Error> {
        Err((self.failure)())
    }
    async fn verify(&self, _: Progress) -> Result<u64, store::Error> {
        Err((self.failure)())
    }
    async fn export(&self, _: &Owner, _: TakeRecord) -> Result<u64, store::Error> {
        Err((self.failure)())
    }
    async fn erase(&self, _: &Owner) -> Result<Erased, store::Error> {
        Err((self.failure)())
    }
    async fn items(&self, _: Option<&str>, _: usize) -> Result<store::ItemBatch, store::Error> {
        Err((self.failure)())
    }
    async fn put_items(&self, _: Vec<store::StoredItem>, _: u64) -> Result<(), store::Error> {
        Err((self.failure)())
    }
    async fn close(&self) {}
}

fn unavailable() -> store::Error {
    store::Error::Unavailable { reason: String::new() }
}

/// The context of a server whose store has empty lists and nothing else; its app has token key `t`.
pub(crate) fn context(rates: RateLimits) -> Context {
    let engine = Arc::new(FailingEngine::new(unavailable, true));
    let store: Arc<dyn Store> = engine.clone();
    let live = Arc::new(Live::new(Arc::clone(&store), 1));
    let apps = Arc::new(CurrentApps::new(Apps::from([(app().key, app())])));
    Context::new(apps, store, engine, live, Clock::default(), rates)
}

pub(crate) fn app() -> App {
    App {
        key: "k".parse().unwrap(),
        accounts: AccountForm::Nim,
        secret: Secret::new("s"),
        token_keys: vec![Secret::new("t")],
        ingest_keys: vec![Secret::new("i")],
    }
}

const EVENTS: &str =
    r#"{"events":[{"type":"dissolve","sessionType":"team","teamId":"1","time":1}]}"#;

/// Returns status and body of the answer at every route.
async fn answers_of_all_routes(failure: fn() -> store::Error) -> Vec<(&'static str, u16, String)> {
    let apps = Apps::from([(app().key, app())]);
    let engine = Arc::new(FailingEngine::new(failure, false));
    let store: Arc<dyn Store> = engine.clone();
    let live = Arc::new(Live::new(Arc::clone(&store), 1));
    let clock = Clock::default();
    let routes = Routes::new(
        Context::new(
            Arc::new(CurrentApps::new(apps)),
            store,
            engine,
            live,
            clock,
            RateLimits::default(),
        ),
        &Limits::default(),
        None,
    );
    let account: Account = "amy".parse().unwrap();
    let now = clock.now_s();
    let token = auth::sign(&app(), &account, now, 60).unwrap();
    let message = r#"{"eventType":1,"convType":"PERSON","to":"b","fromAccount":"a","msgTimestamp":1,"msgType":"TEXT","msgidServer":"1"}"#;
    let sum = copy::check_sum("s", message.as_bytes(), "1");
    let mut answers = Vec::new();
    for (name, method, path, body) in [
        ("list", "GET", "/v1/sessions", ""),
        ("get", "GET", "/v1/sessions/p2p%7Cbob", ""),
        ("ext", "PUT", "/v1/sessions/p2p%7Cbob/ext", r#"{"ext":""}"#),
        ("delete", "POST", "/v1/sessions/delete", r#"{"sessionIds":["p2p|bob"]}"#),
        ("sync", "GET", "/v1/sync", ""),
        ("waiting sync", "GET", "/v1/sync?waitMs=1000", ""),
        ("ready", "GET", "/readyz", ""),
        ("events", "POST", "/v1/events", EVENTS),
        ("copy", "POST", "/nim/copy", message),
        ("NIM's list", "POST", "/history/querySessionList.action", "accid=amy"),
        ("NIM's refresh", "POST", "/nimserver/user/refreshToken.action", "accid=amy"),
        ("NIM's teams", "POST", "/team/joinTeams.action", "accid=amy"),
    ] {
        let is_rest = name.starts_with("NIM");
        let cur_time = if is_rest { now.to_string() } else { "1".to_owned() };
        let sum = if is_rest { check_sum::of("s", "n", &cur_time) } else { sum.clone() };
        let bearer = if name == "events" { "i" } else { token.as_str() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("AppKey", "k")
            .header("Nonce", "n")
            .header("CurTime", cur_time)
            .header("CheckSum", sum)
            .body(Body::from(body))
            .unwrap();
        let response = routes.answer(request).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 9_999).await.unwrap();
        answers.push((name, status, String::from_utf8(body.to_vec()).unwrap()));
    }
    answers
}

#[tokio::test]
async fn a_failing_store_is_reported_to_clients_and_makes_nim_send_again() {
    let failures: [(fn() -> store::Error, u16); 3] = [
        (|| store::Error::Unavailable { reason: "disk full".into() }, 503),
        (|| store::Error::Damaged { what: "row".into() }, 500),
        (|| panic!("at a message"), 500),
    ];
    for (failure, status) in failures {
        for (name, got, body) in answers_of_all_routes(failure).await {
            if name == "copy" {
                assert_eq!((got, body.as_str()), (503, r#"{"code":503}"#));
                continue;
            }
            assert!(!body.contains("disk full") && !body.contains("a message"), "{body}");
            if name.starts_with("NIM") {
                assert_eq!(got, 200, "{name}");
                assert!(body.starts_with(&format!(r#"{{"code":{status},"desc":""#)), "{body}");
                continue;
            }
            assert_eq!(got, status, "{name}");
            let problem: Problem = serde_json::from_str(&body).unwrap();
            assert_eq!((problem.status, problem.code), (status, status), "{name}");
        }
    }
}

/// A block or a new token between the check at the door and the subscription notifies nobody.
#[tokio::test]
async fn a_token_that_ended_before_the_wait_began_is_refused_at_once() {
    let live = Live::new(Arc::new(FailingEngine::new(unavailable, true)), 1);
    let owner = Owner { app: app().key, account: "amy".parse().unwrap() };
    let request = SyncRequest { from: SyncFrom::Latest, limit: 1, need_last_msg: true };
    let refused = async || Err::<(), _>(Error::Blocked);
    let [hour, long] = [60 * 60, 10].map(Duration::from_secs);
    let answer = tokio::time::timeout(long, live.sync(&owner, request, hour, refused)).await;
    assert!(matches!(answer, Ok(Err(Error::Blocked))), "it waits");
}

/// Each of 8,000 waits read the list for itself, for one change.
#[tokio::test]
async fn one_look_serves_all_waits_of_an_account_that_ask_the_same() {
    let engine = Arc::new(FailingEngine::new(unavailable, true));
    let store: Arc<dyn Store> = engine.clone();
    let live = Arc::new(Live::new(store, 100));
    let owner = Owner { app: app().key, account: "amy".parse().unwrap() };
    let _running = tokio::spawn(live.run());
    let mut waits = tokio::task::JoinSet::new();
    for n in 0..60 {
        let (live, owner) = (Arc::clone(&live), owner.clone());
        let request = SyncRequest { from: SyncFrom::Latest, limit: 1 + n % 2, need_last_msg: true };
        waits.spawn(async move {
            let hour = Duration::from_secs(60 * 60);
            live.sync(&owner, request, hour, async || Ok(())).await.unwrap()
        });
    }
    let counted = || [&engine.syncs, &engine.reads_of_teams].map(|count| count.load(Relaxed));
    let until = async |what: &str, is_so: &dyn Fn() -> bool| {
        let wait = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(10), wait).await;
        assert!(done.is_ok(), "{what}: {} wait, {:?}", live.waiting(), counted());
    };
    until("all wait", &|| live.waiting() == 60).await;
    assert_eq!(counted(), [60, 60], "before it waits each looks for itself");
    for round in 1..=3 {
        engine.hints.send(Arc::new([ChangedList::Account(owner.clone())])).unwrap();
        // They look, find nothing, and wait again.
        until("they look", &|| counted()[0] >= 60 + 2 * round).await;
        until("they wait again", &|| live.waiting() == 60).await;
        assert_eq!(counted(), [60 + 2 * round, 60 + round], "round {round}");
    }
    let refused = {
        let request = SyncRequest { from: SyncFrom::Latest, limit: 1, need_last_msg: true };
        let live = Live::new(engine.clone(), 0);
        live.sync(&owner, request, Duration::from_secs(9), async || Ok(())).await
    };
    assert!(matches!(refused, Err(Error::TooManyWaits { waits_max: 0 })));
    live.stop();
    assert_eq!(waits.join_all().await.len(), 60);
}

/// A flood of wrong keys of one address is refused without more ado; a right one of the same
/// address is served, and so are other addresses.
#[tokio::test]
async fn wrong_keys_of_one_address_have_a_rate_and_right_ones_are_served_all_the_same() {
    let two = std::num::NonZeroU32::new(2).unwrap();
    let rates = RateLimits { wrong_credentials_per_s: two, ..RateLimits::default() };
    let routes = Routes::new(context(rates), &Limits::default(), None);
    let ask = async |address: Option<&str>, key: &str| {
        let mut request = Request::post("/v1/events")
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(EVENTS))
            .unwrap();
        if let Some(address) = address {
            request.extensions_mut().insert(auth::PeerAddress(address.parse().unwrap()));
        }
        routes.answer(request).await
    };
    let mut wrong = 0;
    let refused = loop {
        let answer = ask(Some("192.0.2.1"), "wrong").await;
        if answer.status() != 401 {
            break answer;
        }
        wrong += 1;
        assert!(wrong < 10_000, "no rate");
    };
    assert!(wrong >= 20, "ten seconds' worth come at once, not {wrong}");
    let header = |name| refused.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((refused.status().as_u16(), header(header::RETRY_AFTER)), (429, "1".to_owned()));
    assert_eq!(header(header::CONNECTION), "close");
    assert_eq!(ask(Some("192.0.2.1"), "i").await.status(), 503, "the key is right");
    assert_eq!(ask(Some("192.0.2.2"), "wrong").await.status(), 401, "another address");
    for _ in 0..30 {
        assert_eq!(ask(None, "wrong").await.status(), 401, "a proxy of this machine");
    }
}

/// Each probe was a durable write that anybody could ask for, thousands of times a second.
#[tokio::test]
async fn a_hundred_questions_whether_it_is_ready_are_one_probe() {
    for (is_ready, status) in [(true, 200), (false, 503)] {
        let engine = Arc::new(FailingEngine::new(unavailable, is_ready));
        let store: Arc<dyn Store> = engine.clone();
        let live = Arc::new(Live::new(Arc::clone(&store), 1));
        let apps = Apps::from([(app().key, app())]);
        let context = Context::new(
            Arc::new(CurrentApps::new(apps)),
            store,
            engine.clone(),
            live,
            Clock::default(),
            RateLimits::default(),
        );
        let routes = Routes::new(context, &Limits::default(), None);
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let routes = routes.clone();
            let request = Request::get(paths::READYZ).body(Body::empty()).unwrap();
            asked.spawn(async move { routes.answer(request).await.status().as_u16() });
        }
        assert_eq!(asked.join_all().await, vec![status; 100]);
        assert_eq!(engine.probes.load(Relaxed), 1, "ready: {is_ready}");
    }
}
