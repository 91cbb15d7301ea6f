//! What the pages ask for: an account, its list and its changes by the code that clients reach, one
//! session with its registers, the copies of late, and health. Every look at an account is in the
//! audit log.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Extension, extract::State as AxumState, http::Uri, response::Response};
use huihua_core::AccountForm;
use huihua_core::{AppKey, SYNC_WAIT_MS_MAX, SessionId};
use huihua_event::Owner;
use serde_json::json;

use super::{access::Looker, answers, state::State};
use crate::{
    error::Error,
    handlers::{
        answers::{json, json_text},
        input,
        sessions::{self, LIST_PARAMETERS},
        sync::{self, SYNC_PARAMETERS},
    },
};

/// The parameters that name an account.
const OWNER_PARAMETERS: [&str; 2] = ["app", "account"];
/// Most teams that are named; all are counted.
const TEAMS_MAX: usize = 1_000;

/// The account that is looked at.
pub(super) struct Subject {
    pub(super) owner: Owner,
    accounts: AccountForm,
}

/// Writes a look at an account into the audit log: the only place where accounts are in the log.
pub(super) fn audit(looker: &Looker, owner: &Owner, what: &str) {
    tracing::info!(
        target: "audit",
        app = owner.app.as_str(),
        account = owner.account.as_str(),
        what,
        who = looker.name,
        address = %looker.address,
        "an operator looked at an account"
    );
}

/// Reads a query that names an account, beside parameters of its own.
fn query(
    state: &State,
    uri: &Uri,
    own: &[&str],
) -> Result<(Subject, BTreeMap<String, String>), Error> {
    let known: Vec<&str> = OWNER_PARAMETERS.iter().chain(own).copied().collect();
    let mut parameters = input::query(uri, &known)?;
    let mut take = |name: &str| {
        parameters.remove(name).ok_or_else(|| Error::invalid(name, "is missing: name one"))
    };
    let (app, account) = (take("app")?, take("account")?);
    let apps = state.context.apps.load();
    let app = AppKey::new(app).ok().and_then(|key| apps.get(&key)).ok_or_else(|| {
        Error::invalid("app", "no app of this server has this key: the page Health lists them")
    })?;
    let account = app.accounts.account(&account).map_err(|e| Error::invalid("account", e))?;
    let owner = Owner { app: app.key.clone(), account };
    Ok((Subject { owner, accounts: app.accounts }, parameters))
}

/// The account itself: how it is written, whether it is blocked, which teams it is in.
pub(super) async fn account(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    uri: Uri,
) -> Result<Response, Error> {
    let (Subject { owner, .. }, _) = query(&state, &uri, &[])?;
    audit(&looker, &owner, "account");
    let store = &state.context.store;
    let is_blocked = store.is_blocked(&owner).await?;
    let teams = store.teams_of(&owner).await?;
    let named: Vec<_> = teams.iter().take(TEAMS_MAX).map(|team| team.session_id()).collect();
    Ok(json(&json!({
        "appKey": owner.app,
        "account": owner.account,
        "isBlocked": is_blocked,
        "teams": named,
        "teamCount": teams.len(),
    })))
}

/// A page of its list: the bytes that its client gets.
pub(super) async fn sessions(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    uri: Uri,
) -> Result<Response, Error> {
    let (Subject { owner, .. }, parameters) = query(&state, &uri, &LIST_PARAMETERS)?;
    let option = sessions::option(parameters)?;
    audit(&looker, &owner, "list");
    Ok(json_text(state.context.store.list(&owner, &option).await?.into_json()))
}

/// One session with its registers, and why it is visible or not.
pub(super) async fn session(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    uri: Uri,
) -> Result<Response, Error> {
    let (Subject { owner, accounts }, mut parameters) = query(&state, &uri, &["sessionId"])?;
    let text = parameters.remove("sessionId").unwrap_or_default();
    let id: SessionId = accounts.session_id(&text).map_err(|e| Error::invalid("sessionId", e))?;
    audit(&looker, &owner, &format!("session {id}"));
    let engine = state.context.readiness.engine();
    let Some(inspected) = engine.inspect(&owner, &id).await? else {
        return Ok(json(&json!({ "sessionId": id, "isAvailable": false })));
    };
    Ok(json(&json!({ "sessionId": id, "isAvailable": true, "inspected": inspected })))
}

/// The changes of its list, as its client gets them; waits for one.
pub(super) async fn sync(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    uri: Uri,
) -> Result<Response, Error> {
    let (Subject { owner, .. }, parameters) = query(&state, &uri, &SYNC_PARAMETERS)?;
    let (request, wait) = sync::request(parameters)?;
    audit(&looker, &owner, "changes");
    let page = state.context.live.sync(&owner, request, wait, async || Ok(())).await?;
    Ok(json_text(Arc::unwrap_or_clone(page).into_json()))
}

/// The copies of late; waits for one after the number `after`.
pub(super) async fn copies(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    uri: Uri,
) -> Result<Response, Error> {
    let parameters = input::query(&uri, &["after", "waitMs"])?;
    let number =
        |name: &str| parameters.get(name).map_or(Ok(0), |text| input::number::<u64>(name, text));
    let (after, wait_ms) = (number("after")?, number("waitMs")?);
    if wait_ms > SYNC_WAIT_MS_MAX.into() {
        let reason = format_args!("must be 0..={SYNC_WAIT_MS_MAX}");
        return Err(Error::invalid("waitMs", reason));
    }
    if after == 0 {
        let (who, address) = (&looker.name, looker.address);
        tracing::info!(target: "audit", who, %address, what = "copies", "an operator looked at copies");
    }
    let copies = &state.context.recent_copies;
    Ok(json(&copies.after(after, Duration::from_millis(wait_ms)).await))
}

/// Health, apps and limits.
pub(super) async fn status(
    AxumState(state): AxumState<State>,
    Extension(looker): Extension<Looker>,
    uri: Uri,
) -> Result<Response, Error> {
    input::query(&uri, &[])?;
    let not_ready = state.context.readiness.check().await.err().map(|error| error.to_string());
    Ok(json(&answers::status(&state, &looker.name, not_ready)))
}
