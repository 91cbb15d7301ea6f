//! The end of a copy: every list of both stores is read page by page and compared, and with it the
//! members of every team and the holder of every token.

use std::{
    error::Error,
    io::{self, Write as _},
    sync::Arc,
};

use huihua_core::QueryMySessionOption;
use huihua_event::Owner;
use huihua_store::{self as store, Engine, StoredItem};
use tokio::task::JoinSet;

/// Lists compared at one time.
const LISTS_AT_ONCE: usize = 16;
/// Differences that are named; all are counted.
const NAMED_MAX: usize = 10;

/// What was compared, and what differs.
pub(super) struct Comparison {
    from: Arc<dyn Engine>,
    to: Arc<dyn Engine>,
    /// The account whose list was begun last: its sessions follow one another.
    last: Option<Owner>,
    under_way: JoinSet<Result<Option<String>, store::Error>>,
    compared: u64,
    differences: u64,
    named: Vec<String>,
}

impl Comparison {
    pub(super) fn new(from: &Arc<dyn Engine>, to: &Arc<dyn Engine>) -> Self {
        Self {
            from: Arc::clone(from),
            to: Arc::clone(to),
            last: None,
            under_way: JoinSet::new(),
            compared: 0,
            differences: 0,
            named: Vec::new(),
        }
    }

    /// Compares what these items of the first store belong to.
    pub(super) async fn take(&mut self, items: &[StoredItem]) -> Result<(), store::Error> {
        for item in items {
            let stores = [Arc::clone(&self.from), Arc::clone(&self.to)];
            match item {
                StoredItem::Session(session) => {
                    if self.last.as_ref() == Some(&session.owner) {
                        continue;
                    }
                    let owner = session.owner.clone();
                    self.last = Some(owner.clone());
                    self.under_way.spawn(async move { lists(&stores, &owner).await });
                }
                StoredItem::Head(head) => {
                    let (app, team) = (head.app.clone(), head.team.clone());
                    self.under_way.spawn(async move {
                        let [one, other] = &stores;
                        let is_equal = one.members(&app, &team, None, usize::MAX).await?
                            == other.members(&app, &team, None, usize::MAX).await?
                            && one.team(&app, &team).await? == other.team(&app, &team).await?;
                        let what = || format!("team {} of app {app}", team.session_id());
                        Ok((!is_equal).then(what))
                    });
                }
                StoredItem::Account(owner, entry) => {
                    let (owner, entry) = (owner.clone(), entry.clone());
                    self.under_way.spawn(async move {
                        let [one, other] = &stores;
                        let mut is_equal =
                            one.is_blocked(&owner).await? == other.is_blocked(&owner).await?;
                        for token in entry.known_tokens() {
                            is_equal &= one.account_of(&owner.app, &token).await?
                                == other.account_of(&owner.app, &token).await?;
                        }
                        let what = || format!("entry of account {}", owner.account);
                        Ok((!is_equal).then(what))
                    });
                }
                StoredItem::Team(..) | StoredItem::AccountForm(..) | StoredItem::LastIds { .. } => {
                }
            }
            while self.under_way.len() >= LISTS_AT_ONCE {
                self.next().await?;
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<(), store::Error> {
        let Some(compared) = self.under_way.join_next().await else { return Ok(()) };
        let unavailable = |reason: tokio::task::JoinError| store::Error::Unavailable {
            reason: reason.to_string(),
        };
        self.compared += 1;
        if let Some(difference) = compared.map_err(unavailable)?? {
            self.differences += 1;
            if self.named.len() < NAMED_MAX {
                self.named.push(difference);
            }
        }
        Ok(())
    }

    /// Ends what is under way.
    pub(super) async fn end(&mut self) -> Result<(), store::Error> {
        while !self.under_way.is_empty() {
            self.next().await?;
        }
        Ok(())
    }

    /// Says what came of it.
    pub(super) fn finish(self) -> Result<(), Box<dyn Error>> {
        if self.differences > 0 {
            let (count, named) = (self.differences, self.named.join("; "));
            return Err(format!(
                "{count} of {} lists and teams differ: {named}. Nobody may write while a copy \
                 runs: empty the store that was copied to, and start again",
                self.compared
            )
            .into());
        }
        writeln!(
            io::stdout(),
            "copied; {} lists and teams compared, all are equal. Clients list again: cursors are \
             each store's own",
            self.compared
        )?;
        Ok(())
    }
}

/// Walks both lists; names the first session that differs.
async fn lists(
    [one, other]: &[Arc<dyn Engine>; 2],
    owner: &Owner,
) -> Result<Option<String>, store::Error> {
    let mut options = [QueryMySessionOption::default(), QueryMySessionOption::default()];
    loop {
        let pages =
            [one.list_page(owner, &options[0]).await?, other.list_page(owner, &options[1]).await?];
        let [left, right] = &pages;
        if left.session_list != right.session_list || left.has_more != right.has_more {
            let pairs = left.session_list.iter().zip(&right.session_list);
            let differing = pairs.into_iter().find(|(a, b)| a != b).map(|(a, _)| a);
            let session = differing.or(left.session_list.last()).or(right.session_list.last());
            let at = session.map_or(String::new(), |row| format!(" at {}", row.session_id));
            return Ok(Some(format!("list of {} of app {}{at}", owner.account, owner.app)));
        }
        if !left.has_more {
            return Ok(None);
        }
        for (option, page) in options.iter_mut().zip(pages) {
            option.page_token = page.next_page_token;
        }
    }
}
