//! Strict reading of requests: unknown, repeated, too large or mistyped fields are refused by name.
//! Details never hold a value.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Query,
    http::{HeaderMap, Uri, header, request::Parts},
};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    addresses::BodyBytes,
    error::{Error, shown},
};

/// Largest body of a client, in bytes: the longest ext with every byte escaped fits twice.
pub(super) const CLIENT_BODY_BYTES_MAX: usize = 64 * 1024;
/// Up to this length a body that is too large is read to its end, in bytes.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for a whole body where no limit is given.
const BODY_WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// Reads the parameters of a query: each one known and given at most once.
pub(crate) fn query(uri: &Uri, known: &[&str]) -> Result<BTreeMap<String, String>, Error> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
        Error::Invalid { detail: "the query must be percent-encoded name=value pairs".to_owned() }
    })?;
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs {
        if !known.contains(&name.as_str()) {
            return Err(Error::invalid(&shown(&name), "unknown query parameter"));
        }
        if parameters.insert(name.clone(), value).is_some() {
            return Err(Error::invalid(&name, "is given more than once"));
        }
    }
    Ok(parameters)
}

/// Reads a whole number of digits only: no sign, no space.
pub(crate) fn number<N: std::str::FromStr>(field: &str, text: &str) -> Result<N, Error> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = if digits { text.parse().ok() } else { None };
    parsed.ok_or_else(|| Error::invalid(field, "must be a whole number within its range"))
}

/// Reads true, false, 1 or 0.
pub(crate) fn flag(field: &str, text: &str) -> Result<bool, Error> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::invalid(field, "must be true, false, 1 or 0")),
    }
}

/// Reads the fields of a client's JSON object, all of them known.
pub(crate) async fn fields(
    parts: &Parts,
    body: Body,
    known: &[&str],
) -> Result<BTreeMap<String, Box<RawValue>>, Error> {
    json_content(&parts.headers)?;
    let bytes = whole_body(parts, body, CLIENT_BODY_BYTES_MAX).await?;
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&bytes)
        .map_err(|_| Error::Invalid { detail: "the body must be a JSON object".to_owned() })?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::invalid(&shown(name), "unknown field")),
        None => Ok(fields),
    }
}

/// Refuses a body whose content type is not JSON.
pub(super) fn json_content(headers: &HeaderMap) -> Result<(), Error> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Error::ContentType) }
}

/// Reads the field's value; `form` says what it must be.
pub(crate) fn value<T: DeserializeOwned>(
    fields: &BTreeMap<String, Box<RawValue>>,
    field: &str,
    form: &str,
) -> Result<T, Error> {
    let raw = fields.get(field).ok_or_else(|| Error::invalid(field, "is missing"))?;
    serde_json::from_str(raw.get()).map_err(|_| Error::invalid(field, form))
}

/// Returns the header if it is given exactly once and is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Reads the whole body, at most `bytes_max` bytes, as far as there is room for it. A larger one is
/// read on for a while and discarded: closing on a peer that still sends would lose the answer with
/// the reason.
pub(super) async fn whole_body(
    parts: &Parts,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Error> {
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length: u64 = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    let waits_for_us = parts.headers.contains_key(header::EXPECT);
    if length > DISCARDED_BYTES_MAX as u64 || (waits_for_us && length > bytes_max as u64) {
        return Err(Error::BodyTooLarge { bytes_max });
    }
    let room = parts.extensions.get::<Arc<BodyBytes>>();
    let wait = room.map_or(BODY_WAIT_DEFAULT, |room| room.wait());
    match tokio::time::timeout(wait, read(body, bytes_max, room.map(|room| &**room))).await {
        Ok(done) => done,
        Err(_) => Err(Error::BodyIncomplete { detail: "the body did not come in time" }),
    }
}

async fn read(mut body: Body, bytes_max: usize, room: Option<&BodyBytes>) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    let mut length = 0;
    let mut refusal = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::BodyIncomplete { detail: "the body broke off" })?;
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        let taken = match room {
            Some(room) if length <= bytes_max && refusal.is_none() => room.take(data.len()),
            Some(_) | None => Ok(()),
        };
        refusal = refusal.or(taken.err());
        if length <= bytes_max && refusal.is_none() {
            if bytes.is_empty() && body.is_end_stream() {
                return Ok(data);
            }
            bytes.extend_from_slice(&data);
        } else if length > DISCARDED_BYTES_MAX {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None if length > bytes_max => Err(Error::BodyTooLarge { bytes_max }),
        None => Ok(bytes.into()),
    }
}
