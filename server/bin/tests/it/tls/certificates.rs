//! Certificates and keys that are replaced while clients call.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::{Authority, HTTP1, HTTP2, files};
use crate::{
    config::{ConfiguredServer, refused, signed, write_config, write_keys},
    support::{Http, WAIT_MAX, binary, event},
};

/// `serve` with a certificate of this authority.
async fn start(folder: &Path, authority: &Authority) -> ConfiguredServer {
    authority.write(folder);
    ConfiguredServer::start(
        folder,
        &["--set", "tls_certificate=certificate.pem", "--set", "tls_key=key.pem"],
    )
    .await
}

/// The certificate that is shown to a new connection.
async fn shown(server: &ConfiguredServer, authority: &Authority) -> CertificateDer<'static> {
    let stream = authority.connect(server.http.address(), HTTP1).await;
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Certificate, token key and ingest key, one after the other, as `docs/operate.md` tells it; a
/// thousand requests of each version of HTTP run meanwhile, half of them by new connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_certificate_and_all_keys_are_replaced() {
    const REQUESTS: usize = 1_000;
    let (folder, authority) = (TempDir::new().unwrap(), Arc::new(Authority::new()));
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["o"]);
    let server = start(folder.path(), &authority).await;
    let before = shown(&server, &authority).await;
    let address = server.http.address().to_owned();
    let stage = Arc::new(AtomicUsize::new(0));
    let sent = Arc::new([HTTP1, HTTP2].map(|_| AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|n| {
            let protocol = [HTTP1, HTTP2][n % 2];
            let (authority, address) = (authority.clone(), address.clone());
            let (stage, sent) = (stage.clone(), sent.clone());
            tokio::spawn(async move {
                let kept = authority.http(&address, protocol);
                let mut number = sent[n % 2].fetch_add(1, SeqCst);
                while number < REQUESTS {
                    let new = stage.load(SeqCst);
                    let http = match n < 4 {
                        true => kept.clone(),
                        false => authority.http(&address, protocol),
                    };
                    call(&http, new, number).await;
                    number = sent[n % 2].fetch_add(1, SeqCst);
                }
            })
        })
        .collect();
    let since = Instant::now();
    let until_sent = async |share: usize| {
        let fewest = || sent.iter().map(|sent| sent.load(SeqCst)).min().unwrap();
        while since.elapsed() < 12 * WAIT_MAX && fewest() < REQUESTS * share / 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    until_sent(1).await;
    authority.write(folder.path());
    write_keys(&config, &["n", "o"], &["j", "i"]);
    server.hang_up();
    server.until_logged_times("configuration reloaded", 1).await;
    let between = shown(&server, &authority).await;
    assert!(between != before, "the new certificate is shown");
    until_sent(2).await;
    stage.store(1, SeqCst);
    until_sent(3).await;
    write_keys(&config, &["n"], &["j"]);
    authority.write(folder.path());
    server.hang_up();
    server.until_logged_times("configuration reloaded", 2).await;
    assert!(shown(&server, &authority).await != between);
    for client in clients {
        client.await.unwrap();
    }
    let http = authority.http(&address, HTTP2);
    assert_eq!(http.get("/v1/account", &signed("o")).await.status, 401, "its key is gone");
    let refused = http.events(&"i".repeat(32), json!([event("p2p", "bob", "amy", 1)])).await;
    refused.assert_problem(401, 302, "not the ingest key");
}

/// A list by a token, or an event by an ingest key, of before or after.
async fn call(http: &Http, new: usize, number: usize) {
    let answer = match number % 4 {
        0 => {
            let key = ["i", "j"][new].repeat(32);
            http.events(&key, json!([event("p2p", "bob", "amy", number as u64)])).await
        }
        _ => http.get("/v1/sessions", &signed(["o", "n"][new])).await,
    };
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_certificate_that_is_of_no_use_leaves_the_old_one_and_the_log_names_its_file() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    let server = start(folder.path(), &authority).await;
    let before = shown(&server, &authority).await;
    let kept = authority.http(server.http.address(), HTTP2);
    assert_eq!(kept.get("/livez", "").await.status, 200);
    let files = files(folder.path());
    let [certificate, key] = [&files.certificate, &files.key].map(|f| std::fs::read(f).unwrap());
    let broken: [(&dyn Fn(), &str); 4] = [
        (&|| std::fs::write(&files.certificate, "PRIVATE").unwrap(), "certificate.pem holds no"),
        (&|| std::fs::remove_file(&files.key).unwrap(), "cannot read key.pem"),
        (&|| std::fs::write(&files.key, "PRIVATE").unwrap(), "key.pem holds no private key"),
        (
            &|| std::fs::write(&files.key, &authority.certify()[1]).unwrap(),
            "the key in key.pem does not serve the certificate in certificate.pem",
        ),
    ];
    for (n, (breaks, said)) in broken.into_iter().enumerate() {
        std::fs::write(&files.certificate, &certificate).unwrap();
        std::fs::write(&files.key, &key).unwrap();
        breaks();
        server.hang_up();
        let line = server.until_logged_times("TLS certificate not reloaded", n + 1).await;
        assert!(line.contains("ERROR") && line.contains(said), "{line}");
        assert_eq!(shown(&server, &authority).await, before);
        assert_eq!(kept.get("/livez", "").await.status, 200);
    }
    assert!(!server.log().contains("PRIVATE"), "{}", server.log());
}

#[tokio::test]
async fn files_that_change_are_read_again_without_a_word() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    let server = start(folder.path(), &authority).await;
    let before = shown(&server, &authority).await;
    authority.write(folder.path());
    server.until_logged("TLS certificate reloaded").await;
    assert!(shown(&server, &authority).await != before);
    std::fs::write(files(folder.path()).certificate, "").unwrap();
    let line = server.until_logged("TLS certificate not reloaded").await;
    assert!(line.contains("certificate.pem holds no certificate"), "{line}");
    // It is said once, and not every five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(server.log().matches("TLS certificate not reloaded").count(), 1);
}

#[test]
fn a_server_for_others_does_not_start_in_clear() {
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    let serve = |set: &[&str]| {
        let mut command = binary();
        command.args(["serve", "--config", "huihua.toml"]).args(set).current_dir(folder.path());
        refused(&mut command)
    };
    for set in [["--listen", "0.0.0.0:0"], ["--set", "listen=[::]:0"]] {
        let printed = serve(&set);
        assert!(printed.contains("listen: other machines reach"), "{printed}");
        assert!(printed.contains("tls_certificate") && printed.contains("insecure_listen = true"));
    }
    let printed = serve(&["--set", "admin_listen=0.0.0.0:0"]);
    assert!(printed.contains("admin_listen: other machines reach"), "{printed}");
    let dev = folder.path().join("dev");
    let printed = refused(binary().args(["dev", "--listen", "0.0.0.0:0", "--data"]).arg(dev));
    assert!(printed.contains("--insecure-listen"), "{printed}");
    for (set, said) in [
        (["tls_certificate=c.pem", "tls_key=k.pem"], "tls_certificate: cannot read c.pem"),
        (["tls_key=k.pem", "access_log=true"], "tls_key: cannot be used alone"),
    ] {
        let set = set.map(|set| ["--set", set]).concat();
        for command in [&["serve"][..], &["config", "check"]] {
            let mut command_line = binary();
            command_line.args(command).args(["--config", "huihua.toml"]).args(&set);
            let printed = refused(command_line.current_dir(folder.path()));
            assert!(printed.contains(said), "{printed}");
        }
    }
}
