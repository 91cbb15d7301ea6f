//! The stub lists, `stubs/lib*.txt`: which functions of bionic the library may call,
//! because Android 7.0 has them. The link reads them, and so does the check of what was linked.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail};

use machine::abi::Abi;

const FOLDER: &str = "xtask/offline-android/stubs";
/// The libraries that it is linked against: `log` by std alone, which then drops it.
pub const LIBRARIES: [&str; 4] = ["c", "m", "dl", "log"];

/// A name that a library of Android has.
#[derive(Debug, PartialEq, Eq)]
pub struct Symbol {
    /// As in C.
    pub name: String,
    /// Whether it is a variable, not a function.
    pub is_data: bool,
}

/// What a library of Android has for an ABI.
///
/// # Errors
/// When the list cannot be read, or has a line that is not a name with its marks.
pub fn read(library: &str, abi: Abi) -> Result<Vec<Symbol>> {
    let name = format!("lib{library}.txt");
    let path = Path::new(FOLDER).join(&name);
    let text = fs::read_to_string(&path).with_context(|| format!("read {name}"))?;
    parse(&text, abi).with_context(|| format!("read {name}"))
}

/// Every name of these libraries, as a linker knows them: `c` for libc.
///
/// # Errors
/// As [`read`].
pub fn names(abi: Abi, libraries: &[&str]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for library in libraries {
        names.extend(read(library, abi)?.into_iter().map(|symbol| symbol.name));
    }
    Ok(names)
}

fn parse(text: &str, abi: Abi) -> Result<Vec<Symbol>> {
    let mut symbols = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, kind, only) = match words[..] {
            [name] => (name, "@func", None),
            [name, kind] => (name, kind, None),
            [name, kind, only] => (name, kind, Some(only)),
            _ => bail!("not a name with its marks: {line}"),
        };
        let is_data = match kind {
            "@func" => false,
            "@data" => true,
            other => bail!("unknown mark {other} at {name}"),
        };
        if only.is_none_or(|only| only == abi.stub_word()) {
            symbols.push(Symbol { name: name.to_owned(), is_data });
        }
    }
    Ok(symbols)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_unknown_ones_refused() {
        let text = "# a comment\n\nwrite\nenviron @data\n__aeabi_atexit @func arm\n";
        let names = |abi| -> Vec<(String, bool)> {
            parse(text, abi).unwrap().into_iter().map(|s| (s.name, s.is_data)).collect()
        };
        let both = [("write".to_owned(), false), ("environ".to_owned(), true)];
        assert_eq!(names(Abi::X86_64), both);
        assert_eq!(names(Abi::Armv7).len(), 3);
        for bad in ["write @object", "write @func arm x86"] {
            parse(bad, Abi::Arm64).unwrap_err();
        }
    }
}
