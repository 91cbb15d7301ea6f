//! `history/querySessionList`: one page of an account's list.

use axum::response::Response;
use huihua_event::Owner;
use huihua_nim::rest::sessions;
use huihua_store as store;

use super::{call::SignedCall, error::CallError};
use crate::handlers::answers::json_text;

pub(super) async fn list(call: SignedCall) -> Result<Response, CallError> {
    let (account, option) = sessions::query(&call.form)?;
    let owner = Owner { app: call.app_key.clone(), account };
    let page = call.context.store.list_page(&owner, &option).await?;
    let answer = sessions::page_answer(&page).map_err(|_| store::Error::Damaged {
        what: format!("a last message of {} has unknown fields", owner.account),
    })?;
    Ok(json_text(answer))
}
