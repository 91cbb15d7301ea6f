//! The client's calls about its account, its list, one session, its ext, and deletion.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use huihua_core::{
    AccountForm, AccountInfo, DELETE_IDS_MAX, EXT_BYTES_MAX, LIMIT_MAX, QueryMySessionOption,
    SessionId, paths,
};
use huihua_event::Owner;
use huihua_store::{Attempt, IdempotencyKey};
use sha2::{Digest as _, Sha256};

use super::{
    answers::{json, json_text},
    context::Context,
    input,
};
use crate::{auth::AuthenticatedCaller, clock::Clock, error::Error};

/// Says whose token the request carries.
///
/// A login asks it: the account comes from the token and from nowhere else.
#[cfg_attr(test, utoipa::path(
    get, path = paths::ACCOUNT, operation_id = "getAccount",
    responses((status = 200, description = "The token's account", body = AccountInfo)),
))]
pub(super) async fn account(caller: AuthenticatedCaller, uri: Uri) -> Result<Response, Error> {
    input::query(&uri, &[])?;
    let Owner { app, account } = &caller.owner;
    Ok(json(&AccountInfo {
        account: account.to_string(),
        app_key: app.to_string(),
        expires_at: caller.expires_at,
    }))
}

/// Returns one page of the account's list, newest first.
///
/// Follow `nextPageToken` while `hasMore` is true: it pages exactly, whatever is written meanwhile.
/// Then sync from the `syncCursor` of the first page. Paging by `maxTimestamp` = the last row's
/// `updateTime` works too, and never gets stuck: a page that would hold only rows of that time is
/// longer than `limit`. Rows of one time come in the order p2p, team, super_team, then by the id's
/// bytes.
#[cfg_attr(test, utoipa::path(
    get, path = paths::SESSIONS, operation_id = "listSessions",
    params(super::described::ListQuery),
    responses((status = 200, description = "One page", body = huihua_core::Page)),
))]
pub(super) async fn list(
    State(context): State<Context>,
    caller: AuthenticatedCaller,
    uri: Uri,
) -> Result<Response, Error> {
    let option = option(input::query(&uri, &LIST_PARAMETERS)?)?;
    Ok(json_text(context.store.list(&caller.owner, &option).await?.into_json()))
}

/// The parameters of a list.
pub(crate) const LIST_PARAMETERS: [&str; 5] =
    ["minTimestamp", "maxTimestamp", "needLastMsg", "limit", "pageToken"];

/// Reads what page of a list is wanted.
pub(crate) fn option(
    mut parameters: BTreeMap<String, String>,
) -> Result<QueryMySessionOption, Error> {
    let page_token = parameters.remove("pageToken");
    let mut option = QueryMySessionOption { page_token, ..QueryMySessionOption::default() };
    for (name, text) in &parameters {
        match name.as_str() {
            "needLastMsg" => option.need_last_msg = input::flag(name, text)?,
            "limit" => {
                let reason = format!("must be 1..={LIMIT_MAX}");
                option.limit =
                    input::number(name, text).map_err(|_| Error::invalid(name, reason))?;
            }
            _ if option.page_token.is_some() => {
                let reason = "cannot be combined with pageToken: the first page fixed it";
                return Err(Error::invalid(name, reason));
            }
            "minTimestamp" => option.min_timestamp = input::number(name, text)?,
            _ => option.max_timestamp = input::number(name, text)?,
        }
    }
    option.validate().map_err(|wrong| Error::invalid(wrong.field, wrong.reason))?;
    Ok(option)
}

/// Returns one session.
#[cfg_attr(test, utoipa::path(
    get, path = paths::SESSION, operation_id = "getSession",
    params(super::described::SessionPath, super::described::IfNoneMatch),
    responses(
        (status = 200, description = "The session", body = huihua_core::RecentSession,
            headers(("ETag" = String, description = "Changes whenever the answer does"))),
        (status = 304, description = "It has the tag that `If-None-Match` names",
            headers(("ETag" = String, description = "As of the answer that was not sent"))),
    ),
))]
pub(super) async fn get(
    State(context): State<Context>,
    caller: AuthenticatedCaller,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    input::query(&uri, &[])?;
    let id = session_id(caller.accounts, path)?;
    let Some(session) = context.store.get(&caller.owner, &id).await? else {
        return Err(Error::NotFound { detail: "there is no such session in the list".to_owned() });
    };
    let body = session.into_json();
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..16]));
    let tag_value = HeaderValue::from_str(&tag).expect("hex in quotes is a header value");
    let mut response = if names_tag(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_text(body)
    };
    response.headers_mut().insert(header::ETAG, tag_value);
    Ok(response)
}

/// Checks whether `If-None-Match` names the tag. Compares weakly (RFC 9110): a proxy that
/// compresses the answer marks its tag weak.
fn names_tag(headers: &HeaderMap, tag: &str) -> bool {
    let named = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    named
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Sets the account's own text on a session, which nobody else sees.
///
/// `updateTime` and the place in the list stay. A session that is not in the list is added without
/// a message, at the time of the call: at most 1,000 of an account may exist so (then 429).
#[cfg_attr(test, utoipa::path(
    put, path = paths::SESSION_EXT, operation_id = "setExt",
    params(super::described::SessionPath, super::described::IdempotencyKeyHeader),
    request_body(content = super::described::ExtBody, description = "At most 64 KiB"),
    responses((status = 200, description = "The session", body = huihua_core::RecentSession)),
))]
pub(super) async fn set_ext(
    State(context): State<Context>,
    caller: AuthenticatedCaller,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    input::query(&parts.uri, &[])?;
    let id = session_id(caller.accounts, path)?;
    let fields = input::fields(&parts, body, &["ext"]).await?;
    let ext: String = input::value(&fields, "ext", "must be a string")?;
    if ext.len() > EXT_BYTES_MAX {
        return Err(Error::invalid("ext", format_args!("is longer than {EXT_BYTES_MAX} bytes")));
    }
    let attempt = attempt(&parts.headers, context.clock)?;
    Ok(json(&context.store.update(&caller.owner, &id, ext, &attempt).await?))
}

/// Deletes sessions from the account's list, all or none.
///
/// One that is not there is no error. A session comes back with its next newer message, without
/// its ext.
#[cfg_attr(test, utoipa::path(
    post, path = paths::SESSIONS_DELETE, operation_id = "deleteSessions",
    params(super::described::IdempotencyKeyHeader),
    request_body(content = super::described::DeleteBody, description = "At most 64 KiB"),
    responses((status = 204, description = "None of them is in the list")),
))]
pub(super) async fn delete(
    State(context): State<Context>,
    caller: AuthenticatedCaller,
    request: Request,
) -> Result<StatusCode, Error> {
    let (parts, body) = request.into_parts();
    input::query(&parts.uri, &[])?;
    let fields = input::fields(&parts, body, &["sessionIds"]).await?;
    let form = "must be a list of strings";
    let texts: Vec<String> = input::value(&fields, "sessionIds", form)?;
    if texts.is_empty() || texts.len() > DELETE_IDS_MAX {
        let reason = format_args!("must hold 1..={DELETE_IDS_MAX} ids");
        return Err(Error::invalid("sessionIds", reason));
    }
    let parse = |(n, text): (usize, &String)| {
        caller.accounts.session_id(text).map_err(|e| Error::invalid(&format!("sessionIds[{n}]"), e))
    };
    let ids = texts.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    let attempt = attempt(&parts.headers, context.clock)?;
    context.store.delete(&caller.owner, ids, &attempt).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the attempt of a client's write. A key that is there must be valid: a client that sent it
/// relies on it.
fn attempt(headers: &HeaderMap, clock: Clock) -> Result<Attempt, Error> {
    let mut keys = headers.get_all(paths::IDEMPOTENCY_KEY).iter();
    let key = match (keys.next(), keys.next()) {
        (None, _) => None,
        (Some(key), None) => {
            Some(key.to_str().ok().and_then(IdempotencyKey::new).ok_or_else(|| {
                Error::invalid(paths::IDEMPOTENCY_KEY, "must be 1..=64 visible ASCII characters")
            })?)
        }
        (Some(_), Some(_)) => {
            return Err(Error::invalid(paths::IDEMPOTENCY_KEY, "is given more than once"));
        }
    };
    Ok(Attempt { now: clock.now_ms(), key })
}

fn session_id(
    accounts: AccountForm,
    path: Result<Path<String>, PathRejection>,
) -> Result<SessionId, Error> {
    let Path(text) =
        path.map_err(|_| Error::invalid("sessionId", "must be percent-encoded UTF-8"))?;
    accounts.session_id(&text).map_err(|e| Error::invalid("sessionId", e))
}
