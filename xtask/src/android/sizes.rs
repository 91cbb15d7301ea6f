//! How large libraries and packages are, compared with the committed table.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

const TABLE: &str = "xtask/android/sizes.txt";

#[derive(Debug, PartialEq, Eq)]
struct SizeRow {
    name: String,
    bytes: u64,
    limit: u64,
}

/// Prints the size of each file, by its name in the table, beside the committed one.
///
/// # Errors
/// When one is past its limit, not in the table, or not there.
pub(crate) fn compare(files: &[(&str, &Path)]) -> Result<()> {
    let text = fs::read_to_string(TABLE).with_context(|| format!("read {TABLE}"))?;
    let rows = parse(&text)?;
    println!("size         bytes  {TABLE}    limit");
    let mut too_large = Vec::new();
    for (name, path) in files {
        let row = rows.iter().find(|row| row.name == *name);
        let row = row.with_context(|| format!("{TABLE}: no row for {name}"))?;
        let bytes =
            fs::metadata(path).with_context(|| format!("measure {}", path.display()))?.len();
        let change = bytes.cast_signed() - row.bytes.cast_signed();
        println!("{name:<11} {bytes:>7}  {:>7} {change:>+9} {:>9}", row.bytes, row.limit);
        if bytes > row.limit {
            too_large.push(format!("{name} has {bytes} bytes of {} allowed", row.limit));
        }
    }
    if !too_large.is_empty() {
        bail!("too large, see {TABLE}: {}", too_large.join(", "));
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<SizeRow>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, bytes, limit] = words[..] else { bail!("{TABLE}: not a row: {line}") };
            let number = |word: &str| word.parse().with_context(|| format!("{TABLE}: {line}"));
            Ok(SizeRow { name: name.to_owned(), bytes: number(bytes)?, limit: number(limit)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_holds_to_its_own_limits() {
        // Tests run in their package's folder.
        let text = fs::read_to_string(Path::new("..").join(TABLE)).unwrap();
        let rows = parse(&text).unwrap();
        assert!(rows.iter().all(|row| row.bytes <= row.limit), "{rows:?}");
        let limit = |name: &str| rows.iter().find(|row| row.name == name).unwrap().limit;
        // What issue 6 promises.
        assert!(limit("arm64-v8a") <= 2_600_000 && limit("aar") <= 6_000_000);
        for bad in ["a 1", "a 1 b", "a 1 2 3"] {
            parse(bad).unwrap_err();
        }
    }
}
