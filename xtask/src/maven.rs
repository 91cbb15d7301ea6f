//! The Kotlin side's build: Maven over the reactor in `bindings/kotlin`, always told where the top
//! of the tree is, since it reads the library and the generated Kotlin from `target/`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{archive, bindgen, process};

const REACTOR: &str = "bindings/kotlin/pom.xml";
/// Where the reactor builds. It is cleared before a build: classes whose source is gone would stay,
/// be tested, be packed, and be in the API.
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

/// Builds every module of the reactor and runs its tests.
///
/// # Errors
/// When Maven fails.
pub(crate) fn verify() -> Result<()> {
    println!("Maven: builds and tests the Kotlin side (the first time it downloads: minutes)");
    archive::clear(Path::new(OUTPUT_FOLDER))?;
    let inputs = fingerprint(&PACKAGE_INPUTS)?;
    process::run(maven()?.arg("verify"))?;
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
    process::run(maven()?.args(modules))?;
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
    process::run(maven()?.args(modules).args(["--quiet", "-Dmaven.test.skip", "package"]))?;
    fs::write(PACKAGE_STAMP, inputs).with_context(|| format!("write {PACKAGE_STAMP}"))
}

/// Android's classes and resources, the same that the reactor compiles against.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn android_framework() -> Result<PathBuf> {
    fetch("org.robolectric", "android-all", &version("android-all.version")?, "jar")
}

/// A file of Maven's registry: where other builds of this machine have put it, else fetched.
///
/// # Errors
/// When Maven cannot fetch it.
pub(crate) fn fetch(group: &str, name: &str, version: &str, end: &str) -> Result<PathBuf> {
    let file = format!("{name}-{version}.{end}");
    let known = local_repository()?.join(group.replace('.', "/")).join(name).join(version);
    let fetched = Path::new(TOOLS_FOLDER).join(&file);
    if let Some(path) = [known.join(&file), fetched.clone()].into_iter().find(|it| it.exists()) {
        return Ok(path);
    }
    println!("Maven: fetching {name} {version}");
    let artifact = format!("-Dartifact={group}:{name}:{version}:{end}");
    let folder = env::current_dir().context("find the top of the tree")?.join(TOOLS_FOLDER);
    let mut command = maven()?;
    command.args(["--quiet", "--non-recursive", "dependency:copy"]).arg(artifact);
    process::run(command.arg(format!("-DoutputDirectory={}", folder.display())))?;
    Ok(fetched)
}

/// What Kotlin code with coroutines needs to run, on a JVM and on Android.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn kotlin_jars() -> Result<Vec<PathBuf>> {
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
pub(crate) fn jna(end: &str) -> Result<PathBuf> {
    fetch("net.java.dev.jna", "jna", &version("jna.version")?, end)
}

/// Where Maven keeps what it fetched, unless its settings say otherwise.
///
/// # Errors
/// When there is no home folder.
pub(crate) fn local_repository() -> Result<PathBuf> {
    Ok(env::home_dir().context("find the home folder")?.join(".m2/repository"))
}

/// A version that the reactor's POM names: it is the one list of them.
///
/// # Errors
/// When it names none.
pub(crate) fn version(property: &str) -> Result<String> {
    let pom = fs::read_to_string(REACTOR).with_context(|| format!("read {REACTOR}"))?;
    self::property(&pom, property).map(str::to_owned)
}

/// Builds one module up to the given phase, and what it needs.
///
/// # Errors
/// When Maven fails.
pub(crate) fn build(module: &str, phase: &str) -> Result<()> {
    let quietly = ["--quiet", "-Dmaven.test.skip"];
    process::run(maven()?.args(["--also-make", "--projects", module, phase]).args(quietly))
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
