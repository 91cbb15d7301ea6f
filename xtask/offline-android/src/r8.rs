//! R8: what shrinks, renames and inlines a release build of an Android app, and JNA and the facade
//! with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use machine::{abi::API, archive::Archive, jvm, maven, process};

const VERSION: &str = "8.7.18";
/// Java's classes that Android has too. Not among them: `java.awt`, which JNA names.
const JAVA_ON_ANDROID: &str = "target/android-tools/java-of-android.jar";
const JAVA_MODULES: &str = "regex:/java[.](base|logging|sql|transaction[.]xa|xml)/.*";

/// One run of R8.
#[derive(Clone)]
pub struct Run {
    /// Given out, shrunk.
    pub programs: Vec<PathBuf>,
    /// There when the app runs, not given out.
    pub libraries: Vec<PathBuf>,
    /// Files of rules: what keeps its name, what is kept at all.
    pub rules: Vec<PathBuf>,
}

impl Run {
    /// The command that makes Android's classes.dex in a folder.
    ///
    /// # Errors
    /// When R8 cannot be fetched.
    pub fn to_dex(&self, folder: &Path) -> Result<Command> {
        let mut command = self.command(folder)?;
        command.args(["--min-api", &API.to_string()]);
        Ok(command)
    }

    /// The command that makes a JAR for a JVM.
    ///
    /// # Errors
    /// As [`Self::to_dex`].
    pub fn to_jar(&self, jar: &Path) -> Result<Command> {
        let mut command = self.command(jar)?;
        command.arg("--classfile");
        Ok(command)
    }

    fn command(&self, output: &Path) -> Result<Command> {
        let r8 = maven::fetch("com.android.tools", "r8", VERSION, "jar")?;
        let mut command = Command::new("java");
        command.args(["-Xmx1500m", "-XX:+UseSerialGC"]).args(jvm::SHORT_LIVED).arg("-cp").arg(r8);
        command.args(["com.android.tools.r8.R8", "--release"]);
        for library in &self.libraries {
            command.arg("--lib").arg(library);
        }
        for rules in &self.rules {
            command.arg("--pg-conf").arg(rules);
        }
        command.arg("--output").arg(output).args(&self.programs);
        Ok(command)
    }
}

/// Runs R8; what it says is shown when it fails. It warns of each class whose Kotlin metadata is
/// newer than itself, which it then leaves out: nothing of ours reads that at run time.
///
/// # Errors
/// When it fails.
pub fn run(mut command: Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("start R8")?;
    ensure!(output.status.success(), "R8 failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn jdk() -> Result<PathBuf> {
    let mut which = Command::new("sh");
    let javac = process::read(which.args(["-c", "command -v javac"]))?;
    let javac = fs::canonicalize(javac.trim()).context("find the JDK")?;
    Ok(javac.ancestors().nth(2).context("find the JDK")?.to_owned())
}

/// What an app finds on a device: Android's classes, and Java's as far as Android has them.
///
/// # Errors
/// When they cannot be fetched or made.
pub fn android_libraries() -> Result<Vec<PathBuf>> {
    Ok(vec![maven::android_framework()?, java_on_android()?])
}

/// Java's classes as far as Android has them; all that the SDK needs on a JVM, too.
///
/// # Errors
/// When the JDK's tools fail.
pub fn java_on_android() -> Result<PathBuf> {
    let jar = PathBuf::from(JAVA_ON_ANDROID);
    if jar.exists() {
        return Ok(jar);
    }
    println!("jimage: Java's classes that Android has");
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let image = jdk()?.join("lib/modules");
    let mut extract = Command::new("jimage");
    extract.args(["extract", "--include", JAVA_MODULES, "--dir"]).arg(folder.path());
    process::run(extract.arg(image))?;
    let mut archive = Archive::default();
    for module in fs::read_dir(folder.path()).context("list Java's modules")? {
        archive.add_folder(&module.context("list Java's modules")?.path())?;
    }
    archive.write(&jar)?;
    Ok(jar)
}
