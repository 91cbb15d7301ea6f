//! Rules about who may import whom: the table of rooms in ARCHITECTURE.md, held by looking for the
//! names that have no business in a room.

use super::{Problem, Source};

/// Names that a room does not use.
struct Border {
    /// Paths that start so are in the room.
    room: &'static str,
    /// Paths of the room that hold one of these are exempt.
    except: &'static [&'static str],
    names: &'static [&'static str],
    why: &'static str,
}

const GENERATED: &[&str] = &["dev.huihua.sdk.ffi", "uniffi.", "com.sun.jna"];

const BORDERS: [Border; 11] = [
    Border {
        room: "core/src/",
        except: &["core/src/client/"],
        names: &["tokio", "reqwest", "std::net", "std::fs", "SystemTime::now", "Instant::now"],
        why: "the model part of core does no I/O and reads no clock",
    },
    Border {
        room: "core/",
        except: &[],
        names: &["uniffi", "jni", "println!", "eprintln!"],
        why: "core knows nothing of bindings and prints nothing",
    },
    Border {
        room: "bindings/src/",
        except: &[],
        names: &["reqwest", "axum", "redb"],
        why: "bindings convert; calls are core's",
    },
    Border {
        room: "server/src/store/",
        except: &[],
        names: &["axum", "SystemTime::now"],
        why: "the store knows no HTTP; time is passed in",
    },
    Border {
        room: "server/src/",
        except: &["server/src/store/redb/", "server/src/main.rs"],
        names: &["redb::"],
        why: "only main names an engine",
    },
    Border {
        room: "server/src/nim/",
        except: &[],
        names: &["axum", "tokio", "async fn", ".await", "crate::store"],
        why: "NIM's shapes are pure functions without a store",
    },
    Border {
        room: "server/",
        except: &[],
        names: &["uniffi", "huihua_ffi"],
        why: "nothing points back from the server to the bindings",
    },
    Border {
        room: "bindings/kotlin/",
        // Tests of the border itself must name it.
        except: &["/internal/", "kotlin/src/test/"],
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

/// Names that stand where they may not.
pub(super) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for border in BORDERS.iter().filter(|border| border.holds_for(&source.path)) {
        for (at, line) in source.text.lines().enumerate() {
            let code = code_of(line);
            for name in border.names.iter().filter(|name| names(code, name)) {
                let text = format!("`{name}` does not belong here: {}", border.why);
                problems.push(Problem::new(source, at + 1, text));
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

/// The line without its comment. A `//` after a colon is a URL's.
fn code_of(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with('*') || trimmed.starts_with("/*") {
        return "";
    }
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Whether `name` stands in `code` as words of its own.
fn names(code: &str, name: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let joins_before = name.starts_with(in_word) && before.ends_with(in_word);
        let joins_after = name.ends_with(in_word) && after.starts_with(in_word);
        !joins_before && !joins_after
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{lines, source},
        *,
    };

    #[test]
    fn every_border_holds() {
        for (path, line) in [
            ("bindings/kotlin/demo/src/test/kotlin/T.kt", "import com.sun.jna.Native"),
            ("core/src/page.rs", "use tokio::time;"),
            ("core/src/page.rs", "let now = std::time::Instant::now();"),
            ("core/src/client/mod.rs", "#[uniffi::export]"),
            ("bindings/src/service.rs", "use reqwest::Client;"),
            ("server/src/store/mod.rs", "use axum::Json;"),
            ("server/src/store/redb/write.rs", "let now = SystemTime::now();"),
            ("server/src/handlers/sessions.rs", "use redb::Database;"),
            ("server/src/store/rules.rs", "use super::redb::row;"),
            ("server/src/nim/copy.rs", "pub async fn decode() {"),
            ("server/src/lib.rs", "use uniffi as _;"),
            ("bindings/kotlin/src/main/kotlin/dev/huihua/sdk/Call.kt", "import com.sun.jna.Native"),
            ("bindings/kotlin/demo/src/Demo.kt", "import dev.huihua.sdk.ffi.Call"),
            (
                "bindings/kotlin/src/main/kotlin/dev/huihua/sdk/Call.kt",
                "data class Call(val a: Int)",
            ),
            ("android-sample/app/src/main/Main.kt", "import dev.huihua.sdk.internal.Native"),
        ] {
            assert_eq!(lines(check(&source(path, line))), [1], "{path}: {line}");
        }
    }

    #[test]
    fn what_may_be_named_is_not_a_problem() {
        for (path, line) in [
            ("core/src/client/mod.rs", "use tokio::time;"),
            ("core/src/page.rs", "//! Free of tokio and reqwest."),
            ("core/src/page.rs", "let tokios = 3; // reqwest"),
            ("server/src/store/mod.rs", "pub mod redb;"),
            ("server/src/store/redb/write.rs", "use redb::Database;"),
            ("server/src/main.rs", "let store = store::redb::open(&path)?;"),
            ("server/src/handlers/sessions.rs", "use axum::Json;"),
            ("server/tests/it/crash.rs", "use huihua_server::store::redb::Engine;"),
            (
                "bindings/kotlin/src/main/kotlin/dev/huihua/sdk/internal/Native.kt",
                "import com.sun.jna.X",
            ),
            ("bindings/kotlin/src/main/kotlin/dev/huihua/sdk/Call.kt", " * Not a data class."),
            ("bindings/kotlin/src/test/kotlin/CallTest.kt", "import dev.huihua.sdk.ffi.Call"),
            ("xtask/src/a.rs", "use reqwest::blocking;"),
        ] {
            assert_eq!(check(&source(path, line)), [], "{path}: {line}");
        }
    }

    #[test]
    fn a_url_is_not_a_comment() {
        assert_eq!(code_of("let a = \"http://b\"; // c"), "let a = \"http://b\"; ");
    }
}
