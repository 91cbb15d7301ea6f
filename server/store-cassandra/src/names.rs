//! Keys of partitions and rows: made from ids, and read back. Ids hold no control character, so
//! `00` separates and `01` ends a realm.

use huihua_core::{Account, AppKey, SessionId};
use huihua_event::{Owner, Team, TokenHash};
use huihua_store::IdempotencyKey;

/// The row of an account's first results of keyed writes, beside its sessions.
pub(crate) const RESULTS_SID: &str = "once|";

/// The names of one store. Several stores may share a keyspace, each in a realm of its own; one
/// that has its keyspace alone has the empty realm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    #[cfg(test)]
    pub(crate) fn of_realm(realm: &str) -> Self {
        Self { prefix: format!("{realm}\u{1}") }
    }

    /// The partition of what is listed for the whole store. Cassandra takes no empty key.
    pub(crate) fn realm(&self) -> &str {
        if self.prefix.is_empty() { "-" } else { &self.prefix }
    }

    /// What the keys of an app begin with.
    pub(crate) fn of_app(&self, app: &AppKey) -> String {
        format!("{}{app}\0", self.prefix)
    }

    /// The partition of an account.
    pub(crate) fn uid(&self, app: &AppKey, account: &Account) -> String {
        format!("{}{app}\0{account}", self.prefix)
    }

    /// The partition of an owner.
    pub(crate) fn uid_of(&self, owner: &Owner) -> String {
        self.uid(&owner.app, &owner.account)
    }

    /// The partition of a team.
    pub(crate) fn tid(&self, app: &AppKey, team: &Team) -> String {
        self.tid_of_session(app, &team.session_id().to_string())
    }

    /// The partition of the team whose session this is.
    pub(crate) fn tid_of_session(&self, app: &AppKey, sid: &str) -> String {
        format!("{}{app}\0{sid}", self.prefix)
    }

    /// The partition of a token.
    pub(crate) fn token(&self, app: &AppKey, token: &TokenHash) -> String {
        use std::fmt::Write as _;
        let mut name = self.of_app(app);
        for byte in token.0 {
            // Writing into a text cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    /// The key of an action of an app's own server.
    pub(crate) fn once(&self, app: &AppKey, key: &IdempotencyKey) -> String {
        format!("{}{app}\0{}", self.prefix, key.as_str())
    }

    /// A value of the store itself.
    pub(crate) fn meta(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The account of a partition of this app.
    pub(crate) fn account_of<'k>(&self, app: &AppKey, uid: &'k str) -> Option<&'k str> {
        uid.strip_prefix(&self.of_app(app))
    }

    /// The owner whose partition this is, of any app.
    pub(crate) fn owner_of(&self, uid: &str) -> Option<Owner> {
        let (app, account) = uid.strip_prefix(&self.prefix)?.split_once('\0')?;
        Some(Owner { app: app.parse().ok()?, account: account.parse().ok()? })
    }

    /// The team of a partition of any app, with its app.
    pub(crate) fn app_and_team_of(&self, tid: &str) -> Option<(AppKey, Team)> {
        let (app, sid) = tid.strip_prefix(&self.prefix)?.split_once('\0')?;
        let sid: SessionId = sid.parse().ok()?;
        Some((app.parse().ok()?, Team::of(&sid)?))
    }

    /// The name of a value of the store itself.
    pub(crate) fn name_of_meta<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&self.prefix)
    }

    /// The team of a partition of this app.
    pub(crate) fn team_of(&self, app: &AppKey, tid: &str) -> Option<Team> {
        let sid: SessionId = tid.strip_prefix(&self.of_app(app))?.parse().ok()?;
        Team::of(&sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_and_a_team_are_read_back_from_their_keys_and_realms_stay_apart() {
        let owner = Owner { app: "app".parse().unwrap(), account: "é".parse().unwrap() };
        let team = Team::super_team("7".parse().unwrap());
        for names in [Names::default(), Names::of_realm("r")] {
            let uid = names.uid_of(&owner);
            assert_eq!(names.owner_of(&uid), Some(owner.clone()));
            assert_eq!(names.account_of(&owner.app, &uid), Some("é"));
            assert!(!names.realm().is_empty(), "Cassandra takes no empty key");
            let tid = names.tid(&owner.app, &team);
            assert_eq!(names.team_of(&owner.app, &tid), Some(team.clone()));
            assert_eq!(names.app_and_team_of(&tid), Some((owner.app.clone(), team.clone())));
        }
        let uid = Names::of_realm("r").uid_of(&owner);
        assert_eq!(Names::of_realm("q").owner_of(&uid), None);
        assert_eq!(Names::default().owner_of(&uid), None);
        assert!(RESULTS_SID.parse::<SessionId>().is_err(), "no session is called so");
    }
}
