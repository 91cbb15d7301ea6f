//! A walk by page token while the store moves.

use huihua_core::{QueryMySessionOption, SessionId};
use huihua_event::Owner;

use super::{model::Model, support::Device};
use crate::{Error, Store};

/// A walk by token of one account while the store moves; ends with a sync from its first page's
/// cursor and then equals the model.
pub(super) struct Walk {
    owner: Owner,
    limit: u32,
    device: Device,
    token: Option<String>,
    seen: Vec<SessionId>,
}

impl Walk {
    pub(super) fn new(owner: Owner, limit: u32) -> Self {
        Self { owner, limit, device: Device::default(), token: None, seen: Vec::new() }
    }

    /// Asks for the next page; after the last one syncs, compares, and starts anew.
    pub(super) async fn step(&mut self, store: &dyn Store, model: &Model) {
        let limit = self.limit;
        let page_token = self.token.take();
        if page_token.is_none() {
            (self.device, self.seen) = (Device::default(), Vec::new());
        }
        let option = QueryMySessionOption { limit, page_token, ..Default::default() };
        let page = match store.list_page(&self.owner, &option).await {
            // A sweep passed the walk by: it begins anew.
            Err(Error::StalePageToken) if option.page_token.is_some() => return,
            page => page.unwrap(),
        };
        assert_eq!(page.has_more, page.next_page_token.is_some());
        let first_cursor = self.device.cursor.get_or_insert(page.sync_cursor.clone());
        assert_eq!(*first_cursor, page.sync_cursor, "the first page fixes the cursor");
        for row in page.session_list {
            assert!(!self.seen.contains(&row.session_id), "a row twice in one walk");
            self.seen.push(row.session_id.clone());
            self.device.rows.insert(row.session_id.clone(), row);
        }
        self.token = page.next_page_token;
        if self.token.is_none() {
            self.device.sync(store, &self.owner, limit).await;
            assert_eq!(self.device.list(), model.list(&self.owner));
        }
    }
}
