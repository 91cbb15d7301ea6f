//! The client's sync: what changed since a cursor, at once or as soon as something does.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::Uri, response::Response};
use huihua_core::{
    SYNC_LIMIT_DEFAULT, SYNC_LIMIT_MAX, SYNC_WAIT_MS_MAX, SessionChange, SyncPage, paths,
};

use super::{Context, input, json};
use crate::{
    auth::Caller,
    error::Error,
    store::{Change, SyncFrom, SyncOption},
};

pub(super) async fn sync(
    State(context): State<Context>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Error> {
    let (option, wait) = option(&uri)?;
    let still_holds = || {
        let (caller, store) = (caller.clone(), Arc::clone(&context.store));
        async move { caller.still_holds(&*store).await }
    };
    let changes = context.live.sync(&caller.owner, option, wait, still_holds).await?;
    let of = |change| match change {
        Change::Session(session) => SessionChange::Session(session),
        Change::Deleted(id) => SessionChange::Deleted(id),
    };
    Ok(json(&SyncPage {
        changes: changes.changes.into_iter().map(of).collect(),
        cursor: changes.cursor,
        has_more: changes.has_more,
        reset: changes.reset,
    }))
}

fn option(uri: &Uri) -> Result<(SyncOption, Duration), Error> {
    let mut parameters = input::query(uri, &["cursor", "limit", "needLastMsg", "waitMs"])?;
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
    Ok((SyncOption { from, limit, need_last_msg }, Duration::from_millis(wait_ms.into())))
}
