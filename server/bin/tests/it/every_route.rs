//! Every route of the one list from which the router is built × every wrong or foreign credential ×
//! two apps × two accounts, against a real server process. A new route is in the list, or it is not
//! served: so it is covered by itself.

use std::{collections::BTreeSet, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use huihua_http::{
    Caller, RouteInfo,
    app::{App, Secret},
    auth,
};
use huihua_nim::copy;
use reqwest::Method;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tempfile::TempDir;

use crate::{
    bad_input::CLIENT_ROUTES,
    config::{ConfiguredServer, write_private},
    support::{Http, ReceivedAnswer, T0, app, event, message, notice, token},
};

/// The two apps and their two accounts: names that collide if they are glued together.
pub(crate) const OWNERS: [(&str, &str); 4] = [("a", "bc"), ("a", "c"), ("ab", "bc"), ("ab", "c")];

/// What a request carries to show who sends it.
#[derive(Clone)]
pub(crate) struct Credential {
    /// Says what it is, for who reads a failure.
    pub(crate) name: String,
    kind: CredentialKind,
    /// What it opens, and for which app and account. Everything else it must not open.
    opens: Option<(Caller, &'static str, Option<&'static str>)>,
}

#[derive(Clone)]
enum CredentialKind {
    /// These headers, whatever the request is.
    Headers(Vec<(&'static str, String)>),
    /// Headers made of the request's body: as NIM signs copies, and calls of its API.
    Signed { app_key: String, secret: String },
    /// The same over another body, and with another time.
    SignedOther { app_key: String, secret: String },
}

impl Credential {
    fn bearer(name: String, token: &str) -> Self {
        let headers = vec![("Authorization", format!("Bearer {token}"))];
        Self { name, kind: CredentialKind::Headers(headers), opens: None }
    }

    fn headers(name: &str, headers: Vec<(&'static str, String)>) -> Self {
        Self { name: name.to_owned(), kind: CredentialKind::Headers(headers), opens: None }
    }

    fn opening(self, caller: Caller, app: &'static str, account: Option<&'static str>) -> Self {
        Self { opens: Some((caller, app, account)), ..self }
    }

    /// The bearer's text, if it is one, and whose list it opens.
    pub(crate) fn bearer_token(&self) -> Option<(String, Option<(&'static str, &'static str)>)> {
        let CredentialKind::Headers(headers) = &self.kind else { return None };
        let [(_, header)] = headers.as_slice() else { return None };
        let token = header.strip_prefix("Bearer ")?.to_owned();
        let opens = self.opens.filter(|(caller, ..)| *caller == Caller::Client);
        Some((token, opens.and_then(|(_, app, account)| Some((app, account?)))))
    }

    fn sent_with(&self, caller: Caller, body: &str) -> Vec<(&'static str, String)> {
        let now_s = huihua_http::clock::now_ms() / 1_000;
        match (&self.kind, caller) {
            (CredentialKind::Headers(headers), _) => headers.clone(),
            (CredentialKind::Signed { app_key, secret }, Caller::SignedCall) => {
                signed_call(app_key, secret, now_s)
            }
            (CredentialKind::SignedOther { app_key, secret }, Caller::SignedCall) => {
                signed_call(app_key, secret, now_s - 301)
            }
            (CredentialKind::Signed { app_key, secret }, _) => signed_copy(app_key, secret, body),
            (CredentialKind::SignedOther { app_key, secret }, _) => {
                signed_copy(app_key, secret, &format!("{body} "))
            }
        }
    }

    /// Whether the route must let it in.
    pub(crate) fn may_call(&self, route: &RouteInfo) -> bool {
        route.caller == Caller::Anybody || self.is_right_for(route.caller)
    }

    /// Whether this caller's routes must let it in.
    fn is_right_for(&self, caller: Caller) -> bool {
        let signs = [Caller::SignedCopy, Caller::SignedCall];
        self.opens.is_some_and(|(opens, ..)| {
            opens == caller || (signs.contains(&opens) && signs.contains(&caller))
        })
    }
}

fn signed_copy(app_key: &str, secret: &str, body: &str) -> Vec<(&'static str, String)> {
    let time = T0.to_string();
    let sum = copy::check_sum(secret, body.as_bytes(), &time);
    vec![("AppKey", app_key.to_owned()), ("CurTime", time), ("CheckSum", sum)]
}

fn signed_call(app_key: &str, secret: &str, now_s: u64) -> Vec<(&'static str, String)> {
    let (nonce, time) = ("0123456789abcdef".to_owned(), now_s.to_string());
    let sum = hex::encode(Sha1::digest(format!("{secret}{nonce}{time}")));
    let app_key = app_key.to_owned();
    vec![("AppKey", app_key), ("Nonce", nonce), ("CurTime", time), ("CheckSum", sum)]
}

/// Every credential of both apps and both accounts, right ones and wrong ones. `nim_tokens`: those
/// that the directory gave to [`OWNERS`], then one that was replaced.
pub(crate) fn credentials(nim_tokens: &[String]) -> Vec<Credential> {
    let mut all = vec![
        Credential::headers("nothing", Vec::new()),
        Credential::headers("an empty bearer", vec![("Authorization", "Bearer ".to_owned())]),
        Credential::headers("no scheme", vec![("Authorization", token(&app("a"), "c"))]),
        Credential::headers(
            "Basic",
            vec![("Authorization", format!("Basic {}", token(&app("a"), "c")))],
        ),
        Credential::headers(
            "two right bearers",
            ["c", "bc"]
                .map(|account| ("Authorization", format!("Bearer {}", token(&app("a"), account))))
                .to_vec(),
        ),
        Credential::bearer("garbage".to_owned(), "PRIVATE-GARBAGE"),
        Credential::bearer("a replaced token of NIM's API".to_owned(), &nim_tokens[OWNERS.len()]),
    ];
    for ((app_key, account), nim_token) in OWNERS.into_iter().zip(nim_tokens) {
        let of = |what: &str| format!("{what} of {app_key} {account}");
        let (this, right) = (app(app_key), token(&app(app_key), account));
        all.push(Credential::bearer(of("a JWT"), &right).opening(
            Caller::Client,
            app_key,
            Some(account),
        ));
        let by_nim = Credential::bearer(of("a token of NIM's API"), nim_token);
        all.push(by_nim.opening(Caller::Client, app_key, Some(account)));
        all.extend(
            spoilt_jwts(&this, account, &right)
                .into_iter()
                .map(|(what, token)| Credential::bearer(of(what), &token)),
        );
    }
    for app_key in ["a", "ab"] {
        let this = app(app_key);
        let other = app(if app_key == "a" { "ab" } else { "a" });
        let of = |what: &str| format!("{what} of {app_key}");
        let ingest = Credential::bearer(of("the ingest key"), this.ingest_key().expose());
        all.push(ingest.opening(Caller::IngestKey, app_key, None));
        all.push(Credential::bearer(of("the app secret"), this.secret.expose()));
        for key in &this.token_keys {
            all.push(Credential::bearer(of("a token key"), key.expose()));
        }
        let signed = |secret: &Secret| CredentialKind::Signed {
            app_key: app_key.to_owned(),
            secret: secret.expose().to_owned(),
        };
        let credential = |name: &str, kind| Credential { name: of(name), kind, opens: None };
        let right = credential("its own sum", signed(&this.secret));
        all.push(right.opening(Caller::SignedCopy, app_key, None));
        all.push(credential("a sum by the other app's secret", signed(&other.secret)));
        all.push(credential("a sum by the ingest key", signed(this.ingest_key())));
        all.push(credential("a sum by a token key", signed(&this.token_keys[0])));
        let (key, secret) = (app_key.to_owned(), this.secret.expose().to_owned());
        let old = CredentialKind::SignedOther { app_key: key, secret: secret.clone() };
        all.push(credential("an old sum, or one of another body", old));
        let unknown = CredentialKind::Signed { app_key: "PRIVATE-APP".to_owned(), secret };
        all.push(credential("its sum under an unknown app key", unknown));
    }
    all
}

/// Tokens that are almost right.
fn spoilt_jwts(app: &App, account: &str, right: &str) -> Vec<(&'static str, String)> {
    let now = huihua_http::clock::now_ms() / 1_000;
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let kid = app.key.as_str();
    let other = if account == "c" { "bc" } else { "c" };
    let signed_by = |key: &Secret| {
        let signer = App { token_keys: vec![key.clone()], ..app.clone() };
        auth::sign(&signer, &account.parse().unwrap(), now, 60).unwrap()
    };
    let (head, rest) = right.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let other_app = if kid == "a" { "ab" } else { "a" };
    let of_another = part(json!({"sub": other, "exp": now + 60}));
    let none = part(json!({"alg": "none", "kid": kid}));
    vec![
        ("a JWT signed with the app secret", signed_by(&app.secret)),
        ("a JWT signed with the ingest key", signed_by(app.ingest_key())),
        ("a JWT signed with the other app's key", {
            signed_by(&crate::support::app(other_app).token_keys[0])
        }),
        ("an expired JWT", {
            auth::sign(app, &account.parse().unwrap(), now - 3_600, 60).unwrap()
        }),
        ("a JWT that is valid for too long", {
            auth::sign(app, &account.parse().unwrap(), now + 86_400, 90 * 86_400).unwrap()
        }),
        ("a JWT under the other app's kid", {
            format!("{}.{rest}", part(json!({"alg": "HS256", "kid": other_app})))
        }),
        ("a JWT with another's sub", format!("{head}.{of_another}.{signature}")),
        ("a JWT without a signature", format!("{head}.{claims}.")),
        ("a JWT of alg none", format!("{none}.{claims}.")),
        ("a JWT of alg none with a signature", format!("{none}.{claims}.{signature}")),
    ]
}

/// A text that only this owner's list may show; of a team's message: only this app's.
pub(crate) fn mark(app: &str, whose: &str) -> String {
    format!("PRIVATE-{app}-{whose}-")
}

/// A server with both apps, and what nobody else may see in each list.
pub(crate) struct Walk {
    pub(crate) server: ConfiguredServer,
    pub(crate) nim_tokens: Vec<String>,
    /// Every answer that was no success.
    pub(crate) refusals: Vec<String>,
    leaks: BTreeSet<String>,
    requests: usize,
}

impl Walk {
    pub(crate) async fn start(folder: &Path, arguments: &[&str], level: &str) -> Self {
        let table = |app: &App| {
            let form = if app.key.as_str() == "a" { "nim" } else { "exact" };
            let keys: Vec<_> = app.token_keys.iter().map(Secret::expose).collect();
            let (secret, ingest) = (app.secret.expose(), app.ingest_key().expose());
            format!(
                "[[app]]\nkey = \"{}\"\naccounts = \"{form}\"\nsecret = {secret:?}\n\
                 token_keys = {keys:?}\ningest_key = {ingest:?}\n",
                app.key
            )
        };
        let apps = ["a", "ab"].map(|key| table(&app(key))).concat();
        let text = format!("listen = \"127.0.0.1:0\"\ndata = \"data\"\nlink = true\n{apps}");
        write_private(&folder.join("huihua.toml"), &text);
        let server = ConfiguredServer::start_logging(folder, arguments, level).await;
        let nim_tokens = fill(&server.http).await;
        let (refusals, leaks) = (Vec::new(), BTreeSet::new());
        Self { server, nim_tokens, refusals, leaks, requests: 0 }
    }

    /// What everybody has.
    async fn lists(&self) -> Vec<Value> {
        let mut lists = Vec::new();
        for (app_key, account) in OWNERS {
            lists.push(self.server.http.list(&token(&app(app_key), account)).await.into());
        }
        lists
    }

    /// Sends a request for this route with this credential and body.
    pub(crate) async fn send(
        &mut self,
        route: &RouteInfo,
        credential: &Credential,
        query: &str,
        body: &str,
    ) -> ReceivedAnswer {
        let path = format!("{}{query}", route.path.replace("{id}", "p2p%7Cbob"));
        let mut headers = credential.sent_with(route.caller, body);
        let kind = match route.caller {
            Caller::SignedCall => "application/x-www-form-urlencoded",
            Caller::Client | Caller::IngestKey | Caller::SignedCopy | Caller::Anybody => {
                "application/json"
            }
        };
        headers.push(("Content-Type", kind.to_owned()));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        self.requests += 1;
        let answer = self.server.http.send(method, &path, &headers, body.to_owned()).await;
        if answer.status >= 400 || answer.body.contains("\"desc\"") {
            self.refusals.push(answer.body.clone());
        }
        answer
    }

    /// Goes through these routes with every credential; what got in where it may not is a leak.
    async fn go(&mut self, routes: &[RouteInfo]) {
        let credentials = credentials(&self.nim_tokens);
        let before = self.lists().await;
        for route in routes.iter().filter(|route| route.caller != Caller::Anybody) {
            for credential in &credentials {
                if !credential.is_right_for(route.caller) {
                    let answer = self.send(route, credential, "", &good_body(route)).await;
                    self.check_refused(route, credential, &answer);
                }
            }
        }
        let after = self.lists().await;
        for ((owner, before), after) in OWNERS.iter().zip(&before).zip(&after) {
            if before != after {
                self.leaks.insert(format!("a wrong credential changed the list of {owner:?}"));
            }
        }
        for route in routes {
            for credential in &credentials {
                if credential.is_right_for(route.caller) {
                    self.check_foreign(route, credential).await;
                }
            }
        }
    }

    fn check_refused(
        &mut self,
        route: &RouteInfo,
        credential: &Credential,
        answer: &ReceivedAnswer,
    ) {
        let code = serde_json::from_str::<Value>(&answer.body).map(|body| body["code"].clone());
        let (code, status) = (code.unwrap_or_default(), answer.status);
        let is_refused = match route.caller {
            Caller::Client | Caller::IngestKey => (status, code) == (401, json!(302)),
            Caller::SignedCopy => (status, code) == (403, json!(414)),
            Caller::SignedCall => (status, code) == (200, json!(414)),
            Caller::Anybody => true,
        };
        if !is_refused || answer.body.contains("PRIVATE") {
            let RouteInfo { method, path, .. } = route;
            self.leaks.insert(format!("{method} {path} with {}: {answer:?}", credential.name));
        }
    }

    /// A right credential shows what is its owner's and nothing else, and changes nothing else.
    async fn check_foreign(&mut self, route: &RouteInfo, credential: &Credential) {
        let Some((_, app_key, account)) = credential.opens else { return };
        let before = self.lists().await;
        let answer = self.send(route, credential, "", &good_body(route)).await;
        let after = self.lists().await;
        let RouteInfo { method, path, .. } = route;
        let what = format!("{method} {path} with {}", credential.name);
        if [401, 403].contains(&answer.status) {
            self.leaks.insert(format!("{what} is refused: {answer:?}"));
        }
        for (owner, (before, after)) in OWNERS.iter().zip(before.iter().zip(&after)) {
            let is_own = owner.0 == app_key && account.is_none_or(|account| account == owner.1);
            if !is_own && before != after {
                self.leaks.insert(format!("{what} changed the list of {owner:?}"));
            }
            // NIM's calls and the servers' are of a whole app.
            let is_shown = answer.body.contains(&mark(owner.0, owner.1));
            if !is_own && is_shown {
                self.leaks.insert(format!("{what} shows the list of {owner:?}"));
            }
            if owner.0 != app_key && answer.body.contains(&mark(owner.0, "team")) {
                self.leaks.insert(format!("{what} shows a team of {owner:?}"));
            }
        }
    }
}

/// A body with which the route would do something, if it let the request in.
pub(crate) fn good_body(route: &RouteInfo) -> String {
    match (route.caller, route.method) {
        (Caller::Client, "PUT") => r#"{"ext":"PRIVATE-EXT"}"#.to_owned(),
        (Caller::Client, "POST") => r#"{"sessionIds":["team|2"]}"#.to_owned(),
        (Caller::Client, _) | (Caller::Anybody, _) => String::new(),
        (Caller::IngestKey, _) => {
            let text = "PRIVATE-EVENT";
            let mut event = event("p2p", "bob", "c", 900);
            event["body"] = text.into();
            json!({ "events": [event] }).to_string()
        }
        (Caller::SignedCopy, _) => {
            message("PERSON", "bob", "c", 901).replace("body 901", "PRIVATE-COPY")
        }
        // What happens to the account must not happen to those whose lists are compared.
        (Caller::SignedCall, _) if route.path.contains("/user/") => "accid=guest".to_owned(),
        // The names of many calls: each takes those that it knows.
        (Caller::SignedCall, _) => [
            "accid=c&from=c&to=bc&fromAccid=c&toAccids=%5B%22bc%22%5D&ope=0&type=0",
            "body=%7B%22msg%22%3A%22PRIVATE-CALL%22%7D&msg=m&tid=1&tids=%5B1%5D&owner=bc",
            "tname=PRIVATE-TEAM&members=%5B%22c%22%5D&inviteAccids=%5B%22c%22%5D&magree=0",
            "joinmode=0&member=c&accids=%5B%22c%22%5D&kickAccids=%5B%22c%22%5D&leave=2&newowner=c",
            "deleteMsgid=1&timetag=1700000000000&needkick=false&limit=100&reverse=1&needLastMsg=1",
        ]
        .join("&"),
    }
}

/// Gives every owner a message and an ext that name him, and both apps a team of the same id with
/// the same members, whose message names the app. Returns the tokens of NIM's API.
async fn fill(http: &Http) -> Vec<String> {
    let mut tokens = Vec::new();
    for (n, app_key) in [(100, "a"), (200, "ab")] {
        let secret = app(app_key).secret;
        let attach = json!({"id": 0, "data": {"ids": ["c", "bc"]}});
        for (n, team) in [(n, "1"), (n + 1, "2")] {
            for copy in [
                notice("TEAM", "own", team, n, &attach),
                message("TEAM", "own", team, n + 50).replace("body ", &mark(app_key, "team")),
            ] {
                let answer = http.try_copy(app_key, secret.expose(), &copy).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        }
    }
    for (n, (app_key, account)) in (1..).zip(OWNERS) {
        let this = app(app_key);
        let copy = message("PERSON", "bob", account, n).replace("body ", &mark(app_key, account));
        let answer = http.try_copy(app_key, this.secret.expose(), &copy).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let ext = format!("{}ext", mark(app_key, account));
        http.set_ext("p2p|bob", &token(&this, account), &ext).await.ok();
        tokens.push(nim_token(http, &this, "create", account).await);
    }
    let this = app("a");
    tokens.push(nim_token(http, &this, "create", "old").await);
    nim_token(http, &this, "refreshToken", "old").await;
    tokens
}

async fn nim_token(http: &Http, app: &App, call: &str, account: &str) -> String {
    let now_s = huihua_http::clock::now_ms() / 1_000;
    let headers = signed_call(app.key.as_str(), app.secret.expose(), now_s);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (path, body) = (format!("/user/{call}.action"), format!("accid={account}"));
    let answer = http.send(Method::POST, &path, &headers, body).await.ok();
    answer["info"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn no_route_lets_in_who_may_not_and_none_shows_what_is_anothers() {
    let folder = TempDir::new().unwrap();
    let mut walk = Walk::start(folder.path(), &[], "info").await;
    let routes = huihua_http::routes();
    walk.go(&routes).await;
    println!("{} requests", walk.requests);
    assert!(walk.leaks.is_empty(), "{:#?}", walk.leaks);
    assert!(walk.requests > 3_000, "{} requests", walk.requests);
}

/// Other tests go through their own requests of clients: these must not leave a route out.
#[test]
fn the_examples_of_requests_of_clients_name_each_of_their_routes() {
    let routes = huihua_http::routes();
    let clients = routes.iter().filter(|route| route.caller == Caller::Client);
    let of_list: BTreeSet<_> = clients
        .map(|RouteInfo { method, path, .. }| (*method, path.replace("{id}", "p2p%7Cbob")))
        .collect();
    let path = |path: &str| path.split('?').next().unwrap().to_owned();
    let examples: BTreeSet<_> =
        CLIENT_ROUTES.iter().map(|(method, example, _)| (*method, path(example))).collect();
    assert_eq!(examples, of_list);
}

/// The walk is made of the list of routes: one that is added is gone through by itself, and one
/// that lets everybody in, or that lets a client see the servers' part, is found.
#[tokio::test]
async fn a_route_that_is_added_is_covered_by_itself() {
    let folder = TempDir::new().unwrap();
    let mut walk = Walk::start(folder.path(), &[], "info").await;
    let open = |caller, method, path: &str| RouteInfo { caller, method, path: path.to_owned() };
    for (route, leaks_min) in [
        // Answers 200 whoever asks, as a route would that forgot to ask who calls.
        (open(Caller::Client, "GET", "/livez"), 20),
        (open(Caller::IngestKey, "GET", "/livez"), 20),
        (open(Caller::SignedCall, "POST", "/health/liveness.action"), 20),
        // Takes the tokens of clients, and is listed as one for servers.
        (open(Caller::IngestKey, "GET", "/v1/sessions"), 8),
    ] {
        walk.leaks.clear();
        walk.go(std::slice::from_ref(&route)).await;
        let leaks = walk.leaks.iter().filter(|leak| leak.contains(&route.path)).count();
        assert!(leaks >= leaks_min, "{route:?}: {leaks} of {leaks_min}");
    }
}
