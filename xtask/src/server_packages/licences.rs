//! The licences of the crates in the server, with their texts, as each asks for. The crates are
//! cargo's own answer for the server's target; the texts are the files beside their sources, those
//! of their C code too, which no list of crates has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use machine::process;
use serde_json::Value;

use super::arch::Arch;
use crate::tree::cargo;

const PACKAGE: &str = "huihua-server";
/// Starts of the names of files with licences, in lower case.
const STARTS: [&str; 5] = ["license", "licence", "copying", "notice", "copyright"];
/// How deep below a crate such files may lie: those of its C code.
const DEPTH_MAX: usize = 4;
/// zstd gives the choice between BSD, which we take, and GPL, whose text is here.
const NOT_CHOSEN: &str = "zstd/COPYING";
/// Crates without a text of their own; the licence they name, or one of two, asks for one.
const WITHOUT_TEXT: [(&str, &str); 5] = [
    ("governor", MIT),
    ("scylla", MIT),
    ("scylla-cql", MIT),
    ("scylla-cql-core", MIT),
    ("scylla-macros", MIT),
];
const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the \"Software\"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

/// One document with all of them: first who has which, then each text once.
///
/// # Errors
/// When cargo does not know its crates, or one has no text.
pub(crate) fn of_crates(arch: Arch) -> Result<String> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform"]);
    let text = process::read(command.arg(arch.triple()))?;
    let metadata: Value = serde_json::from_str(&text).context("parse cargo's metadata")?;
    let mut list = String::from(
        "The server is licensed under the Apache License 2.0. It holds these crates, Rust's\n\
         standard library (MIT OR Apache-2.0) and LLVM's libunwind and compiler-rt\n\
         (Apache-2.0 WITH LLVM-exception).\n\n",
    );
    // By text: who has it.
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in carried(&metadata)? {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        let manifest = Path::new(field("manifest_path"));
        let folder = manifest.parent().context("a manifest has a folder")?;
        let name = format!("{} {}", field("name"), field("version"));
        // Ours: LICENSE at the top.
        if package["source"].is_null() {
            continue;
        }
        writeln!(list, "{name}: {}", field("license"))?;
        let files = files(folder, 0)?;
        for file in &files {
            let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            texts.entry(text.trim().to_owned()).or_default().insert(name.clone());
        }
        let instead = WITHOUT_TEXT.iter().find(|(known, _)| *known == field("name"));
        ensure!(!files.is_empty() || instead.is_some(), "{name} has no text of its licence");
        if let (true, Some((_, text))) = (files.is_empty(), instead) {
            texts.entry((*text).to_owned()).or_default().insert(name.clone());
        }
    }
    for (text, owners) in texts {
        let owners: Vec<String> = owners.into_iter().collect();
        write!(list, "\n{}\n{}\n\n{text}\n", "-".repeat(78), owners.join(", "))?;
    }
    Ok(list)
}

/// The crates whose code is in the server, in order: not those of build scripts and tests.
fn carried(metadata: &Value) -> Result<Vec<&Value>> {
    let array = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let nodes = array(&metadata["resolve"]["nodes"]);
    let packages = metadata["packages"].as_array().context("cargo lists no packages")?;
    let start = packages.iter().find(|package| package["name"] == PACKAGE);
    let mut open = vec![start.context("cargo does not know the server")?["id"].clone()];
    let mut found: Vec<Value> = Vec::new();
    while let Some(id) = open.pop() {
        if found.contains(&id) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id).context("a crate has a node")?;
        for dependency in array(&node["deps"]) {
            if array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                open.push(dependency["pkg"].clone());
            }
        }
        found.push(id);
    }
    let mut carried: Vec<&Value> =
        packages.iter().filter(|package| found.contains(&package["id"])).collect();
    carried.sort_by_key(|package| (package["name"].to_string(), package["version"].to_string()));
    Ok(carried)
}

fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            if depth < DEPTH_MAX {
                found.extend(files(&path, depth + 1)?);
            }
        } else if STARTS.iter().any(|start| name.starts_with(start)) && !path.ends_with(NOT_CHOSEN)
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
