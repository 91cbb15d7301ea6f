//! The real process on a real node of Cassandra, named by `HUIHUA_CASSANDRA=127.0.0.1:9042`:
//! without one these tests do nothing, and say so. All share one keyspace, each with accounts of
//! its own.

mod commands;
mod copying;
mod cost;
mod kills;
mod lists;
mod refused;

use std::path::Path;

use huihua_store_cassandra::{
    connect::{self, ConnectOptions, Session},
    schema::{self, Replication},
};
use tempfile::TempDir;

use crate::config::{ConfiguredServer, signed_for, write_private};

/// The keyspace of all these tests but those that spoil one.
pub(super) const KEYSPACE: &str = "huihua_process";

/// The node, as the environment names it; says so if there is none.
#[expect(clippy::print_stdout, reason = "a test that did nothing says so")]
pub(super) fn node() -> Option<String> {
    let node = std::env::var("HUIHUA_CASSANDRA").ok().filter(|node| !node.is_empty());
    if node.is_none() {
        println!("left out: HUIHUA_CASSANDRA names no node, such as 127.0.0.1:9042");
    }
    node
}

/// A word that no other test and no other run has.
pub(super) fn unique() -> String {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}

/// A server's folder with its configuration for this keyspace.
pub(super) fn folder(node: &str, keyspace: &str) -> TempDir {
    folder_with(node, keyspace, "")
}

/// The same with more settings.
pub(super) fn folder_with(node: &str, keyspace: &str, settings: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let text = format!(
        "listen = \"127.0.0.1:0\"\nstore = \"cassandra\"\ncassandra_nodes = [\"{node}\"]\n\
         cassandra_data_centre = \"dc1\"\ncassandra_keyspace = \"{keyspace}\"\n\
         cassandra_replication = [\"dc1:1\"]\n{settings}{APP}"
    );
    write_private(&config_of(folder.path()), &text);
    folder
}

/// The app of every configuration here.
pub(super) const APP: &str = "[[app]]\nkey = \"a\"\naccounts = \"nim\"\nsecret = \"s\"\n\
     token_keys = [\"oooooooooooooooooooooooooooooooo\"]\n\
     ingest_key = \"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii\"\n";

/// Its ingest key.
pub(super) const INGEST_KEY: &str = "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii";

pub(super) fn config_of(folder: &Path) -> std::path::PathBuf {
    folder.join("huihua.toml")
}

/// A token of this account of the app.
pub(super) fn token_of(account: &str) -> String {
    signed_for("o", account)
}

/// A connection of the test's own.
pub(super) async fn session(node: &str) -> std::sync::Arc<Session> {
    let options = ConnectOptions {
        nodes: vec![node.to_owned()],
        user: None,
        data_centre: Some("dc1".to_owned()),
        // A busy node takes long to drop a keyspace.
        request_timeout: 6 * connect::REQUEST_TIMEOUT,
    };
    connect::connect(&options, None).await.unwrap()
}

/// Makes the keyspace of the tests, once in a run.
pub(super) async fn with_schema(node: &str) {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| async {
        // On a ring as many as there are nodes, if one is asked for.
        let copies = std::env::var("HUIHUA_CASSANDRA_COPIES");
        let copies = copies.map_or(1, |copies| copies.parse().unwrap());
        let copies = vec![("dc1".to_owned(), copies)];
        let session = session(node).await;
        schema::apply(&session, KEYSPACE, &Replication { copies }).await.unwrap();
    })
    .await;
}

/// A server of the tests' keyspace.
pub(super) async fn server(node: &str) -> (TempDir, ConfiguredServer) {
    with_schema(node).await;
    let folder = folder(node, KEYSPACE);
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    (folder, server)
}
