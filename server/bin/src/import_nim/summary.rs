//! What an import from NIM did, and what it could not carry and why. Holds ids and reasons, never
//! a text of a message.

use std::{collections::BTreeMap, fmt};

/// Ids that are named for each reason; the others are counted.
const IDS_SHOWN: usize = 5;
/// Reasons that are told apart; NIM writes them.
const REASONS_MAX: usize = 40;

/// Ids by the reason that they share.
#[derive(Debug, Default)]
pub(super) struct Reasons(BTreeMap<String, Affected>);

#[derive(Debug, Default)]
struct Affected {
    count: u64,
    first: Vec<String>,
}

impl Reasons {
    /// Counts an id.
    pub(super) fn add(&mut self, reason: impl Into<String>, id: impl fmt::Display) {
        let id = id.to_string();
        // NIM's texts name the account: each would be a reason of its own.
        let mut reason = reason.into().replace(&id, "…");
        if self.0.len() >= REASONS_MAX && !self.0.contains_key(&reason) {
            "other reasons".clone_into(&mut reason);
        }
        let affected = self.0.entry(reason).or_default();
        affected.count += 1;
        if affected.first.len() < IDS_SHOWN {
            affected.first.push(id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (reason, Affected { count, first }) in &self.0 {
            let more = if *count > first.len() as u64 { ", …" } else { "" };
            write!(f, "\n  {count} × {reason}: {}{more}", first.join(", "))?;
        }
        Ok(())
    }
}

/// The result of an import from NIM.
#[derive(Debug, Default)]
pub(super) struct NimImportSummary {
    /// Nothing was written.
    pub(super) dry_run: bool,
    pub(super) accounts: u64,
    pub(super) teams: u64,
    /// Lists and teams that the state calls done.
    pub(super) done_before: [usize; 2],
    pub(super) memberships: u64,
    /// Last messages that changed something here.
    pub(super) messages: u64,
    /// Last messages that were here before.
    pub(super) known: u64,
    pub(super) exts: u64,
    pub(super) deleted: u64,
    /// Answers 416 of NIM.
    pub(super) too_frequent: u64,
    /// What a further run may carry.
    pub(super) failed: Reasons,
    /// What NIM's API cannot say, or this server cannot keep.
    pub(super) not_carried: Reasons,
}

impl fmt::Display for NimImportSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, teams, memberships, messages, known, exts, deleted, .. } = self;
        if self.dry_run {
            write!(
                f,
                "dry run, nothing was written: {accounts} lists and {teams} teams read; it would \
                 send {memberships} memberships and {messages} last messages, set {exts} exts, \
                 and delete {deleted} of the sessions that are here now"
            )?;
        } else {
            write!(
                f,
                "{accounts} lists and {teams} teams: {memberships} memberships, {messages} last \
                 messages new and {known} known, {exts} exts set, {deleted} sessions deleted"
            )?;
        }
        if let [lists, teams] = self.done_before
            && lists + teams > 0
        {
            write!(f, "\n{lists} lists and {teams} teams were done before, by the state file")?;
        }
        if self.too_frequent > 0 {
            write!(f, "\nNIM answered 416 (too many calls) {} times", self.too_frequent)?;
        }
        if !self.not_carried.is_empty() {
            write!(f, "\nnot carried:{}", self.not_carried)?;
        }
        if !self.failed.is_empty() {
            write!(f, "\nfailed:{}", self.failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_with_their_first_ids() {
        let mut reasons = Reasons::default();
        for n in 0..7 {
            reasons.add(format!("414 a{n} not register"), format!("a{n}"));
        }
        let shown = "\n  7 × 414 … not register: a0, a1, a2, a3, a4, …";
        assert_eq!(reasons.to_string(), shown);
        for n in 0..100 {
            reasons.add(format!("odd {n}"), "x");
        }
        assert_eq!(reasons.0.len(), REASONS_MAX + 1);
        assert!(reasons.to_string().contains("× other reasons: x"));
    }
}
