//! Commands of an operator on a keyspace: one account's data, a look at everything; and those that
//! are of a folder, refused by name.

use std::process::Output;

use serde_json::json;

use super::{INGEST_KEY, config_of, folder, node, server, token_of, unique};
use crate::support::{binary, event};

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

#[tokio::test]
async fn an_account_is_exported_and_erased_while_servers_run_and_a_keyspace_is_verified() {
    let Some(node) = node() else { return };
    let (folder, server) = server(&node).await;
    let amy = format!("amy{}", unique());
    let token = token_of(&amy);
    let said = event("p2p", &format!("bob{amy}"), &amy, 1);
    server.http.events(INGEST_KEY, json!([said])).await.ok();
    let cursor = server.http.latest(&token).await;
    let run = |arguments: &[&str]| {
        let mut command = binary();
        command.args(arguments).arg("--config").arg(config_of(folder.path()));
        if arguments[0] == "accounts" {
            command.args(["--account", &amy]);
        }
        command.output().unwrap()
    };
    let exported = text(&run(&["accounts", "export"]));
    assert!(exported.contains("body 1") && exported.contains("\"type\":\"end\""), "{exported}");
    let verified = text(&run(&["verify"]));
    assert!(verified.contains(" values verified, none is damaged"), "{verified}");
    let erased = text(&run(&["accounts", "erase", "--yes"]));
    assert!(erased.contains(&format!("erased {amy}: 1 sessions")), "{erased}");
    assert!(server.http.list(&token).await.is_empty());
    let after = server.http.sync(&token, &format!("cursor={cursor}")).await;
    assert_eq!(after["reset"], true, "{after}");
    let again = text(&run(&["accounts", "erase", "--yes"]));
    assert!(again.contains("nothing is stored of"), "{again}");
}

/// They need no node: they are refused before one is asked.
#[test]
fn backup_and_compact_are_not_of_cassandra_and_say_what_is() {
    let folder = folder("127.0.0.1:1", "huihua");
    for (arguments, expected) in [
        (vec!["backup", "--to", "b"], "take snapshots of the keyspace on its nodes"),
        (vec!["compact"], "Cassandra compacts its tables by itself"),
    ] {
        let config = config_of(folder.path());
        let output = binary().args(&arguments).arg("--config").arg(config).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output).contains(expected), "{output:?}");
    }
}
