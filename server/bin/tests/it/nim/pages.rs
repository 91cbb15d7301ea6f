//! `docs/from-nim.md`, in both languages, against the code: its tables list exactly the calls and
//! codes that are served, what must be there, what is answered, and what is not even read.

use std::collections::{BTreeMap, BTreeSet};

use huihua_http::Caller;

use super::{
    calls::CALLS,
    fixture::{Fixture, borrowed},
};

const PAGES: [(&str, &str); 2] = [
    ("from-nim.md", include_str!("../../../../../docs/from-nim.md")),
    ("from-nim.zh-CN.md", include_str!("../../../../../docs/from-nim.zh-CN.md")),
];
/// The table of codes.
const CODES: &str = include_str!("../../../../http/src/handlers/nim_rest/error.rs");

pub(super) type NameSet = BTreeSet<String>;

/// A row of the table of calls.
#[derive(Debug, PartialEq)]
pub(super) struct CallRow {
    pub(super) needed: NameSet,
    pub(super) read: NameSet,
    pub(super) not_kept: NameSet,
    answered: NameSet,
}

/// Returns the names between backticks in a cell.
pub(super) fn quoted(cell: &str) -> NameSet {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The lines of a table with so many columns.
pub(super) fn table(page: &str, columns: usize) -> impl Iterator<Item = Vec<&str>> {
    let cells = |line: &'static str| -> Vec<&str> { line.split('|').map(str::trim).collect() };
    let page: &'static str = PAGES.iter().find(|(name, _)| *name == page).expect("a page").1;
    let lines = page.lines().filter(|line| line.starts_with('|')).map(cells);
    lines.filter(move |cells| cells.len() == columns + 2)
}

pub(super) fn calls(page: &str) -> BTreeMap<String, CallRow> {
    let rows = table(page, 5).filter(|cells| cells[1].starts_with("`/"));
    let row = |cells: Vec<&str>| {
        let path = cells[1].trim_matches('`').to_owned();
        let [needed, read, not_kept, answered] = [2, 3, 4, 5].map(|at| quoted(cells[at]));
        (path, CallRow { needed, read, not_kept, answered })
    };
    rows.map(row).collect()
}

#[test]
fn the_tables_list_exactly_the_calls_that_are_served() {
    let routes = huihua_http::routes();
    let signed = routes.iter().filter(|route| route.caller == Caller::SignedCall);
    let (prefixed, served): (BTreeSet<&str>, BTreeSet<&str>) =
        signed.map(|route| route.path.as_str()).partition(|path| path.starts_with("/nimserver/"));
    let with_prefix = |path: &&str| format!("/nimserver{path}");
    assert!(prefixed.into_iter().eq(served.iter().map(with_prefix).collect::<BTreeSet<_>>()));
    let tried: BTreeSet<&str> = CALLS.iter().map(|call| call.path).collect();
    assert_eq!(tried, served, "the refusals try every call");
    for (page, text) in PAGES {
        let calls = calls(page);
        assert_eq!(calls.keys().map(String::as_str).collect::<BTreeSet<_>>(), served, "{page}");
        for call in CALLS.iter().filter(|call| !call.needed().is_empty()) {
            let needed: NameSet = call.needed().split_whitespace().map(str::to_owned).collect();
            assert_eq!(calls[call.path].needed, needed, "{page}: {}", call.path);
        }
        let named = text.split('`').filter(|name| name.ends_with(".action"));
        let known = |name: &str| served.contains(name) || name == "/health/liveness.action";
        let stray: Vec<&str> = named.filter(|name| !known(name)).collect();
        assert_eq!(stray, ["history/querySessionList.action"; 2], "{page}");
    }
}

#[test]
fn the_tables_list_exactly_the_codes_that_are_answered() {
    let (_, rest) = CODES.split_once("fn row(").expect("the table of codes");
    let (rows, _) = rest.split_once("fn log(").expect("the end of the table");
    let words = rows.split(|c: char| !c.is_ascii_alphanumeric());
    let mut said: BTreeSet<&str> =
        words.filter(|word| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit())).collect();
    said.insert("200");
    assert!(said.contains("416"), "the table of codes was read");
    for (page, _) in PAGES {
        let codes = table(page, 2).map(|cells| cells[1]);
        let codes: BTreeSet<&str> = codes.filter(|cell| cell.parse::<u16>().is_ok()).collect();
        assert_eq!(codes, said, "{page}");
    }
}

#[test]
fn both_languages_say_the_same() {
    assert_eq!(calls(PAGES[0].0), calls(PAGES[1].0));
    let shape = |page: &str| {
        let lines = page.lines();
        let marks = lines.filter(|line| line.starts_with(['#', '|']) || line.starts_with("```"));
        marks.map(|line| (line.matches('|').count(), quoted(line))).collect::<Vec<_>>()
    };
    let (english, chinese) = (shape(PAGES[0].1), shape(PAGES[1].1));
    for (english, chinese) in english.iter().zip(&chinese) {
        assert_eq!(english, chinese);
    }
    assert_eq!(english.len(), chinese.len(), "headings, tables and blocks");
}

/// Rubbish where something must not even be read; and what is answered is what the page says.
#[tokio::test]
async fn what_is_not_kept_is_not_read() {
    let fixture = Fixture::new().await;
    let calls = calls(PAGES[0].0);
    let rubbish = format!("{{[\u{1}|{}", "长".repeat(6_000));
    for call in &CALLS {
        let row = &calls[call.path];
        let good = call.good(&fixture.values);
        let mut parameters = borrowed(&good);
        for name in &row.not_kept {
            parameters.retain(|(known, _)| known != name);
            parameters.push((name, &rubbish));
        }
        let known: NameSet = row.needed.union(&row.read).chain(&row.not_kept).cloned().collect();
        for (name, _) in &good {
            assert!(known.contains(*name), "{}: no column names {name}", call.path);
        }
        let answer = fixture.sdk.ok(call.path, &parameters).await;
        let answered = answer.as_object().unwrap().keys().filter(|name| *name != "code");
        let mut answered: NameSet = answered.cloned().collect();
        if row.read.contains("returnMsgid") {
            answered.insert("msgids".to_owned());
        }
        assert_eq!(answered, row.answered, "{}", call.path);
    }
    let amy = fixture.server.http.list(&fixture.server.token("a", "amy")).await;
    let text = serde_json::to_string(&amy).unwrap();
    assert!(amy.len() > 2 && !text.contains("长"), "some of the rubbish was kept");
}
