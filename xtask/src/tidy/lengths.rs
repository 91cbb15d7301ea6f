//! Rules about size: functions that fit a screen, files that hold one noun. The only rules with a
//! list of exceptions, for old ones that are hard to cut.

use super::{ALLOW_LIST, Counts, Limit, Problem, Source};

/// Longest function, in lines from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Longest file, in lines.
const FILE_LINES_MAX: usize = 800;
/// What the sample app is made of: an app to read in one sitting.
const SAMPLE_FOLDER: &str = "android-sample/app/src/main/";
/// Longest sample app, in lines of code and resources together.
const SAMPLE_LINES_MAX: usize = 1_199;

/// What may stand before `fn` and `fun`.
const MODIFIERS: [&str; 19] = [
    "pub",
    "const",
    "async",
    "unsafe",
    "extern",
    "\"C\"",
    "public",
    "private",
    "internal",
    "protected",
    "override",
    "open",
    "abstract",
    "final",
    "suspend",
    "inline",
    "operator",
    "infix",
    "tailrec",
];

/// Long functions and files, less those that the list allows; and entries of the list that have
/// become too generous.
pub(super) fn check(sources: &[Source], allowed: &Counts) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut unused = allowed.clone();
    for source in sources.iter().filter(|source| source.is_code()) {
        let long = long_functions(source);
        let known = unused.remove(&(Limit::Functions, source.path.clone()));
        problems.extend(compare(source, "long functions", long.len(), known));
        if long.len() > known.unwrap_or(0) {
            problems.extend(long);
        }
        let lines = source.text.lines().count();
        let over = if lines > FILE_LINES_MAX { lines } else { 0 };
        let known = unused.remove(&(Limit::Lines, source.path.clone()));
        if known.is_some() || over > 0 {
            problems.extend(compare(source, "lines", over, Some(known.unwrap_or(FILE_LINES_MAX))));
        }
    }
    problems.extend(unused.into_keys().map(|(_, path)| Problem {
        path: ALLOW_LIST.to_owned(),
        line: 1,
        text: format!("{path} is not there: remove the entry"),
    }));
    problems
}

/// The sample app stays small as a whole.
pub(super) fn sample_app(sources: &[Source]) -> Option<Problem> {
    let files = sources.iter().filter(|source| source.path.starts_with(SAMPLE_FOLDER));
    let lines: usize = files.map(|source| source.text.lines().count()).sum();
    (lines > SAMPLE_LINES_MAX).then(|| Problem {
        path: SAMPLE_FOLDER.to_owned(),
        line: 1,
        text: format!("{lines} lines in all, at most {SAMPLE_LINES_MAX}"),
    })
}

fn compare(source: &Source, what: &str, found: usize, known: Option<usize>) -> Option<Problem> {
    let known = known.unwrap_or(0);
    let text = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => format!("{found} {what}, at most {known}"),
        std::cmp::Ordering::Less => format!("{found} {what}: lower {known} in {ALLOW_LIST}"),
    };
    Some(Problem::new(source, 1, text))
}

/// Indentation tells a function's end: rustfmt, which runs before, puts the closing brace under the
/// line that opens the function, and our Kotlin is written so.
fn long_functions(source: &Source) -> Vec<Problem> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut problems = Vec::new();
    for at in (0..lines.len()).filter(|at| opens_function(lines[*at])) {
        let length = function_lines(&lines[at..]);
        if length > FUNCTION_LINES_MAX {
            let text = format!("function of {length} lines, at most {FUNCTION_LINES_MAX}");
            problems.push(Problem::new(source, at + 1, text));
        }
    }
    problems
}

fn opens_function(line: &str) -> bool {
    let is_modifier = |word: &&str| MODIFIERS.contains(word) || word.starts_with("pub(");
    matches!(line.split_whitespace().find(|word| !is_modifier(word)), Some("fn" | "fun"))
}

/// Length of the function that `lines` begin with: everything further in than its first line, and
/// the brackets that close it.
fn function_lines(lines: &[&str]) -> usize {
    let own_indent = indent(lines[0]);
    let belongs = |line: &str| {
        let goes_on = [")", "where", "{"].iter().any(|mark| line.trim_start().starts_with(mark));
        line.trim().is_empty() || indent(line) > own_indent || goes_on
    };
    let after = lines.iter().skip(1).position(|line| !belongs(line)).map(|at| at + 1);
    match after {
        Some(at) if lines[at].trim_start().starts_with('}') && indent(lines[at]) == own_indent => {
            at + 1
        }
        Some(at) => {
            lines[..at].iter().rposition(|line| !line.trim().is_empty()).map_or(0, |l| l + 1)
        }
        None => lines.len(),
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{lines, source},
        *,
    };

    fn function(head: &str, length: usize) -> String {
        let pad = " ".repeat(indent(head));
        format!("{head} {{\n{}{pad}}}\n\n", format!("{pad}    call();\n").repeat(length - 2))
    }

    #[test]
    fn functions_are_measured_from_head_to_brace() {
        let heads = ["fn a()", "    pub(crate) async fn a(&self)", "    override suspend fun a()"];
        for head in heads {
            let text = format!("//! a\n{}{}", function(head, 70), function(head, 71));
            assert_eq!(lines(check(&[source("a.rs", &text)], &Counts::new())), [1, 73], "{head}");
        }
    }

    #[test]
    fn heads_over_several_lines_and_bodies_without_braces() {
        let text = "fn a(\n    b: B,\n) -> C\nwhere\n    B: D,\n{\n    b\n}\nfn c() {}\n";
        assert_eq!(function_lines(&text.lines().collect::<Vec<_>>()), 8);
        let text = "    fun a() =\n        b()\n\n    fun c() {\n    }\n}\n";
        assert_eq!(function_lines(&text.lines().collect::<Vec<_>>()), 2);
        assert_eq!(function_lines(&["    fn a(&self);", "", "    /// B.", "    fn b();"]), 1);
        assert!(!opens_function("let fn_of = 1;") && !opens_function("// fn a()"));
    }

    #[test]
    fn files_of_800_lines_are_long_enough() {
        let file = |count| [source("a.rs", &"// a\n".repeat(count))];
        assert!(check(&file(800), &Counts::new()).is_empty());
        assert_eq!(lines(check(&file(801), &Counts::new())), [1]);
    }

    #[test]
    fn the_sample_app_is_measured_as_a_whole() {
        let app = |lines: usize| {
            [
                source(&format!("{SAMPLE_FOLDER}a.kt"), &"// a\n".repeat(700)),
                source(&format!("{SAMPLE_FOLDER}res/a.xml"), &"<a />\n".repeat(lines - 700)),
                source("android-sample/app/src/androidTest/a.kt", &"// a\n".repeat(700)),
            ]
        };
        assert_eq!(sample_app(&app(1_199)), None);
        assert_eq!(lines(sample_app(&app(1_200))), [1]);
    }

    #[test]
    fn the_list_allows_exactly_what_is_there() {
        let allow = |limit, count| Counts::from([((limit, "a.rs".to_owned()), count)]);
        let long = [source("a.rs", &function("fn a()", 71))];
        assert!(check(&long, &allow(Limit::Functions, 1)).is_empty());
        assert_eq!(check(&long, &allow(Limit::Functions, 2)).len(), 1);
        let file = [source("a.rs", &"// a\n".repeat(900))];
        assert!(check(&file, &allow(Limit::Lines, 900)).is_empty());
        assert_eq!(check(&file, &allow(Limit::Lines, 899)).len(), 1);
        assert_eq!(check(&file, &allow(Limit::Lines, 901)).len(), 1);
        assert_eq!(check(&[], &allow(Limit::Lines, 900)).len(), 1);
    }
}
