//! What the Kotlin program of `bench sdk` printed, as tables in Markdown. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Context, Result, ensure};

/// The lines around what the command writes.
const BEGIN: &str = "<!-- cargo xtask bench sdk: begin -->";
const END: &str = "<!-- cargo xtask bench sdk: end -->";

/// The contestants as the program names them, and as people read them.
const CONTESTANTS: [(&str, &str); 4] = [
    ("sdk", "Huihua, callback on the SDK's thread"),
    ("sdk-direct", "Huihua, callback where it arrives"),
    ("okhttp-enqueue", "OkHttp `enqueue`, parsed in its callback"),
    ("okhttp-execute", "OkHttp `execute`, on the caller's thread"),
];
/// Ours and theirs that do the same: hand the list to a callback.
const OURS: &str = "sdk";
const THEIRS: &str = "okhttp-enqueue";

/// Figures by name.
pub(crate) struct Figures(BTreeMap<String, String>);

/// Reads lines of a name, a tab and values.
///
/// # Errors
/// When a line has no tab.
pub(crate) fn parse(printed: &str) -> Result<Figures> {
    let line = |line: &str| {
        let (name, values) =
            line.split_once('\t').with_context(|| format!("not a figure: {line}"))?;
        Ok((name.to_owned(), values.to_owned()))
    };
    Ok(Figures(printed.lines().map(line).collect::<Result<_>>()?))
}

impl Figures {
    /// The text of a figure.
    ///
    /// # Errors
    /// When the program did not print it.
    pub(crate) fn text(&self, name: &str) -> Result<&str> {
        Ok(self.0.get(name).with_context(|| format!("no figure {name}"))?)
    }

    /// The value that this part of all does not exceed.
    fn quantile(&self, name: &str, part: f64) -> Result<f64> {
        let values: Result<Vec<f64>, _> = self.text(name)?.split(' ').map(str::parse).collect();
        let mut values = values.with_context(|| format!("read the figure {name}"))?;
        ensure!(!values.is_empty(), "the figure {name} is empty");
        values.sort_by(f64::total_cmp);
        Ok(values[((values.len() - 1) as f64 * part).round() as usize])
    }

    fn median(&self, name: &str) -> Result<f64> {
        self.quantile(name, 0.5)
    }
}

/// Writes all tables.
///
/// # Errors
/// When a figure is missing.
pub(crate) fn tables(figures: &Figures) -> Result<String> {
    let mut text = summary(figures)?;
    for (what, title) in [("list", "received"), ("read", "received, and every row read")] {
        text += &lists(figures, what, title)?;
    }
    text += &border(figures)?;
    text += &cold_start(figures)?;
    text += &first_calls(figures)?;
    Ok(text)
}

fn summary(figures: &Figures) -> Result<String> {
    let ratio = |what: &str, unit: &str| -> Result<String> {
        let of = |who: &str| figures.median(&format!("{what}/{who}/{unit}"));
        Ok(format!("{:.2} ×", of(OURS)? / of(THEIRS)?))
    };
    let callback = micros(figures.median("border/callback/ns")?);
    let list = micros(figures.median("border/list/ns")?);
    let first = first_ms(figures, "many-roots", "sdk")?;
    let beyond = first - first_ms(figures, "nothing", "jna")?;
    let beyond_cpu = cpu_ms(figures, "many-roots", "sdk")? - cpu_ms(figures, "nothing", "jna")?;
    let mut text = "\n| what | figure | aim |\n|---|---|---|\n".to_owned();
    let rows = [
        ("list of 100, Huihua ÷ OkHttp, p50", ratio("list", "ns")?, "≤ 1.0 ×"),
        ("the same, Java bytes", ratio("list", "bytes")?, "< 1 ×"),
        ("list of 100 with every row read, p50", ratio("read", "ns")?, "≤ 1.0 ×"),
        ("the same, Java bytes", ratio("read", "bytes")?, "< 1 ×"),
        ("one callback", callback, "≤ 10 µs"),
        ("list of 100 over the border", list, "≤ 60 µs"),
        ("opening with a kept list of 200", millis(kept_ns(figures)?), "≤ 50 ms"),
        ("first call after start, 150 roots", format!("{first:.0} ms"), "≤ 60 ms"),
        (
            "the same, beyond what JNA alone takes; CPU",
            format!("{beyond:.0} ms; {beyond_cpu:.0} ms"),
            "≤ 60 ms",
        ),
    ];
    for (what, figure, aim) in rows {
        let _ = writeln!(text, "| {what} | {figure} | {aim} |");
    }
    Ok(text)
}

fn lists(figures: &Figures, what: &str, title: &str) -> Result<String> {
    let mut text = format!(
        "\n### List of 100, {title}\n\n| | p50 | p99 | Java bytes a call |\n|---|---|---|---|\n"
    );
    for (name, shown) in CONTESTANTS {
        let ns = format!("{what}/{name}/ns");
        let (p50, p99) = (figures.median(&ns)?, figures.quantile(&ns, 0.99)?);
        let bytes = figures.median(&format!("{what}/{name}/bytes"))? / 1_000.0;
        let _ = writeln!(text, "| {shown} | {} | {} | {bytes:.1} kB |", micros(p50), micros(p99));
    }
    Ok(text)
}

fn border(figures: &Figures) -> Result<String> {
    let mut text = "\n### The border by itself\n\n| | p50 | p99 |\n|---|---|---|\n".to_owned();
    let rows = [
        ("one callback without arguments", "border/callback/ns"),
        ("list of 100, from core's rows to Kotlin's", "border/list/ns"),
        ("before it: the answer of a list of 100, parsed in core", "border/parse/ns"),
    ];
    for (what, name) in rows {
        let (p50, p99) = (figures.median(name)?, figures.quantile(name, 0.99)?);
        let _ = writeln!(text, "| {what} | {} | {} |", micros(p50), micros(p99));
    }
    let bytes = figures.median("border/list/bytes")? / 1_000.0;
    let _ = writeln!(text, "\nA list of 100 over the border takes {bytes:.1} kB of Java memory.");
    Ok(text)
}

fn kept_ns(figures: &Figures) -> Result<f64> {
    figures.median("kept/open/ns")
}

fn cold_start(figures: &Figures) -> Result<String> {
    let (p50, p99) = (kept_ns(figures)?, figures.quantile("kept/open/ns", 0.99)?);
    let bytes = figures.median("kept/open/bytes")? / 1_000.0;
    let file = figures.median("kept/file/bytes")? / 1_000.0;
    Ok(format!(
        "\n### Opening with a kept list, without a network\n\n\
         | | p50 | p99 | Java bytes | file |\n|---|---|---|---|---|\n\
         | service and list made, 200 rows shown | {} | {} | {bytes:.1} kB | {file:.1} kB |\n",
        millis(p50),
        millis(p99),
    ))
}

fn first_calls(figures: &Figures) -> Result<String> {
    let mut text = format!(
        "\n### The first call of a process, {} roots in the trust store\n\n\
         | | Huihua: made | first call | both | CPU | OkHttp: made | first call | both | CPU |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        figures.text("first/roots")?
    );
    for (kind, shown) in
        [("many-roots", "TLS"), ("one-root", "TLS, one root"), ("no-tls", "without TLS")]
    {
        let _ = write!(text, "| {shown} |");
        for who in ["sdk", "okhttp"] {
            for part in ["made", "call"] {
                let ns = figures.median(&format!("first/{kind}/{who}/{part}-ns"))?;
                let _ = write!(text, " {:.0} ms |", ns / 1e6);
            }
            let (both, cpu) = (first_ms(figures, kind, who)?, cpu_ms(figures, kind, who)?);
            let _ = write!(text, " {both:.0} ms | {cpu:.0} ms |");
        }
        text.push('\n');
    }
    let (both, cpu) = (first_ms(figures, "nothing", "jna")?, cpu_ms(figures, "nothing", "jna")?);
    let _ = writeln!(
        text,
        "\nJNA alone, which is in the figures of Huihua: {both:.0} ms, CPU {cpu:.0} ms, until one \
         function of the C library has\ncalled back. What is below it no SDK over JNA reaches."
    );
    Ok(text)
}

/// The time until the first answer is there.
fn first_ms(figures: &Figures, kind: &str, who: &str) -> Result<f64> {
    let part = |part: &str| figures.median(&format!("first/{kind}/{who}/{part}-ns"));
    Ok((part("made")? + part("call")?) / 1e6)
}

fn cpu_ms(figures: &Figures, kind: &str, who: &str) -> Result<f64> {
    Ok(figures.median(&format!("first/{kind}/{who}/cpu-ns"))? / 1e6)
}

fn micros(ns: f64) -> String {
    let us = ns / 1_000.0;
    if us < 100.0 { format!("{us:.1} µs") } else { format!("{us:.0} µs") }
}

fn millis(ns: f64) -> String {
    format!("{:.1} ms", ns / 1e6)
}

/// Puts a section between the marks of a document, in place of the one before.
///
/// # Errors
/// When the document has no marks.
pub(crate) fn replace_section(document: &str, section: &str) -> Result<String> {
    let (before, rest) = document.split_once(BEGIN).with_context(|| format!("find {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("find {END}"))?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", section.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_of_all_values() {
        let figures = parse("a/ns\t5 1 4 2 3\nb\tx\n").unwrap();
        assert_eq!(figures.median("a/ns").unwrap(), 3.0);
        assert_eq!(figures.quantile("a/ns", 0.99).unwrap(), 5.0);
        figures.median("b").unwrap_err();
        figures.median("c").unwrap_err();
        assert!(parse("no tab").is_err());
    }

    #[test]
    fn a_section_replaces_the_one_before_and_nothing_else() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replace_section(&document, "\nnew\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replace_section(&new, "new").unwrap(), new);
        replace_section("a", "new").unwrap_err();
    }
}
