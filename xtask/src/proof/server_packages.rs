//! That the server's packages are what users need: each is installed, tried, upgraded and removed
//! in a Debian of its own without a network, by the scripts of `xtask/server-packages`; a systemd
//! runs the service; the binary is read; the proxies of `deploy/` stand before a real server. It
//! needs root on Debian.

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use machine::{archive, process, programs};

use crate::{
    release,
    server_packages::{self, Arch, Built, GLIBC},
};

mod debian;
mod engine;

use debian::Debian;

/// Where packages and what they are tried with lie.
const WORK: &str = "target/proof/server-packages";
const SCRIPTS: &str = "xtask/server-packages";
const STORES: &str = "server/store-redb/src/tests/data";
const ALERTS: &str = "deploy/prometheus-alerts.yml";
const OPERATE: &str = "docs/operate.md";
/// Set to `all`, it adds what takes long: the other processor, an engine for containers with
/// `compose.yaml`, and the same bytes from another folder.
const EXTENT: &str = "HUIHUA_PACKAGES";
/// To be upgraded to: the same in all but its number.
const LATER: &str = "99.0.0";

/// Builds for this processor, packs and proves.
///
/// # Errors
/// When a package is not as it must be, or a tool cannot be had.
pub(crate) fn run() -> Result<()> {
    let is_all = env::var(EXTENT).is_ok_and(|extent| extent == "all");
    // Its tool takes minutes to build; and one of another commit is none of this one's.
    let bill = if is_all { Some(release::server_bill()?) } else { None };
    let bill = bill.as_deref();
    let built = Built::new(Arch::X86_64, bill)?;
    let now = built.pack(Path::new(server_packages::FOLDER))?;
    check_binary(Arch::X86_64, &now.tarball)?;
    check_alerts()?;
    let debian = Debian::prepare()?;
    lay_out(&built, &now)?;
    let booted = ["systemd.sh", "tarball.sh"];
    let proofs: [(&str, &[&str]); 6] = [
        ("deb.sh", &[]),
        ("wheel.sh", &[]),
        ("image.sh", &[]),
        ("proxies.sh", &["nginx"]),
        ("proxies.sh", &["haproxy"]),
        ("proxies.sh", &["caddy"]),
    ];
    // Most of their time they wait: a sync for 30 s.
    thread::scope(|scope| {
        let debian = &debian;
        let mut running = vec![scope.spawn(|| check_with_lintian(&now.deb))];
        for script in booted {
            let boot = move || debian.boot(Path::new(WORK), script).context(script);
            running.push(scope.spawn(boot));
        }
        for (script, arguments) in proofs {
            let run = move || debian.run(Path::new(WORK), script, arguments).context(script);
            running.push(scope.spawn(run));
        }
        running.into_iter().try_for_each(|proof| proof.join().expect("a proof does not panic"))
    })?;
    if !is_all {
        println!("not run here: aarch64 under qemu, podman and compose, two folders: {EXTENT}=all");
        return Ok(());
    }
    let podman = engine::Podman::new()?;
    podman.load(&now.image)?;
    podman.serve()?;
    podman.compose(Path::new(SCRIPTS))?;
    podman.build(debian.folder(), &now.tarball, &now.image)?;
    let other = Built::new(Arch::Aarch64, bill)?;
    let other = other.pack(Path::new(server_packages::FOLDER))?;
    check_binary(Arch::Aarch64, &other.tarball)?;
    check_with_lintian(&other.deb)?;
    engine::run_under_qemu(&other.image, &Path::new(WORK).join("arm64"))?;
    same_bytes_elsewhere(&now)
}

/// What the scripts find in `/proof`, and the image's files.
fn lay_out(built: &Built, now: &server_packages::Packages) -> Result<()> {
    let work = Path::new(WORK);
    archive::clear(work)?;
    for folder in ["now", "later", "bin", "tarball", "stores", "deploy"] {
        fs::create_dir_all(work.join(folder)).with_context(|| format!("make {folder}"))?;
    }
    let later = built.pack_as(LATER, &work.join("later"))?;
    let copy = |from: &Path, to: &str| {
        fs::copy(from, work.join(to)).with_context(|| format!("copy {}", from.display()))
    };
    copy(&now.deb, "now.deb")?;
    copy(&later.deb, "later.deb")?;
    let name = now.wheel.file_name().context("a wheel has a name")?.to_string_lossy();
    copy(&now.wheel, &format!("now/{name}"))?;
    copy(&built.program, "bin/huihua-server")?;
    for document in ["README.md", "README.zh-CN.md"] {
        copy(Path::new(document), document)?;
    }
    copy(Path::new(OPERATE), "operate.md")?;
    let name = now.tarball.file_name().context("a tarball has a name")?.to_string_lossy();
    copy(&now.tarball, &format!("tarball/{name}"))?;
    for (from, to) in [(SCRIPTS, ""), (STORES, "stores"), (server_packages::DEPLOY, "deploy")] {
        for file in archive::files(Path::new(from))? {
            let name = file.strip_prefix(from).context("a file below its folder")?;
            let target = work.join(to).join(name);
            archive::write(&target, &fs::read(&file)?)?;
        }
    }
    engine::unpack_image(&now.image, &work.join("image"))
}

/// No symbol of a newer C library, and nothing of this machine.
fn check_binary(arch: Arch, tarball: &Path) -> Result<()> {
    let program = Path::new(WORK).join(format!("{}-program", arch.name()));
    archive::write(&program, &program_of(tarball)?)?;
    let mut command = Command::new("objdump");
    programs::need("objdump", "binutils-multiarch")?;
    let symbols = process::read(command.arg("-T").arg(&program));
    let symbols = match symbols {
        Ok(symbols) => symbols,
        // Debian's own knows this processor alone.
        Err(_) => process::read(Command::new("readelf").args(["-W", "--dyn-syms"]).arg(&program))?,
    };
    let mut versions: Vec<Vec<u32>> = symbols
        .split("GLIBC_")
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            rest[..end].split('.').filter_map(|part| part.parse().ok()).collect()
        })
        .collect();
    versions.sort();
    let limit: Vec<u32> = GLIBC.split('.').filter_map(|part| part.parse().ok()).collect();
    let newest = versions.last().context("the binary has no symbol of glibc")?;
    ensure!(*newest <= limit, "the binary for {} needs glibc {newest:?}", arch.name());
    let bytes = fs::read(&program).context("read the binary")?;
    let home = env::home_dir().context("find the home folder")?;
    for path in [env::current_dir()?, home, env::temp_dir()] {
        let path = path.display().to_string();
        let is_there = memchr::memmem::find(&bytes, format!("{path}/").as_bytes()).is_some();
        ensure!(!is_there, "the binary for {} names {path}", arch.name());
    }
    println!("{}: no symbol above GLIBC_{GLIBC}, no path of this machine", arch.name());
    Ok(())
}

fn program_of(tarball: &Path) -> Result<Vec<u8>> {
    let file = fs::File::open(tarball).with_context(|| format!("open {}", tarball.display()))?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().context("read a tarball")? {
        let mut entry = entry.context("read a tarball")?;
        if entry.path().context("read a tarball")?.ends_with("bin/huihua-server") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).context("read a tarball")?;
            return Ok(bytes);
        }
    }
    bail!("{} has no bin/huihua-server", tarball.display())
}

/// Each alert has a line that says what to do.
fn check_alerts() -> Result<()> {
    let rules = fs::read_to_string(ALERTS).with_context(|| format!("read {ALERTS}"))?;
    let document = fs::read_to_string(OPERATE).with_context(|| format!("read {OPERATE}"))?;
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in names {
        let line = format!("| `{name}` |");
        ensure!(document.contains(&line), "{OPERATE} does not say what to do at {name}");
    }
    Ok(())
}

fn check_with_lintian(package: &Path) -> Result<()> {
    programs::need("lintian", "lintian")?;
    let mut command = Command::new("lintian");
    // It asks to be another user than root, for the sake of its own safety.
    command.args(["--allow-root", "--fail-on", "error,warning", "--no-cfg"]);
    process::run(command.arg(package))?;
    println!("lintian: neither errors nor warnings in {}", package.display());
    Ok(())
}

/// A clone in another folder, with nothing built, gives the same files.
fn same_bytes_elsewhere(now: &server_packages::Packages) -> Result<()> {
    let elsewhere = tempfile::tempdir().context("make a temporary folder")?;
    let clone = elsewhere.path().join("a-clone-of-another-name");
    process::run(Command::new("git").args(["clone", "--quiet", "."]).arg(&clone))?;
    let mut command = Command::new(env::current_exe().context("find this program")?);
    let arch = Arch::X86_64.name();
    command.args(["release", "--only", "server", "--arch", arch]).current_dir(&clone);
    command.env("CARGO_MANIFEST_DIR", clone.join("xtask"));
    // C code that this folder's build compiled is not taken from zig's cache.
    process::run(command.env("ZIG_GLOBAL_CACHE_DIR", elsewhere.path().join("zig")))?;
    for file in now.files() {
        let name = file.file_name().context("a package has a name")?;
        let other: PathBuf = clone.join("dist").join(name);
        let same = fs::read(file)? == fs::read(&other).context("read the other's package")?;
        ensure!(same, "{} differs between two folders", name.to_string_lossy());
    }
    println!("two folders: the same bytes of every package");
    Ok(())
}
