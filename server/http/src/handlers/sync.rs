//! The client's sync: the changes since a cursor, at once or as soon as there is one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{extract::State, http::Uri, response::Response};
use huihua_core::{SYNC_LIMIT_DEFAULT, SYNC_LIMIT_MAX, SYNC_WAIT_MS_MAX, paths};
use huihua_store::{SyncFrom, SyncRequest};

use super::{answers::json_text, context::Context, input};
use crate::{auth::AuthenticatedCaller, error::Error};

/// Returns every session that changed since a cursor: once, in its latest state, in the order of
/// the changes, deletions included.
///
/// With `waitMs` the answer waits until something changes. A cursor that is too old, malformed, of
/// another account or of a restored store is answered at once with `reset` true and without
/// changes: list again. Deletions are announced for 30 days.
#[cfg_attr(test, utoipa::path(
    get, path = paths::SYNC, operation_id = "sync",
    params(super::described::SyncQuery),
    responses((status = 200, description = "The changes", body = huihua_core::SyncPage)),
))]
pub(super) fn sync(
    State(context): State<Context>,
    caller: AuthenticatedCaller,
    uri: Uri,
) -> impl Future<Output = Result<Response, Error>> {
    // Not in the future: the address holds what was read of the connection, as long as a wait
    // lasts.
    let asked = input::query(&uri, &SYNC_PARAMETERS).and_then(request);
    async move {
        let (request, wait) = asked?;
        let check_caller = || caller.check_still_valid(&*context.store);
        let page = context.live.sync(&caller.owner, request, wait, check_caller).await?;
        Ok(json_text(Arc::unwrap_or_clone(page).into_json()))
    }
}

/// The parameters of a sync.
pub(crate) const SYNC_PARAMETERS: [&str; 4] = ["cursor", "limit", "needLastMsg", "waitMs"];

/// Reads what changes are wanted, and how long to wait for one.
pub(crate) fn request(
    mut parameters: BTreeMap<String, String>,
) -> Result<(SyncRequest, Duration), Error> {
    let from = match parameters.remove("cursor") {
        None => SyncFrom::Beginning,
        Some(text) if text == paths::SYNC_LATEST => SyncFrom::Latest,
        Some(text) => SyncFrom::Cursor(text),
    };
    let within = |name: &str, default, min: u32, max: u32| {
        let Some(text) = parameters.get(name) else { return Ok(default) };
        let number = input::number(name, text).ok().filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| Error::invalid(name, format_args!("must be {min}..={max}")))
    };
    let limit = within("limit", SYNC_LIMIT_DEFAULT, 1, SYNC_LIMIT_MAX)?;
    let wait_ms = within("waitMs", 0, 0, SYNC_WAIT_MS_MAX)?;
    let need_last_msg =
        parameters.get("needLastMsg").map_or(Ok(true), |text| input::flag("needLastMsg", text))?;
    Ok((SyncRequest { from, limit, need_last_msg }, Duration::from_millis(wait_ms.into())))
}
