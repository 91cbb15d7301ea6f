//! NIM's server API on a full disk: HTTP status 200, code 503, nothing is half done; the same
//! requests, sent again when there is room, are done once.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;

use super::{
    request_id::{CREATE, again, sdk_of_process, teams_of},
    schema,
    sdk::SdkRequest,
    seed::Seed,
};
use crate::{
    full_disk::{FILE_BYTES_MAX, MESSAGES_MAX, is_permitted, long},
    support::ServerProcess,
};

/// Calls refused while it is full.
const REFUSED: usize = 20;

#[tokio::test]
async fn a_full_disk_is_code_503_and_the_retry_acts_once() {
    if !is_permitted() {
        println!("skipped: prlimit(1) is not here or may not limit a file's size");
        return;
    }
    let mut seed = Seed::printed("full disk");
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start_limited(folder.path(), FILE_BYTES_MAX).await;
    let sdk = sdk_of_process(&server, seed.fork());
    let mut copies = 1;
    while server.copy(&long(copies)).await.unwrap().status == 200 {
        copies += 1;
        assert!(copies < MESSAGES_MAX, "never full");
    }
    // A full disk may have room for a small write now and then.
    let text = "长".repeat(1_000);
    let create = [&CREATE[..], &[("custom", &*text)]].concat();
    let mut requests: Vec<(SdkRequest, Option<Value>)> = Vec::new();
    let mut refused = 0;
    let mut token = None;
    while refused < REFUSED {
        assert!(requests.len() < MESSAGES_MAX as usize, "never full");
        let request = sdk.request("/team/create.action", &create);
        let answer = sdk.send(&request).await;
        if answer["code"] == 200 {
            requests.push((request, Some(answer)));
            continue;
        }
        schema::assert_refused(&answer, 503, "team/create");
        requests.push((request, None));
        refused += 1;
        // A token that could not be given ends no other.
        let answer = sdk.call("/user/refreshToken.action", &[("accid", "bob")]).await;
        if answer["code"] == 200 {
            token = answer["info"]["token"].as_str().map(str::to_owned);
        }
        if let Some(token) = &token {
            let holder = server.http.get("/v1/account", token).await;
            assert!(matches!(holder.status, 200 | 503), "{holder:?}");
        }
    }
    server.raise_file_limit();
    let mut teams = BTreeSet::new();
    for (request, first) in &mut requests {
        let answer = sdk.send(&again(&sdk, request)).await;
        assert_eq!(answer["code"], 200, "{answer}");
        assert_eq!(first.get_or_insert(answer.clone()), &answer);
        assert!(teams.insert(answer["tid"].as_str().unwrap().parse().unwrap()), "{answer} twice");
    }
    assert_eq!(teams_of(&sdk, "amy").await, teams);
    server.kill();
    let server = ServerProcess::start(folder.path()).await;
    let sdk = sdk_of_process(&server, seed.fork());
    for (request, first) in &requests {
        assert_eq!(Some(sdk.send(&again(&sdk, request)).await), *first);
    }
    assert_eq!(teams_of(&sdk, "amy").await, teams);
    println!("full after {copies} copies; {refused} of {} teams came later", teams.len());
}
