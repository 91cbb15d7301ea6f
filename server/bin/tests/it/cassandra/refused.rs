//! A start that is refused: nodes that are away, a keyspace without the schema or with another, a
//! data centre that is not there; what the tool for the schema does; and a node that wants TLS and
//! a password, named by `HUIHUA_CASSANDRA_SECURED` with its roots in `HUIHUA_CASSANDRA_ROOTS`.

use std::{path::Path, process::Output};

use super::{APP, config_of, folder, folder_with, node, session, unique};
use crate::{
    config::{ConfiguredServer, refused, write_private},
    support::binary,
};

fn serve(folder: &Path) -> String {
    refused(binary().args(["serve", "--config"]).arg(config_of(folder)))
}

fn apply(folder: &Path) -> Output {
    binary().args(["schema", "apply", "--config"]).arg(config_of(folder)).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

/// Needs no node: that is the point.
#[test]
fn a_server_whose_nodes_are_away_says_so_and_ends() {
    let folder = folder("127.0.0.1:1", "huihua");
    let said = serve(folder.path());
    // The driver may have said something before.
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("huihua-server: cannot use Cassandra at 127.0.0.1:1: "), "{said}");
    assert!(last.contains("Connection refused") && !said.contains("oooo"), "{said}");
    let output = apply(folder.path());
    assert!(!output.status.success(), "{output:?}");
    assert!(self::said(&output).contains("cannot use Cassandra at 127.0.0.1:1"), "{output:?}");
}

#[test]
fn a_schema_is_of_cassandra_alone() {
    let folder = tempfile::tempdir().unwrap();
    write_private(&config_of(folder.path()), &format!("data = \"d\"\n{APP}"));
    let output = apply(folder.path());
    assert!(!output.status.success() && said(&output).contains("does not say store"), "{output:?}");
    let help = binary().args(["schema", "apply", "--help"]).output().unwrap();
    assert!(said(&help).contains("repeating it changes nothing"), "{help:?}");
}

#[tokio::test]
async fn a_keyspace_without_the_schema_of_this_server_is_refused_with_the_remedy() {
    let Some(node) = node() else { return };
    let keyspace = format!("huihua_{}", unique());
    let folder = folder(&node, &keyspace);
    let said_without = serve(folder.path());
    let remedy = "run 'huihua-server schema apply'";
    assert!(said_without.contains(&format!("keyspace {keyspace} has no schema of huihua")));
    assert!(said_without.contains(remedy), "{said_without}");

    let first = apply(folder.path());
    assert!(first.status.success(), "{first:?}");
    let text = said(&first);
    assert!(text.contains(&format!("keyspace {keyspace} has the schema of this server")), "{text}");
    assert!(text.contains("table 1 of 1") && text.contains(": sess\n"), "{text}");
    let again = apply(folder.path());
    assert!(again.status.success(), "{again:?}");
    drop(ConfiguredServer::start(folder.path(), &[]).await);

    let session = session(&node).await;
    let older = format!("UPDATE {keyspace}.meta SET v=0x30 WHERE k='schema' IF EXISTS");
    session.query_unpaged(older, ()).await.unwrap();
    let said_older = serve(folder.path());
    assert!(said_older.contains("has schema version 0, this server wants "), "{said_older}");
    assert!(said_older.contains("'huihua-server schema apply'"), "{said_older}");
    session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await.unwrap();

    let elsewhere = folder_with(&node, &keyspace, "");
    let config = config_of(elsewhere.path());
    let text = std::fs::read_to_string(&config).unwrap().replace("dc1", "dc9");
    write_private(&config, &text);
    let said_centre = serve(elsewhere.path());
    let expected = "no data centre 'dc9', but these: dc1 (cassandra_data_centre)";
    assert!(said_centre.contains(expected), "{said_centre}");
}

/// Such a node has Cassandra's own first user, and a certificate for its address.
#[tokio::test]
async fn a_node_with_tls_and_passwords_lets_in_who_has_both() {
    let secured = ["HUIHUA_CASSANDRA_SECURED", "HUIHUA_CASSANDRA_ROOTS"].map(std::env::var);
    let [Ok(node), Ok(roots)] = secured else {
        println!("left out: HUIHUA_CASSANDRA_SECURED and HUIHUA_CASSANDRA_ROOTS name no node");
        return;
    };
    let keyspace = format!("huihua_{}", unique());
    let with = |roots: &str, password: &str| {
        let roots = if roots.is_empty() {
            String::new()
        } else {
            format!("cassandra_tls_roots = \"{roots}\"\n")
        };
        let settings = format!(
            "{roots}cassandra_user = \"cassandra\"\ncassandra_password_file = \"password\"\n"
        );
        let folder = folder_with(&node, &keyspace, &settings);
        write_private(&folder.path().join("password"), password);
        folder
    };
    let good = with(&roots, "cassandra");
    let output = apply(good.path());
    assert!(output.status.success(), "{output:?}");
    drop(ConfiguredServer::start(good.path(), &[]).await);
    let said_wrong = serve(with(&roots, "WRONG-PASSWORD").path());
    assert!(said_wrong.contains("cannot use Cassandra at ") && said_wrong.contains("password"));
    assert!(!said_wrong.contains("WRONG-PASSWORD"), "{said_wrong}");
    let said_clear = serve(with("", "cassandra").path());
    assert!(said_clear.contains("cannot use Cassandra at "), "{said_clear}");
    let strangers = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
    let der =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, strangers.cert.der());
    let file = good.path().join("strangers.pem");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    std::fs::write(&file, pem).unwrap();
    let said_stranger = serve(with(file.to_str().unwrap(), "cassandra").path());
    assert!(said_stranger.contains("certificate"), "{said_stranger}");
}

#[test]
fn roots_that_are_none_are_named() {
    let folder = folder_with("127.0.0.1:1", "huihua", "cassandra_tls_roots = \"roots\"\n");
    let roots = folder.path().join("roots");
    for (text, expected) in [(None, "cannot read "), (Some("PRIVATE"), "holds no certificates")] {
        if let Some(text) = text {
            std::fs::write(&roots, text).unwrap();
        }
        let said = serve(folder.path());
        let named = said.contains("cassandra_tls_roots") && said.contains("roots");
        assert!(named && said.contains(expected) && !said.contains("PRIVATE"), "{said}");
    }
}
