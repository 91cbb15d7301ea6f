//! The file of memberships, JSON Lines or CSV: read line by line, every line checked.

use std::{fmt, path::Path};

use huihua_core::{Account, TeamId};
use huihua_event::{Team, TeamKind};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Visitor},
};

use crate::lines::{BadLine, Line, Lines, OpenError};

/// The columns of a CSV file, in any order.
const CSV_COLUMNS: [&str; 4] = ["sessionType", "teamId", "account", "time"];

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JsonLine {
    session_type: TeamKind,
    #[serde(deserialize_with = "id")]
    team_id: TeamId,
    accounts: Vec<JsonAccount>,
    time: u64,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct JsonAccount(#[serde(deserialize_with = "id")] Account);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsvLine {
    session_type: TeamKind,
    team_id: TeamId,
    account: Account,
    time: u64,
}

/// Reads an id that a database has written: as text, or as the number that it is there.
fn id<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct IdText;

    impl Visitor<'_> for IdText {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a whole number")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    let text = deserializer.deserialize_any(IdText)?;
    T::deserialize(serde::de::value::StringDeserializer::<D::Error>::new(text))
        .map_err(D::Error::custom)
}

/// The rows of a file in their order.
pub(super) struct MembershipRows {
    lines: Lines,
    format: Format,
}

enum Format {
    Json,
    /// The columns; `None` before the header, or after a wrong one.
    Csv(Option<csv::StringRecord>),
}

impl MembershipRows {
    /// CSV when the name ends in `.csv`, else JSON Lines.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let is_csv = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
        let format = if is_csv { Format::Csv(None) } else { Format::Json };
        Ok(Self { lines: Lines::open(path)?, format })
    }
}

impl Iterator for MembershipRows {
    type Item = Result<MembershipRow, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.lines.next()? {
            Ok(line) => line,
            Err(bad) => return Some(Err(bad)),
        };
        match &mut self.format {
            Format::Json => Some(json_row(&line)),
            Format::Csv(Some(header)) => Some(csv_row(&line, header)),
            Format::Csv(header) => match csv_header(&line) {
                Ok(columns) => {
                    *header = Some(columns);
                    self.next()
                }
                Err(bad) => {
                    // Without its columns no line can be read: one error says it all.
                    self.lines.by_ref().for_each(drop);
                    Some(Err(bad))
                }
            },
        }
    }
}

fn json_row(line: &Line) -> Result<MembershipRow, BadLine> {
    let bad = |reason| BadLine { line: line.number, reason };
    let row: JsonLine = serde_json::from_str(&line.text).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
        bad(format!("column {}: {reason}", error.column()))
    })?;
    if row.accounts.is_empty() {
        return Err(bad("accounts is empty".to_owned()));
    }
    Ok(MembershipRow {
        line: line.number,
        team: row.session_type.team(row.team_id),
        accounts: row.accounts.into_iter().map(|account| account.0).collect(),
        time: row.time,
    })
}

fn csv_header(line: &Line) -> Result<csv::StringRecord, BadLine> {
    let header = csv_record(line)?;
    let mut columns: Vec<_> = header.iter().collect();
    columns.sort_unstable();
    let mut expected = CSV_COLUMNS;
    expected.sort_unstable();
    if columns != expected {
        let columns = CSV_COLUMNS.join(",");
        let reason = format!("the file must begin with the header {columns}, with commas");
        return Err(BadLine { line: line.number, reason });
    }
    Ok(header)
}

fn csv_row(line: &Line, header: &csv::StringRecord) -> Result<MembershipRow, BadLine> {
    let bad = |reason| BadLine { line: line.number, reason };
    let record = csv_record(line)?;
    if record.len() != header.len() {
        let columns = header.iter().collect::<Vec<_>>().join(",");
        return Err(bad(format!("has {} fields, not {}: {columns}", record.len(), header.len())));
    }
    let row: CsvLine = record.deserialize(Some(header)).map_err(|error| match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => bad(err.to_string()),
        _ => bad(error.to_string()),
    })?;
    Ok(MembershipRow {
        line: line.number,
        team: row.session_type.team(row.team_id),
        accounts: vec![row.account],
        time: row.time,
    })
}

/// Splits a line at its commas. A record is one line: no id may hold the end of a line, and a
/// quote that is left open spoils its own line alone.
fn csv_record(line: &Line) -> Result<csv::StringRecord, BadLine> {
    let text = without_leading_spaces(&line.text);
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).trim(csv::Trim::All).buffer_capacity(text.len().max(1));
    let mut record = csv::StringRecord::new();
    let read = reader.from_reader(text.as_bytes()).read_record(&mut record);
    let bad = |error: csv::Error| BadLine { line: line.number, reason: error.to_string() };
    read.map(|_| record).map_err(bad)
}

/// Removes spaces at the beginning of fields: after one, CSV takes a quote for a character of the
/// field.
fn without_leading_spaces(line: &str) -> String {
    let (mut quoted, mut begins) = (false, true);
    let keep = |c: &char| {
        if begins && !quoted && c.is_whitespace() {
            return false;
        }
        quoted ^= *c == '"';
        begins = *c == ',';
        true
    };
    line.chars().filter(keep).collect()
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
{"sessionType":"team","teamId":42,"accounts":["amy",1001],"time":5}
{"sessionType":"team","teamId":-7,"accounts":["amy"],"time":5}
{"sessionType":"team","teamId":7.5,"accounts":["amy"],"time":5}
{"sessionType":"team","teamId":null,"accounts":["amy"],"time":5}
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
                "6 team|42 amy+1001 5",
                "line 7: column 33: invalid type: integer `-7`, expected a string or a whole number",
                "line 8: column 34: invalid type: floating point `7.5`, expected a string or a \
                 whole number",
                "line 9: column 35: invalid type: null, expected a string or a whole number",
                "line 10: accounts is empty",
                "line 11: column 64: invalid type: string \"5\", expected u64",
                "line 12: column 54: missing field `time`",
                "line 13: column 66: unknown field `x`, expected one of `sessionType`, `teamId`, \
                 `accounts`, `time`",
                "line 14: column 21: EOF while parsing an object",
                "15 team|8 bob 7",
            ],
        );
        check(
            "m.jsonl",
            b"\n{\"teamId\":\"\xff\"}",
            &["line 2: is not UTF-8: save the file as UTF-8"],
        );
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
        let begin =
            "the file must begin with the header sessionType,teamId,account,time, with commas";
        for text in [
            "team,7,amy,5\nteam,7,bob,5\n",
            "sessionType;teamId;account;time\nteam;7;amy;5",
            "sessionType,teamId,account\nteam,7,amy",
            "sessionType,teamId,account,time,account\nteam,7,amy,5,bob",
        ] {
            check("m.csv", text.as_bytes(), &[&format!("line 1: {begin}")]);
        }
    }

    /// What people's editors, spreadsheets and databases make of the same two memberships.
    #[test]
    fn files_are_read_as_people_make_them() {
        let rows = ["2 team|7 amy 5", "3 team|8 小明 6"];
        for text in [
            "sessionType,teamId,account,time\r\nteam,7,amy,5\r\nteam,8,小明,6\r\n",
            "\u{feff}sessionType,teamId,account,time\nteam,7,amy,5\nteam,8,小明,6",
            "time, account ,sessionType,teamId\n5, amy ,team,\t7\n \"6\",\" 小明 \",team, 8 \n",
            "\"sessionType\",\"teamId\",\"account\",\"time\"\nteam,7,amy,5\n\"team\",\"8\",\"小明\",\"6\"",
        ] {
            check("m.csv", text.as_bytes(), &rows);
        }
        check(
            "m.csv",
            b"\nsessionType,teamId,account,time\r\n\r\nteam,7,\"amy,5\r\nteam,8,a b,6",
            &["line 4: has 3 fields, not 4: sessionType,teamId,account,time", "5 team|8 a b 6"],
        );
        let gbk = b"sessionType,teamId,account,time\nteam,7,\xd0\xa1\xc3\xf7,5\n";
        check("m.csv", gbk, &["line 2: is not UTF-8: save the file as UTF-8"]);
        let json = "\u{feff} { \"sessionType\" : \"team\", \"teamId\" : 7, \"accounts\" : [ \"amy\" ], \
                    \"time\" : 5 } \r\n\r\n\
                    {\"sessionType\":\"team\",\"teamId\":18446744073709551615,\"accounts\":[\" a \"],\
                    \"time\":6}\r\n";
        // In JSON the quotes say where an id begins and ends: spaces inside belong to it.
        check("m.jsonl", json.as_bytes(), &["1 team|7 amy 5", "3 team|18446744073709551615  a  6"]);
    }
}
