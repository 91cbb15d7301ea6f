//! How large libraries and packages are, compared with the committed table.

use std::fs;

use anyhow::{Context, Result, bail};

const TABLE: &str = "xtask/android/sizes.txt";

/// Something that was made, by its name in the table.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    bytes: u64,
    limit: u64,
}

/// Prints each size beside the committed one.
///
/// # Errors
/// When one is past its limit, or not in the table.
pub(crate) fn compare(measured: &[Measured]) -> Result<()> {
    let text = fs::read_to_string(TABLE).with_context(|| format!("read {TABLE}"))?;
    let rows = parse(&text)?;
    println!("size         bytes  {TABLE}    limit");
    let mut too_large = Vec::new();
    for Measured { name, bytes } in measured {
        let row = rows.iter().find(|row| row.name == *name);
        let row = row.with_context(|| format!("{TABLE}: no row for {name}"))?;
        let change = bytes.cast_signed() - row.bytes.cast_signed();
        println!("{name:<11} {bytes:>7}  {:>7} {change:>+9} {:>9}", row.bytes, row.limit);
        if *bytes > row.limit {
            too_large.push(*name);
        }
    }
    if !too_large.is_empty() {
        bail!("too large, see {TABLE}: {}", too_large.join(", "));
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<Row>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, bytes, limit] = words[..] else { bail!("{TABLE}: not a row: {line}") };
            let number = |word: &str| word.parse().with_context(|| format!("{TABLE}: {line}"));
            Ok(Row { name: name.to_owned(), bytes: number(bytes)?, limit: number(limit)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_holds_to_its_own_limits() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/android/sizes.txt");
        let rows = parse(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(rows.iter().all(|row| row.bytes <= row.limit), "{rows:?}");
        let limit = |name: &str| rows.iter().find(|row| row.name == name).unwrap().limit;
        // What issue 6 promises.
        assert!(limit("arm64-v8a") <= 2_600_000 && limit("aar") <= 6_000_000);
        for bad in ["a 1", "a 1 b", "a 1 2 3"] {
            parse(bad).unwrap_err();
        }
    }
}
