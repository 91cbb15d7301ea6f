//! `aar`: what Android and desktop apps depend on, packed as their build tools expect it, in a
//! Maven repository under [`REPOSITORY`]: `huihua-android` (AAR) and `huihua-jvm` (JAR with the
//! library of this machine inside).

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;

use machine::{
    abi::{Abi, LIBRARY_NAME, Library},
    archive::Archive,
    process, programs,
};
use offline_android::resources;

use crate::{
    android, bindgen, kotlin,
    repository::{GROUP, Publication, VERSION},
    tree::cargo,
};

/// Where users' builds find it: a repository of Maven's layout.
pub(crate) const REPOSITORY: &str = "target/maven";
const MANIFEST: &str = "android-sample/sdk/AndroidManifest.xml";
/// The rules that R8 applies in users' builds.
pub(crate) const CONSUMER_RULES: &str = "bindings/kotlin/consumer-rules.pro";
/// What the Android Gradle plugin wants to know before it takes an AAR. Nothing of ours needs a
/// newer compileSdk than the library's own minSdk.
const METADATA: &str = "aarFormatVersion=1.0\naarMetadataVersion=1.0\nminCompileSdk=24\n";
const METADATA_PATH: &str = "META-INF/com/android/build/gradle/aar-metadata.properties";
/// The API's documents, by Dokka.
const DOKKA: &str = "target/kotlin/dokka";

/// Pack the AAR for Android and the JAR for desktop JVMs into a Maven repository in target/maven
///
/// Compiles the library for each ABI (by the NDK and cargo-ndk when ANDROID_NDK_HOME is set, else
/// by what Debian and PyPI have, installed when root) and the facade, and packs both with sources,
/// documents, POM and checksums. The same tree gives the same bytes wherever it
/// lies. The first time it takes about 4 minutes an ABI on two cores; later only what changed.
#[derive(Args)]
pub(crate) struct AarArguments {
    /// Only this ABI; may be given several times [default: all]
    #[arg(long, value_name = "ABI")]
    pub(crate) abi: Vec<Abi>,
}

impl AarArguments {
    pub(crate) fn abis(&self) -> Vec<Abi> {
        if self.abi.is_empty() { Abi::ALL.into() } else { self.abi.clone() }
    }
}

/// Builds everything that is packed, and packs it.
///
/// # Errors
/// When something does not build, or is too large.
pub(crate) fn run(arguments: &AarArguments) -> Result<()> {
    build_kotlin()?;
    let libraries = android::build(&arguments.abis())?;
    let aar = pack(&libraries, Path::new(REPOSITORY))?;
    pack_jvm(&build_host_library()?, Path::new(REPOSITORY))?;
    if libraries.len() == Abi::ALL.len() {
        android::compare(&[("aar", &aar)])?;
    }
    println!("{}", how_to_depend(Path::new(REPOSITORY))?);
    Ok(())
}

/// The Kotlin side, as it is packed.
///
/// # Errors
/// When something does not build.
pub(crate) fn build_kotlin() -> Result<()> {
    programs::run()?;
    bindgen::run()?;
    resources::run()?;
    kotlin::package()
}

/// Packs the AAR with these libraries into a repository, from compiled classes.
///
/// # Errors
/// When something is missing or cannot be written.
pub(crate) fn pack(libraries: &[Library], repository: &Path) -> Result<PathBuf> {
    let mut classes = Archive::default();
    classes.add_folder(Path::new("target/kotlin/huihua-android/classes"))?;
    let mut aar = Archive::default();
    aar.add("classes.jar", classes.into_bytes()?);
    aar.add_file("AndroidManifest.xml", Path::new(MANIFEST))?;
    aar.add_file("proguard.txt", Path::new(CONSUMER_RULES))?;
    // No resources of ours; the Android Gradle plugin wants the file all the same.
    aar.add("R.txt", "");
    aar.add(METADATA_PATH, METADATA);
    for Library { abi, path } in libraries {
        aar.add_file(format!("jni/{}/{}", abi.name(), LIBRARY_NAME), path)?;
    }
    let path = Publication {
        name: "huihua-android",
        packaging: "aar",
        main: aar.into_bytes()?,
        sources: sources("android")?,
        javadoc: javadoc()?,
    }
    .put_into(repository)?;
    println!("aar: {}", path.display());
    Ok(path)
}

/// Packs the JAR for desktop JVMs with a library of this machine into a repository.
///
/// # Errors
/// As [`pack`].
pub(crate) fn pack_jvm(library: &Path, repository: &Path) -> Result<PathBuf> {
    let path = Publication {
        name: "huihua-jvm",
        packaging: "jar",
        main: jvm_jar(library)?,
        sources: sources("jvm")?,
        javadoc: javadoc()?,
    }
    .put_into(repository)?;
    println!("jar: {}", path.display());
    Ok(path)
}

/// The facade's classes, and a library where JNA looks for it.
///
/// # Errors
/// When something is missing.
pub(crate) fn jvm_jar(library: &Path) -> Result<Vec<u8>> {
    let mut jar = Archive::default();
    jar.add_folder(Path::new("target/kotlin/huihua-jvm/classes"))?;
    jar.add("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n");
    let name = library.file_name().context("a library has a name")?.to_string_lossy();
    jar.add_file(format!("{}/{name}", jna_folder()), library)?;
    jar.into_bytes()
}

/// The facade's sources and the generated ones: what a debugger wants to step through.
///
/// # Errors
/// When a folder cannot be read.
pub(crate) fn sources(platform: &str) -> Result<Vec<u8>> {
    let mut jar = Archive::default();
    for folder in ["src/main/java", "src/main/kotlin", &format!("src/{platform}/kotlin")] {
        jar.add_folder(&Path::new("bindings/kotlin").join(folder))?;
    }
    jar.add_folder(Path::new(bindgen::KOTLIN_FOLDER))?;
    jar.into_bytes()
}

fn javadoc() -> Result<Vec<u8>> {
    if !Path::new(DOKKA).exists() {
        println!("Maven: the API's documents, by Dokka");
        kotlin::build(":huihua-apidocs", "verify")?;
    }
    let mut jar = Archive::default();
    jar.add_folder(Path::new(DOKKA))?;
    jar.into_bytes()
}

/// The library for this machine, as small as for Android.
///
/// # Errors
/// When it does not compile.
pub(crate) fn build_host_library() -> Result<PathBuf> {
    println!("cargo: the library for this machine, as it is released (the first time: minutes)");
    let mut command = cargo();
    command.args(android::BUILD).env("CARGO_ENCODED_RUSTFLAGS", android::remapping_flags()?);
    process::run(&mut command)?;
    let name = bindgen::library();
    Ok(Path::new("target/small").join(name.file_name().context("a library has a name")?))
}

/// Where JNA looks inside a JAR for a library of this machine.
fn jna_folder() -> String {
    let system = match env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    format!("{system}-{processor}")
}

fn how_to_depend(repository: &Path) -> Result<String> {
    let folder = fs::canonicalize(repository).context("find the repository")?;
    Ok(format!(
        "Gradle: repositories {{ maven(\"{}\") }}, then implementation(\"{GROUP}:huihua-android:\
        {VERSION}\") or (\"{GROUP}:huihua-jvm:{VERSION}\")",
        folder.display()
    ))
}
