//! The rule about translations: a document and its Chinese form, `a.md` and `a.zh-CN.md`, show the
//! same code. Comments and texts in it may be translated.

use super::source::{Breach, Source};

const TRANSLATED: &str = ".zh-CN.md";
/// Blocks of these languages are compared. Commands and answers of a server are not: what a reader
/// types may differ.
const LANGUAGES: [&str; 4] = ["kotlin", "java", "kts", "xml"];

/// Each translated document has the code of its original, block for block.
pub(super) fn other_code(sources: &[Source]) -> Vec<Breach> {
    let mut problems = Vec::new();
    for translated in sources.iter().filter(|it| it.path.ends_with(TRANSLATED)) {
        let original = translated.path.replace(TRANSLATED, ".md");
        let Some(original) = sources.iter().find(|it| it.path == original) else {
            problems.push(Breach::new(translated, 1, format!("a translation of no {original}")));
            continue;
        };
        let (theirs, ours) = (blocks(&original.text), blocks(&translated.text));
        let differs = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs.code != ours.code);
        if let Some((theirs, ours)) = differs {
            let text = format!("other code than {} has in line {}", original.path, theirs.line);
            problems.push(Breach::new(translated, ours.line, text));
        } else if theirs.len() != ours.len() {
            let text =
                format!("{} blocks of code, {} has {}", ours.len(), original.path, theirs.len());
            problems.push(Breach::new(translated, 1, text));
        }
    }
    problems
}

struct Block {
    /// The line of its fence.
    line: usize,
    /// Its language, and its lines without what is translated.
    code: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body = lines.by_ref().map(|(_, line)| line);
        let body: Vec<&str> = body.take_while(|line| line.trim() != "```").collect();
        let language = info.split_whitespace().next().unwrap_or_default();
        if LANGUAGES.contains(&language) {
            let code = std::iter::once(info.to_owned()).chain(body.into_iter().map(untranslated));
            let code = code.filter(|line| !line.is_empty()).collect();
            found.push(Block { line: at + 1, code });
        }
    }
    found
}

/// A line without its comment, and with empty texts.
fn untranslated(line: &str) -> String {
    let is_comment = ["//", "*", "/*", "<!--"].iter().any(|start| line.trim().starts_with(start));
    if is_comment {
        return String::new();
    }
    let mut kept = String::new();
    let mut in_text = false;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if !in_text && line[at..].starts_with("//") {
            break;
        }
        if c == '"' && before != '\\' {
            in_text = !in_text;
        }
        if !in_text || c == '"' {
            kept.push(c);
        }
        before = c;
    }
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{
        super::source::tests::{lines, source},
        *,
    };

    fn found(english: &str, chinese: &str) -> Vec<usize> {
        let sources = [source("docs/a.md", english), source("docs/a.zh-CN.md", chinese)];
        lines(other_code(&sources))
    }

    #[test]
    fn translated_comments_and_texts_are_fine() {
        let english = "# A\n```kotlin\n// Why.\nf(\"pinned\") // there\n```\n```sh\nls\n```\n";
        let chinese = "# 甲\n\n```kotlin\nf(\"置顶\") // 那里\n```\n```sh\nls -l\n```\n";
        assert_eq!(found(english, chinese), [0; 0]);
        assert_eq!(found("```java\nf(\"http://a\");\n```", "```java\nf(\"b\");\n```"), [0; 0]);
    }

    #[test]
    fn other_code_in_a_translation_is_found() {
        let english = "```kotlin\nf(1)\n```\n```xml\n<a/>\n```\n";
        for (chinese, line) in [
            ("\n```kotlin\nf(2)\n```\n```xml\n<a/>\n```\n", 2),
            ("```kotlin\nf(1)\n```\n```xml\n<b/>\n```\n", 4),
            ("```kotlin\nf(1)\n```\n", 1),
            ("```java\nf(1)\n```\n```xml\n<a/>\n```\n", 1),
        ] {
            assert_eq!(found(english, chinese), [line], "{chinese}");
        }
        assert_eq!(lines(other_code(&[source("docs/b.zh-CN.md", "")])), [1]);
    }
}
