//! What the Kotlin program has to see: `samples/expected.json`, made from the copies by a naive
//! reading and not by the server (see `samples/README.md`).

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The demo account and its list, newest first.
pub(super) struct Expected {
    pub(super) account: String,
    pub(super) sessions: Vec<Value>,
}

/// Columns of the rows that the Kotlin program writes, in its order.
const COLUMNS: [&str; 6] =
    ["sessionId", "updateTime", "lastMsgType", "msgType", "clientId", "preview"];

/// Reads the file.
///
/// # Errors
/// When it is not there, or of another shape.
pub(super) fn read(path: &Path) -> Result<Expected> {
    let read = || -> Result<Expected> {
        let json: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
        let account = json["account"].as_str().context("no account")?.to_owned();
        let sessions = json["sessions"].as_array().context("no sessions")?.clone();
        Ok(Expected { account, sessions })
    };
    read().with_context(|| format!("read {}", path.display()))
}

impl Expected {
    /// Compares with what the Kotlin program wrote: a row a line, fields between tabs.
    ///
    /// # Errors
    /// When something differs; each difference is in the message.
    pub(super) fn compare(&self, seen: &str) -> Result<()> {
        let wanted: Vec<String> = self.sessions.iter().map(line).collect();
        let seen: Vec<&str> = seen.lines().collect();
        let mut differences = Vec::new();
        for at in 0..wanted.len().max(seen.len()) {
            let (want, saw) = (wanted.get(at).map(String::as_str), seen.get(at).copied());
            if want != saw {
                let show = |row: Option<&str>| row.unwrap_or("nothing").replace('\t', "  ");
                differences.push(format!("row {}: expected {}", at + 1, show(want)));
                differences.push(format!("       seen     {}", show(saw)));
            }
        }
        if !differences.is_empty() {
            bail!("Kotlin saw another list than expected:\n{}", differences.join("\n"));
        }
        Ok(())
    }
}

/// A row as the Kotlin program writes it: no raw tab, no raw line break inside a field.
fn line(session: &Value) -> String {
    let field = |name: &&str| match &session[*name] {
        Value::String(text) => text
            .replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\n', "\\n")
            .replace('\r', "\\r"),
        other => other.to_string(),
    };
    COLUMNS.iter().map(field).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        let row = |id: &str, preview: &str| {
            serde_json::json!({"sessionId": id, "updateTime": 9, "lastMsgType": 0, "msgType": 0,
                "clientId": "c", "preview": preview})
        };
        let sessions = vec![row("p2p|bob", "你好\n\"C:\\a\""), row("team|7", "[图片]")];
        Expected { account: "lin".to_owned(), sessions }
    }

    #[test]
    fn the_same_list_is_as_expected() {
        let seen = "p2p|bob\t9\t0\t0\tc\t你好\\n\"C:\\\\a\"\nteam|7\t9\t0\t0\tc\t[图片]\n";
        expected().compare(seen).unwrap();
    }

    #[test]
    fn a_row_too_few_too_many_or_in_another_place_is_a_difference() {
        let (bob, team) = ("p2p|bob\t9\t0\t0\tc\t你好\\n\"C:\\\\a\"", "team|7\t9\t0\t0\tc\t[图片]");
        for seen in [
            bob.to_owned(),
            format!("{bob}\n{team}\n{team}"),
            format!("{team}\n{bob}"),
            format!("{bob}\n{}", team.replace('9', "8")),
        ] {
            let error = expected().compare(&seen).unwrap_err().to_string();
            assert!(error.contains("row "), "{error}");
        }
    }
}
