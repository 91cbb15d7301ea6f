//! What links are told unasked: every change, at once, to every link of the account; and how one
//! that was cut goes on.

use std::time::{Duration, Instant};

use huihua_http::server::Limits;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{BOTH, Framing, Link, NEW, OLD, Parameter, again, login, start, start_with};
use crate::{
    measure::app,
    support::{
        ServerProcess, T0, TestServer, binary, edit, event, membership, message, notice, recall,
        token,
    },
};

#[tokio::test]
async fn every_link_of_an_account_is_told_of_messages_edits_and_recalls() {
    let server = start().await;
    for (n, framing) in (1..).zip(BOTH) {
        let (amy, bob) = (format!("amy{n}"), format!("bob{n}"));
        let mut links = [
            Link::logged_in(&server, framing, &amy, OLD).await,
            Link::logged_in(&server, framing, &amy, NEW).await,
        ];
        let mut stranger = Link::logged_in(&server, framing, "carol", NEW).await;
        let last_msg =
            |row: &Value| -> Value { serde_json::from_str(row["4"].as_str().unwrap()).unwrap() };
        server.deliver(&[message("PERSON", &bob, &amy, n)]).await;
        for link in &mut links {
            let row = link.pushed().await;
            assert_eq!((&row["1"], &row["5"]), (&json!(format!("p2p|{bob}")), &json!("0")));
            assert_eq!(last_msg(&row)["9"], format!("body {n}"));
        }
        server.deliver(&[edit("PERSON", &bob, &amy, n, 9, "edited")]).await;
        for link in &mut links {
            assert_eq!(last_msg(&link.pushed().await)["9"], "edited");
        }
        // What one of them changes, both are told.
        let id = format!("p2p|{bob}");
        let update = Parameter::Tags(json!({"1": id, "3": "pinned"}));
        let [first, second] = &mut links;
        first.send(7, 21, &update).await;
        let two = [first.frame().await, first.frame().await];
        assert!(two.iter().any(|frame| frame["cid"] == 21 && frame["code"] == 200), "{two:?}");
        assert!(two.iter().any(|frame| frame["r"][0]["3"] == "pinned"), "{two:?}");
        let row = second.pushed().await;
        assert_eq!((&row["1"], &row["3"]), (&json!(id), &json!("pinned")));
        server.deliver(&[recall("PERSON", &bob, &amy, n, T0 + n)]).await;
        for (is_new, link) in [false, true].into_iter().zip(&mut links) {
            let row = link.pushed().await;
            assert_eq!(row["5"], "1");
            assert_eq!(row.get("4").is_some(), is_new, "9.x would show a recall as a message");
        }
        assert_eq!(stranger.heartbeat().await, 200);
        let answer = stranger.call(7, 19, Parameter::Tags(json!({}))).await;
        assert_eq!(answer["r"][1], json!([]), "nothing was pushed, nothing is there");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_team_is_pushed_to_its_members_as_soon_as_they_are_in() {
    let server = start().await;
    let mut link = Link::logged_in(&server, Framing::Text, "amy", NEW).await;
    let attach = json!({"id": 0, "data": {"ids": ["amy"]}});
    server.deliver(&[notice("TEAM", "own", "7", 1, &attach)]).await;
    assert_eq!(link.pushed().await["1"], "team|7");
    server.deliver(&[message("TEAM", "own", "7", 2)]).await;
    assert_eq!(link.pushed().await["2"], (T0 + 2).to_string());
    server.events(json!([membership("leave", "7", &["amy"], T0 + 3)])).await;
    assert_eq!(link.pushed().await["2"], (T0 + 3).to_string());
    // A deletion has no word, and what comes after it is pushed again.
    let one = vec![json!({"1": "team|7"})];
    assert_eq!(link.call(7, 22, Parameter::List(one)).await["code"], 200);
    server.events(json!([event("p2p", "bob", "amy", 9)])).await;
    assert_eq!(link.pushed().await["1"], "p2p|bob");
    server.stop().await;
}

/// The machine of the test may be busy: most of many must be in time.
#[tokio::test]
async fn a_message_an_edit_and_a_recall_are_pushed_within_100_ms_of_the_write() {
    const ROUNDS: u64 = 15;
    let server = start().await;
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        let mut taken = Vec::new();
        for n in 1..=ROUNDS {
            let id = n + 100 * framing as u64;
            for copy in [
                message("PERSON", "bob", "amy", id),
                edit("PERSON", "bob", "amy", id, n, "edited"),
                recall("PERSON", "bob", "amy", id, T0 + id),
            ] {
                // From when the write is answered: before that it may not be on the disk.
                server.deliver(&[copy]).await;
                let written = Instant::now();
                assert_eq!(link.pushed().await["1"], "p2p|bob");
                taken.push(written.elapsed());
            }
        }
        taken.sort();
        let median = taken[taken.len() / 2];
        assert!(median < Duration::from_millis(100), "{framing:?}: {median:?} of {taken:?}");
    }
    server.stop().await;
}

async fn with_device(server: &TestServer, framing: Framing, tags: Value) -> Link {
    let mut link = Link::open(server.http.address(), framing).await;
    let answer = link.call(2, 3, Parameter::Tags(tags)).await;
    assert_eq!(answer["code"], 200, "{answer}");
    link
}

/// Sends one message to amy, of this friend.
async fn write(server: &TestServer, friend: &str, n: u64) {
    assert_eq!(server.events(json!([event("p2p", friend, "amy", n)])).await, ["applied"]);
}

/// Ends once the server has read the pong of the client, which goes out while it waits for the
/// first answer.
async fn settle(link: &mut Link) {
    for _ in 0..2 {
        assert_eq!(link.heartbeat().await, 200);
    }
}

#[tokio::test]
async fn a_link_that_was_cut_goes_on_where_it_was() {
    let server = start().await;
    for (n, framing) in [(10, Framing::Text), (20, Framing::Binary)] {
        let device = format!("d{n}");
        let mut by_hand = login(&server.token("a", "amy"), "a", "amy", NEW);
        by_hand["13"] = json!(device);
        let mut link = with_device(&server, framing, by_hand.clone()).await;
        write(&server, "seen", n).await;
        assert_eq!(link.pushed().await["1"], "p2p|seen");
        settle(&mut link).await;
        link.cut().await;
        server.until_waiting(0).await;
        write(&server, "missed1", n + 1).await;
        write(&server, "missed2", n + 2).await;
        let mut link = with_device(&server, framing, again(&server, "amy", &device)).await;
        assert_eq!(
            link.pushed().await["1"],
            "p2p|missed1",
            "and what was seen does not come again"
        );
        assert_eq!(link.pushed().await["1"], "p2p|missed2");
        settle(&mut link).await;
        // A socket that is cut without a word: the server pushes into it, and nobody reads.
        let dead = link;
        server.until_waiting(1).await;
        write(&server, "lost", n + 3).await;
        let mut link = with_device(&server, framing, again(&server, "amy", &device)).await;
        assert_eq!(link.pushed().await["1"], "p2p|lost");
        // Other devices, and a login by hand, begin with what comes.
        let mut others = [
            with_device(&server, framing, again(&server, "amy", "other")).await,
            with_device(&server, framing, again(&server, "amy", "")).await,
            with_device(&server, framing, by_hand).await,
        ];
        write(&server, "next", n + 4).await;
        for link in others.iter_mut().chain([&mut link]) {
            assert_eq!(link.pushed().await["1"], "p2p|next");
        }
        dead.cut().await;
        for link in others.into_iter().chain([link]) {
            link.cut().await;
        }
        server.until_waiting(0).await;
    }
    server.stop().await;
}

/// The SDKs try again and again, and each try may be refused.
#[tokio::test]
async fn a_login_that_was_refused_for_want_of_a_place_lost_what_its_device_had_missed() {
    let limits = Limits { waits_per_account: 1, ..Limits::default() };
    let server = start_with(limits).await;
    let link = with_device(&server, Framing::Text, again(&server, "amy", "d")).await;
    link.cut().await;
    server.until_waiting(0).await;
    let other = with_device(&server, Framing::Text, again(&server, "amy", "other")).await;
    write(&server, "missed", 1).await;
    for _ in 0..20 {
        let mut link = Link::open(server.http.address(), Framing::Text).await;
        let answer = link.call(2, 3, Parameter::Tags(again(&server, "amy", "d"))).await;
        assert_eq!(answer["code"], 416);
    }
    other.cut().await;
    server.until_waiting(0).await;
    let mut link = with_device(&server, Framing::Text, again(&server, "amy", "d")).await;
    assert_eq!(link.pushed().await["1"], "p2p|missed");
    server.stop().await;
}

/// What nobody can tell any more ends the link: its client comes back and reads its list anew.
#[tokio::test]
async fn a_link_of_an_erased_account_ends_and_one_that_comes_back_is_told_what_is_new() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start_set(folder.path(), &[("HUIHUA_LINK", "true")]).await;
    let log_in = async |framing, device| {
        let mut link = Link::open(server.http.address(), framing).await;
        let token = token(&app(&server), "amy");
        let mut tags = login(&token, &server.dev["appKey"], "amy", NEW);
        (tags["8"], tags["13"]) = (json!(0), json!(device));
        assert_eq!(link.call(26, 3, Parameter::Tags(tags)).await["code"], 200);
        link
    };
    for (n, framing) in (1..).zip(BOTH) {
        server.events(json!([event("p2p", "old", "amy", 10 * n)])).await;
        let mut live = log_in(framing, "live").await;
        log_in(framing, "cut").await.cut().await;
        let mut erase = binary();
        erase.args(["accounts", "erase", "--yes", "--account", "amy", "--data"]).arg(folder.path());
        assert!(erase.status().unwrap().success());
        assert_eq!(live.next().await, None, "it is no kick: the SDK comes back by itself");
        let mut back = [log_in(framing, "live").await, log_in(framing, "cut").await];
        server.events(json!([event("p2p", "new", "amy", 10 * n + 1)])).await;
        for link in &mut back {
            assert_eq!(link.pushed().await["1"], "p2p|new");
        }
    }
}

/// Nobody knows whose a cursor would be.
#[tokio::test]
async fn a_link_without_a_device_does_not_go_on() {
    let server = start().await;
    for framing in BOTH {
        with_device(&server, framing, again(&server, "amy", "")).await.cut().await;
        server.until_waiting(0).await;
        write(&server, "missed", 10 * framing as u64 + 1).await;
        let mut link = with_device(&server, framing, again(&server, "amy", "")).await;
        write(&server, "next", 10 * framing as u64 + 2).await;
        assert_eq!(link.pushed().await["1"], "p2p|next");
        link.cut().await;
        server.until_waiting(0).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_link_that_logged_out_does_not_go_on() {
    let server = start().await;
    let mut link = with_device(&server, Framing::Text, again(&server, "amy", "d")).await;
    assert_eq!(link.call(2, 6, Parameter::Nothing).await["code"], 200);
    server.until_waiting(0).await;
    write(&server, "missed", 1).await;
    let mut link = with_device(&server, Framing::Text, again(&server, "amy", "d")).await;
    write(&server, "next", 2).await;
    assert_eq!(link.pushed().await["1"], "p2p|next");
    server.stop().await;
}
