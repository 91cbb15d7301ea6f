//! Rules about documents: the ones that everybody reads stay short, and none names a file or a test
//! that is not there.

use super::source::{Breach, Source};

/// Longest ARCHITECTURE.md, in lines.
const ARCHITECTURE_LINES_MAX: usize = 150;
/// Longest decision record, in lines.
const ADR_LINES_MAX: usize = 59;
/// The folder of decision records.
const ADR_FOLDER: &str = "docs/adr/";

/// Ends of names that only files of the tree have.
const FILE_ENDS: [&str; 12] = [
    ".rs", ".kt", ".kts", ".java", ".md", ".toml", ".xml", ".json", ".jsonl", ".pro", ".api", ".sh",
];

/// What everybody is to read is short.
pub(super) fn line_limit(source: &Source) -> Option<Breach> {
    let limit = match source.path.as_str() {
        "ARCHITECTURE.md" => ARCHITECTURE_LINES_MAX,
        path if path.starts_with(ADR_FOLDER) && path.ends_with(".md") => ADR_LINES_MAX,
        _ => return None,
    };
    let lines = source.text.lines().count();
    (lines > limit)
        .then(|| Breach::new(source, limit + 1, format!("{lines} lines, at most {limit}")))
}

/// A document names no file or folder that is not there. Decision records are exempt: they are
/// never edited, while files move.
pub(super) fn missing_files(source: &Source, paths: &[String]) -> Vec<Breach> {
    let mut problems = Vec::new();
    if !source.path.ends_with(".md") || source.path.starts_with(ADR_FOLDER) {
        return problems;
    }
    let mut in_code_block = false;
    for (at, line) in source.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code_block = !in_code_block;
        }
        if in_code_block {
            continue;
        }
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let links = links(line).filter(|link| !has(paths, &join(folder, link)));
        let names = quoted(line).filter(|name| looks_like_path(name) && !ends_a_path(paths, name));
        for name in links.chain(names) {
            problems.push(Breach::new(source, at + 1, format!("`{name}` is not in the tree")));
        }
    }
    problems
}

/// A document names no test that is not there: `routes/copy.rs::a_message_is_in_the_lists_of_both`.
pub(super) fn missing_tests(sources: &[Source]) -> Vec<Breach> {
    let mut problems = Vec::new();
    for document in sources.iter().filter(|it| it.path.ends_with(".md")) {
        for (at, line) in document.text.lines().enumerate() {
            for name in quoted(line).filter(|name| !has_test(sources, name)) {
                problems.push(Breach::new(document, at + 1, format!("no test is named `{name}`")));
            }
        }
    }
    problems
}

/// The document in which every point of a list is held by a test, and how its points begin.
const HELD_DOCUMENT: &str = "docs/security.md";
const POINT: &str = "### API";

/// Each of the OWASP points names a test that holds it; that it is there, [`missing_tests`] says.
pub(super) fn points_without_tests(source: &Source) -> Vec<Breach> {
    let mut problems = Vec::new();
    if source.path != HELD_DOCUMENT {
        return problems;
    }
    let lines: Vec<&str> = source.text.lines().collect();
    for (at, title) in lines.iter().enumerate().filter(|(_, line)| line.starts_with(POINT)) {
        let rest = &lines[at + 1..];
        let end = rest.iter().position(|line| line.starts_with('#')).unwrap_or(rest.len());
        let names_test = |line: &&str| quoted(line).any(|name| name.contains(".rs::"));
        if !rest[..end].iter().any(names_test) {
            let text =
                format!("`{}` names no test that holds it", title.trim_start_matches('#').trim());
            problems.push(Breach::new(source, at + 1, text));
        }
    }
    problems
}

/// Returns true also for a name that is no test's.
fn has_test(sources: &[Source], name: &str) -> bool {
    let Some((file, test)) = name.split_once("::") else { return true };
    if ![".rs", ".kt", ".java"].iter().any(|end| file.ends_with(end)) {
        return true;
    }
    let (end, starts) = (format!("/{file}"), ["fn", "fun", "void"]);
    sources
        .iter()
        .filter(|source| format!("/{}", source.path).ends_with(&end))
        .any(|source| starts.iter().any(|start| source.text.contains(&format!("{start} {test}("))))
}

/// Targets of `[text](target)` that are not on the web.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = targets.map(|target| target.split('#').next().unwrap_or(target));
    paths.filter(|path| !path.is_empty() && !path.contains("://"))
}

/// Returns the texts between single back quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// A file of ours by its end, or a folder by its slashes; not a pattern, a URL or something built.
fn looks_like_path(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    let built = ["target/", "/", "./", "http", "~"].iter().any(|start| name.starts_with(start));
    let is_folder = name.ends_with('/') && !name.contains('.');
    let is_file = FILE_ENDS.iter().any(|end| name.ends_with(end));
    // Without a folder, only source files: `huihua.toml` may be the reader's.
    let is_ours = name.contains('/') || name.ends_with(".rs") || name.ends_with(".kt");
    name.chars().all(plain) && !built && (is_folder || is_file && is_ours)
}

fn has(paths: &[String], wanted: &str) -> bool {
    let folder = format!("{}/", wanted.trim_end_matches('/'));
    paths.iter().any(|path| path == wanted || path.starts_with(&folder))
}

/// `store/rules.rs` stands for `server/src/store/rules.rs`.
fn ends_a_path(paths: &[String], name: &str) -> bool {
    paths.iter().any(|path| {
        let padded = format!("/{path}");
        let wanted = format!("/{name}");
        if name.ends_with('/') { padded.contains(&wanted) } else { padded.ends_with(&wanted) }
    })
}

fn join(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{
        super::source::tests::{lines, source},
        *,
    };

    #[test]
    fn what_everybody_reads_is_short() {
        for (path, limit) in [("ARCHITECTURE.md", 150), ("docs/adr/0001-a.md", 59)] {
            assert_eq!(line_limit(&source(path, &"a\n".repeat(limit))), None);
            let long = source(path, &"a\n".repeat(limit + 1));
            assert_eq!(lines(line_limit(&long)), [limit + 1], "{path}");
        }
        assert_eq!(line_limit(&source("docs/protocol.md", &"a\n".repeat(999))), None);
    }

    #[test]
    fn a_missing_file_is_found() {
        let paths = ["server/src/store/rules.rs".to_owned(), "docs/protocol.md".to_owned()];
        for text in [
            "see [the rules](../server/src/store/rule.rs)",
            "see `store/rule.rs`",
            "see `rule.rs`",
            "see `server/src/handlers/`",
            "see `docs/operate.md`",
        ] {
            let found = missing_files(&source("docs/a.md", text), &paths);
            assert_eq!(lines(found), [1], "{text}");
        }
    }

    #[test]
    fn a_missing_test_is_found() {
        let rust = source("server/bin/tests/it/copy.rs", "async fn it_holds() {");
        let kotlin = source("bindings/LoginTest.kt", "    fun itHolds() {");
        let java = source("bindings/CallsTest.java", "    public void itHolds() {");
        let found = |text: &str| {
            let document = source("docs/a.md", text);
            let sources = [&rust, &kotlin, &java, &document];
            let copies = sources.map(|it| source(&it.path, &it.text));
            lines(missing_tests(&copies))
        };
        for fine in [
            "`it/copy.rs::it_holds` `copy.rs::it_holds` `LoginTest.kt::itHolds`",
            "`CallsTest.java::itHolds`, and `std::fs`, `Code::row`, copy.rs::gone without quotes",
        ] {
            assert_eq!(found(fine), [0; 0], "{fine}");
        }
        for gone in [
            "`copy.rs::it_hold`",
            "`other/copy.rs::it_holds`",
            "`LoginTest.kt::it_holds`",
            "`CallsTest.java::holds`",
        ] {
            assert_eq!(found(&format!("fine\n{gone}")), [2], "{gone}");
        }
    }

    #[test]
    fn a_point_of_the_security_list_without_a_test_is_found() {
        let held = "### API1 One\n\nHeld by `a.rs::b`.\n\n";
        let found = |text: &str| lines(points_without_tests(&source(HELD_DOCUMENT, text)));
        assert_eq!(found(&format!("{held}### API2 Two\nand `c.rs::d`\n## More\n")), [0; 0]);
        assert_eq!(found(&format!("### API1 One\nby `a.rs`\n{held}### API2 Two\n")), [1, 7]);
        assert_eq!(found("### API1 One\n## More\n`a.rs::b`\n"), [1]);
        assert_eq!(points_without_tests(&source("docs/a.md", "### API1 One\n")), []);
    }

    #[test]
    fn what_is_there_or_is_no_path_of_ours_is_fine() {
        let paths = ["server/src/store/rules.rs".to_owned(), "docs/protocol.md".to_owned()];
        for text in [
            "see [the rules](../server/src/store/rules.rs#L1), [protocol](protocol.md)",
            "see `store/rules.rs`, `rules.rs`, `server/src/store/`, `docs/protocol.md`",
            "[web](https://example.org/a.rs), `target/debug/a.json`, `docs/adr/NNNN-*.md`",
            "`huihua.toml`, `dev.json`, `/v1/sessions`, `p2p|bob`, `a / b`, `GET /v1/sync`",
            "```\nsee `store/rule.rs`\n```",
        ] {
            assert_eq!(missing_files(&source("docs/a.md", text), &paths), [], "{text}");
        }
        assert_eq!(missing_files(&source("docs/adr/0001-a.md", "`gone.rs`"), &paths), []);
    }
}
