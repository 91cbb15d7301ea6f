//! Answers are compressed for clients that ask, if it is worth it, and say the same.

use huihua_http::server::Limits;
use reqwest::{Client, Response};
use serde_json::Value;

use crate::support::{TestServer, message};

/// An answer as it is on the wire: its headers, and its bytes.
async fn ask(server: &TestServer, path: &str, accepts: Option<&str>) -> (Option<String>, Vec<u8>) {
    let client = Client::builder().no_proxy().no_gzip().build().unwrap();
    let url = format!("{}{path}", server.http.url);
    let mut request = client.get(url).bearer_auth(server.token("a", "amy"));
    if let Some(accepts) = accepts {
        request = request.header("Accept-Encoding", accepts);
    }
    let answer: Response = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let coding = answer.headers().get("content-encoding");
    let coding = coding.map(|coding| coding.to_str().unwrap().to_owned());
    let is_sized = answer.headers().contains_key("content-length");
    assert!(is_sized || coding.is_some(), "plain answers are sent in one piece: {answer:?}");
    (coding, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_who_asks_and_says_the_same() {
    let server = TestServer::start().await;
    let copies: Vec<_> =
        (0..100).map(|n| message("PERSON", &format!("user{n}"), "amy", n + 1)).collect();
    server.deliver(&copies).await;
    for path in ["/v1/sessions", "/v1/sync"] {
        let (coding, plain) = ask(&server, path, None).await;
        assert_eq!(coding, None);
        let plain: Value = serde_json::from_slice(&plain).unwrap();
        let bytes = plain.to_string().len();
        for (accepts, expected) in [
            ("gzip", Some("gzip")),
            ("zstd", Some("zstd")),
            ("gzip, zstd", Some("zstd")),
            ("gzip;q=1.0, zstd;q=0.1", Some("gzip")),
            ("br, deflate", None),
            ("identity", None),
            ("gzip;q=0", None),
        ] {
            let (coding, sent) = ask(&server, path, Some(accepts)).await;
            assert_eq!(coding.as_deref(), expected, "{accepts}");
            let read = match expected {
                Some("zstd") => zstd::decode_all(sent.as_slice()).unwrap(),
                Some(_) => {
                    let mut read = Vec::new();
                    let mut gzip = flate2::read::GzDecoder::new(sent.as_slice());
                    std::io::Read::read_to_end(&mut gzip, &mut read).unwrap();
                    read
                }
                None => sent.clone(),
            };
            assert_eq!(serde_json::from_slice::<Value>(&read).unwrap(), plain, "{accepts}");
            assert!(expected.is_none() || sent.len() * 3 < bytes, "{accepts}: {}", sent.len());
        }
    }
}

/// A short answer gains nothing; one with an ETag has one form, for the tag is of its bytes.
#[tokio::test]
async fn what_is_short_or_has_a_tag_is_sent_as_it_is() {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let ext = "x".repeat(4_000);
    server.http.set_ext("p2p|bob", &server.token("a", "amy"), &ext).await.ok();
    for path in ["/v1/account", "/v1/sync?cursor=latest", "/v1/sessions/p2p%7Cbob"] {
        assert_eq!(ask(&server, path, Some("gzip, zstd")).await.0, None, "{path}");
    }
    assert_eq!(ask(&server, "/v1/sessions", Some("gzip")).await.0.as_deref(), Some("gzip"));
    let folder = server.stop().await;
    let limits = Limits { compresses: false, ..Limits::default() };
    let server = TestServer::start_in(folder, limits).await;
    assert_eq!(ask(&server, "/v1/sessions", Some("gzip")).await.0, None, "switched off");
}
