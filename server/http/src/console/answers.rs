//! The state of the server as JSON: what runs, how its store does, and the limits that hold.

use huihua_core::AccountForm;
use huihua_store::Distribution;
use serde_json::{Value, json};

use super::state::State;
use crate::limits::Limits;

/// What an operator sees first. `not_ready`: why the store does not read and write.
pub(super) fn status(state: &State, operator: &str, not_ready: Option<String>) -> Value {
    let context = &state.context;
    let apps = context.apps.load();
    let mut apps: Vec<_> = apps.values().collect();
    apps.sort_by(|a, b| a.key.cmp(&b.key));
    let apps = apps.into_iter().map(|app| {
        json!({
            "appKey": app.key,
            "accounts": match app.accounts {
                AccountForm::Nim => "nim",
                AccountForm::Exact => "exact",
            },
            "tokenKeys": app.token_keys.len(),
            "ingestKeys": app.ingest_keys.len(),
        })
    });
    let report = context.readiness.engine().report();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "operator": operator,
        "startedAt": state.started_at,
        "now": context.clock.now_ms(),
        "notReady": not_ready,
        "apps": apps.collect::<Vec<_>>(),
        "store": {
            "bytes": report.store_bytes,
            "queueJobs": report.queue_jobs,
            "commits": count(&report.commit_seconds),
            "commitSeconds": mean(&report.commit_seconds),
            "commitSecondsHigh": high(&report.commit_seconds),
            "batchJobs": mean(&report.batch_jobs),
        },
        "waits": context.live.waiting(),
        "limits": limits(&state.limits),
    })
}

fn count(values: &Distribution) -> u64 {
    values.classes.iter().map(|(_, count)| count).sum()
}

fn mean(values: &Distribution) -> Option<f64> {
    let count = count(values);
    (count > 0).then(|| values.sum / count as f64)
}

/// The upper limit of the class below which 99 of 100 values are, if it has one.
fn high(values: &Distribution) -> Option<f64> {
    let mut left = count(values).checked_sub(1)? * 99 / 100;
    let class = values.classes.iter().find(|(_, count)| {
        let is_here = left < *count;
        left = left.saturating_sub(*count);
        is_here
    });
    class.map(|(limit, _)| *limit).filter(|limit| limit.is_finite())
}

/// The limits of peers, by their names in the configuration.
fn limits(limits: &Limits) -> Value {
    let rates = &limits.rates;
    let mb = |bytes: usize| bytes >> 20;
    let list: [(&str, Value); 18] = [
        ("connections_max", limits.connections_max.into()),
        ("connections_per_address", limits.connections_per_address.into()),
        ("streams_per_connection", limits.streams_per_connection.into()),
        ("waits_per_account", limits.waits_per_account.into()),
        ("account_requests_per_s", rates.account_requests_per_s.get().into()),
        ("app_requests_per_s", rates.app_requests_per_s.get().into()),
        ("events_requests_per_s", rates.events_requests_per_s.get().into()),
        ("copies_per_s", rates.copies_per_s.get().into()),
        ("nim_calls_per_s", rates.nim_calls_per_s.get().into()),
        ("wrong_credentials_per_s", rates.wrong_credentials_per_s.get().into()),
        ("bodies_mb", mb(limits.body_bytes_max).into()),
        ("bodies_per_address_mb", limits.body_bytes_per_address.map(mb).into()),
        ("answers_mb", mb(limits.answer_bytes_max).into()),
        ("rates_mb", mb(rates.bytes_max).into()),
        ("tls_handshake_wait_s", limits.handshake_wait.as_secs().into()),
        ("head_wait_s", limits.head_wait.as_secs().into()),
        ("body_wait_s", limits.body_wait.as_secs().into()),
        ("answer_wait_s", limits.answer_wait.as_secs().into()),
    ];
    list.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}
