//! Who may name whom in Kotlin and Java, where no build tool holds it: one class path has the
//! generated code, JNA, the facade's inside and the facade. Rust's borders are its crates.

use super::source::{Breach, Source};

/// Names that a room does not use.
struct Border {
    /// Paths that start so are in the room.
    room: &'static str,
    /// Paths of the room that hold one of these are exempt.
    except: &'static [&'static str],
    /// As [`plain`] writes them.
    names: &'static [&'static str],
    why: &'static str,
}

const GENERATED: &[&str] = &["dev.huihua.sdk.ffi", "uniffi", "com.sun.jna"];

const BORDERS: [Border; 4] = [
    Border {
        room: "bindings/kotlin/",
        // Tests of the border itself must name it.
        except: &["/internal/", "kotlin/src/test/", "kotlin/bench/"],
        names: GENERATED,
        why: "generated code and JNA stay inside `internal`",
    },
    Border {
        room: "android-sample/",
        except: &[],
        names: GENERATED,
        why: "an app uses the facade, or the facade lacks something",
    },
    Border {
        room: "android-sample/",
        except: &[],
        names: &["dev.huihua.sdk.internal"],
        why: "an app uses the facade, or the facade lacks something",
    },
    Border {
        room: "bindings/kotlin/src/main/",
        except: &["/internal/"],
        names: &["data class"],
        why: "a data class freezes its constructor and `copy` in the API",
    },
];

/// Finds names where they do not belong.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    let mut problems = Vec::new();
    for border in BORDERS.iter().filter(|border| border.holds_for(&source.path)) {
        let (code, lines) = plain(&source.text);
        for name in border.names {
            for at in places(&code, name) {
                let text = format!("`{name}` does not belong here: {}", border.why);
                problems.push(Breach::new(source, lines[at], text));
            }
        }
    }
    problems
}

impl Border {
    fn holds_for(&self, path: &str) -> bool {
        path.starts_with(self.room) && !self.except.iter().any(|part| path.contains(part))
    }
}

/// The code as one could have written it plainly: no comment, no back quotes, one space where there
/// is any, none around a dot. Beside it the line of each byte, from 1.
fn plain(text: &str) -> (String, Vec<usize>) {
    let (mut code, mut lines) = (String::new(), Vec::new());
    let mut in_comment = false;
    for (at, line) in text.lines().enumerate() {
        let mut rest = line;
        while !rest.is_empty() {
            let end = if in_comment { rest.find("*/") } else { comment_start(rest) };
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            if !in_comment {
                push(&mut code, part);
            }
            rest = match end {
                None => "",
                Some(_) if in_comment => &after[2..],
                Some(_) if after.starts_with("//") => "",
                Some(_) => &after[2..],
            };
            in_comment = end.is_some() != in_comment && !after.starts_with("//");
        }
        push(&mut code, " ");
        lines.resize(code.len(), at + 1);
    }
    (code, lines)
}

/// A `//` after a colon is a URL's.
fn comment_start(code: &str) -> Option<usize> {
    let line = code.match_indices("//").find(|(at, _)| !code[..*at].ends_with(':'));
    [line.map(|(at, _)| at), code.find("/*")].into_iter().flatten().min()
}

fn push(code: &mut String, part: &str) {
    for c in part.chars().filter(|c| *c != '`') {
        match c {
            c if c.is_whitespace() && code.ends_with([' ', '.']) => {}
            c if c.is_whitespace() => code.push(' '),
            '.' => {
                code.truncate(code.trim_end_matches(' ').len());
                code.push('.');
            }
            c => code.push(c),
        }
    }
}

/// Finds `name` in `code` as words of its own.
fn places(code: &str, name: &str) -> Vec<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_whole =
        |at: usize| !code[..at].ends_with(in_word) && !code[at + name.len()..].starts_with(in_word);
    code.match_indices(name).map(|(at, _)| at).filter(|at| is_whole(*at)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::source::tests::{lines, source},
        *,
    };

    const CALL: &str = "bindings/kotlin/src/main/kotlin/dev/huihua/sdk/Call.kt";

    #[test]
    fn every_border_holds() {
        for (path, line) in [
            ("bindings/kotlin/demo/src/test/kotlin/T.kt", "import com.sun.jna.Native"),
            (CALL, "import com.sun.jna.Native"),
            ("bindings/kotlin/demo/src/Demo.kt", "import dev.huihua.sdk.ffi.Call"),
            (CALL, "data class Call(val a: Int)"),
            ("android-sample/app/src/main/Main.kt", "import dev.huihua.sdk.internal.Native"),
        ] {
            assert_eq!(lines(check(&source(path, line))), [1], "{path}: {line}");
        }
    }

    #[test]
    fn another_spelling_does_not_evade_them() {
        for code in [
            "import com.sun.jna.*",
            "import com.sun.jna.Native as N",
            "import com . sun . jna . Native",
            "import com.sun.`jna`.Native",
            "import com./* why */sun.jna.Native",
            "val a = com\n    .sun\n    .jna.Native.load()",
            "data  class A(val a: Int)",
            "data\nclass A(val a: Int)",
            "data /* a */ class A(val a: Int)",
            "/* a\n b */ import static uniffi.huihua.Api.call;",
        ] {
            let found = check(&source(CALL, code));
            assert_eq!(found.len(), 1, "{code}: {found:?}");
        }
    }

    #[test]
    fn what_may_be_named_is_not_a_problem() {
        for (path, text) in [
            (
                "bindings/kotlin/src/main/kotlin/dev/huihua/sdk/internal/A.kt",
                "import com.sun.jna.X",
            ),
            (CALL, "/** Not a data class.\n * com.sun.jna\n */\n// uniffi"),
            (CALL, "val a = \"http://b\" // data class"),
            (CALL, "val metadata = classOf(com.sun.jnagerator)"),
            ("bindings/kotlin/src/test/kotlin/CallTest.kt", "import dev.huihua.sdk.ffi.Call"),
            ("xtask/src/A.java", "import com.sun.jna.Native;"),
        ] {
            assert_eq!(check(&source(path, text)), [], "{path}: {text}");
        }
    }

    #[test]
    fn a_place_is_told_by_its_line() {
        let text = "package a\n\nimport b.c\nimport com.sun.jna.X\n\ndata class A(val a: Int)\n";
        assert_eq!(lines(check(&source(CALL, text))), [4, 6]);
    }
}
