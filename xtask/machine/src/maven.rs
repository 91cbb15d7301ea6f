//! What Maven's registry has, in the versions that the Kotlin side's POM names: the one list of
//! them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{jvm, process};

/// The Kotlin side's POM.
pub const REACTOR: &str = "bindings/kotlin/pom.xml";
/// Where jars are put that are no part of the reactor's class paths.
const TOOLS_FOLDER: &str = "target/android-tools";

/// Maven without questions and colours. What the user tells its JVM in `MAVEN_OPTS` counts first.
pub fn program() -> Command {
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--no-transfer-progress", "-Dstyle.color=never"]);
    if env::var_os("MAVEN_OPTS").is_none() {
        command.env("MAVEN_OPTS", jvm::SHORT_LIVED.join(" "));
    }
    command
}

/// Makes a Maven command over a POM. It gets the top of the tree, because the reactor reads the
/// library and the generated Kotlin from `target/`.
///
/// # Errors
/// When there is no current folder.
pub fn command(pom: &str) -> Result<Command> {
    let top = env::current_dir().context("find the top of the tree")?;
    let mut command = program();
    command.args(["--file", pom]).arg(format!("-Dtop={}", top.display()));
    Ok(command)
}

/// Android's classes and resources, the same that the reactor compiles against.
///
/// # Errors
/// As [`fetch`].
pub fn android_framework() -> Result<PathBuf> {
    fetch("org.robolectric", "android-all", &version("android-all.version")?, "jar")
}

/// A file of Maven's registry: where other builds of this machine have put it, else fetched. `end`
/// is its type, `jar`, or a classifier before it, `all.jar`.
///
/// # Errors
/// When Maven cannot fetch it.
pub fn fetch(group: &str, name: &str, version: &str, end: &str) -> Result<PathBuf> {
    let (mark, kind) = match end.split_once('.') {
        Some((classifier, kind)) => (format!("{kind}:{classifier}"), format!("-{end}")),
        None => (end.to_owned(), format!(".{end}")),
    };
    let file = format!("{name}-{version}{kind}");
    let known = local_repository()?.join(group.replace('.', "/")).join(name).join(version);
    let fetched = Path::new(TOOLS_FOLDER).join(&file);
    if let Some(path) = [known.join(&file), fetched.clone()].into_iter().find(|it| it.exists()) {
        return Ok(path);
    }
    println!("Maven: fetching {name} {version}");
    let artifact = format!("-Dartifact={group}:{name}:{version}:{mark}");
    let folder = env::current_dir().context("find the top of the tree")?.join(TOOLS_FOLDER);
    let mut command = self::command(REACTOR)?;
    command.args(["--quiet", "--non-recursive", "dependency:copy"]).arg(artifact);
    process::run(command.arg(format!("-DoutputDirectory={}", folder.display())))?;
    Ok(fetched)
}

/// What Kotlin code with coroutines needs to run, on a JVM and on Android.
///
/// # Errors
/// As [`fetch`].
pub fn kotlin_jars() -> Result<Vec<PathBuf>> {
    let core = "kotlinx-coroutines-core-jvm";
    Ok(vec![
        fetch("org.jetbrains.kotlin", "kotlin-stdlib", &version("kotlin-stdlib.version")?, "jar")?,
        fetch("org.jetbrains", "annotations", "13.0", "jar")?,
        fetch("org.jetbrains.kotlinx", core, &version("coroutines.version")?, "jar")?,
    ])
}

/// JNA, as a JAR for JVMs or as an AAR for Android.
///
/// # Errors
/// As [`fetch`].
pub fn jna(end: &str) -> Result<PathBuf> {
    fetch("net.java.dev.jna", "jna", &version("jna.version")?, end)
}

/// Where Maven keeps what it fetched, unless its settings say otherwise.
///
/// # Errors
/// When there is no home folder.
pub fn local_repository() -> Result<PathBuf> {
    Ok(env::home_dir().context("find the home folder")?.join(".m2/repository"))
}

/// A version that the reactor's POM names: it is the one list of them.
///
/// # Errors
/// When it names none.
pub fn version(property: &str) -> Result<String> {
    let pom = fs::read_to_string(REACTOR).with_context(|| format!("read {REACTOR}"))?;
    self::property(&pom, property).map(str::to_owned)
}

/// The text of a property of a POM.
fn property<'a>(pom: &'a str, name: &str) -> Result<&'a str> {
    let (_, after) =
        pom.split_once(&format!("<{name}>")).with_context(|| format!("POM: no {name}"))?;
    after.split('<').next().with_context(|| format!("POM: {name} does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_read_from_the_reactor() {
        let pom = "<properties>\n<a.version>1-b</a.version></properties>";
        assert_eq!(property(pom, "a.version").unwrap(), "1-b");
        property(pom, "b.version").unwrap_err();
    }
}
