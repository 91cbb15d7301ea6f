//! First results of a client's keyed writes: all of an account in one cell of its partition, so
//! that each is durable with its effect, and none leaves a tombstone in the way of scans.

use std::collections::BTreeMap;

use huihua_store::{Attempt, Error, IDEMPOTENCY_MS};

use crate::bytes::{ByteReader, ByteWriter};

/// First results kept of one account: 32 KiB, since the cell goes whole into a batch, of which
/// Cassandra takes 50. Beyond, the oldest go.
pub(crate) const RESULTS_MAX: usize = 400;

/// The first result of a keyed write: when, and of which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FirstResult {
    /// ms since 1970.
    pub(crate) time: u64,
    /// Distinguishes the write from any other.
    pub(crate) request: [u8; 8],
}

/// By their keys.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct FirstResults(pub(crate) BTreeMap<String, FirstResult>);

impl FirstResults {
    /// Finds the first result under the attempt's key, if it was of this request.
    pub(crate) fn of(
        &self,
        attempt: &Attempt,
        request: [u8; 8],
    ) -> Result<Option<FirstResult>, Error> {
        let first = attempt.key.as_ref().and_then(|key| self.0.get(key.as_str()));
        match first.filter(|first| is_fresh(first.time, attempt.now)) {
            Some(first) if first.request != request => Err(Error::KeyReused),
            first => Ok(first.copied()),
        }
    }

    /// With this attempt's, and without those that are given no more.
    pub(crate) fn with(&self, key: &str, first: FirstResult) -> Self {
        let fresh = self.0.iter().filter(|(_, one)| is_fresh(one.time, first.time));
        let mut all: BTreeMap<_, _> = fresh.map(|(key, one)| (key.clone(), *one)).collect();
        while all.len() >= RESULTS_MAX {
            let oldest = all.iter().min_by_key(|(_, one)| one.time);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            all.remove(&oldest);
        }
        all.insert(key.to_owned(), first);
        Self(all)
    }

    /// Tells whether there are some and none is given any more.
    pub(crate) fn are_stale(&self, now: u64) -> bool {
        !self.0.is_empty() && !self.0.values().any(|one| is_fresh(one.time, now))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = ByteWriter::default();
        for (key, first) in &self.0 {
            out.0.push(u8::try_from(key.len()).expect("a key has at most 64 bytes"));
            out.0.extend(key.as_bytes());
            out.number(first.time);
            out.0.extend(first.request);
        }
        out.0
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut input, mut all) = (ByteReader(bytes), BTreeMap::new());
        while !input.0.is_empty() {
            let [count] = input.take()?;
            let key = std::str::from_utf8(input.bytes(count.into())?).ok()?;
            let first = FirstResult { time: input.number()?, request: input.take()? };
            all.insert(key.to_owned(), first);
        }
        Some(Self(all))
    }
}

/// Tells whether a result of `time` is still given again. A clock that jumped back does not make it
/// new.
pub(crate) fn is_fresh(time: u64, now: u64) -> bool {
    time.abs_diff(now) <= IDEMPOTENCY_MS
}

#[cfg(test)]
mod tests {
    use huihua_store::IdempotencyKey;

    use super::*;

    fn first(time: u64) -> FirstResult {
        FirstResult { time, request: [1; 8] }
    }

    #[test]
    fn a_result_is_given_again_for_ten_minutes_to_its_own_request_alone() {
        let all = FirstResults::default().with("k", first(5));
        let tried = |now| Attempt { now, key: IdempotencyKey::new("k") };
        let read = FirstResults::of_bytes(&all.to_bytes()).unwrap();
        assert_eq!(read, all);
        assert_eq!(read.of(&tried(5 + IDEMPOTENCY_MS), [1; 8]).unwrap(), Some(first(5)));
        assert_eq!(read.of(&tried(6 + IDEMPOTENCY_MS), [1; 8]).unwrap(), None);
        assert!(matches!(read.of(&tried(6), [2; 8]), Err(Error::KeyReused)));
        assert_eq!(read.of(&Attempt { now: 6, key: None }, [2; 8]).unwrap(), None);
        assert!(!read.are_stale(5 + IDEMPOTENCY_MS) && read.are_stale(6 + IDEMPOTENCY_MS));
        assert_eq!(read.with("l", first(6 + IDEMPOTENCY_MS)).0.len(), 1);
    }

    #[test]
    fn beyond_the_most_the_oldest_goes_and_the_cell_fits_into_a_batch() {
        let mut all = FirstResults::default();
        let key = |n: usize| format!("{n:064}");
        for n in 0..RESULTS_MAX + 3 {
            all = all.with(&key(n), first(n as u64));
        }
        assert_eq!(all.0.len(), RESULTS_MAX);
        assert!(!all.0.contains_key(&key(2)) && all.0.contains_key(&key(3)));
        assert!(all.to_bytes().len() <= 33 * 1024, "{}", all.to_bytes().len());
    }
}
