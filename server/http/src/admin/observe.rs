//! Counts every request, and writes its line of the access log if that is switched on.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt as _;

use super::metrics::{AnsweredRequest, method_name};
use crate::{
    answer_notes::{RefusalReason, RequestId},
    handlers::Context,
};

/// The route of a request that no route fits: its path may hold anything.
const NO_ROUTE: &str = "none";

/// Makes an answer of a panic's payload.
pub(crate) type AnswerPanic = fn(Box<dyn Any + Send>) -> Response;

/// What observing needs.
#[derive(Clone)]
pub(crate) struct Observer {
    pub(crate) context: Context,
    /// How a panic at a path is answered.
    pub(crate) answer_of_panic: fn(&str) -> AnswerPanic,
}

/// Answers, also when the handler panics, and then counts. Not an async function: every request
/// that waits would keep the room of its own head beside its answer.
#[expect(clippy::disallowed_methods, reason = "how long an answer takes, for the operator")]
pub(crate) fn observe(
    State(observer): State<Observer>,
    request: Request,
    next: Next,
) -> impl Future<Output = Response> {
    let since = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = method_name(request.method());
    let is_logged = observer.context.metrics.is_access_logged();
    let trace_id = is_logged.then(|| trace_id(request.headers())).flatten();
    let answer_panic = (observer.answer_of_panic)(request.uri().path());
    // What a panic may leave half done is the request's own.
    AssertUnwindSafe(next.run(request)).catch_unwind().map(move |answered| {
        let response = answered.unwrap_or_else(answer_panic);
        let route = path.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
        let (status, took) = (response.status().as_u16(), since.elapsed());
        let metrics = &observer.context.metrics;
        metrics.count_request(&AnsweredRequest { route, method, status, took });
        if let Some(RefusalReason(reason)) = response.extensions().get() {
            metrics.count_refusal(reason);
        }
        if is_logged {
            let request_id = response.extensions().get().cloned();
            let RequestId(request_id) = request_id.unwrap_or_else(RequestId::draw);
            let trace_id = trace_id.unwrap_or_default();
            let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            tracing::info!(
                target: "access", method, route, status, took_us, request_id, trace_id, "answered"
            );
        }
        response
    })
}

/// Returns the trace's id of a caller that sends W3C's `traceparent`. Anything else is not logged:
/// it could hold anything.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (version, id) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (version.len() == 2 && id.len() == 32 && is_hex(id)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_id_of_a_trace_is_taken() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let check = |text: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_str(text).unwrap());
            assert_eq!(trace_id(&headers).as_deref(), expected, "{text}");
        };
        check(&format!("00-{id}-b7ad6b7169203331-01"), Some(id));
        check(&format!("00-{}-b7ad6b7169203331-01", id.to_uppercase()), None);
        check("00-PRIVATE-b7ad6b7169203331-01", None);
        check(&format!("{id}-00"), None);
    }
}
