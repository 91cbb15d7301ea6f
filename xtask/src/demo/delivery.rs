//! Delivering message copies as NIM does: signed, over several connections at once, again when they
//! are not taken.

use std::{
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use md5::Md5;
use serde_json::Value;
use sha1::{Digest, Sha1};

use crate::server::{Site, agent};

/// NIM sends over several connections, so copies pass one another.
const CONNECTIONS: usize = 4;
/// Delivers each line, every connection its share in the order of the file.
///
/// # Errors
/// When a delivery is not answered as taken.
pub(super) fn deliver(site: &Site, copies: &str) -> Result<()> {
    let lines: Vec<&str> = copies.lines().collect();
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let share = |connection: usize| {
            let lines = lines.iter().enumerate().skip(connection).step_by(CONNECTIONS);
            move || deliver_share(site, lines)
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|number| scope.spawn(share(number))).collect();
        let panicked = "a delivering thread does not panic";
        threads.into_iter().map(|thread| thread.join().expect(panicked)).collect()
    });
    results.into_iter().collect::<Result<()>>()?;
    println!("{} copies over {CONNECTIONS} connections, each answered 200: durable", lines.len());
    Ok(())
}

fn deliver_share<'a>(site: &Site, lines: impl Iterator<Item = (usize, &'a &'a str)>) -> Result<()> {
    let agent = agent();
    for (at, line) in lines {
        let (status, answer) = post(&agent, site, &site.app_secret, line)
            .with_context(|| format!("deliver line {}", at + 1))?;
        if status != 200 || answer["code"] != 200 {
            bail!("line {} of the copies was answered {status} {answer}", at + 1);
        }
    }
    Ok(())
}

/// A copy that somebody else signed must not be taken.
///
/// # Errors
/// When it is.
pub(super) fn refused_when_forged(site: &Site) -> Result<()> {
    let (status, answer) = post(&agent(), site, "another secret", "{}")?;
    ensure!(status == 403 && answer["code"] == 414, "a forged copy got {status} {answer}");
    println!("One more, signed with another secret: refused, {status} {answer}");
    Ok(())
}

fn post(agent: &ureq::Agent, site: &Site, secret: &str, body: &str) -> Result<(u16, Value)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    let cur_time = now.as_millis().to_string();
    let md5 = hex::encode(Md5::digest(body));
    let mut answer = agent
        .post(format!("{}/nim/copy", site.url))
        .header("Content-Type", "application/json")
        .header("AppKey", &site.app_key)
        .header("CurTime", &cur_time)
        .header("MD5", &md5)
        .header("CheckSum", check_sum(secret, &md5, &cur_time))
        .send(body)
        .context("post to /nim/copy")?;
    let text = answer.body_mut().read_to_string().context("read the answer")?;
    let json = serde_json::from_str(&text).context("read the answer as JSON")?;
    Ok((answer.status().as_u16(), json))
}

fn check_sum(secret: &str, md5: &str, cur_time: &str) -> String {
    hex::encode(Sha1::digest(format!("{secret}{md5}{cur_time}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies() -> Vec<Value> {
        // Tests run in their package's folder.
        let text = std::fs::read_to_string("../samples/nim-copy.jsonl").unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_sample_has_every_shape() {
        let copies = copies();
        assert!(copies.len() >= 300, "{} copies", copies.len());
        let shown = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        let has = |wanted: &[(&str, &str)]| {
            copies.iter().any(|copy| wanted.iter().all(|(key, value)| shown(&copy[*key]) == *value))
        };
        let kinds = ["TEXT", "PICTURE", "AUDIO", "VIDEO", "LOCATION", "FILE", "TIPS", "CUSTOM"];
        for conv in ["PERSON", "TEAM", "SUPER_TEAM"] {
            for kind in kinds {
                assert!(has(&[("convType", conv), ("msgType", kind)]), "no {kind} in {conv}");
            }
        }
        for event in ["7", "8", "25"] {
            assert!(has(&[("eventType", event)]), "no event {event}");
        }
        assert!(has(&[("resendFlag", "1")]) && copies.contains(&serde_json::json!({})));
        let is = |key: &str, test: fn(&Value) -> bool| copies.iter().any(|copy| test(&copy[key]));
        assert!(is("msgTimestamp", Value::is_string) && is("msgTimestamp", Value::is_number));
        assert!(is("attach", Value::is_string) && is("attach", Value::is_object));
        assert!(is("tMembers", Value::is_string) && is("tMembers", Value::is_array));
        assert!(is("msgidServer", |id| id.as_u64().is_some_and(|id| id > 1 << 53)));
    }

    #[test]
    fn the_sample_repeats_and_recalls_before_the_message() {
        let copies = copies();
        let again = (1..copies.len()).filter(|at| copies[..*at].contains(&copies[*at])).count();
        assert!(again >= 20, "{again} repeats");
        let id = |copy: &Value, key: &str| copy[key].to_string().replace('"', "");
        let early = copies.iter().enumerate().filter(|(at, copy)| {
            let comes_later = |message: &Value| id(message, "msgidServer") == id(copy, "msgId");
            !copy["msgId"].is_null() && copies[at + 1..].iter().any(comes_later)
        });
        assert!(early.count() >= 3, "recalls come after their messages");
    }

    #[test]
    fn the_check_sum_is_nims() {
        // printf %s 'secret99914b932bd37a50b983c5e7c90ae93b1700000000000' | sha1sum
        let md5 = hex::encode(Md5::digest("{}"));
        assert_eq!(md5, "99914b932bd37a50b983c5e7c90ae93b");
        assert_eq!(
            check_sum("secret", &md5, "1700000000000"),
            "7acb2d62dfaeb0df3424787e7b6c7e008d58637e"
        );
    }
}
