//! The Kotlin side's build: Maven over the reactor in `bindings/kotlin`, always told where the top
//! of the tree is, since it reads the library and the generated Kotlin from `target/`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{bindgen, process};

const REACTOR: &str = "bindings/kotlin/pom.xml";
/// Where the reactor builds.
const OUTPUT_FOLDER: &str = "target/kotlin";
/// Where jars are put that are no part of the reactor's class paths.
const TOOLS_FOLDER: &str = "target/android-tools";
/// What the demo is built from, as git names it.
const DEMO_INPUTS: [&str; 5] = [
    REACTOR,
    "bindings/kotlin/jvm",
    "bindings/kotlin/demo",
    "bindings/kotlin/src/main",
    "bindings/kotlin/src/jvm",
];
/// The demo's own classes.
const DEMO_CLASSES: &str = "target/kotlin/huihua-demo/classes";
/// Written by the demo's POM: the jars that it uses, as `java -cp` takes them.
const DEMO_CLASSPATH: &str = "target/demo/classpath.txt";
/// Fingerprint of the inputs of the last build that succeeded.
const DEMO_STAMP: &str = "target/demo/inputs.sha256";

/// Builds every module of the reactor and runs its tests.
///
/// # Errors
/// When Maven fails.
pub(crate) fn verify() -> Result<()> {
    println!("Maven: builds and tests the Kotlin side (the first time it downloads: minutes)");
    if Path::new(OUTPUT_FOLDER).exists() {
        // Classes whose source is gone would stay, be tested, and be in the API.
        fs::remove_dir_all(OUTPUT_FOLDER).with_context(|| format!("clear {OUTPUT_FOLDER}"))?;
    }
    process::run(maven()?.arg("verify"))
}

/// Builds the demo when something that it is made of has changed, and gives its class path.
///
/// # Errors
/// When Maven fails.
pub(crate) fn demo_classpath() -> Result<String> {
    let inputs = fingerprint()?;
    let classpath = || {
        let jars = fs::read_to_string(DEMO_CLASSPATH).unwrap_or_default();
        format!("{DEMO_CLASSES}:{}", jars.trim())
    };
    let is_whole = |path: &str| env::split_paths(path).all(|entry| entry.exists());
    let built = fs::read_to_string(DEMO_STAMP).is_ok_and(|stamp| stamp == inputs);
    if built && is_whole(&classpath()) {
        println!("Maven: nothing changed since the last build");
        return Ok(classpath());
    }
    println!("Maven: compiling the facade and the demo (the first time it downloads: minutes)");
    let modules = ["--projects", "jvm,demo", "--quiet", "-Dmaven.test.skip", "package"];
    process::run(maven()?.args(modules))?;
    fs::write(DEMO_STAMP, inputs).with_context(|| format!("write {DEMO_STAMP}"))?;
    Ok(classpath())
}

/// Android's classes and resources, the same that the reactor compiles against; fetched by Maven
/// the first time.
///
/// # Errors
/// When Maven cannot fetch them.
pub(crate) fn android_framework() -> Result<PathBuf> {
    let pom = fs::read_to_string(REACTOR).with_context(|| format!("read {REACTOR}"))?;
    let version = property(&pom, "android-all.version")?;
    let jar = Path::new(TOOLS_FOLDER).join(format!("android-all-{version}.jar"));
    if !jar.exists() {
        println!("Maven: fetching Android's classes and resources");
        let artifact = format!("-Dartifact=org.robolectric:android-all:{version}");
        let folder = env::current_dir().context("find the top of the tree")?.join(TOOLS_FOLDER);
        let mut command = maven()?;
        command.args(["--quiet", "--non-recursive", "dependency:copy"]).arg(artifact);
        process::run(command.arg(format!("-DoutputDirectory={}", folder.display())))?;
    }
    Ok(jar)
}

/// The text of a property of a POM.
fn property<'a>(pom: &'a str, name: &str) -> Result<&'a str> {
    let (_, after) =
        pom.split_once(&format!("<{name}>")).with_context(|| format!("POM: no {name}"))?;
    after.split('<').next().with_context(|| format!("POM: {name} does not end"))
}

fn maven() -> Result<Command> {
    let top = env::current_dir().context("find the top of the tree")?;
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--no-transfer-progress", "-Dstyle.color=never"]);
    command.args(["--file", REACTOR]).arg(format!("-Dtop={}", top.display()));
    Ok(command)
}

/// One hash over the names and bytes of everything that the demo is built from.
fn fingerprint() -> Result<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "--"]).args(DEMO_INPUTS);
    let list = process::read(&mut git)?;
    let generated = bindgen::kotlin_files(Path::new(bindgen::KOTLIN_FOLDER))?;
    let files = list.lines().map(Path::new).chain(generated.iter().map(|path| path.as_path()));
    let mut hash = Sha256::new();
    // The class path names jars of this clone; another clone may share target/.
    let top = env::current_dir().context("find the top of the tree")?;
    hash.update(top.as_os_str().as_encoded_bytes());
    for path in files.filter(|path| path.exists()) {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    Ok(hex::encode(hash.finalize()))
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
