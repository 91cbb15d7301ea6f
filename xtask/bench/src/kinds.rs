//! The kinds of work that are measured, on whom, and for how long.

use std::time::Duration;

use crate::{
    field::{CASSANDRA, LIMIT, NAMES, OURS, PEER, REDIS, accounts},
    load::Callers,
    work::{Numbers, Work},
};

/// How long it is measured.
pub(crate) struct RunLength {
    pub(crate) name: &'static str,
    pub(crate) rounds: usize,
    /// Of one contestant at one kind of work.
    pub(crate) round: Duration,
    /// Of what runs for Huihua, or for two of them, alone.
    pub(crate) short_round: Duration,
    /// Of writes whose bytes are counted.
    pub(crate) written: Duration,
    /// How long nothing is written until what was written counts as all of it.
    pub(crate) quiet: Duration,
    /// Accounts of the big store, each with 500 sessions.
    pub(crate) big_accounts: u64,
}

/// About two minutes.
pub(crate) const QUICK: RunLength = RunLength {
    name: "quick",
    rounds: 3,
    round: Duration::from_millis(500),
    short_round: Duration::from_millis(300),
    written: Duration::from_secs(1),
    quiet: Duration::from_millis(1_000),
    big_accounts: 40,
};
/// A quarter of an hour and some minutes.
pub(crate) const FULL: RunLength = RunLength {
    name: "full",
    rounds: 5,
    round: Duration::from_secs(3),
    short_round: Duration::from_secs(1),
    written: Duration::from_secs(12),
    quiet: Duration::from_secs(4),
    big_accounts: 890,
};

/// A kind of work with its title.
pub(crate) struct Kind {
    pub(crate) title: &'static str,
    /// For a plot.
    pub(crate) label: &'static str,
    pub(crate) work: Work,
    pub(crate) connections: usize,
    /// The first letter of the accounts.
    accounts: char,
    /// Who is measured.
    pub(crate) contestants: &'static [&'static str],
}

const COPY_CONTESTANTS: [&str; 3] = [OURS, LIMIT, CASSANDRA];

pub(crate) const KINDS: [Kind; 10] = [
    Kind {
        title: "Page of 100 with messages (8 connections)",
        label: "page of 100",
        work: Work::Page,
        connections: 8,
        accounts: 'r',
        contestants: &NAMES,
    },
    Kind {
        title: "Page of 100, compressed by gzip (8 connections)",
        label: "page of 100, gzip",
        work: Work::CodedPage { coding: "gzip" },
        connections: 8,
        accounts: 'r',
        contestants: &[OURS],
    },
    Kind {
        title: "Page of 100, compressed by zstd (8 connections)",
        label: "page of 100, zstd",
        work: Work::CodedPage { coding: "zstd" },
        connections: 8,
        accounts: 'r',
        contestants: &[OURS],
    },
    Kind {
        title: "Sync, nothing changed (8 connections)",
        label: "sync, nothing changed",
        work: Work::EmptySync,
        connections: 8,
        accounts: 'r',
        contestants: &NAMES,
    },
    Kind {
        title: "Get one session (8 connections)",
        label: "get one",
        work: Work::GetOne,
        connections: 8,
        accounts: 'r',
        contestants: &NAMES,
    },
    Kind {
        title: "Durable p2p message, one a request (8 connections)",
        label: "message, 8 connections",
        work: Work::Ingest { events: 1 },
        connections: 8,
        accounts: 'r',
        contestants: &NAMES,
    },
    Kind {
        title: "Durable p2p message, one a request (64 connections)",
        label: "message, 64 connections",
        work: Work::Ingest { events: 1 },
        connections: 64,
        accounts: 'r',
        contestants: &NAMES,
    },
    Kind {
        title: "Durable p2p messages, 100 a request (8 connections; × 100 for messages)",
        label: "100 messages, 8 connections",
        work: Work::Ingest { events: 100 },
        connections: 8,
        accounts: 'r',
        contestants: &NAMES,
    },
    Kind {
        title: "Signed copy of a p2p message (64 connections)",
        label: "signed copy, 64 connections",
        work: Work::Copy,
        connections: 64,
        accounts: 'r',
        contestants: &COPY_CONTESTANTS,
    },
    Kind {
        title: "Update of an ext with its Idempotency-Key (8 connections)",
        label: "ext with its key",
        work: Work::SetExt,
        connections: 8,
        accounts: 'e',
        contestants: &NAMES,
    },
];

impl Kind {
    /// What its callers do.
    pub(crate) fn callers(&self, numbers: &Numbers) -> Callers {
        Callers {
            work: self.work,
            connections: self.connections,
            accounts: accounts(self.accounts),
            numbers: numbers.clone(),
        }
    }
}

/// Contestants whose written bytes are measured: bare PostgreSQL writes what its peer writes.
pub(crate) fn writes_to_disk(name: &str) -> bool {
    [OURS, LIMIT, PEER, REDIS].contains(&name)
}
