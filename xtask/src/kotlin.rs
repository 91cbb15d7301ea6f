//! The Kotlin side's builds: Maven over the reactor in `bindings/kotlin`, when something changed.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use machine::{
    archive,
    maven::{self, REACTOR},
    process,
};

use crate::bindgen;

/// Where the reactor builds. It is cleared before a build: classes whose source is gone would stay,
/// be tested, be packed, and be in the API.
const OUTPUT_FOLDER: &str = "target/kotlin";
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

/// What is packed is built from these.
const PACKAGE_INPUTS: [&str; 9] = [
    REACTOR,
    "bindings/kotlin/jvm",
    "bindings/kotlin/demo",
    "bindings/kotlin/android",
    "bindings/kotlin/src/main",
    "bindings/kotlin/src/jvm",
    "bindings/kotlin/src/android",
    "android-sample/app/pom.xml",
    "android-sample/app/src/main",
];
/// As [`DEMO_STAMP`]; it goes when the output goes.
const PACKAGE_STAMP: &str = "target/kotlin/inputs.sha256";

/// What the JVM's artifact is built from.
const JVM_INPUTS: [&str; 4] =
    [REACTOR, "bindings/kotlin/jvm", "bindings/kotlin/src/main", "bindings/kotlin/src/jvm"];
/// As [`PACKAGE_STAMP`].
const JVM_STAMP: &str = "target/kotlin/jvm-inputs.sha256";

/// Builds every module of the reactor and runs its tests.
///
/// # Errors
/// When Maven fails.
pub(crate) fn verify() -> Result<()> {
    println!("Maven: builds and tests the Kotlin side (the first time it downloads: minutes)");
    archive::clear(Path::new(OUTPUT_FOLDER))?;
    let inputs = fingerprint(&PACKAGE_INPUTS)?;
    process::run(maven::command(REACTOR)?.arg("verify"))?;
    fs::write(PACKAGE_STAMP, inputs).with_context(|| format!("write {PACKAGE_STAMP}"))
}

/// Builds the demo when something that it is made of has changed, and gives its class path.
///
/// # Errors
/// When Maven fails.
pub(crate) fn demo_classpath() -> Result<String> {
    let inputs = fingerprint(&DEMO_INPUTS)?;
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
    process::run(maven::command(REACTOR)?.args(modules))?;
    fs::write(DEMO_STAMP, inputs).with_context(|| format!("write {DEMO_STAMP}"))?;
    Ok(classpath())
}

/// Compiles everything that is packed, without tests, when something of it has changed.
///
/// # Errors
/// When Maven fails.
pub(crate) fn package() -> Result<()> {
    let inputs = fingerprint(&PACKAGE_INPUTS)?;
    if fs::read_to_string(PACKAGE_STAMP).is_ok_and(|stamp| stamp == inputs) {
        println!("Maven: nothing to pack changed since the last build");
        return Ok(());
    }
    println!("Maven: compiling facade and sample app (the first time it downloads: minutes)");
    archive::clear(Path::new(OUTPUT_FOLDER))?;
    let modules = ["--projects", ":huihua-jvm,:huihua-demo,:huihua-android,:huihua-sample"];
    process::run(maven::command(REACTOR)?.args(modules).args([
        "--quiet",
        "-Dmaven.test.skip",
        "package",
    ]))?;
    fs::write(PACKAGE_STAMP, inputs).with_context(|| format!("write {PACKAGE_STAMP}"))
}

/// Compiles the JVM's artifact alone, without tests, when something of it has changed.
///
/// # Errors
/// When Maven fails.
pub(crate) fn package_jvm() -> Result<()> {
    let (inputs, all) = (fingerprint(&JVM_INPUTS)?, fingerprint(&PACKAGE_INPUTS)?);
    let is_built =
        |stamp: &str, inputs: &str| fs::read_to_string(stamp).is_ok_and(|stamp| stamp == inputs);
    if is_built(PACKAGE_STAMP, &all) || is_built(JVM_STAMP, &inputs) {
        println!("Maven: nothing of the facade changed since the last build");
        return Ok(());
    }
    println!("Maven: compiling the facade (the first time it downloads: minutes)");
    build(":huihua-jvm", "package")?;
    fs::write(JVM_STAMP, inputs).with_context(|| format!("write {JVM_STAMP}"))
}

/// Builds one module up to the given phase, and what it needs.
///
/// # Errors
/// When Maven fails.
pub(crate) fn build(module: &str, phase: &str) -> Result<()> {
    let quietly = ["--quiet", "-Dmaven.test.skip"];
    process::run(
        maven::command(REACTOR)?.args(["--also-make", "--projects", module, phase]).args(quietly),
    )
}

/// One hash over the names and bytes of these files and of the generated Kotlin.
fn fingerprint(inputs: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "--"]).args(inputs);
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
