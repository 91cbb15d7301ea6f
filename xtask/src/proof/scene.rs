//! What the proofs share: a server with the sample's list, and the smoke, a program that makes
//! every call and is compiled and run as each proof wants it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use machine::{jvm, maven, process};
use serde_json::Value;

use crate::{demo, server::DevServer};

pub(super) const SMOKE_SOURCES: &str = "bindings/kotlin/src/smoke/java/dev/huihua/smoke/Smoke.java";
const SMOKE_CLASS: &str = "dev.huihua.smoke.Smoke";
pub(super) const FACADE_CLASSES: &str = "target/kotlin/huihua-jvm/classes";
pub(super) const EXPECTED: &str = "samples/expected.json";

/// A server with the sample's list, and who may read it.
pub(super) struct Scene {
    pub(super) server: DevServer,
    pub(super) account: String,
    pub(super) token: String,
}

impl Scene {
    pub(super) fn set() -> Result<Self> {
        let server = DevServer::start()?;
        demo::deliver_sample(&server)?;
        let text = fs::read_to_string(EXPECTED).with_context(|| format!("read {EXPECTED}"))?;
        let expected: Value = serde_json::from_str(&text).context("read the expected list")?;
        let account = expected["account"].as_str().context("an account in it")?.to_owned();
        let token = server.token(&account)?;
        Ok(Self { server, account, token })
    }

    /// A JVM that runs the smoke; the token goes by environment.
    pub(super) fn smoke(&self, classpath: &[PathBuf], options: &[String]) -> Result<Command> {
        let mut command = java(classpath, options)?;
        command.arg(SMOKE_CLASS);
        command.args([&self.server.site.url, &self.account]).env("HUIHUA_TOKEN", &self.token);
        Ok(command)
    }
}

/// The JARs that the facade needs on a JVM, as users' builds resolve them.
pub(super) fn runtime_jars() -> Result<Vec<PathBuf>> {
    let mut jars = maven::kotlin_jars()?;
    jars.push(maven::jna("jar")?);
    Ok(jars)
}

pub(super) fn java(classpath: &[PathBuf], options: &[String]) -> Result<Command> {
    let mut command = Command::new("java");
    command.arg("-Xmx256m").args(jvm::SHORT_LIVED).args(options).arg("-cp").arg(joined(classpath)?);
    Ok(command)
}

fn joined(classpath: &[PathBuf]) -> Result<OsString> {
    env::join_paths(classpath).context("a class path of plain names")
}

/// Compiles Java sources against the facade.
pub(super) fn javac(sources: &[&str], folder: &Path) -> Result<()> {
    let mut entries = vec![PathBuf::from(FACADE_CLASSES)];
    entries.extend(runtime_jars()?);
    let mut command = Command::new("javac");
    command.args(["--release", "11", "-Xlint:-options", "-d"]).arg(folder);
    process::run(command.arg("-cp").arg(joined(&entries)?).args(sources))
}
