//! In place of the Android Gradle plugin: the sample app as a release build. Resources by aapt2,
//! classes by Maven, shrunk by R8, libraries at 16 KiB, signed with a debug key.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use machine::{
    abi::{API, Abi, LIBRARY_NAME},
    archive::{self, Archive, LIBRARY_ALIGNMENT},
    maven, process, programs,
};

use memchr::memmem;

use crate::{r8, resources};

/// The workspace's.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const FOLDER: &str = "target/apk";
const APP_CLASSES: &str = "target/kotlin/huihua-sample/classes";
/// What R8 gave, below [`FOLDER`].
const SHRUNK: &str = "r8";
const JNA_LIBRARY: &str = "libjnidispatch.so";
/// What every debug key on every machine has: it proves nothing.
const KEY_PASSWORD: &str = "android";
const KEY_ALIAS: &str = "androiddebugkey";
/// Have to be in the code under these names: the manifest and C code look for them.
const CLASSES_BY_NAME: [&str; 2] =
    ["Ldev/huihua/sample/SessionListActivity;", "Lcom/sun/jna/Structure;"];

/// Builds the APK with an AAR's classes, rules and libraries.
///
/// # Errors
/// When a tool fails.
pub fn build(aar: &Path, abis: &[Abi]) -> Result<PathBuf> {
    programs::need("apksigner", "apksigner")?;
    let folder = Path::new(FOLDER);
    archive::clear(folder)?;
    archive::unpack(aar, "", &folder.join("aar"))?;
    archive::unpack(&maven::jna("aar")?, "", &folder.join("jna"))?;
    shrink(folder)?;

    let mut apk = Archive::default();
    apk.add_archive(Path::new(resources::BASE_APK))?;
    let shrunk = folder.join(SHRUNK);
    for path in archive::files(&shrunk)? {
        let name = path.strip_prefix(&shrunk).context("a file below its folder")?;
        let name = name.to_string_lossy();
        // The rest is Kotlin's for compilers.
        if name.ends_with(".dex") || name.starts_with("META-INF/services/") {
            apk.add_file(name, &path)?;
        }
    }
    for abi in abis {
        // JNA's AAR has libraries for seven ABIs; an app carries its own.
        for (from, library) in [("aar", LIBRARY_NAME), ("jna", JNA_LIBRARY)] {
            let path = folder.join(from).join("jni").join(abi.name()).join(library);
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            apk.add_stored(format!("lib/{}/{library}", abi.name()), bytes);
        }
    }
    let unsigned = folder.join("unsigned.apk");
    apk.write(&unsigned)?;
    sign(&unsigned, &folder.join(format!("huihua-sample-{VERSION}.apk")))
}

fn shrink(folder: &Path) -> Result<()> {
    let mut app = Archive::default();
    app.add_folder(Path::new(APP_CLASSES))?;
    app.write(&folder.join("app.jar"))?;
    let mut programs =
        ["app.jar", "aar/classes.jar", "jna/classes.jar"].map(|name| folder.join(name)).to_vec();
    programs.extend(maven::kotlin_jars()?);
    let coroutines = maven::version("coroutines.version")?;
    let on_android = "kotlinx-coroutines-android";
    programs.push(maven::fetch("org.jetbrains.kotlinx", on_android, &coroutines, "jar")?);
    let run = r8::Run {
        programs,
        libraries: r8::android_libraries()?,
        // The app has no rules of its own: aapt2 found what the manifest names; the AAR has more.
        rules: vec![PathBuf::from(resources::KEEP_RULES), folder.join("aar/proguard.txt")],
    };
    println!("R8: shrinking app, facade, JNA, coroutines and Kotlin");
    fs::create_dir_all(folder.join(SHRUNK)).context("make a folder for R8")?;
    let mut command = run.to_dex(&folder.join(SHRUNK))?;
    command.arg("--pg-map-output").arg(folder.join("mapping.txt"));
    r8::run(command)
}

/// Signs with this machine's debug key, so that an app can be installed over an older build.
fn sign(unsigned: &Path, signed: &Path) -> Result<PathBuf> {
    let key = programs::cache()?.join("debug.keystore");
    if !key.exists() {
        fs::create_dir_all(programs::cache()?).context("make the cache")?;
        let mut keytool = Command::new("keytool");
        keytool.args(["-genkeypair", "-alias", KEY_ALIAS, "-keyalg", "RSA", "-keysize", "2048"]);
        keytool.args(["-validity", "10000", "-dname", "CN=Android Debug,O=Android,C=US"]);
        keytool.args(["-storetype", "PKCS12", "-storepass", KEY_PASSWORD, "-keystore"]);
        process::run(keytool.arg(&key))?;
    }
    let mut apksigner = Command::new("apksigner");
    apksigner.args(["sign", "--ks-pass", &format!("pass:{KEY_PASSWORD}"), "--ks"]).arg(&key);
    apksigner.args(["--min-sdk-version", &API.to_string(), "--out"]).arg(signed).arg(unsigned);
    process::run(&mut apksigner)?;
    Ok(signed.to_owned())
}

/// Looks at an APK as a device does when it installs it.
///
/// # Errors
/// With the first thing that is not as it must be.
pub fn check(apk: &Path, abis: &[Abi]) -> Result<()> {
    let mut verify = Command::new("apksigner");
    verify.args(["verify", "--min-sdk-version", &API.to_string()]).arg(apk);
    process::run(&mut verify).context("the signature does not hold")?;

    let entries = archive::entries(apk)?;
    for entry in entries.iter().filter(|entry| entry.name.ends_with(".so")) {
        let is_aligned = entry.data_start % u64::from(LIBRARY_ALIGNMENT) == 0;
        ensure!(entry.is_stored && is_aligned, "{}: not stored at 16 KiB", entry.name);
    }
    let resources = entries.iter().find(|entry| entry.name == "resources.arsc");
    let resources = resources.context("no resources.arsc")?;
    ensure!(resources.is_stored && resources.data_start % 4 == 0, "resources.arsc: not mappable");
    let dex = archive::entry(apk, "classes.dex")?;
    ensure!(dex.starts_with(b"dex\n"), "classes.dex is not a DEX file");
    for class in CLASSES_BY_NAME {
        ensure!(memmem::find(&dex, class.as_bytes()).is_some(), "classes.dex: no {class}");
    }

    let badging = process::read(Command::new("aapt2").args(["dump", "badging"]).arg(apk))?;
    let mut expected = vec![
        "package: name='dev.huihua.sample'".to_owned(),
        format!("versionName='{VERSION}'"),
        format!("sdkVersion:'{API}'"),
        "uses-permission: name='android.permission.INTERNET'".to_owned(),
        "launchable-activity: name='dev.huihua.sample.SessionListActivity'".to_owned(),
    ];
    expected.extend(abis.iter().map(|abi| format!("'{}'", abi.name())));
    expected.retain(|text| !badging.contains(text));
    ensure!(expected.is_empty(), "{badging}\nthe manifest says nothing of {expected:?}");
    let bytes = fs::metadata(apk).context("measure the APK")?.len();
    println!("{}: {bytes} bytes; signature, alignment, code and manifest hold", apk.display());
    Ok(())
}
