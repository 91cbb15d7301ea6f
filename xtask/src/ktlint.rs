//! `ktlint`, a step of `test`, and `ktlint --format`: the form of Kotlin, by `.editorconfig`.

use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use machine::{jvm, maven, process, programs};

const VERSION: &str = "1.8.0";
const FILES: [&str; 5] = [
    "bindings/kotlin/**/*.kt",
    "android-sample/**/*.kt",
    "android-sample/**/*.kts",
    "xtask/**/*.kt",
    "!**/target/**",
];

/// Check the form of Kotlin, as .editorconfig says, or write it so
#[derive(Args)]
pub(crate) struct KtlintArguments {
    /// Rewrite the files instead of naming the places
    #[arg(long)]
    format: bool,
}

/// Checks, or rewrites.
///
/// # Errors
/// With the places that are not as they must be.
pub(crate) fn run(arguments: &KtlintArguments) -> Result<()> {
    programs::run()?;
    let mut ktlint = ktlint()?;
    if arguments.format {
        ktlint.arg("--format");
    }
    process::run(&mut ktlint).context("write Kotlin in form: cargo xtask ktlint --format")
}

/// Checks.
///
/// # Errors
/// As [`run`].
pub(crate) fn check() -> Result<()> {
    run(&KtlintArguments { format: false })
}

fn ktlint() -> Result<Command> {
    let jar = maven::fetch("com.pinterest.ktlint", "ktlint-cli", VERSION, "all.jar")?;
    let mut command = Command::new("java");
    // It opens a part of Java's own to the Kotlin compiler in it.
    command.args(["-Xmx1g", "--add-opens=java.base/java.lang=ALL-UNNAMED"]);
    command.args(jvm::SHORT_LIVED);
    command.arg("-jar").arg(jar).args(["--relative", "--log-level=error"]).args(FILES);
    Ok(command)
}
