//! `bindgen`: the Kotlin that UniFFI generates from the library's own metadata. Never committed and
//! never public: the facade in `bindings/kotlin` wraps it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use machine::{archive, process};

use crate::tree;

/// Where the generated Kotlin goes; Maven reads it from there.
pub(crate) const KOTLIN_FOLDER: &str = "target/uniffi-kotlin";
const BUILD_FOLDER: &str = "target/debug";
/// The global configuration. UniFFI ignores keys that it does not know without a word.
const CONFIG: &str = "uniffi.toml";
/// A line that is in the output only when the configuration was taken.
const PACKAGE_LINE: &str = "package dev.huihua.sdk.ffi";
/// An API-33 class of Android, there when `disable_java_cleaner` was not taken.
const CLEANER: &str = "java.lang.ref.Cleaner";

/// Build the library and generate its Kotlin into target/uniffi-kotlin
///
/// Builds huihua-ffi for this machine and generates the Kotlin that the facade wraps, as
/// uniffi.toml says. Needed before Maven or an IDE opens the reactor in bindings/kotlin.
#[derive(Args)]
pub(crate) struct BindgenArguments {}

/// Builds, and generates the library's Kotlin.
///
/// # Errors
/// When a command fails, or the output does not show the configuration.
pub(crate) fn run() -> Result<()> {
    println!("cargo: building server, library and generator (the first time: minutes)");
    tree::build()?;
    generate(Path::new(BUILD_FOLDER), Path::new(KOTLIN_FOLDER))
}

/// Generates the Kotlin of the library in a folder of cargo's, by the generator of the debug build.
///
/// # Errors
/// When the generator fails, or the output does not show the configuration.
pub(crate) fn generate(built: &Path, out: &Path) -> Result<()> {
    println!("bindgen: generating Kotlin into {}", out.display());
    // A type that is no longer exported would stay, and compile.
    archive::clear(out)?;
    process::run(
        Command::new(Path::new(BUILD_FOLDER).join("uniffi-bindgen"))
            .arg("generate")
            .args(["--language", "kotlin", "--no-format", "--config", CONFIG])
            .arg("--out-dir")
            .arg(out)
            .arg(built.join(library_name())),
    )?;
    let files = kotlin_files(out)?;
    let texts: Result<Vec<String>> = files
        .iter()
        .map(|path| fs::read_to_string(path).with_context(|| format!("read {}", path.display())))
        .collect();
    took_the_config(&texts?)?;
    println!("bindgen: {} file with {PACKAGE_LINE}", files.len());
    Ok(())
}

/// The library of the debug build.
pub(crate) fn library() -> PathBuf {
    Path::new(BUILD_FOLDER).join(library_name())
}

fn library_name() -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}huihua{DLL_SUFFIX}")
}

fn took_the_config(texts: &[String]) -> Result<()> {
    if texts.is_empty() {
        bail!("bindgen: nothing was generated");
    }
    for text in texts {
        if !text.lines().any(|line| line == PACKAGE_LINE) {
            bail!("bindgen: no line `{PACKAGE_LINE}` in the output: was {CONFIG} taken?");
        }
        if text.contains(CLEANER) {
            bail!("bindgen: the output names {CLEANER}: was {CONFIG} taken?");
        }
    }
    Ok(())
}

/// Every Kotlin file below a folder.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn kotlin_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        if path.is_dir() {
            files.extend(kotlin_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "kt") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_without_the_config_is_refused() {
        let good = format!("// generated\n{PACKAGE_LINE}\nimport a.b\n");
        took_the_config(std::slice::from_ref(&good)).unwrap();
        for bad in ["package uniffi.huihua\n".to_owned(), format!("{good}import {CLEANER}\n")] {
            took_the_config(&[good.clone(), bad]).unwrap_err();
        }
        took_the_config(&[]).unwrap_err();
    }
}
