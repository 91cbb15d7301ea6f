//! Reads that several ask for at once are done once. Who asks while a read is on its way waits for
//! the next one, which serves all who came before it began: so nobody gets an answer from before
//! its question, and of any number at once there are two reads.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use huihua_store::Error;

/// The reads that somebody waits for, by what they read; others are not there.
pub(crate) struct Flights<K: Eq + Hash, V>(Mutex<HashMap<K, Arc<Flight<V>>>>);

struct Flight<V> {
    /// How many asked so far.
    asked: AtomicU64,
    /// The last answer, and how many had asked when its read began. Kept while somebody waits.
    last: tokio::sync::Mutex<Option<(u64, V)>>,
}

impl<K: Eq + Hash, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Takes a flight out of the map when nobody is on it any more, also when its caller went away.
struct Seat<'f, K: Eq + Hash, V> {
    flights: &'f Flights<K, V>,
    key: &'f K,
    flight: Arc<Flight<V>>,
}

impl<K: Eq + Hash, V> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        // The map's and ours.
        if Arc::strong_count(&self.flight) == 2 {
            flights.remove(self.key);
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    /// Reads, or takes what another read for all who asked by then.
    pub(crate) async fn share(
        &self,
        key: &K,
        read: impl Future<Output = Result<V, Error>>,
    ) -> Result<V, Error> {
        let seat = self.seat(key);
        let number = seat.flight.asked.fetch_add(1, SeqCst) + 1;
        let mut last = seat.flight.last.lock().await;
        if let Some((until, value)) = &*last
            && *until >= number
        {
            return Ok(value.clone());
        }
        let until = seat.flight.asked.load(SeqCst);
        let value = read.await?;
        // Nobody else asked before it began: then it is of no use to anybody.
        *last = (until > number).then(|| (until, value.clone()));
        Ok(value)
    }

    fn seat<'f>(&'f self, key: &'f K) -> Seat<'f, K, V> {
        let mut flights = self.lock();
        let new = || Arc::new(Flight { asked: AtomicU64::new(0), last: Default::default() });
        let flight = Arc::clone(flights.entry(key.clone()).or_insert_with(new));
        Seat { flights: self, key, flight }
    }
}

impl<K: Eq + Hash, V> Flights<K, V> {
    /// Nothing under this lock panics half done.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Flight<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    /// Reads the number of the read, when it may.
    async fn read(reads: &AtomicU64, may: &Notify) -> Result<u64, Error> {
        let number = reads.fetch_add(1, SeqCst) + 1;
        may.notified().await;
        Ok(number)
    }

    #[tokio::test]
    async fn all_who_ask_during_a_read_get_the_next_one_and_nothing_is_kept() {
        let (flights, reads, may) = (Flights::default(), AtomicU64::new(0), Notify::new());
        let ask = || flights.share(&"amy", read(&reads, &may));
        let first_then_others = async {
            let answers = tokio::join!(ask(), ask(), ask(), ask());
            let mut numbers =
                [answers.0, answers.1, answers.2, answers.3].map(|answer| answer.unwrap());
            numbers.sort_unstable();
            numbers
        };
        let let_read = async {
            for number in 1..=2 {
                while reads.load(SeqCst) < number {
                    tokio::task::yield_now().await;
                }
                may.notify_one();
            }
        };
        let (answers, ()) = tokio::join!(first_then_others, let_read);
        assert_eq!(answers, [1, 2, 2, 2]);
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn a_read_that_failed_or_was_given_up_is_no_answer_for_others() {
        let flights = Flights::default();
        let failed = async { Err::<u64, _>(Error::Unavailable { reason: "test".to_owned() }) };
        let (failed, other) =
            tokio::join!(flights.share(&1, failed), flights.share(&1, async { Ok(7) }));
        assert!(failed.is_err());
        assert_eq!(other.unwrap(), 7);
        let never = flights.share(&1, std::future::pending());
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(1), never);
        assert!(given_up.await.is_err());
        assert!(flights.lock().is_empty());
    }
}
