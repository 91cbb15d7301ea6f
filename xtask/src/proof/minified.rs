//! That an app may let R8 shrink and rename the SDK: the smoke runs after R8 under the rules that
//! the AAR brings, and does not without any single one of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::scene::{FACADE_CLASSES, SMOKE_SOURCES, Scene, javac};
use machine::{
    archive::{self, Archive},
    maven,
};
use offline_android::r8;

use crate::{aar::CONSUMER_RULES, bindgen};

const FOLDER: &str = "target/proof/minified";
/// All that an app has to say by itself: where it starts.
const APP_RULES: &str =
    "-keep class dev.huihua.smoke.Smoke { public static void main(java.lang.String[]); }\n";
/// On a JVM the JARs name classes of Android that are not there, and are not needed.
const JVM_RULES: &str = "-dontwarn **\n";
/// How much of a failure is shown.
const SHOWN_CHARS: usize = 110;

/// The JARs that R8 reads.
struct Jars {
    app: PathBuf,
    facade: PathBuf,
    jna: PathBuf,
    /// Kotlin's and coroutines'.
    others: Vec<PathBuf>,
}

/// Runs the proof.
///
/// # Errors
/// When the smoke fails under the rules, or holds without one.
pub(crate) fn run() -> Result<()> {
    let text = fs::read_to_string(CONSUMER_RULES).context("read the consumer rules")?;
    let rules = parse_rules(&text).with_context(|| format!("read {CONSUMER_RULES}"))?;
    let jars = Jars::make()?;
    let scene = Scene::set()?;
    let (run, jar) = (jars.all(), Path::new(FOLDER).join("all.jar"));
    if let Some(how) = failure_on_jvm(&run, &rules, &jar, &scene)? {
        bail!("R8 over everything: {how}");
    }
    let bytes = fs::metadata(&jar).context("measure the shrunk JAR")?.len();
    println!("R8 over app, facade, JNA, coroutines and Kotlin: {bytes} bytes; all calls work");

    let (run, jar) = (jars.ours(), Path::new(FOLDER).join("ours.jar"));
    if let Some(how) = failure_on_jvm(&run, &rules, &jar, &scene)? {
        bail!("R8 over app, facade and JNA: {how}");
    }
    if let Some(how) = failure_on_android(&run, &rules)? {
        bail!("R8 for Android: {how}");
    }
    for rule in &rules {
        let others: Vec<&str> = rules.iter().filter(|it| *it != rule).copied().collect();
        let failed = if rule.starts_with("-dontwarn") {
            failure_on_android(&run, &others)?
        } else {
            failure_on_jvm(&run, &others, &jar, &scene)?
        };
        let how = failed.with_context(|| format!("nothing fails without the rule `{rule}`"))?;
        println!("without `{rule}`\n    {how}");
    }
    Ok(())
}

/// The rules, one a line; each under a comment that says what breaks without it.
fn parse_rules(text: &str) -> Result<Vec<&str>> {
    let mut rules = Vec::new();
    let mut is_explained = false;
    for line in text.lines() {
        match line {
            "" => is_explained = false,
            comment if comment.starts_with('#') => is_explained = true,
            rule => {
                ensure!(rule.starts_with('-'), "expected each rule on one line: {rule}");
                ensure!(is_explained, "no reason above {rule}");
                rules.push(rule);
            }
        }
    }
    ensure!(!rules.is_empty(), "no rule");
    Ok(rules)
}

impl Jars {
    fn make() -> Result<Self> {
        let folder = Path::new(FOLDER);
        archive::clear(folder)?;
        let classes = folder.join("classes");
        fs::create_dir_all(&classes).with_context(|| format!("make {FOLDER}"))?;
        javac(&[SMOKE_SOURCES], &classes)?;
        let pack = |classes: &Path, name: &str| -> Result<PathBuf> {
            let mut jar = Archive::default();
            jar.add_folder(classes)?;
            let path = folder.join(name);
            jar.write(&path)?;
            Ok(path)
        };
        Ok(Self {
            app: pack(&classes, "app.jar")?,
            facade: pack(Path::new(FACADE_CLASSES), "facade.jar")?,
            jna: maven::jna("jar")?,
            others: maven::kotlin_jars()?,
        })
    }

    /// As in a release build: every JAR goes through R8.
    fn all(&self) -> r8::Run {
        let mut run = self.ours();
        run.programs.append(&mut run.libraries);
        run
    }

    /// What the rules are about goes through R8, the rest stays as it is: quicker.
    fn ours(&self) -> r8::Run {
        r8::Run {
            programs: vec![self.app.clone(), self.facade.clone(), self.jna.clone()],
            libraries: self.others.clone(),
            rules: Vec::new(),
        }
    }
}

/// How the smoke fails on a JVM after R8 under these rules; `None` when it does not.
fn failure_on_jvm(
    run: &r8::Run,
    rules: &[&str],
    jar: &Path,
    scene: &Scene,
) -> Result<Option<String>> {
    let mut run = with_rules(run, &[&[APP_RULES, JVM_RULES], rules].concat())?;
    let mut entries = vec![jar.to_owned()];
    entries.extend(run.libraries.iter().cloned());
    run.libraries.push(r8::java_on_android()?);
    if let Some(how) = failure(&mut run.to_jar(jar)?)? {
        return Ok(Some(format!("R8: {how}")));
    }
    let library = bindgen::library();
    let folder = library.parent().context("a library has a folder")?;
    let option = format!("-Djna.library.path={}", folder.display());
    failure(&mut scene.smoke(&entries, &[option])?)
}

/// How R8 itself fails on Android's classes.
fn failure_on_android(run: &r8::Run, rules: &[&str]) -> Result<Option<String>> {
    let mut run = with_rules(run, &[&[APP_RULES], rules].concat())?;
    run.libraries.extend(r8::android_libraries()?);
    let folder = Path::new(FOLDER).join("dex");
    fs::create_dir_all(&folder).context("make a folder for classes.dex")?;
    failure(&mut run.to_dex(&folder)?)
}

fn with_rules(run: &r8::Run, rules: &[&str]) -> Result<r8::Run> {
    let path = Path::new(FOLDER).join("rules.pro");
    fs::write(&path, rules.join("\n")).with_context(|| format!("write {}", path.display()))?;
    Ok(r8::Run { rules: vec![path], ..run.clone() })
}

/// Returns the line that best explains why a command failed; `None` when it did not.
fn failure(command: &mut Command) -> Result<Option<String>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("start `{program}`"))?;
    if output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let tells = |line: &&str| {
        line.contains("Exception") || line.contains("Error") || line.contains("Missing")
    };
    let line = text.lines().find(tells).or(text.lines().next()).unwrap_or("it printed no reason");
    Ok(Some(line.trim().chars().take(SHOWN_CHARS).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_reason_and_one_line() {
        let text = "# Heading.\n\n# Why.\n-keep class a\n-keep class b\n";
        assert_eq!(parse_rules(text).unwrap(), ["-keep class a", "-keep class b"]);
        for bad in ["-keep class a\n", "# Why.\n\n-keep class a\n", "# Why.\n-keep class a {\n}\n"]
        {
            parse_rules(bad).unwrap_err();
        }
    }
}
