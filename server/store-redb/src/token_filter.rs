//! Which tokens the directory may know, in memory: any other text costs a caller no read of a
//! table, however many apps there are. A yes may be wrong, a no never is (a Bloom filter).

use std::sync::{PoisonError, RwLock};

use huihua_event::TokenHash;
use redb::{Database, ReadableDatabase as _};

use crate::{failure::StoreFailure, tables};

/// Words of 64 bits, 2 MiB: with a million tokens one foreign text in 1,000 is looked up in vain,
/// with ten million nearly all. Pages of it that no token needs are never touched.
const WORDS: usize = 1 << 18;
/// Bits of one token.
const BITS: usize = 6;

/// The filter. A token that goes stays in it until the next start.
pub(crate) struct TokenFilter(RwLock<Vec<u64>>);

impl TokenFilter {
    /// Reads every token's key: about a quarter of a second for a million. If the table cannot be
    /// read, every token may be in it: a look-up tells what is wrong.
    pub(crate) fn read(db: &Database) -> Self {
        let filter = Self(RwLock::new(vec![0; WORDS]));
        if filter.add_all(db).is_err() {
            filter.0.write().unwrap_or_else(PoisonError::into_inner).fill(u64::MAX);
        }
        filter
    }

    fn add_all(&self, db: &Database) -> Result<(), StoreFailure> {
        for item in db.begin_read()?.open_table(tables::TOKENS)?.range::<&[u8]>(..)? {
            if let Some(token) = tables::token_of_key(item?.0.value()) {
                self.add(&token);
            }
        }
        Ok(())
    }

    /// Adds a token. Before its commit: whoever has the token may ask as soon as it counts.
    pub(crate) fn add(&self, token: &TokenHash) {
        let mut words = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (word, bit) in places(token) {
            words[word] |= bit;
        }
    }

    /// Tells whether the token may be one of the directory's.
    pub(crate) fn may_hold(&self, token: &TokenHash) -> bool {
        let words = self.0.read().unwrap_or_else(PoisonError::into_inner);
        places(token).all(|(word, bit)| words[word] & bit != 0)
    }
}

/// Returns words and bits of a token: its hash is as good as random.
fn places(token: &TokenHash) -> impl Iterator<Item = (usize, u64)> {
    token.0.chunks_exact(4).take(BITS).map(|bytes| {
        let number = bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        ((number >> 6) % WORDS, 1 << (number % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_held_and_little_else() {
        let filter = TokenFilter(RwLock::new(vec![0; WORDS]));
        let token = |n: u32| TokenHash::of(&n.to_string());
        (0..20_000).for_each(|n| filter.add(&token(n)));
        assert!((0..20_000).all(|n| filter.may_hold(&token(n))));
        let wrong = (20_000..120_000).filter(|n| filter.may_hold(&token(*n))).count();
        assert!(wrong < 10, "{wrong} of 100,000 foreign ones");
    }
}
