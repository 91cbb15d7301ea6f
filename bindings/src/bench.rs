//! Calls that measure the border, only in a build with the feature `bench`. `cargo xtask bench sdk`
//! runs them: over the real calls a server's time would hide what the border costs.

use std::{sync::Arc, thread, time::Instant};

use huihua_core as core;

use crate::{CallCallback, CallOutcome};

/// Parses the body of a list's answer `times` times, as core does. Returns the ns of each.
#[uniffi::export]
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub fn bench_parse(body: Vec<u8>, times: i32) -> Vec<i64> {
    let measure = |_| {
        let start = Instant::now();
        let page = serde_json::from_slice::<core::Page>(&body);
        let ns = elapsed_ns(start);
        drop(page);
        ns
    };
    (0..times).map(measure).collect()
}

/// Delivers the list of an answer's body `times` times. Returns the ns of each, from core's page to
/// the return of the callback.
#[uniffi::export]
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub fn bench_list(body: Vec<u8>, times: i32, callback: Arc<dyn CallCallback>) -> Vec<i64> {
    let Ok(page) = serde_json::from_slice::<core::Page>(&body) else { return Vec::new() };
    on_own_thread(move || {
        let measure = |_| {
            let page = page.clone();
            let start = Instant::now();
            drop(callback.on_end(page.into()));
            elapsed_ns(start)
        };
        (0..times).map(measure).collect()
    })
}

/// Calls the smallest callback `times` times. Returns the ns of each.
#[uniffi::export]
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub fn bench_callback(times: i32, callback: Arc<dyn CallCallback>) -> Vec<i64> {
    on_own_thread(move || {
        let measure = |_| {
            let start = Instant::now();
            drop(callback.on_end(CallOutcome::Done));
            elapsed_ns(start)
        };
        (0..times).map(measure).collect()
    })
}

/// Runs on a thread that Java has not made, as the runtime's are.
#[expect(clippy::disallowed_methods, reason = "it is joined at once")]
fn on_own_thread(measure: impl FnOnce() -> Vec<i64> + Send + 'static) -> Vec<i64> {
    thread::spawn(measure).join().unwrap_or_default()
}

fn elapsed_ns(start: Instant) -> i64 {
    i64::try_from(start.elapsed().as_nanos()).unwrap_or(i64::MAX)
}
