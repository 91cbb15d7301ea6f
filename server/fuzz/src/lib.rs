//! Fuzz targets: what the server reads from people whom it does not know. A target takes any bytes
//! and panics when a property of its reader does not hold. `cargo xtask fuzz` feeds them to
//! libFuzzer; the tests below feed them the seeds, so that seeds and targets stay right.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic is how a target reports a fault")]

mod targets;

pub use targets::TARGETS;

/// What a reader did with an input. Faults are panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was read, and holds every property.
    Accepted,
    /// It was refused, in the way in which it must be.
    Refused,
}

/// Checks one input.
pub type Check = fn(&[u8]) -> Verdict;

/// One reader under test.
pub struct Target {
    /// Its name, which is also that of its seeds.
    pub name: &'static str,
    /// Checks one input.
    pub check: Check,
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// So many bytes of a seed are left alone between two that are bent; no divisor of 8.
    const BENT_EVERY: usize = 13;

    /// As `cargo xtask fuzz` reads them: one input a line, a line feed as `␊`.
    fn read_seeds(file: &str) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        text.lines().map(|line| line.replace('␊', "\n")).collect()
    }

    fn own_seeds(name: &str) -> Vec<String> {
        read_seeds(&format!("seeds/{name}.txt"))
    }

    fn seeds(name: &str) -> Vec<String> {
        let mut seeds = own_seeds(name);
        if name == "copy" {
            seeds.extend(read_seeds("../../samples/nim-copy.jsonl"));
        }
        seeds
    }

    /// The fuzzer does more of this, but needs minutes: this much is in every run of the tests.
    /// Half of the seeds are accepted: others reach little.
    fn seeds_hold_whole_cut_and_bent(name: &str) {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let all = seeds(name);
        let is_accepted = |seed: &&String| (target.check)(seed.as_bytes()) == Verdict::Accepted;
        let accepted = all.iter().filter(is_accepted).count();
        assert!(all.len() >= 10 && accepted * 2 >= all.len(), "{accepted} of {}", all.len());
        for seed in own_seeds(name).iter().filter(|seed| seed.len() < 1_000) {
            let bytes = seed.as_bytes();
            for at in (0..bytes.len()).step_by(BENT_EVERY) {
                (target.check)(&bytes[..at]);
                let mut bent = bytes.to_vec();
                bent[at] ^= 1 << (at % 8);
                (target.check)(&bent);
            }
        }
    }

    #[test]
    fn copies_hold() {
        seeds_hold_whole_cut_and_bent("copy");
    }

    #[test]
    fn cursors_hold() {
        seeds_hold_whole_cut_and_bent("cursor");
    }

    #[test]
    fn events_hold() {
        seeds_hold_whole_cut_and_bent("events");
    }

    #[test]
    fn forms_hold() {
        seeds_hold_whole_cut_and_bent("form");
    }

    #[test]
    fn tokens_of_clients_hold() {
        seeds_hold_whole_cut_and_bent("jwt");
    }

    #[test]
    fn binary_frames_of_links_hold() {
        seeds_hold_whole_cut_and_bent("link-binary");
    }

    #[test]
    fn text_frames_of_links_hold() {
        seeds_hold_whole_cut_and_bent("link-text");
    }

    #[test]
    fn page_tokens_hold() {
        seeds_hold_whole_cut_and_bent("page-token");
    }

    #[test]
    fn session_ids_hold() {
        seeds_hold_whole_cut_and_bent("session-id");
    }
}
