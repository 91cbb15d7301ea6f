//! The file of memberships, JSON Lines or CSV: read line by line, every line checked.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use huihua_core::{Account, TeamId};
use huihua_event::{Team, TeamKind};
use serde::Deserialize;

use super::error::Error;

/// Longest line, in bytes: a hundred thousand accounts of full length.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Accounts that joined a team at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MembershipRow {
    /// From 1.
    pub(super) line: u64,
    pub(super) team: Team,
    pub(super) accounts: Vec<Account>,
    /// ms since 1970.
    pub(super) time: u64,
}

impl MembershipRow {
    /// Splits the row into rows of at most `accounts_max` accounts.
    pub(super) fn parts(self, accounts_max: usize) -> Vec<MembershipRow> {
        if self.accounts.len() <= accounts_max {
            return vec![self];
        }
        let part = |accounts: &[Account]| MembershipRow {
            accounts: accounts.to_vec(),
            team: self.team.clone(),
            ..self
        };
        self.accounts.chunks(accounts_max).map(part).collect()
    }
}

/// A wrong line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    line: u64,
    reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JsonLine {
    session_type: TeamKind,
    team_id: TeamId,
    accounts: Vec<Account>,
    time: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CsvLine {
    session_type: TeamKind,
    team_id: TeamId,
    account: Account,
    time: u64,
}

/// The rows of a file in their order. Ends after a line that cannot be read at all.
pub(super) enum MembershipRows {
    Json { lines: BufReader<File>, line: u64, ended: bool },
    Csv(csv::DeserializeRecordsIntoIter<File, CsvRow>),
}

/// A record of a CSV file.
pub(super) struct CsvRow(CsvLine);

impl<'de> Deserialize<'de> for CsvRow {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        CsvLine::deserialize(d).map(Self)
    }
}

impl MembershipRows {
    /// CSV when the name ends in `.csv`, else JSON Lines.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file =
            File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")) {
            return Ok(Self::Csv(csv::Reader::from_reader(file).into_deserialize()));
        }
        Ok(Self::Json { lines: BufReader::new(file), line: 0, ended: false })
    }
}

impl Iterator for MembershipRows {
    type Item = Result<MembershipRow, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Json { ended: true, .. } => None,
            Self::Json { lines, line, ended } => next_json(lines, line, ended),
            Self::Csv(records) => {
                let record = records.next()?;
                let line = records.reader().position().line();
                Some(record.map(|record| csv_row(record.0, line)).map_err(|error| bad_csv(&error)))
            }
        }
    }
}

fn csv_row(record: CsvLine, next_line: u64) -> MembershipRow {
    MembershipRow {
        line: next_line.saturating_sub(1),
        team: record.session_type.team(record.team_id),
        accounts: vec![record.account],
        time: record.time,
    }
}

fn bad_csv(error: &csv::Error) -> BadLine {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} fields, not {expected_len}: sessionType,teamId,account,time")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    BadLine { line, reason }
}

fn next_json(
    lines: &mut BufReader<File>,
    line: &mut u64,
    ended: &mut bool,
) -> Option<Result<MembershipRow, BadLine>> {
    loop {
        let mut text = Vec::new();
        *line += 1;
        let bad = |reason: String| Some(Err(BadLine { line: *line, reason }));
        match lines.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut text) {
            Ok(0) => return None,
            Ok(bytes) if bytes as u64 > LINE_BYTES_MAX => {
                // Its end is not searched: this is not a file of lines.
                *ended = true;
                return bad(format!("is longer than {LINE_BYTES_MAX} bytes"));
            }
            Ok(_) => {}
            Err(error) => {
                *ended = true;
                return bad(format!("cannot be read: {error}"));
            }
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        return match serde_json::from_slice::<JsonLine>(&text) {
            Ok(row) if row.accounts.is_empty() => bad("accounts is empty".to_owned()),
            Ok(row) => Some(Ok(MembershipRow {
                line: *line,
                team: row.session_type.team(row.team_id),
                accounts: row.accounts,
                time: row.time,
            })),
            Err(error) => {
                let text = error.to_string();
                let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
                bad(format!("column {}: {reason}", error.column()))
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares what is read from a file of this name: rows as text, wrong lines as shown.
    fn check(name: &str, text: &[u8], expected: &[&str]) {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let read: Vec<_> = MembershipRows::open(&path)
            .unwrap()
            .map(|row| match row {
                Ok(row) => {
                    let accounts: Vec<_> = row.accounts.iter().map(Account::as_str).collect();
                    let MembershipRow { line, team, time, .. } = row;
                    format!("{line} {} {} {time}", team.session_id(), accounts.join("+"))
                }
                Err(bad) => bad.to_string(),
            })
            .collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn json_lines_are_read_and_checked_one_by_one() {
        let text = r#"{"sessionType":"team","teamId":"7","accounts":["amy","小明"],"time":5}

{"sessionType":"super_team","teamId":"7","accounts":["a,\"b"],"time":6}
{"sessionType":"p2p","teamId":"7","accounts":["amy"],"time":5}
{"sessionType":"team","teamId":"7","accounts":["a|b"],"time":5}
{"sessionType":"team","teamId":7,"accounts":["amy"],"time":5}
{"sessionType":"team","teamId":"7","accounts":[],"time":5}
{"sessionType":"team","teamId":"7","accounts":["amy"],"time":"5"}
{"sessionType":"team","teamId":"7","accounts":["amy"]}
{"sessionType":"team","teamId":"7","accounts":["amy"],"time":5,"x":1}
{"sessionType":"team"
{"sessionType":"team","teamId":"8","accounts":["bob"],"time":7}"#;
        check(
            "m.jsonl",
            text.as_bytes(),
            &[
                "1 team|7 amy+小明 5",
                "3 super_team|7 a,\"b 6",
                "line 4: column 20: unknown variant `p2p`, expected `team` or `super_team`",
                "line 5: column 53: account holds a character that it may not hold (control \
                 characters and '|' never)",
                "line 6: column 32: invalid type: integer `7`, expected a string",
                "line 7: accounts is empty",
                "line 8: column 64: invalid type: string \"5\", expected u64",
                "line 9: column 54: missing field `time`",
                "line 10: column 66: unknown field `x`, expected one of `sessionType`, `teamId`, \
                 `accounts`, `time`",
                "line 11: column 0: EOF while parsing an object",
                "12 team|8 bob 7",
            ],
        );
        check(
            "m.jsonl",
            b"\n{\"teamId\":\"\xff\"}",
            &["line 2: column 12: invalid unicode code point"],
        );
        let long = vec![b' '; usize::try_from(LINE_BYTES_MAX).unwrap() + 1];
        check("m.jsonl", &long, &["line 1: is longer than 16777216 bytes"]);
    }

    #[test]
    fn csv_is_read_and_checked_line_by_line() {
        let text = "sessionType,teamId,account,time\nteam,7,amy,5\n\nsuper_team,7,\"a,\"\"b\",6\n\
                    p2p,7,amy,5\nteam,7,a|b,5\nteam,7,amy,soon\nteam,7,amy\nteam,8,bob,7\n";
        check(
            "m.CSV",
            text.as_bytes(),
            &[
                "2 team|7 amy 5",
                "4 super_team|7 a,\"b 6",
                "line 5: unknown variant `p2p`, expected `team` or `super_team`",
                "line 6: account holds a character that it may not hold (control characters and \
                 '|' never)",
                "line 7: field 3: invalid digit found in string",
                "line 8: has 3 fields, not 4: sessionType,teamId,account,time",
                "9 team|8 bob 7",
            ],
        );
        check(
            "m.csv",
            b"team,7,amy,5\nteam,7,bob,5\n",
            &["line 2: unknown field `team`, expected one of `sessionType`, `teamId`, \
                 `account`, `time`"],
        );
    }
}
