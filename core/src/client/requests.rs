//! Builds the requests of the calls, and parses the body of a success.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use super::{error::Error, http_answer, transport::CallRequest};
use crate::{Code, SessionId, SyncOption, paths};

/// All characters but RFC 3986's unreserved ones, so that any id is one path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parses the body of a success.
pub(super) fn parse_body<T: DeserializeOwned>(
    request: &CallRequest,
    body: &[u8],
) -> Result<T, Error> {
    http_answer::parse(body).map_err(|reason| Error::Answer {
        status: request.success,
        reason,
        retry_after_ms: None,
        may_have_applied: request.writes(),
    })
}

pub(super) fn read_request(call: &'static str, path: &str) -> CallRequest {
    CallRequest {
        call,
        method: Method::GET,
        path: path.to_owned(),
        query: Vec::new(),
        body: None,
        idempotency_key: None,
        wait: Duration::ZERO,
        attempts_max: None,
        may_be_missing: false,
        success: 200,
    }
}

pub(super) fn sync_request(call: &'static str, option: &SyncOption) -> CallRequest {
    let mut query = vec![
        ("needLastMsg", option.need_last_msg.to_string()),
        ("limit", option.limit.to_string()),
    ];
    query.extend(option.cursor.clone().map(|cursor| ("cursor", cursor)));
    let wait = Duration::from_millis(option.wait_ms.into());
    CallRequest { query, wait, ..read_request(call, paths::SYNC) }
}

pub(super) fn write_request(
    call: &'static str,
    method: Method,
    path: String,
    body: &impl Serialize,
    success: u16,
) -> Result<CallRequest, Error> {
    let body = serde_json::to_vec(body).expect("strings and lists of strings are JSON");
    Ok(CallRequest {
        call,
        method,
        path,
        query: Vec::new(),
        body: Some(body),
        idempotency_key: Some(idempotency_key()?),
        wait: Duration::ZERO,
        attempts_max: None,
        may_be_missing: false,
        success,
    })
}

/// Makes a key of 128 random bits, in hex.
fn idempotency_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::local(Code::Internal, "the operating system has no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

pub(super) fn session_path(template: &str, id: &SessionId) -> String {
    template.replace("{id}", &utf8_percent_encode(&id.to_string(), SEGMENT).to_string())
}
