//! What is done of a copy, in a file that is replaced whole: a copy that is killed goes on behind
//! the last batch that it noted.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::config::parent_of;

/// Version of the file.
const VERSION: u32 = 1;

/// Why a state is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot {attempt} {}", path.display())]
    Io {
        attempt: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is no state of a copy: name another file with --state", path.display())]
    Content { path: PathBuf },
    #[error(
        "{} is of a copy from {from} to {to}: go on with that one, or name another file with --state",
        path.display()
    )]
    OfAnother { path: PathBuf, from: String, to: String },
}

/// What is done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Phase {
    Copy,
    Compare,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    copy: u32,
    from: String,
    to: String,
    pub(super) phase: Phase,
    /// Items of this phase.
    pub(super) done: u64,
    /// Where the next ones are.
    pub(super) next: Option<String>,
}

/// The file of a state.
pub(super) struct StateFile {
    path: PathBuf,
    is_new: bool,
}

impl StateFile {
    /// Tells whether there was none: nothing is copied yet.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Reads the file; without one, nothing is done.
    pub(super) fn open(path: &Path, [from, to]: &[String; 2]) -> Result<(Self, State), Error> {
        let new = State {
            copy: VERSION,
            from: from.clone(),
            to: to.clone(),
            phase: Phase::Copy,
            done: 0,
            next: None,
        };
        let read = fs::read(path);
        let is_new = read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let state = match read {
            Err(_) if is_new => new,
            Err(source) => {
                return Err(Error::Io { attempt: "read", path: path.to_owned(), source });
            }
            Ok(bytes) => serde_json::from_slice(&bytes)
                .ok()
                .filter(|state: &State| state.copy == VERSION)
                .ok_or_else(|| Error::Content { path: path.to_owned() })?,
        };
        if (&state.from, &state.to) != (from, to) {
            let State { from, to, .. } = state;
            return Err(Error::OfAnother { path: path.to_owned(), from, to });
        }
        Ok((Self { path: path.to_owned(), is_new }, state))
    }

    /// Notes what is done.
    pub(super) fn write(&self, state: &State) -> Result<(), Error> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(parent_of(&self.path))?;
            serde_json::to_writer(&mut file, state)?;
            file.flush()?;
            file.persist(&self.path)?;
            Ok(())
        };
        let failed = |source| Error::Io { attempt: "write", path: self.path.clone(), source };
        write().map_err(failed)
    }

    /// Removes it: all is done.
    pub(super) fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::Io { attempt: "remove", path: self.path.clone(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_and_that_of_another_copy_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let names = ["redb:a".to_owned(), "redb:b".to_owned()];
        let (file, mut state) = StateFile::open(&path, &names).unwrap();
        assert!(file.is_new() && state.next.is_none());
        (state.phase, state.done, state.next) = (Phase::Compare, 7, Some("7:1:".to_owned()));
        file.write(&state).unwrap();
        let (known, read) = StateFile::open(&path, &names).unwrap();
        assert!(!known.is_new() && read == state);
        let others = ["redb:a".to_owned(), "redb:c".to_owned()];
        let said = StateFile::open(&path, &others).map(drop).unwrap_err().to_string();
        assert!(said.contains("is of a copy from redb:a to redb:b"), "{said}");
        fs::write(&path, "{}").unwrap();
        let said = StateFile::open(&path, &names).map(drop).unwrap_err().to_string();
        assert!(said.contains("is no state of a copy"), "{said}");
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(StateFile::open(&path, &names).unwrap().0.is_new());
    }
}
