//! `history/querySessionList`.

use axum::response::Response;

use super::{super::json_text, Call, Error};
use crate::{event::Owner, nim::rest::sessions, store};

pub(super) async fn list(call: Call) -> Result<Response, Error> {
    let (account, option) = sessions::query(&call.form)?;
    let owner = Owner { app: call.app_key.clone(), account };
    let page = call.context.store.list(&owner, &option).await?;
    let answer = sessions::answer_page(&page).map_err(|_| store::Error::Damaged {
        what: format!("a last message of {} has unknown fields", owner.account),
    })?;
    Ok(json_text(answer))
}
