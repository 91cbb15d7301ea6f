//! No import circle between the files of a crate: of two files one can be read without the other.
//! What counts is where an item is written: through a `pub use` its own file is imported. Tests are
//! exempt. Expands nested `use`, follows aliases and globs, and reads paths in code too; what a
//! macro writes is not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Breach, Source};

/// How many `pub use` are followed, one to the next.
const REEXPORTS_MAX: usize = 8;

/// A module by its names below the crate.
type Module = Vec<String>;

/// A file as far as imports go.
#[derive(Default)]
struct File {
    /// Of the list of sources.
    at: usize,
    /// `use`: a path, and the name it has here; no name for a glob.
    uses: Vec<(Vec<String>, Option<String>)>,
    /// Paths in code.
    paths: Vec<Vec<String>>,
}

type Files = BTreeMap<Module, File>;

/// A problem for each circle, at one of its files.
pub(super) fn check(sources: &[Source]) -> Vec<Breach> {
    let mut crates: BTreeMap<&str, Files> = BTreeMap::new();
    for (at, source) in sources.iter().enumerate().filter(|(_, source)| source.is_rust()) {
        let Some((krate, path)) = source.path.split_once("/src/") else { continue };
        let module = module(path);
        if !module.iter().any(|name| name == "tests") {
            crates.entry(krate).or_default().insert(module, read(at, &source.text));
        }
    }
    crates.values().flat_map(|files| circles(files, sources)).collect()
}

fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    // A crate of both has two roots; the program imports the library by the crate's name.
    let names = path.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
    names.map(str::to_owned).collect()
}

fn circles(files: &Files, sources: &[Source]) -> Vec<Breach> {
    let imports: BTreeMap<&Module, BTreeSet<&Module>> =
        files.keys().map(|module| (module, imports(files, module))).collect();
    let mut reported = BTreeSet::new();
    let mut problems = Vec::new();
    for module in files.keys() {
        let Some(way) = way_back(&imports, module) else { continue };
        if way.iter().any(|it| reported.contains(it)) {
            continue;
        }
        let path = |module: &Module| sources[files[module].at].path.as_str();
        let names: Vec<&str> = way.iter().chain([&way[0]]).map(|it| path(it)).collect();
        let text = format!("import circle: {}", names.join(" -> "));
        problems.push(Breach::new(&sources[files[module].at], 1, text));
        reported.extend(way);
    }
    problems
}

/// The shortest way from a module over imports to itself.
fn way_back<'a>(
    imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
    start: &'a Module,
) -> Option<Vec<&'a Module>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in &imports[way[way.len() - 1]] {
                if *next == start {
                    return Some(way);
                }
                if seen.insert(*next) {
                    longer.push([way.as_slice(), &[*next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

fn imports<'a>(files: &'a Files, module: &Module) -> BTreeSet<&'a Module> {
    let file = &files[module];
    let paths = file.uses.iter().map(|(path, _)| path).chain(&file.paths);
    let found = paths.filter_map(|path| resolve(files, module, path, REEXPORTS_MAX));
    found.filter(|found| *found != module).collect()
}

/// The module that has what `path` names, as seen from `module`; none when it is another crate's.
fn resolve<'a>(
    files: &'a Files,
    module: &Module,
    path: &[String],
    hops: usize,
) -> Option<&'a Module> {
    let (start, mut rest) = anchor(files, module, path)?;
    let mut at = start;
    while let Some((name, after)) = rest.split_first() {
        let child = [at.as_slice(), std::slice::from_ref(name)].concat();
        if files.contains_key(&child) {
            (at, rest) = (child, after);
        } else if let Some(path) = reexported(files, &at, rest).filter(|_| hops > 0) {
            return resolve(files, &at, &path, hops - 1);
        } else {
            break;
        }
    }
    files.get_key_value(&at).map(|(module, _)| module)
}

/// Where a path starts, and what is left of it.
fn anchor<'a>(
    files: &Files,
    module: &Module,
    path: &'a [String],
) -> Option<(Module, &'a [String])> {
    let (first, mut rest) = path.split_first()?;
    let mut at = module.clone();
    match first.as_str() {
        "crate" => at.clear(),
        "self" => {}
        "super" => {
            at.pop()?;
            while rest.first().is_some_and(|name| name == "super") {
                at.pop()?;
                rest = &rest[1..];
            }
        }
        name => {
            let child = [at.as_slice(), &[name.to_owned()]].concat();
            if !files.contains_key(&child) {
                return None;
            }
            rest = path;
        }
    }
    Some((at, rest))
}

/// The whole path of what `module` has only by its own `use`.
fn reexported(files: &Files, module: &Module, rest: &[String]) -> Option<Vec<String>> {
    let (name, after) = rest.split_first()?;
    let uses = &files.get(module)?.uses;
    let (path, _) = uses.iter().find(|(_, known)| known.as_ref() == Some(name))?;
    Some([path.as_slice(), after].concat())
}

fn read(at: usize, text: &str) -> File {
    let mut file = File { at, ..File::default() };
    let words = words(text);
    let mut rest = words.as_slice();
    while let Some((word, after)) = rest.split_first() {
        if word == "use" {
            rest = tree(after, &[], &mut file.uses);
            continue;
        }
        let path = path(rest);
        if path.len() > 1 {
            rest = &rest[path.len() * 2 - 1..];
            file.paths.push(path);
        } else {
            rest = after;
        }
    }
    file
}

/// `a::b::c` at the start of `words`.
fn path(words: &[String]) -> Vec<String> {
    let mut path = Vec::new();
    let mut rest = words;
    while let Some(name) = rest.first().filter(|word| is_name(word)) {
        path.push(name.clone());
        match rest.get(1) {
            Some(mark) if mark == "::" => rest = &rest[2..],
            _ => break,
        }
    }
    // `a::<B>` or `a::{` ends with the mark.
    path
}

/// One branch of a `use` with all below it; gives the words after it.
fn tree<'a>(
    words: &'a [String],
    before: &[String],
    uses: &mut Vec<(Vec<String>, Option<String>)>,
) -> &'a [String] {
    let mut path = before.to_vec();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "::" => {}
            "*" => uses.push((path.clone(), None)),
            "{" => {
                while rest.first().is_some_and(|word| word != "}") {
                    rest = tree(rest, &path, uses);
                    rest = rest.strip_prefix(&[",".to_owned()]).unwrap_or(rest);
                }
                return rest.get(1..).unwrap_or_default();
            }
            "self" if path.len() > before.len() || !before.is_empty() => {}
            name if is_name(name) => path.push(name.to_owned()),
            _ => return words,
        }
        let (alias, after) = match rest {
            [mark, alias, after @ ..] if mark == "as" => (Some(alias.clone()), after),
            _ => (path.last().cloned(), rest),
        };
        if after.first().is_none_or(|word| [",", "}", ";"].contains(&word.as_str())) {
            if word != "*" {
                uses.push((path, alias));
            }
            return after;
        }
    }
    rest
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && word != "as"
}

/// Names and marks of the code before its tests, without comments and texts.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = before_tests(text);
    while let Some(c) = rest.chars().next() {
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => text_length(rest),
            'r' if rest.starts_with("r\"") => 2 + rest[2..].find('"').map_or(0, |at| at + 1),
            'r' if rest.starts_with("r#\"") => 3 + rest[3..].find("\"#").map_or(0, |at| at + 2),
            // A character, not a lifetime.
            '\'' if rest.starts_with("'\\") => 3 + rest[3..].find('\'').map_or(0, |at| at + 1),
            '\'' if rest[1..].chars().nth(1) == Some('\'') => {
                2 + rest[1..].chars().next().map_or(0, char::len_utf8)
            }
            ':' if rest.starts_with("::") => 2,
            c if in_word(c) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length.min(rest.len()));
        let is_code =
            in_word(c) && !word.contains('"') || ["::", "{", "}", ",", ";", "*"].contains(&word);
        if is_code {
            words.push(word.to_owned());
        } else if !c.is_whitespace() {
            // Separates the names on both sides.
            words.push(".".to_owned());
        }
        rest = after;
    }
    words
}

/// Tests come last.
fn before_tests(text: &str) -> &str {
    let starts_tests = |at: &usize| {
        let mut lines = text[*at..].lines().skip_while(|line| line.starts_with("#["));
        lines.next().is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
    };
    let end = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(starts_tests);
    &text[..end.unwrap_or(text.len())]
}

/// The length of a text in quotes at the start of `code`.
fn text_length(code: &str) -> usize {
    let mut is_escaped = false;
    let end = code.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    end.map_or(code.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{super::source::tests::source, *};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| source(&format!("a/src/{path}"), text)).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_circle_is_found_however_the_import_is_spelled() {
        for import in [
            "use crate::b::B;",
            "use crate::{a::A, b::{self, B}};",
            "use crate::{\n    b as other,\n};",
            "use super::b::*;",
            "pub(crate) use crate::b::B as C;",
            "fn f() { crate::b::f() }",
            "fn f() -> Vec<super::b::B> { Vec::new() }",
            "use crate::B;",
            "use super::{C as D};",
        ] {
            let root = "mod a;\nmod b;\npub use b::B;\npub use crate::b::B as C;\n";
            let files = [("lib.rs", root), ("a.rs", import), ("b.rs", "use crate::a::A;")];
            let expected = "a/src/a.rs:1: import circle: a/src/a.rs -> a/src/b.rs -> a/src/a.rs";
            assert_eq!(found(&files), [expected], "{import}");
        }
    }

    #[test]
    fn longer_circles_and_those_of_parent_and_child_are_found() {
        let three =
            [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c;"), ("c.rs", "use super::a;")];
        assert_eq!(found(&three).len(), 1);
        let parent = "mod b;\npub struct A;\nfn f() { b::f() }\n";
        assert_eq!(found(&[("a.rs", parent), ("a/b.rs", "use super::A;")]).len(), 1);
    }

    #[test]
    fn what_only_looks_like_a_circle_is_none() {
        for import in [
            "use b::B;",
            "// use crate::b::B;",
            "const A: &str = \"use crate::b::B;\";",
            "/* crate::b::f() */",
            "#[cfg(test)]\n#[cfg(unix)]\nmod tests {\n    use crate::b::B;\n}",
        ] {
            assert_eq!(
                found(&[("a.rs", import), ("b.rs", "use crate::a::A;")]),
                [""; 0],
                "{import}"
            );
        }
        // Through the root, which itself imports both.
        let root = "mod a;\nmod b;\npub use a::A;\npub use b::B;\n";
        let files = [("lib.rs", root), ("a.rs", "pub struct A;"), ("b.rs", "use crate::A;")];
        assert_eq!(found(&files), [""; 0]);
        assert_eq!(
            found(&[("a.rs", "use crate::b;"), ("b/tests.rs", "use crate::a;"), ("b.rs", "")]),
            [""; 0]
        );
    }
}
