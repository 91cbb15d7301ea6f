//! What a list showed last, kept on the device for the next start: off unless the app names a
//! folder. One file an account; [`super::cache_file`] has its bytes.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ring::digest::{Context, SHA256};

use super::{
    cache_file::{self, CacheOwner, CachedList},
    error::Error,
    log::{Log, LogLevel},
};
use crate::{Account, AccountInfo, AppKey, RecentSession};

/// Makes lists keep what they showed last: the newest 500 sessions at most, in 1 MiB at most.
///
/// The file lies in `folder` and can be read by its user alone. Its name is a hash of app key and
/// account.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// The folder of the files, which is made if it is missing. It should be private to the app.
    pub folder: PathBuf,
    /// The app key of the account's app.
    pub app_key: String,
    /// The account that the token is of. It has to be known before the network is: it decides which
    /// list shows at once. The server confirms it before anything is kept.
    pub account: String,
}

impl CacheOptions {
    /// Erases the account's file, for a sign-out without a service. It blocks for a disk's time.
    ///
    /// A service of the account that is still open may write it again: see
    /// [`super::SessionService::erase_cache`].
    ///
    /// # Errors
    /// Any error of the file system: the file may then still hold sessions.
    pub fn erase(&self) -> io::Result<()> {
        cache_file::erase(&self.path())
    }

    fn path(&self) -> PathBuf {
        let mut context = Context::new(&SHA256);
        // Neither text can hold a 0.
        for part in ["huihua list", "\0", &self.app_key, "\0", &self.account] {
            context.update(part.as_bytes());
        }
        let name: String =
            context.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension("list")
    }
}

/// Shows neither the account nor where the file lies.
impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheOptions").finish_non_exhaustive()
    }
}

/// Reads and writes the file of one account. Its methods block, but for [`Self::encode`].
pub(super) struct Cache {
    owner: CacheOwner,
    path: PathBuf,
    log: Log,
    /// Numbers the snapshots, so that a late write does not replace a newer one.
    snapshots: AtomicU64,
    /// Held while the file is written or erased.
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// The newest snapshot in the file.
    snapshot: u64,
    erased: bool,
}

/// Holds the bytes of a file that has yet to be written.
pub(super) struct Snapshot {
    number: u64,
    bytes: Vec<u8>,
}

impl Cache {
    /// Checks the options, without any I/O.
    pub(super) fn new(options: &CacheOptions, server: String, log: Log) -> Result<Self, Error> {
        let app_key: AppKey = options
            .app_key
            .parse()
            .map_err(|reason| Error::option("cache.app_key", format!("{reason}")))?;
        if options.folder.as_os_str().is_empty() {
            return Err(Error::option("cache.folder", "must name a folder"));
        }
        // Last, because a login may name an account later than the rest is known.
        let account: Account = options
            .account
            .parse()
            .map_err(|reason| Error::option("cache.account", format!("{reason}")))?;
        Ok(Self {
            owner: CacheOwner {
                app_key: app_key.as_str().to_owned(),
                account: account.as_str().to_owned(),
                server,
            },
            path: options.path(),
            log,
            snapshots: AtomicU64::new(0),
            written: Mutex::default(),
        })
    }

    /// Returns whether a token's account is the one that the file is of. ASCII case aside, as at a
    /// login: an app whose accounts are NIM's may write them in any.
    pub(super) fn is_of(&self, token: &AccountInfo) -> bool {
        self.owner.app_key == token.app_key
            && self.owner.account.eq_ignore_ascii_case(&token.account)
    }

    /// Reads what was shown last. A file that cannot be used is as good as none.
    pub(super) fn read(&self) -> Option<CachedList> {
        let bytes = match cache_file::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.note(format_args!("cannot be read: {}", error.kind()));
                return None;
            }
        };
        cache_file::decode(&self.owner, &bytes)
            .inspect_err(|reason| self.note(format_args!("is ignored: {reason}")))
            .ok()
    }

    /// Takes a snapshot of a list, to be written later.
    pub(super) fn encode(
        &self,
        sync_cursor: &str,
        has_more: bool,
        sessions: &[RecentSession],
    ) -> Option<Snapshot> {
        let bytes = cache_file::encode(&self.owner, sync_cursor, has_more, sessions)?;
        Some(Snapshot { number: self.snapshots.fetch_add(1, Ordering::Relaxed) + 1, bytes })
    }

    /// Writes a snapshot, unless a newer one is written or the file was erased. A failure is only
    /// logged: the next start is then as one without a cache, or from an older file.
    pub(super) fn write(&self, snapshot: &Snapshot) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.erased || snapshot.number <= written.snapshot {
            return;
        }
        match cache_file::replace(&self.path, &snapshot.bytes, |_| {}) {
            Ok(()) => written.snapshot = snapshot.number,
            Err(error) => self.note(format_args!("cannot be written: {}", error.kind())),
        }
    }

    /// Erases the file and keeps nothing from now on.
    pub(super) fn erase(&self) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.erased = true;
        self.erase_file()
    }

    /// Erases the file; what is shown later is kept again.
    pub(super) fn forget(&self) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Snapshots that wait to be written are of before.
        written.snapshot = self.snapshots.load(Ordering::Relaxed);
        // A failure is logged; there is nobody to tell.
        let _ = self.erase_file();
    }

    fn erase_file(&self) -> io::Result<()> {
        cache_file::erase(&self.path).inspect_err(|error| {
            let kind = error.kind();
            self.log.line(LogLevel::Warn, || format!("cache: the file cannot be erased: {kind}"));
        })
    }

    fn note(&self, what: fmt::Arguments<'_>) {
        self.log.line(LogLevel::Info, || format!("cache: the file {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &std::path::Path) -> Cache {
        let options = CacheOptions {
            folder: folder.to_owned(),
            app_key: "app".to_owned(),
            account: "bob".to_owned(),
        };
        Cache::new(&options, "https://im.example.com/".to_owned(), Log(None)).unwrap()
    }

    fn cursor(cache: &Cache) -> Option<String> {
        cache.read().map(|list| list.sync_cursor)
    }

    #[test]
    fn a_late_write_replaces_no_newer_one_and_nothing_is_written_after_erasing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let snapshots =
            ["first", "second", "third"].map(|cursor| cache.encode(cursor, false, &[]).unwrap());
        let [first, second, third] = &snapshots;
        cache.write(second);
        cache.write(first);
        assert_eq!(cursor(&cache).as_deref(), Some("second"));
        cache.erase().unwrap();
        cache.write(third);
        assert_eq!(cursor(&cache), None);
    }

    #[test]
    fn what_was_shown_before_a_block_is_not_kept_again_and_what_is_shown_after_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let [shown, waiting] =
            ["shown", "waiting"].map(|cursor| cache.encode(cursor, false, &[]).unwrap());
        cache.write(&shown);
        cache.forget();
        assert_eq!(cursor(&cache), None);
        cache.write(&waiting);
        assert_eq!(cursor(&cache), None);
        cache.write(&cache.encode("later", false, &[]).unwrap());
        assert_eq!(cursor(&cache).as_deref(), Some("later"));
    }

    #[test]
    fn each_account_and_app_has_a_file_of_its_own_and_its_name_holds_neither() {
        let path = |app_key: &str, account: &str| {
            let (app_key, account) = (app_key.to_owned(), account.to_owned());
            CacheOptions { folder: "/f".into(), app_key, account }.path()
        };
        let bob = path("app", "bob");
        assert_eq!(bob, path("app", "bob"));
        for other in [path("app", "Bob"), path("appb", "ob"), path("ap", "pbob")] {
            assert_ne!(bob, other);
        }
        // Pinned: after an update of the SDK a sign-out must still find the file.
        assert_eq!(bob.to_str(), Some("/f/e4dbe11359761148e9b31b7dbca6f0d8.list"));
        let shown = format!(
            "{:?}",
            CacheOptions {
                folder: "/secret".into(),
                app_key: "secret".into(),
                account: "secret".into(),
            }
        );
        assert!(!shown.contains("secret"), "{shown}");
    }
}
