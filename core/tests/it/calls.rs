//! Each call: what exactly goes out, and what comes of the answer.

use huihua_core::QueryMySessionOption;

use crate::support::{Server, json, no_content, service};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7,"ext":"e","lastMsgType":0}"#;

#[tokio::test]
async fn a_list_call_asks_for_what_the_option_says() {
    let server = Server::start(|_, _| {
        json(&format!(r#"{{"sessionList":[{ROW}],"hasMore":false,"syncCursor":"c"}}"#))
    })
    .await;
    let service = service(&server);
    let page = service.query_my_session_list(&QueryMySessionOption::default()).await.unwrap();
    assert_eq!((page.session_list.len(), page.has_more), (1, false));
    service.delete_my_session(&["p2p|bob".into()]).await.unwrap_err();
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("GET", "/v1/sessions?needLastMsg=true&limit=100")
    );
}

#[tokio::test]
async fn a_delete_names_its_call() {
    let server = Server::start(|_, _| no_content()).await;
    service(&server).delete_my_session(&["p2p|bob".into(), "team|1".into()]).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/sessions/delete"));
    assert_eq!(seen.body, r#"{"sessionIds":["p2p|bob","team|1"]}"#);
    assert_eq!(seen.header("idempotency-key").unwrap().len(), 32);
}
