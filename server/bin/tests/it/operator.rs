//! What an operator sees of a running server: metrics on a listener of their own, the log's first
//! and last lines, and the access log.

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    config::{ConfiguredServer, signed, write_config},
    support::{Http, message},
};

/// The operator's listener of the server, by its log.
pub(crate) fn admin(server: &ConfiguredServer) -> Http {
    let log = server.log();
    // As text, or as JSON.
    let after = ["admin_address=\"", "\"admin_address\":\""].map(|key| log.split_once(key));
    let (_, after) = after.into_iter().flatten().next().unwrap();
    let address = after.split('"').next().unwrap();
    Http::new(format!("http://{address}"))
}

async fn metrics(admin: &Http) -> String {
    let answer = admin.send(Method::GET, "/metrics", &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    answer.body
}

/// The value behind this name with its labels.
pub(crate) fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

#[tokio::test]
async fn what_a_server_does_is_counted_and_no_account_is_in_a_label() {
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    let http = &server.http;
    let token = signed("o");
    let now = huihua_http::clock::now_ms();
    let copy = message("PERSON", "bobby", "amelia", 1);
    let copy = copy.replace("1700000000001", &(now - 3_000).to_string());
    assert_eq!(http.try_copy("a", "s", &copy).await.unwrap().status, 200);
    assert_eq!(http.try_copy("a", "wrong", &copy).await.unwrap().status, 403);
    assert_eq!(http.try_copy("a", "s", r#"{"eventType":"6"}"#).await.unwrap().status, 200);
    for _ in 0..3 {
        assert_eq!(http.get("/v1/sessions/p2p%7Cbobby", &token).await.status, 404);
    }
    assert_eq!(http.get("/v1/account", "none").await.status, 401);
    assert_eq!(http.get("/PRIVATE-PATH", &token).await.status, 404);
    let private = Method::from_bytes(b"PRIVATE").unwrap();
    assert_eq!(http.send(private, "/v1/sync", &[], "").await.status, 405);
    assert_eq!(http.get("/metrics", &token).await.status, 404, "not at the door of clients");

    let admin = admin(&server);
    let metrics = metrics(&admin).await;
    let requests = |route: &str, method: &str, status: u16| {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        value(&metrics, &format!("huihua_http_requests_total{{{labels}}}"))
    };
    assert_eq!(requests("/nim/copy", "POST", 200), 2.0);
    assert_eq!(requests("/nim/copy", "POST", 403), 1.0);
    assert_eq!(requests("/v1/sessions/{id}", "GET", 404), 3.0);
    assert_eq!(requests("/v1/account", "GET", 401), 1.0);
    assert_eq!(requests("/v1/sync", "other", 405), 1.0);
    assert_eq!(requests("none", "GET", 404), 2.0);
    let refused =
        |reason: &str| value(&metrics, &format!("huihua_refusals_total{{reason=\"{reason}\"}}"));
    assert_eq!(refused("copy with wrong sum"), 1.0);
    assert_eq!(refused("unauthorized"), 1.0);
    assert_eq!(refused("not found"), 5.0);
    assert_eq!(value(&metrics, "huihua_copies_total{kind=\"message\"}"), 1.0);
    assert_eq!(value(&metrics, "huihua_copies_total{kind=\"ignored\"}"), 1.0);
    let delay = value(&metrics, "huihua_copy_delay_seconds_sum");
    assert!((3.0..60.0).contains(&delay), "{delay}");
    let labels = "{le=\"30.0\",route=\"/nim/copy\"}";
    assert_eq!(
        value(&metrics, &format!("huihua_http_request_duration_seconds_bucket{labels}")),
        3.0
    );
    // The forms of account ids at the start, and the message.
    assert!(value(&metrics, "huihua_batch_jobs_count") >= 2.0);
    assert!(value(&metrics, "huihua_commit_duration_seconds_sum") > 0.0);
    assert!(value(&metrics, "huihua_store_bytes") > 4_096.0);
    assert!(value(&metrics, "huihua_connections") >= 1.0);
    assert_eq!(value(&metrics, "huihua_writer_queue_jobs"), 0.0);
    assert_eq!(value(&metrics, "huihua_sync_waits"), 0.0);
    assert!(metrics.ends_with("# EOF\n"));
    for private in ["amelia", "bobby", "amy", "PRIVATE", &token] {
        assert!(!metrics.contains(private), "{private} in {metrics}");
    }
    assert_eq!(admin.get("/readyz", "").await.status, 200);
    assert_eq!(admin.get("/v1/account", &token).await.status, 404);
}

#[tokio::test]
async fn each_request_has_a_line_of_json_that_is_found_by_its_ids_and_shows_nothing_private() {
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    // As many connections as any limit of open files allows.
    let set = ["access_log=true", "log_format=json", "connections_max=100"];
    let set = set.map(|set| ["--set", set]).concat();
    let mut server = ConfiguredServer::start(folder.path(), &set).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let traceparent = format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [("traceparent", traceparent.as_str()), ("Authorization", "Bearer PRIVATE")];
    let path = "/v1/sessions/p2p%7CPRIVATE?limit=PRIVATE";
    let refused = server.http.send(Method::GET, path, &headers, "").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let copy = message("PERSON", "PRIVATE", "PRIVATE", 1);
    assert_eq!(server.http.try_copy("a", "s", &copy).await.unwrap().status, 200);
    assert!(server.terminate().await);

    let log = server.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let first = &lines[0];
    assert_eq!((&first["message"], &first["apps"]), (&"listening".into(), &"a".into()), "{log}");
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&first["data"], &first["connections_max"]), (&"data".into(), &100.into()));
    assert_eq!(lines.last().unwrap()["message"], "stopped");
    let answered: Vec<_> = lines.iter().filter(|line| line["target"] == "access").collect();
    assert_eq!(answered.len(), 2, "{log}");
    assert_eq!(answered[0]["route"], "/v1/sessions/{id}");
    assert_eq!((&answered[0]["method"], &answered[0]["status"]), (&"GET".into(), &401.into()));
    assert_eq!(answered[0]["request_id"], refused.json()["requestId"]);
    assert_eq!(answered[0]["trace_id"], trace);
    assert_eq!((&answered[1]["route"], &answered[1]["status"]), (&"/nim/copy".into(), &200.into()));
    assert!(!log.contains("PRIVATE"), "{log}");
}

#[test]
fn the_alerts_and_the_dashboard_name_metrics_that_there_are() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| std::fs::read_to_string(top.join("deploy").join(name)).unwrap();
    let dashboard = read("grafana-dashboard.json");
    serde_json::from_str::<Value>(&dashboard).unwrap();
    let source = std::fs::read_to_string(top.join("server/http/src/admin/metrics.rs")).unwrap();
    for text in [dashboard, read("prometheus-alerts.yml")] {
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        for part in text.split("huihua_").skip(1) {
            let name: String = part.chars().take_while(|c| is_name(*c)).collect();
            let ends = ["_total", "_bucket", "_sum", "_count"];
            let name = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            let name = ["_seconds", "_bytes"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name);
            assert!(source.contains(&format!("\"{name}\"")), "huihua_{name} is counted nowhere");
        }
    }
}
