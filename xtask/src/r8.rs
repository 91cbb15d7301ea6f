//! R8: what shrinks, renames and inlines a release build of an Android app, and JNA and the facade
//! with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{archive::Archive, maven, process};

const VERSION: &str = "8.7.18";
/// Java's classes that Android has too. Not among them: `java.awt`, which JNA names.
const JAVA_ON_ANDROID: &str = "target/android-tools/java-on-android.jar";
const JAVA_MODULES: &str = "regex:/java[.](base|logging|sql|xml)/java.*";

/// One run of R8.
#[derive(Clone)]
pub(crate) struct Run {
    /// Given out, shrunk.
    pub(crate) programs: Vec<PathBuf>,
    /// There when the app runs, not given out.
    pub(crate) libraries: Vec<PathBuf>,
    pub(crate) rules: Vec<PathBuf>,
}

impl Run {
    /// The command that makes Android's classes.dex in a folder.
    ///
    /// # Errors
    /// When R8 cannot be fetched.
    pub(crate) fn to_dex(&self, folder: &Path) -> Result<Command> {
        let mut command = self.command(folder)?;
        command.args(["--min-api", crate::resources::SDK_MIN]);
        Ok(command)
    }

    /// The command that makes a JAR for a JVM.
    ///
    /// # Errors
    /// As [`Self::to_dex`].
    pub(crate) fn to_jar(&self, jar: &Path) -> Result<Command> {
        let mut command = self.command(jar)?;
        command.arg("--classfile");
        Ok(command)
    }

    fn command(&self, output: &Path) -> Result<Command> {
        let r8 = maven::fetch("com.android.tools", "r8", VERSION, "jar")?;
        let mut command = Command::new("java");
        command.arg("-Xmx2g").arg("-cp").arg(r8).args(["com.android.tools.r8.R8", "--release"]);
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

/// The JDK, for programs that run on it.
///
/// # Errors
/// When `javac` is not in a JDK.
pub(crate) fn jdk() -> Result<PathBuf> {
    let mut which = Command::new("sh");
    let javac = process::read(which.args(["-c", "command -v javac"]))?;
    let javac = fs::canonicalize(javac.trim()).context("find the JDK")?;
    Ok(javac.ancestors().nth(2).context("find the JDK")?.to_owned())
}

/// What an app finds on a device: Android's classes, and Java's as far as Android has them.
///
/// # Errors
/// When they cannot be fetched or made.
pub(crate) fn android_libraries() -> Result<Vec<PathBuf>> {
    let java = PathBuf::from(JAVA_ON_ANDROID);
    if !java.exists() {
        println!("jimage: Java's classes that Android has");
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let image = jdk()?.join("lib/modules");
        let mut extract = Command::new("jimage");
        extract.args(["extract", "--include", JAVA_MODULES, "--dir"]).arg(folder.path());
        process::run(extract.arg(image))?;
        let mut jar = Archive::default();
        for module in fs::read_dir(folder.path()).context("list Java's modules")? {
            jar.add_folder(&module.context("list Java's modules")?.path())?;
        }
        jar.write(&java)?;
    }
    Ok(vec![maven::android_framework()?, java])
}
