//! Every statement, with its consistency, whether it may be sent twice, and why. There are three
//! kinds, and nothing is sent outside of them:
//!
//! - **Read**: LOCAL_QUORUM, idempotent. It sees every acknowledged write, since those reached a
//!   quorum too, and what it showed once it shows again: a quorum read repairs before it answers.
//!   The scan also has a form at LOCAL_SERIAL, which first ends or drops a compare-and-set that
//!   hangs: only so is the outcome of one that timed out known.
//! - **Blind**: LOCAL_QUORUM, idempotent. Its stamp is the time that it speaks of, so that twice or
//!   late is the same; the driver may try it again anywhere.
//! - **Conditional**: LOCAL_QUORUM, LOCAL_SERIAL, *not* idempotent. Sent again after a time-out it
//!   would find its own effect and report that it lost. After any error its caller reads.

use std::sync::Arc;

use huihua_store::Error;
use scylla::{
    client::session::Session,
    statement::{Consistency, SerialConsistency, prepared::PreparedStatement},
};

use crate::failure::unavailable;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    SerialRead,
    Blind,
    Conditional,
}

macro_rules! statements {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $cql:expr;)*) => {
        /// The prepared statements of one keyspace.
        pub(crate) struct Statements {
            $($(#[doc = $doc])+ pub(crate) $name: PreparedStatement,)*
        }

        impl Statements {
            /// Prepares them all.
            pub(crate) async fn prepare(session: &Session, keyspace: &str) -> Result<Self, Error> {
                Ok(Self { $($name: prepare(session, keyspace, $cql, Kind::$kind).await?,)* })
            }

            /// The same as somebody would have them who takes speed for the only thing: of all
            /// copies one answers.
            #[cfg(test)]
            pub(crate) fn at_one(mut self) -> Self {
                $(if matches!(Kind::$kind, Kind::Read | Kind::Blind) {
                    self.$name.set_consistency(Consistency::LocalOne);
                })*
                self
            }
        }

        #[cfg(test)]
        const ALL: &[(&str, Kind, &str)] = &[$((stringify!($name), Kind::$kind, $cql),)*];
    };
}

/// A whole partition without texts, in one request (R1): a cursor comes from one state of it.
const SCAN: &str =
    "SELECT sid, ver, horizon, hk, recalls, edits, mem, meta FROM $.sess WHERE uid=?";

statements! {
    /// A scan.
    scan: Read = SCAN;
    /// A scan after an unknown outcome, or when the partition looks torn (R3).
    scan_serial: SerialRead = SCAN;
    /// Rows of a page with their texts. Never `ver`: the repair of a few rows would tear it from
    /// the others that its batch wrote (R2).
    sessions: Read = "SELECT sid, hk, msg, recalls, edits, mem, meta, ext FROM $.sess \
        WHERE uid=? AND sid IN ?";
    /// The memberships of some team sessions, after their teams were read.
    mems: Read = "SELECT sid, mem FROM $.sess WHERE uid=? AND sid IN ?";
    /// Teams without texts of messages. Many at once: each alone costs five times as much.
    heads: Read = "SELECT tid, hk, recalls, edits, dissolved FROM $.heads WHERE tid IN ?";
    /// Teams with texts.
    full_heads: Read = "SELECT tid, hk, msg, recalls, edits, dissolved FROM $.heads \
        WHERE tid IN ?";
    /// A team's accounts, with what is known of their memberships.
    members: Read = "SELECT account, mem FROM $.members WHERE tid=? AND account>?";
    /// What is known of some accounts in a team.
    some_members: Read = "SELECT account, mem FROM $.members WHERE tid=? AND account IN ?";
    /// Whether anything names an account of a team.
    any_member: Read = "SELECT account FROM $.members WHERE tid=? LIMIT 1";

    /// A message. At equal stamps the larger bytes win in both cells, and both begin with the key.
    put_message: Blind = "UPDATE $.sess USING TIMESTAMP ? SET hk=?, msg=? WHERE uid=? AND sid=?";
    /// A recall, at the time that it claims for its message.
    put_recall: Blind = "UPDATE $.sess USING TIMESTAMP ? SET recalls[?]=? WHERE uid=? AND sid=?";
    /// An edit, at its own time.
    put_edit: Blind = "UPDATE $.sess USING TIMESTAMP ? SET edits[?]=? WHERE uid=? AND sid=?";
    /// A notice, a hint or an inviter's time.
    put_mem: Blind = "UPDATE $.sess USING TIMESTAMP ? SET mem[?]=? WHERE uid=? AND sid=?";
    /// The same for the team's index.
    put_member: Blind = "UPDATE $.members USING TIMESTAMP ? SET mem[?]=? \
        WHERE tid=? AND account=?";
    /// A team's message.
    put_head: Blind = "UPDATE $.heads USING TIMESTAMP ? SET hk=?, msg=? WHERE tid=?";
    /// The recall of a team's message.
    put_head_recall: Blind = "UPDATE $.heads USING TIMESTAMP ? SET recalls[?]=? WHERE tid=?";
    /// The edit of a team's message.
    put_head_edit: Blind = "UPDATE $.heads USING TIMESTAMP ? SET edits[?]=? WHERE tid=?";
    /// The end of a team.
    put_dissolved: Blind = "UPDATE $.heads USING TIMESTAMP ? SET dissolved=? WHERE tid=?";

    /// The condition of every batch of an account: it holds the last version still.
    next_version: Conditional = "UPDATE $.sess SET ver=? WHERE uid=? IF ver=?";
    /// In such a batch: a version handed out, or the first results of keyed writes.
    put_meta: Conditional = "UPDATE $.sess SET meta=? WHERE uid=? AND sid=?";
    /// In such a batch: an ext.
    put_ext: Conditional = "UPDATE $.sess SET meta=?, ext=? WHERE uid=? AND sid=?";
    /// In such a batch: cursors below are reset.
    put_horizon: Conditional = "UPDATE $.sess SET horizon=? WHERE uid=?";
    /// In such a batch: what compare-and-set wrote of an erased session or old first results.
    /// Only such columns: no blind cell is buried.
    drop_meta: Conditional = "DELETE meta, ext FROM $.sess WHERE uid=? AND sid=?";
    /// What events wrote of an erased session, at the stamp that it was written with: newer cells
    /// stay, the same event stays buried.
    drop_message: Blind = "DELETE hk, msg FROM $.sess USING TIMESTAMP ? WHERE uid=? AND sid=?";
    /// The same for one recall.
    drop_recall: Blind = "DELETE recalls[?] FROM $.sess USING TIMESTAMP ? WHERE uid=? AND sid=?";
    /// The same for one edit.
    drop_edit: Blind = "DELETE edits[?] FROM $.sess USING TIMESTAMP ? WHERE uid=? AND sid=?";
    /// The same for one entry of a membership.
    drop_mem: Blind = "DELETE mem[?] FROM $.sess USING TIMESTAMP ? WHERE uid=? AND sid=?";
    /// The same for a team's recall.
    drop_head_recall: Blind = "DELETE recalls[?] FROM $.heads USING TIMESTAMP ? WHERE tid=?";
    /// The same for a team's edit.
    drop_head_edit: Blind = "DELETE edits[?] FROM $.heads USING TIMESTAMP ? WHERE tid=?";
    /// A body without its text: at the stamp of the body it wins over it, and over nothing newer.
    put_body: Blind = "UPDATE $.sess USING TIMESTAMP ? SET msg=? WHERE uid=? AND sid=?";
    /// The same for a team's.
    put_head_body: Blind = "UPDATE $.heads USING TIMESTAMP ? SET msg=? WHERE tid=?";
    /// The same in the team's index.
    drop_member: Blind = "DELETE mem[?] FROM $.members USING TIMESTAMP ? \
        WHERE tid=? AND account=?";

    /// An account's entry. Serial: an action decides over what the last one left.
    account: SerialRead = "SELECT entry FROM $.accounts WHERE uid=?";
    /// The same for a token: nothing is written after it.
    account_read: Read = "SELECT entry FROM $.accounts WHERE uid=?";
    /// An account's entry, if it is what the action decided over.
    put_account: Conditional = "UPDATE $.accounts SET entry=? WHERE uid=? IF entry=?";
    /// The account of a token; its entry has the last word. Names like this one are put and dropped
    /// by compare-and-set although nobody competes: their stamps follow one another whatever the
    /// servers' clocks say, so that no drop buries a later put.
    put_token: Conditional = "INSERT INTO $.tokens (hash, account) VALUES (?, ?) \
        IF NOT EXISTS";
    /// Takes a token's name away after its entry is gone.
    drop_token: Conditional = "DELETE FROM $.tokens WHERE hash=? AND account=? IF EXISTS";
    /// The accounts that may have a token.
    tokens: Read = "SELECT account FROM $.tokens WHERE hash=?";
    /// An account that may be blocked.
    put_blocked: Conditional = "INSERT INTO $.blocked (realm, uid) VALUES (?, ?) IF NOT EXISTS";
    /// Takes it away after its entry says that it is not.
    drop_blocked: Conditional = "DELETE FROM $.blocked WHERE realm=? AND uid=? IF EXISTS";
    /// The accounts that may be blocked: read once a second.
    blocked: Read = "SELECT uid FROM $.blocked WHERE realm=?";
    /// A team's entry.
    team: SerialRead = "SELECT entry FROM $.teams WHERE tid=?";
    /// A team's entry, if it is what the action decided over.
    put_team: Conditional = "UPDATE $.teams SET entry=? WHERE tid=? IF entry=?";
    /// A team that an account may own.
    put_owned: Conditional = "INSERT INTO $.owned (uid, tid) VALUES (?, ?) IF NOT EXISTS";
    /// The teams that an account may own.
    owned: Read = "SELECT tid FROM $.owned WHERE uid=?";
    /// Takes such a name away after the team's entry is changed.
    drop_owned: Conditional = "DELETE FROM $.owned WHERE uid=? AND tid=? IF EXISTS";

    /// What the first attempt of an action does.
    plan: SerialRead = "SELECT plan FROM $.once WHERE k=?";
    /// Remembers it, if no other attempt did.
    put_plan: Conditional = "INSERT INTO $.once (k, plan) VALUES (?, ?) IF NOT EXISTS USING TTL ?";
    /// Replaces one that is too old, or that was not carried out.
    replace_plan: Conditional = "UPDATE $.once USING TTL ? SET plan=? WHERE k=? IF plan=?";

    /// A value of the store itself.
    meta: SerialRead = "SELECT v FROM $.meta WHERE k=?";
    /// Puts one that is not there.
    put_first_meta: Conditional = "INSERT INTO $.meta (k, v) VALUES (?, ?) IF NOT EXISTS";
    /// Puts one that has not changed.
    put_meta_value: Conditional = "UPDATE $.meta SET v=? WHERE k=? IF v=?";
    /// A write that changes no list, for health.
    put_health: Blind = "INSERT INTO $.meta (k, v) VALUES (?, ?)";

    /// How far the hints of each server are that lives.
    servers: Read = "SELECT server, written FROM $.servers WHERE realm=?";
    /// Says that a server lives, and how far its hints are. Only it writes its row.
    put_server: Blind = "UPDATE $.servers USING TTL ? SET written=? WHERE realm=? AND server=?";
    /// Hints of a server.
    hints: Read = "SELECT lists FROM $.hints WHERE server=? AND bucket IN ? AND number>? \
        AND number<=?";
    /// Hints for the other servers.
    put_hints: Blind = "INSERT INTO $.hints (server, bucket, number, lists) VALUES (?, ?, ?, ?) \
        USING TTL ?";

    /// All accounts that have sessions, page by page.
    all_uids: Read = "SELECT DISTINCT uid FROM $.sess";
    /// Some accounts that have sessions, in the order of their tokens, after one: for the sweep.
    some_uids: Read = "SELECT DISTINCT uid, token(uid) FROM $.sess WHERE token(uid)>? LIMIT ?";
    /// The same of teams, for a copy.
    some_tids: Read = "SELECT tid, token(tid) FROM $.heads WHERE token(tid)>? LIMIT ?";
    /// The same of entries of teams.
    some_teams: Read = "SELECT tid, entry, token(tid) FROM $.teams WHERE token(tid)>? LIMIT ?";
    /// The same of entries of accounts.
    some_accounts: Read = "SELECT uid, entry, token(uid) FROM $.accounts \
        WHERE token(uid)>? LIMIT ?";
    /// All values of the store itself: some, and one for each app.
    all_meta: Read = "SELECT k, v FROM $.meta";
    /// All sessions, page by page.
    all_sids: Read = "SELECT uid, sid FROM $.sess";
    /// All entries of accounts, page by page.
    all_accounts: Read = "SELECT uid, entry FROM $.accounts";
    /// All entries of teams, page by page.
    all_teams: Read = "SELECT tid, entry FROM $.teams";
}

async fn prepare(
    session: &Session,
    keyspace: &str,
    cql: &str,
    kind: Kind,
) -> Result<PreparedStatement, Error> {
    let text = cql.replace('$', keyspace);
    let mut statement = session.prepare(text).await.map_err(unavailable)?;
    statement.set_consistency(match kind {
        Kind::SerialRead => Consistency::LocalSerial,
        Kind::Read | Kind::Blind | Kind::Conditional => Consistency::LocalQuorum,
    });
    statement.set_serial_consistency(Some(SerialConsistency::LocalSerial));
    statement.set_is_idempotent(kind != Kind::Conditional);
    Ok(statement)
}

/// The connection and its statements.
#[derive(Clone)]
pub(crate) struct Cql {
    pub(crate) session: Arc<Session>,
    pub(crate) statements: Arc<Statements>,
    #[cfg(test)]
    pub(crate) faults: crate::faults::Faults,
}

impl Cql {
    pub(crate) fn new(session: Arc<Session>, statements: Statements) -> Self {
        Self {
            session,
            statements: Arc::new(statements),
            #[cfg(test)]
            faults: crate::faults::Faults::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of `schema.cql`: a column is blind or conditional, `ver` is read by scans alone.
    #[test]
    fn no_blind_statement_touches_a_conditional_column_and_none_reads_ver_of_few_rows() {
        for (name, kind, cql) in ALL {
            let sess = cql.contains("$.sess");
            if sess && *kind == Kind::Blind {
                assert!(cql.contains("USING TIMESTAMP ?"), "{name}");
                for column in ["ver", "horizon", "meta", "ext"] {
                    let mut words = cql.split(|c: char| !c.is_ascii_alphanumeric());
                    assert!(words.all(|word| word != column), "{name} writes {column}");
                }
            }
            if sess && *kind == Kind::Conditional {
                for column in ["hk", "msg", "recalls", "edits", "mem"] {
                    let mut words = cql.split(|c: char| !c.is_ascii_alphanumeric());
                    assert!(words.all(|word| word != column), "{name} writes {column}");
                }
            }
            if cql.starts_with("SELECT") && cql.contains("sid=") || cql.contains("sid IN") {
                assert!(!cql.contains(" ver"), "{name} reads ver of few rows");
            }
        }
    }
}
