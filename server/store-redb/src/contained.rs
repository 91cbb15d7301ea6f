//! Panics of redb on a damaged file: each becomes an error where the work on the file began, and
//! one that cannot become an error is known to the process's panic hook before it aborts.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use huihua_store::Error;

thread_local! {
    /// Panics in the work of this thread on a file; `None` outside such work.
    static PANICS: Cell<Option<u32>> = const { Cell::new(None) };
}

/// What a panic means for the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicIn {
    /// None of the store's work on a file.
    OtherWork,
    /// The store's work on a file, which is damaged: it becomes an error.
    Store,
    /// A destructor that cleans up after a panic in the store's work: the process would abort.
    StoreCleanup,
}

/// Tells a panic hook where this thread panics, and notes that it does.
#[must_use]
pub fn note_panic() -> PanicIn {
    let panics = PANICS.try_with(|panics| {
        let before = panics.get()?;
        panics.set(Some(before + 1));
        Some(before)
    });
    match panics.ok().flatten() {
        None => PanicIn::OtherWork,
        Some(0) => PanicIn::Store,
        Some(_) => PanicIn::StoreCleanup,
    }
}

/// Does work on a file; a panic is an error that names what was attempted. Its message is left out:
/// it may hold what is stored.
pub(crate) fn contain<T>(attempt: &str, work: impl FnOnce() -> T) -> Result<T, Error> {
    let outer = PANICS.replace(Some(0));
    let done = catch_unwind(AssertUnwindSafe(work));
    PANICS.set(outer);
    done.map_err(|payload| {
        // Dropping it may panic as well.
        std::mem::forget(payload);
        damaged(attempt)
    })
}

fn damaged(attempt: &str) -> Error {
    Error::Damaged { what: format!("the store's file (redb gives up as it {attempt})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_work_on_a_file_is_an_error_without_its_message() {
        let failed = contain("reads", || panic!("secret {}", 1)).map(|(): ()| ());
        let text = failed.unwrap_err().to_string();
        assert!(text.contains("as it reads") && text.contains("Restore"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn a_hook_knows_the_panic_that_would_abort() {
        assert_eq!(note_panic(), PanicIn::OtherWork);
        let seen = contain("reads", || [note_panic(), note_panic()]).unwrap();
        assert_eq!(seen, [PanicIn::Store, PanicIn::StoreCleanup]);
        assert_eq!(note_panic(), PanicIn::OtherWork);
    }
}
