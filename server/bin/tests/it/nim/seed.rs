//! Reproducible randomness: a generator by its seed, which every test that uses it prints.

/// SplitMix64. Good enough to shuffle, the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Seed(u64);

impl Seed {
    /// The seed of `HUIHUA_SEED`, else a new one; printed, so that a failure can be had again.
    #[allow(clippy::print_stdout, reason = "a test that failed by chance must print its seed")]
    pub(crate) fn printed(test: &str) -> Self {
        let given = std::env::var("HUIHUA_SEED").ok().map(|text| text.parse().unwrap());
        let seed = given.unwrap_or_else(|| huihua_http::clock::now_ms() % 1_000_000);
        println!("{test}: HUIHUA_SEED={seed}");
        Self(seed)
    }

    /// Another one, that goes another way.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// `count` of them, or all, each once.
    pub(crate) fn some<'a, T: ?Sized>(&mut self, count: usize, of: &[&'a T]) -> Vec<&'a T> {
        let mut all = of.to_vec();
        self.shuffle(&mut all);
        all.truncate(count);
        all
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
