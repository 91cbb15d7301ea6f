//! The state of an import from NIM, so that a killed one goes on: a line for each account or team
//! that is done, appended once its work is on the server's disk.

use std::{
    collections::{HashMap, HashSet},
    fs::{File, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use huihua_core::{Account, SessionId};
use huihua_event::Team;
use serde::{Deserialize, Serialize};

use super::error::Error;

/// Version of the lines.
const VERSION: u32 = 1;
/// Longest line, in bytes: an account in fifty thousand teams of full length.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a state belongs to: its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StateHeader {
    pub(super) import_nim: u32,
    pub(super) app_key: String,
    pub(super) from: String,
    pub(super) server: String,
}

impl StateHeader {
    pub(super) fn new(app_key: &str, from: &str, server: &str) -> Self {
        let [app_key, from, server] = [app_key, from, server].map(str::to_owned);
        Self { import_nim: VERSION, app_key, from, server }
    }
}

/// One thing that is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Record {
    /// The account's teams are known.
    Joined { account: Account, teams: Vec<SessionId> },
    /// The team's members are written.
    Team(SessionId),
    /// The account's last messages and exts are written; the sum of the ids in its list.
    Listed { account: Account, sessions: u64 },
    /// What NIM does not list is deleted.
    Pruned(Account),
}

/// What is done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) joined: HashMap<Account, Vec<Team>>,
    pub(super) teams: HashSet<Team>,
    pub(super) listed: HashMap<Account, u64>,
    pub(super) pruned: HashSet<Account>,
}

impl Done {
    fn add(&mut self, record: Record) {
        match record {
            Record::Joined { account, teams } => {
                self.joined.insert(account, teams.iter().filter_map(Team::of).collect());
            }
            Record::Team(id) => self.teams.extend(Team::of(&id)),
            Record::Listed { account, sessions } => {
                self.listed.insert(account, sessions);
                // Its messages may have brought sessions into the lists of others.
                self.pruned.clear();
            }
            Record::Pruned(account) => {
                self.pruned.insert(account);
            }
        }
    }
}

/// The state, in memory and in its file if there is one.
pub(super) struct ImportState {
    done: Mutex<Done>,
    file: Option<(PathBuf, Mutex<File>)>,
}

impl ImportState {
    /// A state that ends with the process.
    pub(super) fn in_memory() -> Self {
        Self { done: Mutex::default(), file: None }
    }

    /// Reads a state without writing to it; one that does not exist is empty.
    pub(super) fn peek(path: &Path, header: &StateHeader) -> Result<Self, Error> {
        let failed = |source| Error::State { path: path.to_owned(), source };
        let done = match File::open(path) {
            Ok(file) => read(path, &file, header)?.0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Done::default(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { done: Mutex::new(done), file: None })
    }

    /// Opens or creates a state, which no other process may use meanwhile.
    pub(super) fn open(path: &Path, header: &StateHeader) -> Result<Self, Error> {
        let failed = |source| Error::State { path: path.to_owned(), source };
        let mut options = File::options();
        // It names accounts.
        options.mode(0o600);
        let mut file = options.read(true).append(true).create(true).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(source) => failed(source),
            TryLockError::WouldBlock => {
                Error::OtherState { path: path.to_owned(), reason: "is used by another import" }
            }
        })?;
        let (done, end) = read(path, &file, header)?;
        // A kill may have left half a line.
        file.set_len(end).map_err(failed)?;
        if end == 0 {
            let line = serde_json::to_string(header).expect("texts are always JSON");
            file.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
        }
        Ok(Self { done: Mutex::new(done), file: Some((path.to_owned(), Mutex::new(file))) })
    }

    pub(super) fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is done. Only what is on the server's disk may be.
    pub(super) fn add(&self, record: Record) -> Result<(), Error> {
        if let Some((path, file)) = &self.file {
            let line = serde_json::to_string(&record).expect("ids are always JSON");
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(format!("{line}\n").as_bytes())
                .map_err(|source| Error::State { path: path.clone(), source })?;
        }
        self.done().add(record);
        Ok(())
    }
}

/// Reads a state to the end of its last whole line.
fn read(path: &Path, mut file: &File, header: &StateHeader) -> Result<(Done, u64), Error> {
    let failed = |source| Error::State { path: path.to_owned(), source };
    let other = |reason| Error::OtherState { path: path.to_owned(), reason };
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let (mut lines, mut done, mut end) = (BufReader::new(file), Done::default(), 0);
    loop {
        let mut line = Vec::new();
        lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
        if !line.ends_with(b"\n") {
            let is_ours = end > 0 || line.is_empty() || line.starts_with(b"{\"importNim\"");
            return if is_ours && (line.len() as u64) < LINE_BYTES_MAX {
                Ok((done, end))
            } else {
                Err(other("is not the state of an import from NIM"))
            };
        }
        if end == 0 {
            let found: StateHeader = serde_json::from_slice(&line)
                .map_err(|_| other("is not the state of an import from NIM"))?;
            if found.app_key != header.app_key {
                return Err(other("is of another app"));
            }
            if found != *header {
                return Err(other("is of an import from or to another address"));
            }
        } else {
            let record = serde_json::from_slice(&line).map_err(|_| other("has a damaged line"))?;
            done.add(record);
        }
        end += line.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(app: &str, server: &str) -> StateHeader {
        StateHeader::new(app, "https://nim", server)
    }

    fn account(name: &str) -> Account {
        name.parse().unwrap()
    }

    #[test]
    fn a_state_outlives_a_torn_line_and_is_refused_to_others() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("state");
        let mine = header("a", "http://s");
        {
            let state = ImportState::open(&path, &mine).unwrap();
            let teams = vec!["team|7".parse().unwrap()];
            state.add(Record::Joined { account: account("amy"), teams }).unwrap();
            state.add(Record::Team("team|7".parse().unwrap())).unwrap();
            state.add(Record::Listed { account: account("amy"), sessions: 5 }).unwrap();
            state.add(Record::Pruned(account("amy"))).unwrap();
            let used = ImportState::open(&path, &mine).err().unwrap().to_string();
            assert!(used.contains("is used by another import"), "{used}");
        }
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 1, 9] {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let state = ImportState::open(&path, &mine).unwrap();
            let done = state.done();
            assert_eq!((done.joined.len(), done.teams.len()), (1, 1));
            assert_eq!(done.listed[&account("amy")], 5);
            assert_eq!(done.pruned.len(), usize::from(cut == 0), "{cut}");
            drop(done);
            // What is added after a torn line is read again.
            state.add(Record::Listed { account: account("bob"), sessions: 6 }).unwrap();
            drop(state);
            let done = ImportState::peek(&path, &mine).unwrap().done.into_inner().unwrap();
            assert_eq!((done.listed.len(), done.pruned.len()), (2, 0));
        }
        for (other, reason) in [
            (header("b", "http://s"), "is of another app"),
            (header("a", "http://t"), "is of an import from or to another address"),
        ] {
            let refused = ImportState::open(&path, &other).err().unwrap().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
        for (text, reason) in [
            ("amy\nbob\n", "is not the state"),
            ("amy", "is not the state"),
            (&format!("{}\n{{}}\n", serde_json::to_string(&mine).unwrap()), "has a damaged line"),
        ] {
            std::fs::write(&path, text).unwrap();
            let refused = ImportState::open(&path, &mine).err().unwrap().to_string();
            assert!(refused.contains(reason), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it is left as it was");
        }
        let absent = folder.path().join("absent");
        ImportState::peek(&absent, &mine).unwrap();
        assert!(!absent.exists());
    }
}
