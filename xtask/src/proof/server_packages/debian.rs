//! A Debian for each script, made by debootstrap once and kept outside the clone: the script sees a
//! copy on top of it in memory, a network and a process table of its own, and leaves nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use machine::{process, programs};

/// Another name whenever its packages change.
const NAME: &str = "bookworm-2";
const RELEASE: &str = "bookworm";
/// What the package depends on, since there is no network to fetch it later; what scripts call; and
/// the proxies.
const PACKAGES: &str = "adduser,ca-certificates,curl,iproute2,procps,systemd,python3-venv,openssl,\
     nginx-light,haproxy,caddy";

/// In its own mount namespace `sh` lays a file system in memory over the Debian, and enters it.
const ENTER: &str = r#"
set -eu
base=$1 proof=$2
shift 2
mount --make-rprivate /
memory=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root"
layers=lowerdir=$base,upperdir=$memory/upper,workdir=$memory/work
root=$memory/root
mount -t overlay -o "$layers" overlay "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mkdir "$root/proof" "$root/image"
cp -a "$proof/." "$root/proof/"
rm -rf "$root/image" && mv "$root/proof/image" "$root/image"
cd /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
  LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" sh "/proof/$@"
"#;

/// The Debian that scripts run in.
pub(super) struct Debian(PathBuf);

impl Debian {
    /// Makes it, unless it is there.
    ///
    /// # Errors
    /// When we are not root, or debootstrap fails.
    pub(super) fn prepare() -> Result<Self> {
        let folder = programs::cache()?.join("debian").join(NAME);
        if folder.exists() {
            return Ok(Self(folder));
        }
        let id = process::read(Command::new("id").arg("-u"))?;
        if id.trim() != "0" {
            bail!("the packages of the server are tried in namespaces, which needs root");
        }
        programs::need("debootstrap", "debootstrap")?;
        println!("debootstrap: a Debian to try the packages in (once; a minute)");
        let above = folder.parent().context("a folder above the Debian")?;
        fs::create_dir_all(above).with_context(|| format!("make {}", above.display()))?;
        // Whole or not at all. A temporary folder of ours alone would shut the scripts' users out.
        let fresh = above.join(format!("{NAME}.part"));
        machine::archive::clear(&fresh)?;
        let mut command = Command::new("debootstrap");
        command.args(["--variant=minbase", &format!("--include={PACKAGES}"), RELEASE]);
        command.arg(&fresh).stdout(std::process::Stdio::null());
        process::run(&mut command)?;
        fs::rename(&fresh, &folder).with_context(|| format!("name {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Where it lies.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Runs a script of `proof`, which it sees as `/proof`.
    ///
    /// # Errors
    /// When it fails; it has said why.
    pub(super) fn run(&self, proof: &Path, script: &str, arguments: &[&str]) -> Result<()> {
        let proof = fs::canonicalize(proof).context("find the proof's folder")?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]);
        command.args(["sh", "-c", ENTER, "sh"]).arg(&self.0).arg(proof);
        let start = std::time::Instant::now();
        process::run(command.arg(script).args(arguments))?;
        let name = [&[script], arguments].concat().join(" ");
        println!("{name}: as it must be, in {} s", start.elapsed().as_secs());
        Ok(())
    }
}
