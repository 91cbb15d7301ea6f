//! The conformance suite on a running node, which `HUIHUA_CASSANDRA=127.0.0.1:9042` names. What
//! needs one runs by `--ignored` alone: `cargo xtask test --only cassandra` starts a node for it.

mod history;
mod persistent;
mod ring;
mod two_servers;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use huihua_store::{Engine, Error, suite::support::Opener};
use tokio::runtime::Runtime;

use crate::{
    CassandraStore,
    connect::{self, ConnectOptions},
    head_cache::HeadCache,
    list::random,
    names::Names,
    schema::{self, Replication},
    statements::{Cql, Statements},
};

const KEYSPACE: &str = "huihua_conformance";

/// The node, as the environment names it. These tests run only when they are asked for: without a
/// node they fail.
fn node() -> String {
    std::env::var("HUIHUA_CASSANDRA").expect("HUIHUA_CASSANDRA names a node, host:port")
}

/// One connection for all tests, on a runtime of its own: each test has its own runtime.
struct Shared {
    runtime: Runtime,
    cql: Cql,
}

async fn connect(node: String) -> Cql {
    let nodes = node.split(',').map(str::to_owned).collect();
    let data_centre = Some("dc1".to_owned());
    let request_timeout = connect::REQUEST_TIMEOUT;
    let options = ConnectOptions { nodes, user: None, data_centre, request_timeout };
    // A ring may lose a node at any of these steps.
    let session = insist(|| connect::connect(&options, None)).await;
    let copies =
        std::env::var("HUIHUA_CASSANDRA_COPIES").map_or(1, |copies| copies.parse().unwrap());
    let replication = Replication { copies: vec![("dc1".to_owned(), copies)] };
    insist(|| schema::apply(&session, KEYSPACE, &replication)).await;
    let statements = insist(|| Statements::prepare(&session, KEYSPACE)).await;
    Cql::new(session, statements)
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let node = node();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let cql = std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(connect(node))).join().unwrap()
        });
        Shared { runtime, cql }
    })
}

/// Tries until nodes that fail meanwhile let it be done.
async fn insist<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> T {
    let mut tries = 0;
    loop {
        match call().await {
            Ok(done) => return done,
            Err(error) => assert!(tries < 200, "{error}"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// A realm of its own in the keyspace of all tests.
fn make() -> Opener {
    make_with(|_, _| {})
}

/// The same with faults, which `plant` gets with the keyspace's connection.
fn make_with(plant: impl Fn(&Runtime, &mut Cql) + Send + Sync + 'static) -> Opener {
    make_cached(plant, None)
}

/// The same with a cache of teams.
fn make_cached(
    plant: impl Fn(&Runtime, &mut Cql) + Send + Sync + 'static,
    head_cache: Option<Duration>,
) -> Opener {
    let realm: String = random::<8>().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    Box::new(move || {
        let (Shared { runtime, cql }, names) = (shared(), Names::of_realm(&realm));
        let open = || {
            let mut cql = cql.clone();
            plant(runtime, &mut cql);
            let cache = || head_cache.map(|age| Arc::new(HeadCache::new(age)));
            let open = || CassandraStore::with(cql.clone(), names.clone(), cache());
            runtime.block_on(insist(open))
        };
        let store = std::thread::scope(|scope| scope.spawn(open).join().unwrap());
        Box::new(store) as Box<dyn Engine>
    })
}

huihua_store::conformance_tests!(
    make,
    ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"
);
