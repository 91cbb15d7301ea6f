//! Values of the store itself: drawn once, leased, or changed by compare-and-set. The first server
//! that asks for one draws it, and all others take what it drew.

use std::ops::Range;

use huihua_core::{AccountForm, AppKey};
use huihua_store::{
    AccountFormRefusal, CapitalAccounts, Error, check_account_form, cursor::Sealer,
    directory::next_ids, form_number, form_of,
};
use tokio::sync::Mutex;

use crate::{
    bytes::ByteReader,
    failure::{damaged, unavailable},
    hand_out::{contended, pause},
    list::{History, random},
    names::Names,
    run::Outcome,
    statements::Cql,
};

/// Names of leased ids.
pub(crate) const MESSAGE_IDS: &str = "message ids";
pub(crate) const TEAM_IDS: &str = "team ids";
/// What stands before the app in the name of a form of account ids.
const FORM_PREFIX: &str = "form ";
/// How often a value is tried to be changed.
const TRIES_MAX: u32 = 50;

/// Reads and changes values.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) cql: Cql,
    pub(crate) names: Names,
}

impl Values {
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let row = self.cql.read_one::<(Option<Vec<u8>>,)>(&self.cql.statements.meta, (name,));
        Ok(row.await?.and_then(|row| row.0))
    }

    /// Returns the value of this name; if there is none, it becomes this one.
    async fn get_or_put(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
        let name = self.names.meta(name);
        for tries in 0..TRIES_MAX {
            if let Some(value) = self.get(&name).await? {
                return Ok(value);
            }
            let put = &self.cql.statements.put_first_meta;
            // Whoever was first: the next read tells.
            if self.cql.set_if(put, (&name, value)).await == Outcome::Applied {
                return Ok(value.to_vec());
            }
            pause(tries).await;
        }
        Err(contended())
    }

    /// Reads what cursors are made of.
    pub(crate) async fn history(&self) -> Result<History, Error> {
        let era = self.get_or_put("era", &random::<8>()?).await?;
        let key = self.get_or_put("cursor key", &random::<32>()?).await?;
        let era = era.try_into().map_err(|_| damaged("value", "era"))?;
        let key = key.try_into().map_err(|_| damaged("value", "cursor key"))?;
        Ok(History { era: u64::from_be_bytes(era), sealer: Sealer::new(key, 0) })
    }

    /// Leases ids that nobody else gives: so many above the last leased one and above the floor.
    async fn lease(&self, name: &str, count: u64, floor: u64) -> Result<Range<u64>, Error> {
        let name = self.names.meta(name);
        for tries in 0..TRIES_MAX {
            let before = self.get(&name).await?;
            let last = match before.as_deref() {
                None => 0,
                Some(bytes) => ByteReader(bytes).number().ok_or_else(|| damaged("ids", &name))?,
            };
            let ids = next_ids(last, count, floor);
            let after = ids.end.saturating_sub(1).to_be_bytes();
            let of = &self.cql.statements;
            let outcome = match before {
                None => self.cql.set_if(&of.put_first_meta, (&name, &after[..])).await,
                Some(_) => self.cql.set_if(&of.put_meta_value, (&after[..], &name, before)).await,
            };
            // Of an unknown outcome the ids are lost at worst.
            if outcome == Outcome::Applied {
                return Ok(ids);
            }
            pause(tries).await;
        }
        Err(contended())
    }

    /// The last ids of messages and of teams that any server leased.
    pub(crate) async fn last_ids(&self) -> Result<(u64, u64), Error> {
        Ok((self.last_id(MESSAGE_IDS).await?, self.last_id(TEAM_IDS).await?))
    }

    async fn last_id(&self, name: &str) -> Result<u64, Error> {
        let name = self.names.meta(name);
        let Some(bytes) = self.get(&name).await? else { return Ok(0) };
        ByteReader(&bytes).number().ok_or_else(|| damaged("ids", &name))
    }

    /// Takes it that ids up to these were given.
    pub(crate) async fn raise_ids(&self, message: u64, team: u64) -> Result<(), Error> {
        for (name, last) in [(MESSAGE_IDS, message), (TEAM_IDS, team)] {
            // A lease that begins at the floor ends at the least at it.
            if last > self.last_id(name).await? {
                self.lease(name, 1, last).await?;
            }
        }
        Ok(())
    }

    /// The remembered forms of all apps.
    pub(crate) async fn forms(&self) -> Result<Vec<(AppKey, AccountForm)>, Error> {
        let rows = self.cql.read(&self.cql.statements.all_meta, ()).await?;
        let mut forms = Vec::new();
        for row in rows.rows::<(String, Option<Vec<u8>>)>().map_err(unavailable)? {
            let (key, value) = row.map_err(unavailable)?;
            let name = self.names.name_of_meta(&key);
            let Some(app) = name.and_then(|name| name.strip_prefix(FORM_PREFIX)) else { continue };
            let form = value.and_then(|bytes| ByteReader(&bytes).number()).and_then(form_of);
            let damaged = || damaged("form of account ids", &key);
            forms.push((app.parse().map_err(|_| damaged())?, form.ok_or_else(damaged)?));
        }
        Ok(forms)
    }

    /// Writes and reads one row that no list is made of.
    pub(crate) async fn health(&self) -> Result<(), Error> {
        let name = self.names.meta("health");
        self.cql.put(&self.cql.statements.put_health, (&name, &[1_u8][..])).await?;
        self.get(&name).await.map(drop)
    }

    /// The remembered form of an app's account ids.
    async fn form(&self, app: &AppKey) -> Result<Option<AccountForm>, Error> {
        let name = self.names.meta(&format!("{FORM_PREFIX}{app}"));
        let Some(bytes) = self.get(&name).await? else { return Ok(None) };
        let form = ByteReader(&bytes).number().and_then(form_of);
        form.map(Some).ok_or_else(|| damaged("form of account ids", &name))
    }

    /// Remembers a form that is not remembered yet.
    pub(crate) async fn put_form(&self, app: &AppKey, form: AccountForm) -> Result<(), Error> {
        let value = form_number(form).to_be_bytes();
        self.get_or_put(&format!("{FORM_PREFIX}{app}"), &value).await.map(drop)
    }

    /// Checks whether an app may have this form; `capitals` is asked only if it must be looked.
    pub(crate) async fn check_form(
        &self,
        app: &AppKey,
        form: AccountForm,
        capitals: impl AsyncFnOnce() -> Result<Option<CapitalAccounts>, Error>,
    ) -> Result<Result<(), AccountFormRefusal>, Error> {
        let remembered = self.form(app).await?;
        let found = match (remembered, form) {
            (None, AccountForm::Nim) => capitals().await?,
            (Some(_), _) | (None, AccountForm::Exact) => None,
        };
        check_account_form(app, form, remembered, || Ok(found))
    }
}

/// Ids of one kind, leased in blocks so that most actions cost no compare-and-set for theirs.
pub(crate) struct Ids {
    name: &'static str,
    /// How many one lease takes at least.
    block: u64,
    left: Mutex<Range<u64>>,
}

impl Ids {
    pub(crate) fn new(name: &'static str, block: u64) -> Self {
        Self { name, block, left: Mutex::new(0..0) }
    }

    /// Gives ids above all that this server gave, above the floor, and that no server gives again.
    pub(crate) async fn next(
        &self,
        values: &Values,
        count: u64,
        floor: u64,
    ) -> Result<Range<u64>, Error> {
        if count == 0 {
            return Ok(0..0);
        }
        let mut left = self.left.lock().await;
        let mut ids = next_ids(left.start.saturating_sub(1), count, floor);
        if ids.end > left.end || left.start == 0 {
            *left = values.lease(self.name, count.max(self.block), floor).await?;
            ids = left.start..left.start.saturating_add(count);
        }
        left.start = ids.end;
        Ok(ids)
    }
}
