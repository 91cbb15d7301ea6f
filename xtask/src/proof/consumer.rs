//! That the packages are what a build tool expects: read entry by entry, resolved by Maven into a
//! project that knows nothing of this tree, compiled against in Java and Kotlin, and run.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use machine::{abi::Abi, archive, maven, process};
use offline_android::apk;

use super::scene::{SMOKE_SOURCES, Scene, javac};
use crate::{
    aar::{self, CONSUMER_RULES},
    android, bindgen,
    repository::VERSION,
};

/// Not the one that users' builds read: this has two ABIs, and a library with debug assertions.
const REPOSITORY: &str = "target/proof/maven";
const PROJECT: &str = "xtask/android/consumer";
const PROJECT_COPY: &str = "target/proof/consumer";

/// Packs for the ABIs that CI builds, and reads what came out.
///
/// # Errors
/// When a package is not as it must be.
pub(crate) fn run() -> Result<()> {
    archive::clear(Path::new(REPOSITORY))?;
    fs::create_dir_all(REPOSITORY).with_context(|| format!("make {REPOSITORY}"))?;
    let libraries = android::build(&Abi::CHECKED)?;
    let aar = aar::pack(&libraries, Path::new(REPOSITORY))?;
    let jar = aar::pack_jvm(&stripped_library()?, Path::new(REPOSITORY))?;
    check_aar(&aar)?;
    check_documentation(&aar)?;
    check_documentation(&jar)?;
    let classpath = build_project(&aar)?;
    run_desktop_program(&classpath)?;
    apk::check(&apk::build(&aar, &Abi::CHECKED)?, &Abi::CHECKED)
}

/// The debug build's library, which is there already, without what would make the JAR huge.
pub(super) fn stripped_library() -> Result<PathBuf> {
    let library = bindgen::library();
    fs::create_dir_all("target/proof").context("make target/proof")?;
    let stripped =
        Path::new("target/proof").join(library.file_name().context("a library has a name")?);
    process::run(Command::new("strip").arg("-o").arg(&stripped).arg(&library))?;
    Ok(stripped)
}

fn check_aar(aar: &Path) -> Result<()> {
    let names: BTreeSet<String> =
        archive::entries(aar)?.into_iter().map(|entry| entry.name).collect();
    let mut expected: BTreeSet<String> = [
        "AndroidManifest.xml",
        "META-INF/com/android/build/gradle/aar-metadata.properties",
        "R.txt",
        "classes.jar",
        "proguard.txt",
    ]
    .map(str::to_owned)
    .into();
    expected.extend(Abi::CHECKED.map(|abi| format!("jni/{}/libhuihua.so", abi.name())));
    let (missing, strange) = (&expected - &names, &names - &expected);
    ensure!(
        missing.is_empty() && strange.is_empty(),
        "{}: without {missing:?}, with {strange:?}",
        aar.display()
    );
    let rules = fs::read(CONSUMER_RULES).context("read the consumer rules")?;
    ensure!(archive::entry(aar, "proguard.txt")? == rules, "proguard.txt is not {CONSUMER_RULES}");
    ensure!(archive::entry(aar, "R.txt")?.is_empty(), "R.txt names resources");
    let manifest = String::from_utf8(archive::entry(aar, "AndroidManifest.xml")?)?;
    for wanted in ["android:minSdkVersion=\"24\"", "android.permission.INTERNET"] {
        ensure!(manifest.contains(wanted), "AndroidManifest.xml: no {wanted}");
    }

    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let classes = folder.path().join("classes.jar");
    archive::write(&classes, &archive::entry(aar, "classes.jar")?)?;
    let classes = archive::entries(&classes)?;
    let has = |name: &str| classes.iter().any(|entry| entry.name == name);
    ensure!(has("dev/huihua/sdk/SessionService.class"), "classes.jar: no SessionService");
    let ours = |name: &str| name.starts_with("dev/huihua/sdk/") || name.starts_with("META-INF/");
    if let Some(strange) = classes.iter().find(|entry| !ours(&entry.name)) {
        bail!("classes.jar: {} is not of the SDK", strange.name);
    }
    println!("{}: {} entries, as they must be", aar.display(), names.len());
    Ok(())
}

/// What an IDE shows beside the code.
fn check_documentation(main: &Path) -> Result<()> {
    let stem = main.file_stem().context("an artifact has a name")?.to_string_lossy();
    for (kind, name) in [
        ("sources", "dev/huihua/sdk/SessionService.kt"),
        ("sources", "dev/huihua/sdk/ffi/huihua.kt"),
        ("javadoc", "index.html"),
    ] {
        archive::entry(&main.with_file_name(format!("{stem}-{kind}.jar")), name)?;
    }
    Ok(())
}

/// Builds the stranger's project, and gives the class path of its desktop program.
fn build_project(aar: &Path) -> Result<Vec<PathBuf>> {
    archive::clear(Path::new(PROJECT_COPY))?;
    for file in archive::files(Path::new(PROJECT))? {
        let copy = Path::new(PROJECT_COPY).join(file.strip_prefix(PROJECT)?);
        archive::write(
            &copy,
            &fs::read(&file).with_context(|| format!("read {}", file.display()))?,
        )?;
    }
    // Marks the project's top, from which it finds its own files.
    fs::create_dir_all(Path::new(PROJECT_COPY).join(".mvn")).context("mark the project's top")?;
    let settings = Path::new(PROJECT_COPY).join("settings.xml");
    let ours = fs::canonicalize(REPOSITORY).context("find the repository")?;
    archive::write(&settings, settings_xml(Some(&ours))?.as_bytes())?;
    archive::unpack(aar, "", &Path::new(PROJECT_COPY).join("aar"))?;
    println!("Maven: a project that has only our repository and the usual ones");
    let mut command = maven::program();
    command
        .args(["--quiet", "--settings"])
        .arg(fs::canonicalize(&settings).context("find the settings")?);
    let own = env::current_dir()?.join(PROJECT_COPY).join("m2");
    command.arg(format!("-Dmaven.repo.local={}", own.display()));
    command.arg(format!("-Dhuihua.version={VERSION}"));
    command.arg(format!("-Dkotlin.version={}", maven::version("kotlin.version")?));
    process::run(command.arg("compile").current_dir(PROJECT_COPY))?;
    for class in ["JavaUser", "KotlinUser"] {
        let path = format!("{PROJECT_COPY}/android/target/classes/dev/example/{class}.class");
        ensure!(Path::new(&path).exists(), "not compiled: {path}");
    }
    let resolved = fs::read(format!("{PROJECT_COPY}/aar/huihua-android.aar"));
    ensure!(resolved.context("read what Maven resolved")? == fs::read(aar)?, "another AAR");
    let jna = |name: &str| -> Result<Vec<PathBuf>> {
        let is_jna = |path: &PathBuf| path.to_string_lossy().contains("/net/java/dev/jna/");
        Ok(classpath(name)?.into_iter().filter(is_jna).collect())
    };
    let (seen, carried) = (jna("compile")?, jna("runtime")?);
    ensure!(seen.is_empty(), "an app's code sees {seen:?}: the POM's scope is too wide");
    let is_aar = carried.iter().all(|path| path.extension().is_some_and(|end| end == "aar"));
    ensure!(carried.len() == 1 && is_aar, "an app carries {carried:?}, not JNA's AAR");
    classpath("desktop")
}

/// A class path that the project's build wrote down.
fn classpath(name: &str) -> Result<Vec<PathBuf>> {
    let path = format!("{PROJECT_COPY}/{name}-classpath.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    Ok(env::split_paths(text.trim()).collect())
}

/// The local repository is empty, so that no artifact resolved before hides a missing one. Files
/// that other builds on this machine got from Maven Central are not fetched again. By default
/// Maven only warns of a wrong checksum, which Gradle does not take.
pub(super) fn settings_xml(ours: Option<&Path>) -> Result<String> {
    let fetched = maven::local_repository()?;
    let entry = |kind: &str, id: &str, folder: &Path, policy: &str| {
        format!("<{kind}><id>{id}</id><url>file://{}</url>{policy}</{kind}>", folder.display())
    };
    let strict = "<releases><checksumPolicy>fail</checksumPolicy></releases>";
    let ours = ours.map(|folder| entry("repository", "huihua", folder, strict));
    Ok(format!(
        "<settings><profiles><profile><id>all</id>\n<repositories>{}{}</repositories>\n\
        <pluginRepositories>{}</pluginRepositories>\n</profile></profiles>\n\
        <activeProfiles><activeProfile>all</activeProfile></activeProfiles></settings>\n",
        ours.unwrap_or_default(),
        entry("repository", "fetched", &fetched, ""),
        entry("pluginRepository", "fetched", &fetched, ""),
    ))
}

/// The library comes out of the JAR: nobody says where it lies.
fn run_desktop_program(classpath: &[PathBuf]) -> Result<()> {
    let classes = Path::new(PROJECT_COPY).join("smoke");
    fs::create_dir_all(&classes).context("make a folder for the smoke")?;
    javac(&[SMOKE_SOURCES], &classes)?;
    let mut entries = vec![classes];
    entries.extend(classpath.iter().cloned());
    let scene = Scene::set()?;
    process::run(&mut scene.smoke(&entries, &[])?)
}
