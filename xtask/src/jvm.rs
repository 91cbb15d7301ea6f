//! `jvm`: the SDK for programs on the JVM, as a JAR with this machine's library inside, in the
//! local Maven repository, where Maven and Gradle's `mavenLocal()` find it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;

use machine::{archive, maven, process, programs};

use crate::{
    aar, bindgen, kotlin,
    repository::{GROUP, VERSION},
};

/// Where JAR, sources and POM are made before Maven installs them.
const FOLDER: &str = "target/jvm";
const NAME: &str = "huihua-jvm";
/// The POM, with the names of versions in place of the versions.
const POM: &str = "bindings/kotlin/publish/huihua-jvm.xml";
/// The plugin that puts files into the local repository, as users' own builds would.
const INSTALL: &str = "org.apache.maven.plugins:maven-install-plugin:3.1.3:install-file";

/// Install the SDK for the JVM, with this machine's library inside, into the local Maven repository
///
/// Compiles the library as it is released and the facade, packs both into one JAR, and installs it
/// with its sources and POM. The first time it compiles for minutes; later, what changed. See
/// docs/jvm.md for a whole project.
#[derive(Args)]
pub(crate) struct JvmArguments {}

/// Builds, packs, installs, and says how long it took.
///
/// # Errors
/// When something does not build or cannot be installed.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    programs::run()?;
    bindgen::run()?;
    kotlin::package_jvm()?;
    install(&aar::build_host_library()?, &[])?;
    println!(
        "jvm: installed {GROUP}:{NAME}:{VERSION} in {:.1} s; docs/jvm.md has a whole pom.xml",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Installs the compiled facade with this library; Maven gets the arguments too.
///
/// # Errors
/// When a file cannot be written, or Maven fails.
pub(crate) fn install(library: &Path, arguments: &[String]) -> Result<()> {
    let folder = Path::new(FOLDER);
    archive::clear(folder)?;
    let (main, sources) = (folder.join("main.jar"), folder.join("sources.jar"));
    archive::write(&main, &aar::jvm_jar(library)?)?;
    archive::write(&sources, &aar::sources("jvm")?)?;
    let pom = folder.join("pom.xml");
    let text = fs::read_to_string(POM).with_context(|| format!("read {POM}"))?;
    archive::write(&pom, with_versions(&text, maven::version)?.as_bytes())?;
    let absolute = |path: &PathBuf| std::path::absolute(path).context("find what was packed");
    let mut command = maven::program();
    command.args(["--quiet", INSTALL]).args(arguments);
    command.arg(format!("-Dfile={}", absolute(&main)?.display()));
    command.arg(format!("-Dsources={}", absolute(&sources)?.display()));
    command.arg(format!("-DpomFile={}", absolute(&pom)?.display()));
    process::run(&mut command)
}

/// The POM with a version in place of each `${name}`: our own, or one of the Kotlin side's.
fn with_versions(pom: &str, version: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut parts = pom.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').context("a `${` of the POM has no end")?;
        let own = name == "huihua.version";
        text.push_str(&if own { VERSION.to_owned() } else { version(name)? });
        text.push_str(rest);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_version_is_replaced() {
        let versions = |name: &str| Ok(format!("<{name}>"));
        let text = with_versions("a ${huihua.version} b ${jna.version}, c", versions).unwrap();
        assert_eq!(text, format!("a {VERSION} b <jna.version>, c"));
        with_versions("a ${jna.version", versions).unwrap_err();
    }
}
