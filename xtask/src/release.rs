//! `release`: everything that users get, in [`FOLDER`], with what is in it and checksums.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;
use sha2::{Digest, Sha256};

use machine::{abi::Abi, archive, process, programs};
use offline_android::apk;

use crate::{
    aar, android,
    repository::VERSION,
    server_packages::{self, Arch, Built},
    tree::cargo,
};

const FOLDER: &str = "dist";
const SUMS: &str = "SHA256SUMS";
/// Makes the bills of materials.
const SBOM_TOOL: &str = "cargo-cyclonedx";
const SBOM_TOOL_VERSION: &str = "0.5.9";
/// The name of each bill of materials, beside its crate's manifest.
const SBOM_NAME: &str = "huihua-sbom";
/// What is given out.
const SERVER: &str = "huihua-server";
const LIBRARY: &str = "huihua-ffi";

/// Build everything that users get into dist/: packages, app, server, bills of materials, checksums
///
/// The Maven repository with AAR and JAR for every ABI, the sample app's APK, the server for x86_64
/// and aarch64 as tarball, .deb, wheel and image, CycloneDX bills of materials and SHA256SUMS.
/// Empties dist/ first. From nothing it takes three quarters of an hour on two cores.
#[derive(Args)]
pub(crate) struct ReleaseArguments {
    /// Build this part alone: the server takes some minutes and needs nothing of Android
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Build the server for this processor alone
    #[arg(long, value_name = "PROCESSOR")]
    arch: Option<Arch>,
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Part {
    Server,
}

/// Builds it all, or a part.
///
/// # Errors
/// When something does not build, is too large, or cannot be written.
pub(crate) fn run(arguments: &ReleaseArguments) -> Result<()> {
    let dist = Path::new(FOLDER);
    archive::clear(dist)?;
    if arguments.only.is_none() {
        android(dist)?;
    }
    let packages: &[&str] = match arguments.only {
        Some(Part::Server) => &[SERVER],
        None => &[SERVER, LIBRARY],
    };
    bills_of_materials(packages, dist)?;
    let bill = server_packages::bill_path();
    copy_as(&dist.join(bill_of(SERVER)), &bill)?;
    let wanted = |arch: &Arch| arguments.arch.is_none_or(|only| only == *arch);
    for arch in Arch::ALL.into_iter().filter(wanted) {
        let packages = Built::new(arch, Some(&bill))?.pack(Path::new(server_packages::FOLDER))?;
        for file in packages.files() {
            copy(file, dist)?;
        }
    }
    sums(dist)
}

fn android(dist: &Path) -> Result<()> {
    aar::build_kotlin()?;
    let libraries = android::build(&Abi::ALL)?;
    let repository = dist.join("maven");
    let aar = aar::pack(&libraries, &repository)?;
    let jar = aar::pack_jvm(&aar::build_host_library()?, &repository)?;
    let apk = apk::build(&aar, &Abi::ALL)?;
    apk::check(&apk, &Abi::ALL)?;
    android::compare(&[("aar", &aar), ("apk", &apk)])?;
    for file in [&aar, &jar, &apk] {
        copy(file, dist)?;
    }
    Ok(())
}

/// Makes the bill of materials that the server's packages carry.
///
/// # Errors
/// When its tool cannot be had, or something cannot be written.
pub(crate) fn server_bill() -> Result<PathBuf> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    bills_of_materials(&[SERVER], folder.path())?;
    let bill = server_packages::bill_path();
    copy_as(&folder.path().join(bill_of(SERVER)), &bill)?;
    Ok(bill)
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("a file has a name")?;
    copy_as(file, &folder.join(name))
}

fn copy_as(file: &Path, target: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    archive::write(target, &bytes)
}

/// Which crates are in the server and in the library, in CycloneDX.
fn bills_of_materials(packages: &[&str], folder: &Path) -> Result<()> {
    let tool = bill_tool()?;
    let mut command = Command::new(&tool);
    command.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    // Android's crates too, not only this machine's.
    process::run(command.args(["--target", "all", "--override-filename", SBOM_NAME]))?;
    let top = env::current_dir().context("find the top of the tree")?;
    // It wrote one beside every crate's manifest.
    let mut made = Command::new("git");
    made.args(["ls-files", "--others", "--", &format!("*{SBOM_NAME}.json")]);
    let mut missing = packages.to_vec();
    for path in process::read(&mut made)?.lines() {
        let text = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
        fs::remove_file(path).with_context(|| format!("remove {path}"))?;
        // It names our own crates by where they lie here.
        let text = text.replace(&top.display().to_string(), "/huihua");
        let mut bill: Value =
            serde_json::from_str(&text).with_context(|| format!("read {path}"))?;
        let name = bill["metadata"]["component"]["name"].as_str().unwrap_or_default().to_owned();
        let Some(at) = missing.iter().position(|package| *package == name) else { continue };
        missing.remove(at);
        // Drawn anew each time, and asked for by nobody; the time is that of all files.
        bill.as_object_mut().context("a bill is an object")?.remove("serialNumber");
        bill["metadata"]["timestamp"] = server_packages::time_text()?.into();
        archive::write(&folder.join(bill_of(&name)), format!("{bill:#}\n").as_bytes())?;
    }
    ensure!(missing.is_empty(), "{SBOM_TOOL} made no bill of materials for {missing:?}");
    Ok(())
}

fn bill_of(package: &str) -> String {
    format!("{package}-{VERSION}.cdx.json")
}

fn bill_tool() -> Result<PathBuf> {
    let tools = programs::cache()?.join("tools");
    let tool = tools.join("bin").join(SBOM_TOOL);
    if !tool.exists() {
        println!("cargo: installing {SBOM_TOOL} (once; minutes)");
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", SBOM_TOOL, "--version", SBOM_TOOL_VERSION]);
        process::run(install.arg("--root").arg(&tools))?;
    }
    Ok(tool)
}

/// As `sha256sum --check` reads it.
fn sums(folder: &Path) -> Result<()> {
    let mut text = String::new();
    for path in archive::files(folder)? {
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let name = path.strip_prefix(folder).context("a file below its folder")?;
        text.push_str(&format!("{}  {}\n", hex::encode(Sha256::digest(bytes)), name.display()));
    }
    archive::write(&folder.join(SUMS), text.as_bytes())?;
    println!(
        "release: {} files in {FOLDER}/; check: sha256sum --check {SUMS}",
        text.lines().count()
    );
    Ok(())
}
