//! A Debian for each script, made by debootstrap once and kept outside the clone: the script sees a
//! copy on top of it in memory, a network and a process table of its own, and leaves nothing. A
//! script about systemd has one as its process 1.

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

/// In its own mount namespace `sh` lays a file system in memory over the Debian.
const LAY: &str = r#"
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
mkdir "$root/proof" "$root/image"
cp -a "$proof/." "$root/proof/"
rm -rf "$root/image" && mv "$root/proof/image" "$root/image"
"#;
/// Then it enters it.
const ENTER: &str = r#"
mount --bind /dev "$root/dev"
cd /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
  LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" sh "/proof/$@"
"#;
/// Or its systemd takes over, as process 1. The script is its only unit: what it prints goes into
/// the file `PROOF_OUT`, and the system ends with its exit code.
const BOOT: &str = r#"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for node in null zero full random urandom tty; do
  touch "$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node"
done
# A system that boots sets the kernel's variables: this machine's.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
touch "$root/proof/out" && mount --bind "$PROOF_OUT" "$root/proof/out"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
cat >"$root/etc/systemd/system/proof.service" <<END
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
StandardOutput=append:/proof/out
StandardError=append:/proof/out
ExecStart=/bin/sh /proof/$1
ExecStopPost=/bin/sh -c 'systemctl --no-block exit \$EXIT_STATUS'
TimeoutStartSec=300
END
cd "$root"
mkdir .machine
pivot_root . .machine
umount -l .machine
exec env -i container=huihua-proof /lib/systemd/systemd --unit=proof.service --log-target=journal
"#;
/// It makes the control group whose processes are that system's, beside this machine's own.
const OWN_GROUP: &str = r#"
set -eu
mount --make-rprivate /
groups=$(mktemp -d)
mount -t cgroup2 cgroup2 "$groups"
own=$groups/huihua-proof-$$
mkdir "$own"
export PROOF_OUT=$(mktemp)
status=0
sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$own" unshare --cgroup "$@" || status=$?
cat "$PROOF_OUT"
rm "$PROOF_OUT"
find "$own" -depth -type d -exec rmdir {} +
exit $status
"#;
/// What a script has of its own.
const NAMESPACES: [&str; 7] =
    ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"];

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
        let mut command = Command::new("unshare");
        command.args(NAMESPACES).args(["sh", "-c", &[LAY, ENTER].concat(), "sh"]);
        self.prove(command, proof, script, arguments)
    }

    /// The same in a Debian that systemd booted.
    ///
    /// # Errors
    /// As [`Self::run`], or when this machine lets no systemd boot.
    pub(super) fn boot(&self, proof: &Path, script: &str) -> Result<()> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--fork", "--kill-child", "sh", "-c", OWN_GROUP, "sh"]);
        command.args(NAMESPACES).args(["sh", "-c", &[LAY, BOOT].concat(), "sh"]);
        self.prove(command, proof, script, &[])
    }

    fn prove(&self, mut run: Command, proof: &Path, script: &str, rest: &[&str]) -> Result<()> {
        let proof = fs::canonicalize(proof).context("find the proof's folder")?;
        let start = std::time::Instant::now();
        process::run(run.arg(&self.0).arg(proof).arg(script).args(rest))?;
        let name = [&[script], rest].concat().join(" ");
        println!("{name}: as it must be, in {} s", start.elapsed().as_secs());
        Ok(())
    }
}
