//! That the Android library runs: the x86_64 one, on this machine's C library. The crate
//! `offline-android` bridges the differences of the two C libraries; the facade makes the calls.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::scene::{FACADE_CLASSES, SMOKE_SOURCES, Scene, java, javac, runtime_jars};
use machine::{
    abi::{Abi, Library},
    archive, process,
};
use offline_android::glibc_shim::{self, DRIVER, DRIVER_CLASS};

use crate::android;

const FOLDER: &str = "target/proof/shim";
/// Of the driver's TLS server; known to `Driver.java`, and no secret.
const PASSWORD: &str = "changeit";

/// Runs the proof: on the library that is packed, and on one with calls that panic.
///
/// # Errors
/// When a library does not build, or the driver sees something unexpected.
pub(crate) fn run() -> Result<()> {
    if (env::consts::OS, env::consts::ARCH) != ("linux", "x86_64") {
        println!("glibc-shim: not here; only Linux on x86_64 can run Android's x86_64 library");
        return Ok(());
    }
    let libraries = android::build(&[Abi::X86_64])?;
    let that_panics = android::build_that_panics(Abi::X86_64)?;
    let folder = Path::new(FOLDER);
    archive::clear(folder)?;
    fs::create_dir_all(folder.join("libraries")).with_context(|| format!("make {FOLDER}"))?;
    glibc_shim::build(&folder.join("libraries"))?;
    let classes = folder.join("classes");
    fs::create_dir_all(&classes).with_context(|| format!("make {FOLDER}"))?;
    javac(&[SMOKE_SOURCES, DRIVER], &classes)?;
    let key_store = make_key_store(folder)?;
    let scene = Scene::set()?;
    for library in &libraries {
        drive(library, "calm", &classes, &key_store, &scene)?;
    }
    drive(&that_panics, "panics", &classes, &key_store, &scene)
}

/// A TLS server's key for 127.0.0.1, signed by a root that nobody else has.
fn make_key_store(folder: &Path) -> Result<PathBuf> {
    let store = folder.join("tls.p12");
    let keytool = |arguments: &[&str]| -> Result<()> {
        let mut command = Command::new("keytool");
        command.args(arguments).arg("-keystore").arg(&store);
        process::run(command.args(["-storepass", PASSWORD, "-storetype", "PKCS12"]))
    };
    let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (request, signed, root) = (file("server.csr"), file("server.pem"), file("root.pem"));
    let new_key = ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30"];
    let with = |rest: &[&'static str]| [new_key.as_slice(), rest].concat();
    keytool(&with(&["-alias", "root-key", "-dname", "CN=Huihua shim root", "-ext", "bc:c"]))?;
    keytool(&with(&["-alias", "server", "-dname", "CN=127.0.0.1"]))?;
    keytool(&["-certreq", "-alias", "server", "-file", &request])?;
    let names = ["-ext", "san=ip:127.0.0.1", "-validity", "30", "-rfc"];
    let sign = ["-gencert", "-alias", "root-key", "-infile", &request, "-outfile", &signed];
    keytool(&[sign.as_slice(), &names].concat())?;
    keytool(&["-exportcert", "-alias", "root-key", "-rfc", "-file", &root])?;
    // A server shows its own key; the root is there as a certificate alone.
    keytool(&["-delete", "-alias", "root-key"])?;
    keytool(&["-importcert", "-noprompt", "-alias", "root", "-file", &root])?;
    keytool(&["-importcert", "-noprompt", "-alias", "server", "-file", &signed])?;
    Ok(store)
}

fn drive(
    library: &Library,
    kind: &str,
    classes: &Path,
    key_store: &Path,
    scene: &Scene,
) -> Result<()> {
    let path = fs::canonicalize(&library.path).context("find the library")?;
    let folder = path.parent().context("a library has a folder")?;
    println!("driving {} ({kind})", library.path.display());
    let mut entries = vec![classes.to_owned(), PathBuf::from(FACADE_CLASSES)];
    entries.extend(runtime_jars()?);
    // The generated code asks for it by name: it gets the one that the driver opened.
    let mut command = java(&entries, &[format!("-Djna.library.path={}", folder.display())])?;
    command.arg(DRIVER_CLASS).arg(&path).args([&scene.server.site.url, &scene.account]);
    command.arg(key_store).arg(kind).env("HUIHUA_TOKEN", &scene.token);
    // The panics are wanted: a line each will do.
    command.env("RUST_BACKTRACE", "0");
    command.env("LD_LIBRARY_PATH", fs::canonicalize(FOLDER)?.join("libraries"));
    let result = process::run(&mut command);
    if result.is_err() {
        scene.server.print_log();
    }
    result
}
