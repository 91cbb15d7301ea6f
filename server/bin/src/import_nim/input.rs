//! The files of the import: one id a line, every line checked before anything is sent.

use std::{collections::HashSet, path::Path, str::FromStr};

use huihua_core::{Account, AccountForm, InvalidId, SessionId, SessionKind, TeamId};
use huihua_event::Team;

use super::error::Error;
use crate::lines::{BadLine, Lines, WrongLines};

/// A line of the file of team ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum TeamLine {
    /// With its kind: `team|7`, `super_team|7`.
    Team(Team),
    /// A bare id: a team, a super team, or both.
    Either(TeamId),
}

impl FromStr for TeamLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains('|') {
            return TeamId::new(text).map(Self::Either).map_err(|wrong| wrong.to_string());
        }
        let id: SessionId = text.parse().map_err(|wrong: InvalidId| wrong.to_string())?;
        Team::of(&id).map(Self::Team).ok_or_else(|| {
            let (team, super_team) = (SessionKind::Team, SessionKind::SuperTeam);
            format!("must be a team id, {team}|<team id> or {super_team}|<team id>")
        })
    }
}

/// Reads the accounts of a file, each once.
pub(super) fn accounts(path: &Path, form: AccountForm) -> Result<Vec<Account>, Error> {
    ids(path, |text| form.account(text).map_err(|wrong| wrong.to_string()))
}

/// Reads the teams of a file, each once.
pub(super) fn teams(path: &Path) -> Result<Vec<TeamLine>, Error> {
    ids(path, TeamLine::from_str)
}

/// Reads the whole file before anything is sent: one wrong line refuses it.
fn ids<T: Clone + Eq + std::hash::Hash>(
    path: &Path,
    id: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Error> {
    let (mut ids, mut seen, mut wrong) = (Vec::new(), HashSet::new(), WrongLines::none_in(path));
    for line in Lines::open(path)? {
        let read = line.and_then(|line| {
            let bad = |reason| BadLine { line: line.number, reason };
            id(line.text.trim()).map_err(bad)
        });
        match read {
            Ok(id) if seen.insert(id.clone()) => ids.push(id),
            Ok(_) => {}
            Err(bad) => wrong.add(bad),
        }
    }
    wrong.refuse()?;
    if ids.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> [Result<Vec<String>, String>; 2] {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, text).unwrap();
        let accounts = accounts(&path, AccountForm::Exact)
            .map(|all| all.iter().map(Account::to_string).collect());
        let teams = teams(&path).map(|all| all.iter().map(|line| format!("{line:?}")).collect());
        [accounts.map_err(|e| e.to_string()), teams.map_err(|e| e.to_string())]
    }

    #[test]
    fn files_are_read_as_people_make_them() {
        let [accounts, _] = read("\u{feff}amy\r\n\r\n  小明 \r\na b\namy\n42".as_bytes());
        assert_eq!(accounts.unwrap(), ["amy", "小明", "a b", "42"]);
        let [_, teams] = read("\u{feff}42\r\nteam|7\r\n super_team|7 \n42\n".as_bytes());
        let teams = teams.unwrap();
        assert_eq!(teams.len(), 3, "{teams:?}");
        assert!(teams[0].starts_with("Either") && teams[1].contains("Normal"), "{teams:?}");
        assert!(teams[2].contains("Super"), "{teams:?}");
        let utf16: Vec<u8> = "amy\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for refused in read(&utf16) {
            assert!(refused.unwrap_err().contains("UTF-16"));
        }
        for refused in read(b"\n \r\n") {
            assert!(refused.unwrap_err().ends_with("holds no id"));
        }
        let [accounts, teams] = read(b"amy\n\np2p|bob\nb\x07b\n");
        let (accounts, teams) = (accounts.unwrap_err(), teams.unwrap_err());
        assert!(accounts.contains("2 lines of ") && accounts.contains("nothing was sent"));
        assert!(accounts.contains("\nline 3: account holds") && accounts.contains("\nline 4: "));
        assert!(teams.contains("\nline 3: must be a team id, team|<team id> or super_team|"));
        let [accounts, _] = read("a|b\n".repeat(30).as_bytes());
        assert!(accounts.unwrap_err().ends_with("\nand 10 more"));
    }
}
