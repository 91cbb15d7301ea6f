//! `resources`: the sample app's `res/` and manifest, compiled and linked by aapt2 as the Android
//! Gradle plugin would, into [`FOLDER`]. Maven reads `R.java` from there, Robolectric and the APK
//! the rest.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use clap::Args;

use machine::{abi::API, archive, maven, process, programs};

/// Everything that this step makes; emptied each time, since a resource may be gone.
pub const FOLDER: &str = "target/android-resources";
/// `AndroidManifest.xml` and `res/` in binary form: the APK before code is added.
pub const BASE_APK: &str = "target/android-resources/base.apk";
/// Keep rules for the classes that manifest and layouts name; R8 reads them.
pub const KEEP_RULES: &str = "target/android-resources/aapt.pro";
/// The Android that the app was written for.
const SDK_TARGET: &str = "35";
/// `namespace` of the app's Gradle file.
const PACKAGE: &str = "dev.huihua.sample";

const APP: &str = "android-sample/app/src/main";
/// With what Gradle keeps outside the source manifest.
const MERGED_MANIFEST: &str = "target/android-resources/AndroidManifest.xml";
const COMPILED: &str = "target/android-resources/res.zip";
/// Where `R.java` goes.
const JAVA_FOLDER: &str = "target/android-resources/gen";
/// Robolectric looks for this name on the class path; the Android Gradle plugin writes the same.
const ROBOLECTRIC_CONFIG: &str =
    "target/android-resources/test/com/android/tools/test_config.properties";

/// Compile and link the sample app's resources into target/android-resources
///
/// Runs aapt2 over android-sample/app/src/main: R.java for Maven, a resource APK for Robolectric
/// and for the app's own APK. Needed, after `bindgen`, before Maven or an IDE opens the sample app.
#[derive(Args)]
pub struct ResourcesArguments {}

/// Compiles and links the app's resources.
///
/// # Errors
/// When aapt2 is missing and cannot be installed, or refuses something.
pub fn run() -> Result<()> {
    programs::run()?;
    println!("aapt2: the sample app's resources into {FOLDER}");
    archive::clear(Path::new(FOLDER))?;
    fs::create_dir_all(JAVA_FOLDER).with_context(|| format!("make {JAVA_FOLDER}"))?;
    let source = format!("{APP}/AndroidManifest.xml");
    let manifest = fs::read_to_string(&source).with_context(|| format!("read {source}"))?;
    write(MERGED_MANIFEST, &merged(&manifest)?)?;
    let mut compile = Command::new("aapt2");
    process::run(compile.args(["compile", "--dir", &format!("{APP}/res"), "-o", COMPILED]))?;
    process::run(&mut link(&maven::android_framework()?))?;
    write(ROBOLECTRIC_CONFIG, &robolectric_config())
}

fn link(framework: &Path) -> Command {
    let mut command = Command::new("aapt2");
    command.args(["link", "-o", BASE_APK, "--manifest", MERGED_MANIFEST, "-I"]).arg(framework);
    command.args(["--java", JAVA_FOLDER, "--proguard", KEEP_RULES]);
    command.args(["--min-sdk-version", &API.to_string(), "--target-sdk-version", SDK_TARGET]);
    command.args(["--version-code", "1", "--version-name", env!("CARGO_PKG_VERSION"), COMPILED]);
    command
}

/// Libraries are mapped from the APK, as Gradle does from API 23 on.
fn merged(manifest: &str) -> Result<String> {
    let package = format!("<manifest package=\"{PACKAGE}\"");
    let merged = manifest.replacen("<manifest", &package, 1);
    let whole =
        merged.replacen("<application", "<application android:extractNativeLibs=\"false\"", 1);
    let is_plain = merged != manifest && whole != merged;
    ensure!(is_plain && !manifest.contains(" package="), "no plain manifest with an application");
    Ok(whole)
}

/// With paths from the app's folder, where its tests run: whole ones would lead into the tree from
/// which this one was copied.
fn robolectric_config() -> String {
    format!(
        "android_custom_package={PACKAGE}\nandroid_merged_manifest=../../{MERGED_MANIFEST}\n\
        android_resource_apk=../../{BASE_APK}\n"
    )
}

fn write(path: &str, text: &str) -> Result<()> {
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("write {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gradle_adds_gets_into_the_manifest_once() {
        let source = "<!-- a -->\n<manifest xmlns:android=\"b\">\n<application>\n</manifest>\n";
        let expected = "<!-- a -->\n<manifest package=\"dev.huihua.sample\" xmlns:android=\"b\">\n\
            <application android:extractNativeLibs=\"false\">\n</manifest>\n";
        assert_eq!(merged(source).unwrap(), expected);
        merged(expected).unwrap_err();
        merged("<application/>").unwrap_err();
    }
}
