//! Proofs over what users get, each a step of `cargo xtask test`: `minified`, the facade after
//! R8; `shim`, the Android library as it runs; `consumer`, the packages as builds see them.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{demo, maven, process, server::Server};

mod consumer;
mod minified;
mod shim;

pub(crate) use consumer::run as consumer;
pub(crate) use minified::run as minified;
pub(crate) use shim::run as shim;

const SMOKE_SOURCES: &str = "bindings/kotlin/src/smoke/java/dev/huihua/smoke/Smoke.java";
const SMOKE_CLASS: &str = "dev.huihua.smoke.Smoke";
const FACADE_CLASSES: &str = "target/kotlin/huihua-jvm/classes";
const EXPECTED: &str = "samples/expected.json";

/// A server with the sample's list, and who may read it.
struct Scene {
    server: Server,
    account: String,
    token: String,
}

impl Scene {
    fn set() -> Result<Self> {
        let server = Server::start()?;
        demo::deliver_sample(&server)?;
        let text = fs::read_to_string(EXPECTED).with_context(|| format!("read {EXPECTED}"))?;
        let expected: Value = serde_json::from_str(&text).context("read the expected list")?;
        let account = expected["account"].as_str().context("an account in it")?.to_owned();
        let token = server.token(&account)?;
        Ok(Self { server, account, token })
    }

    /// A JVM that runs the smoke; the token goes by environment.
    fn smoke(&self, classpath: &[PathBuf], options: &[String]) -> Result<Command> {
        let mut command = java(classpath, options)?;
        command.arg(SMOKE_CLASS);
        command.args([&self.server.site.url, &self.account]).env("HUIHUA_TOKEN", &self.token);
        Ok(command)
    }
}

/// The JARs that the facade needs on a JVM, as users' builds resolve them.
fn runtime_jars() -> Result<Vec<PathBuf>> {
    let mut jars = maven::kotlin_jars()?;
    jars.push(maven::jna("jar")?);
    Ok(jars)
}

fn java(classpath: &[PathBuf], options: &[String]) -> Result<Command> {
    let mut command = Command::new("java");
    command
        .args(["-Xmx256m", "-XX:TieredStopAtLevel=1"])
        .args(options)
        .arg("-cp")
        .arg(joined(classpath)?);
    // Cargo set it for us, to where it builds: JNA would find the library there, packed or not.
    command.env_remove("LD_LIBRARY_PATH");
    Ok(command)
}

fn joined(classpath: &[PathBuf]) -> Result<OsString> {
    env::join_paths(classpath).context("a class path of plain names")
}

/// Compiles Java sources against the facade.
fn javac(sources: &[&str], folder: &Path) -> Result<()> {
    let mut entries = vec![PathBuf::from(FACADE_CLASSES)];
    entries.extend(runtime_jars()?);
    let mut command = Command::new("javac");
    command.args(["--release", "11", "-Xlint:-options", "-d"]).arg(folder);
    process::run(command.arg("-cp").arg(joined(&entries)?).args(sources))
}
