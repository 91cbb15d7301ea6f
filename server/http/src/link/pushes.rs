//! What a link is told unasked: every change of its user's list, and the end of its token.

use std::{sync::Arc, time::Duration};

use huihua_core::{SYNC_LIMIT_DEFAULT, SYNC_WAIT_MS_MAX, SessionChange};
use huihua_nim::link::{Framing, Kick, Message, sessions};
use huihua_store::{SyncFrom, SyncRequest};

use super::user::User;
use crate::{error::Error, handlers::Context, live::WaitPlace};

/// The changes that a link has not been told yet. They are read as its socket takes them, so there
/// is no queue: a slow reader holds one page.
pub(crate) struct Pushes {
    context: Context,
    told: Told,
    place: WaitPlace,
    cursor: String,
    /// It goes on where an earlier link was, which may be known no more.
    is_resumed: bool,
}

/// Who is told, and how.
pub(crate) struct Told {
    pub(crate) framing: Framing,
    pub(crate) user: Arc<User>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// To be sent, in this order; perhaps nothing.
    Messages(Vec<Message>),
    /// To be sent; then the link ends, and its client must not come back by itself.
    Kick(Message),
    /// The link ends, so that its client comes back and reads its list anew.
    End,
}

impl Pushes {
    /// Begins with what has changed since this cursor, which cannot fail, or with what changes from
    /// now on.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn new(
        context: Context,
        told: Told,
        place: WaitPlace,
        resumed: Option<String>,
    ) -> Result<Self, Error> {
        let owner = &told.user.caller.owner;
        let is_resumed = resumed.is_some();
        let cursor = match resumed {
            Some(cursor) => cursor,
            None => context.store.sync(owner, &Self::request(SyncFrom::Latest)).await?.cursor,
        };
        Ok(Self { context, told, place, cursor, is_resumed })
    }

    fn request(from: SyncFrom) -> SyncRequest {
        SyncRequest { from, limit: SYNC_LIMIT_DEFAULT, need_last_msg: true }
    }

    /// Returns up to where the changes were given.
    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    /// Waits for what comes next, at most as long as a sync may wait. Cancel safe: what is not
    /// returned comes again.
    pub(crate) async fn next(&mut self) -> Next {
        let Self { context, told: Told { framing, user }, place, .. } = self;
        let kick = |kick: Kick| Next::Kick(framing.push(&kick.push(user.form)));
        if let Err(ended) = user.check(context).await {
            return kick(ended);
        }
        // A token that ends meanwhile ends the wait.
        let left_ms = user.caller.accepted_until().saturating_sub(context.clock.now_ms()) + 1;
        let wait = Duration::from_millis(left_ms.min(SYNC_WAIT_MS_MAX.into()));
        let request = Self::request(SyncFrom::Cursor(self.cursor.clone()));
        let check = || user.caller.check_still_valid(&*context.store);
        let page = match place.sync(request, wait, check).await {
            Ok(page) => Arc::unwrap_or_clone(page),
            Err(Error::Blocked) => return kick(Kick::Blocked),
            Err(Error::Unauthorized { .. }) => return kick(Kick::TokenReplaced),
            Err(error) => {
                error.refuse();
                return Next::End;
            }
        };
        if page.reset {
            // What was missed is not known any more.
            if !std::mem::take(&mut self.is_resumed) {
                return Next::End;
            }
            self.cursor = page.cursor;
            return Next::Messages(Vec::new());
        }
        let Ok(page) = page.into_sync_page() else { return Next::End };
        let messages = page.changes.into_iter().filter_map(|change| match change {
            SessionChange::Session(session) => {
                Some(framing.push(&sessions::changed(session, user.sdk)))
            }
            // The protocol has no word for it.
            SessionChange::Deleted(_) => None,
        });
        let next = Next::Messages(messages.collect());
        self.cursor = page.cursor;
        next
    }
}
