//! Rules about size: files that hold one noun, and functions of Kotlin and Java that fit a screen.
//! ktlint has no rule for those; Rust's functions are measured by clippy (`too_many_lines`).

use super::source::{Breach, Source};

/// Longest function, in lines from `fun` to its closing brace; clippy.toml has the same.
const FUNCTION_LINES_MAX: usize = 70;
/// Longest file, in lines.
const FILE_LINES_MAX: usize = 800;

/// A file of code is not too long.
pub(super) fn file(source: &Source) -> Option<Breach> {
    let lines = source.text.lines().count();
    let text = || format!("{lines} lines, at most {FILE_LINES_MAX}");
    (lines > FILE_LINES_MAX).then(|| Breach::new(source, FILE_LINES_MAX + 1, text()))
}

/// Functions that do not fit a screen. Indentation marks a function's end: ktlint puts the closing
/// brace under the line that opens the function, and our Java is written so.
pub(super) fn functions(source: &Source) -> Vec<Breach> {
    let lines: Vec<&str> = source.text.lines().collect();
    let is_java = source.path.ends_with(".java");
    let mut problems = Vec::new();
    for at in (0..lines.len()).filter(|at| opens_function(lines[*at], is_java)) {
        let length = function_lines(&lines[at..]);
        if length > FUNCTION_LINES_MAX {
            let text = format!("function of {length} lines, at most {FUNCTION_LINES_MAX}");
            problems.push(Breach::new(source, at + 1, text));
        }
    }
    problems
}

/// The modifiers that may precede Kotlin's `fun`.
const MODIFIERS: [&str; 12] = [
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
];
/// Statements that look like the head of a Java method.
const NO_METHODS: [&str; 15] = [
    "if",
    "for",
    "while",
    "switch",
    "try",
    "catch",
    "return",
    "new",
    "else",
    "throw",
    "do",
    "synchronized",
    "class",
    "record",
    "enum",
];

fn opens_function(line: &str, is_java: bool) -> bool {
    if !is_java {
        let is_modifier = |word: &&str| MODIFIERS.contains(word) || word.starts_with('@');
        return line.split_whitespace().find(|word| !is_modifier(word)) == Some("fun");
    }
    // A type, a name and parameters, a brace: all on one line, as our Java is written.
    let head = line.split('(').next().unwrap_or_default();
    let words: Vec<&str> = head.split_whitespace().collect();
    let is_plain = head.chars().all(|c| c.is_alphanumeric() || "_<>[], .?@".contains(c));
    let is_other = words.iter().any(|word| NO_METHODS.contains(word));
    line.contains('(') && line.ends_with('{') && words.len() >= 2 && is_plain && !is_other
}

/// Length of the function that `lines` begin with: everything further in than its first line, and
/// the brackets that close it.
fn function_lines(lines: &[&str]) -> usize {
    let own_indent = indent(lines[0]);
    let belongs = |line: &str| {
        let goes_on = [")", "{"].iter().any(|mark| line.trim_start().starts_with(mark));
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
        super::source::tests::{lines, source},
        *,
    };

    fn function(head: &str, length: usize) -> String {
        let pad = " ".repeat(indent(head));
        format!("{head} {{\n{}{pad}}}\n\n", format!("{pad}    call();\n").repeat(length - 2))
    }

    #[test]
    fn functions_are_measured_from_head_to_brace() {
        for (path, head) in [
            ("a.kt", "fun a()"),
            ("a.kt", "    override suspend fun a()"),
            ("a.kt", "    @Test fun a()"),
            ("a.java", "    @Test public void a()"),
            ("a.java", "    private static <T> Map<T, int[]> a(final T b) throws IOException"),
        ] {
            let text = format!("// a\n{}{}", function(head, 70), function(head, 71));
            assert_eq!(lines(functions(&source(path, &text))), [73], "{head}");
        }
    }

    #[test]
    fn heads_over_several_lines_and_bodies_without_braces() {
        let text = "fun a(\n    b: B,\n): C\n{\n    b\n}\nfun c() {}\n";
        assert_eq!(function_lines(&text.lines().collect::<Vec<_>>()), 6);
        let text = "    fun a() =\n        b()\n\n    fun c() {\n    }\n}\n";
        assert_eq!(function_lines(&text.lines().collect::<Vec<_>>()), 2);
        assert_eq!(function_lines(&["    fun a()", "", "    /** B. */", "    fun b()"]), 1);
        for line in ["val fun_of = 1", "// fun a()", "class A(val b: B) {", "a.map {"] {
            assert!(!opens_function(line, false), "{line}");
        }
        for line in ["if (a) {", "} else if (b) {", "record A(int b) {", "call(a);", "a(b) {"] {
            assert!(!opens_function(line, true), "{line}");
        }
    }

    #[test]
    fn files_of_800_lines_are_long_enough() {
        let check = |count| file(&source("a.rs", &"// a\n".repeat(count)));
        assert_eq!(check(800), None);
        assert_eq!(lines(check(801)), [801]);
    }
}
