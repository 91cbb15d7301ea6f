//! The image where it is meant to run: by podman, and, for the processor that this machine is not,
//! by qemu with the image's own C library.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use machine::{
    archive,
    process::{self, Process},
    programs,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    repository::VERSION,
    server,
    server_packages::{DEPLOY, IMAGE_USER},
};

/// What makes podman's networks, as Debian has it.
const NETAVARK: &str = "/usr/lib/podman/netavark";
/// podman alone would take another one, by what it has used before.
const CONTAINERS_CONF: &[u8] = b"[network]\nnetwork_backend = \"netavark\"\n";
/// qemu translates as it goes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Unpacks the layer of an image into a folder, with its owners.
///
/// # Errors
/// When the image is not an OCI layout with one layer, or we are not root.
pub(super) fn unpack_image(image: &Path, folder: &Path) -> Result<()> {
    archive::clear(folder)?;
    let layer = files_of(image)?
        .into_values()
        .find(|bytes| bytes.starts_with(&[0x1f, 0x8b]))
        .with_context(|| format!("{} has no layer", image.display()))?;
    let mut archive = tar::Archive::new(GzDecoder::new(layer.as_slice()));
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(true);
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    archive.unpack(folder).with_context(|| format!("unpack {}", image.display()))
}

fn files_of(image: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let bytes = fs::read(image).with_context(|| format!("read {}", image.display()))?;
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().context("read an image")? {
        let mut entry = entry.context("read an image")?;
        let path = entry.path().context("read an image")?.display().to_string();
        let mut content = Vec::new();
        std::io::copy(&mut entry, &mut content).context("read an image")?;
        files.insert(path, content);
    }
    Ok(files)
}

/// A podman whose storage goes with it.
pub(super) struct Podman(TempDir);

impl Podman {
    /// # Errors
    /// When podman cannot be had.
    pub(super) fn new() -> Result<Self> {
        programs::need("podman", "podman")?;
        // crun refuses a machine with both versions of cgroups.
        programs::need("runc", "runc")?;
        Ok(Self(tempfile::tempdir().context("make a temporary folder")?))
    }

    /// Loads the image, under the name that `compose.yaml` has for it too.
    ///
    /// # Errors
    /// When podman refuses it.
    pub(super) fn load(&self, image: &Path) -> Result<()> {
        process::run(self.command(&["load", "--quiet", "--input"]).arg(image))?;
        let name = format!("huihua-server:{VERSION}");
        process::run(&mut self.command(&["tag", &name, "huihua-server:latest"]))
    }

    fn options(&self) -> [String; 4] {
        let folder = self.0.path().display();
        [
            format!("--root={folder}/storage"),
            format!("--runroot={folder}/run"),
            "--cgroup-manager=cgroupfs".to_owned(),
            "--runtime=runc".to_owned(),
        ]
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.args(self.options()).args(arguments);
        command
    }

    /// Runs `dev` of the loaded image read-only, without any capability, and exchanges a message.
    ///
    /// # Errors
    /// When the image does not run.
    pub(super) fn serve(&self) -> Result<()> {
        let name = format!("huihua-server:{VERSION}");
        let data = self.0.path().join("data");
        fs::create_dir(&data).context("make a folder for data")?;
        let owner = Some(u32::try_from(IMAGE_USER).context("a user's number")?);
        std::os::unix::fs::chown(&data, owner, owner).context("give the folder away")?;
        let volume = format!("{}:/var/lib/huihua", data.display());
        let run = |network: &str| {
            let mut command = self.command(&["run", "--rm"]);
            command.args(["--network", network, "--read-only", "--cap-drop", "all"]);
            // podman would raise them to a million, which where tests run it may not.
            command.args(["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]);
            command.args(["--security-opt", "no-new-privileges", "--volume", &volume, &name]);
            command
        };
        let mut dev = run("host");
        dev.args(["dev", "--listen", "127.0.0.1:0"]).stdout(Stdio::null());
        let running = Process::start(&mut dev)?;
        exchange(&data.join("huihua-dev"), run("none").args(["token", "--data", "huihua-dev"]))?;
        running.stop(PATIENCE)?;
        println!("podman: the image serves, read-only, without capabilities");
        Ok(())
    }

    /// `deploy/compose.yaml` as it stands, with the loaded image, in a network of its own.
    ///
    /// # Errors
    /// When podman-compose cannot be had, or the service is not as it must be.
    pub(super) fn compose(&self, scripts: &Path) -> Result<()> {
        programs::need("podman-compose", "podman-compose")?;
        // Not on the path.
        if !Path::new(NETAVARK).exists() {
            programs::install(vec!["netavark", "aardvark-dns"])?;
        }
        let folder = self.0.path().join("compose");
        for name in ["compose.sh", "common.sh"] {
            archive::write(&folder.join(name), &fs::read(scripts.join(name))?)?;
        }
        let file = fs::read_to_string(Path::new(DEPLOY).join("compose.yaml"))?;
        // Where tests run, nobody may raise limits.
        ensure!(file.contains("nofile: 65536"), "compose.yaml sets no limit of open files");
        let file = file.replace("nofile: 65536", "nofile: 4096");
        archive::write(&folder.join("compose.yaml"), file.as_bytes())?;
        archive::write(&folder.join("containers.conf"), CONTAINERS_CONF)?;
        // podman-compose calls what is first on the path. podman alone would raise the limit of
        // processes, which where tests run it may not.
        let podman = folder.join("bin/podman");
        let text = format!(
            "#!/bin/sh\n\
             [ \"$1\" != run ] || {{ shift; set -- run --ulimit nproc=4096:4096 \"$@\"; }}\n\
             exec /usr/bin/podman {} \"$@\"\n",
            self.options().join(" ")
        );
        archive::write(&podman, text.as_bytes())?;
        fs::set_permissions(&podman, fs::Permissions::from_mode(0o755))?;
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "sh"]).arg(folder.join("compose.sh")).arg(&folder);
        let path = env::var("PATH").context("find the path")?;
        command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
        command.env("CONTAINERS_CONF", folder.join("containers.conf"));
        process::run(&mut command)
    }

    /// The Dockerfile, from the tarball and a Debian, makes the files that the image has. Their
    /// bytes may be of another day's Debian.
    ///
    /// # Errors
    /// When it does not build, or makes others.
    pub(super) fn build(&self, debian: &Path, tarball: &Path, image: &Path) -> Result<()> {
        let base = self.0.path().join("debian.tar");
        let mut tar = Command::new("tar");
        process::run(tar.arg("-C").arg(debian).arg("-cf").arg(&base).arg("."))?;
        let name = "docker.io/library/debian:bookworm-slim";
        process::run(self.command(&["import", "--quiet"]).arg(&base).arg(name))?;
        let context = self.0.path().join("context");
        fs::create_dir(&context).context("make a folder for the tarball")?;
        let mut tar = Command::new("tar");
        tar.args(["--strip-components=1", "-C"]).arg(&context).arg("-xf").arg(tarball);
        process::run(&mut tar)?;
        let mut build = self.command(&["build", "--quiet", "--network", "host", "--isolation"]);
        build.args(["chroot", "--pull=never", "--tag", "built", "--file"]);
        process::run(build.arg(context.join("Dockerfile")).arg(&context))?;
        let built = self.0.path().join("built.tar");
        let save = ["save", "--quiet", "--format", "oci-archive", "--output"];
        process::run(self.command(&save).arg(&built).arg("localhost/built"))?;
        let (ours, theirs) = (paths_in_layers(image)?, paths_in_layers(&built)?);
        let difference: Vec<_> = ours.symmetric_difference(&theirs).collect();
        ensure!(difference.is_empty(), "Dockerfile and image differ: {difference:?}");
        println!("podman: deploy/Dockerfile makes the image's {} files", ours.len());
        Ok(())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // The storage has mounts of its own, which would keep the folder.
        let reset = self.command(&["system", "reset", "--force"]).stdout(Stdio::null()).status();
        drop(reset);
    }
}

/// Path, mode and owner of what the layers of an image hold, but for folders that are anybody's.
fn paths_in_layers(image: &Path) -> Result<BTreeSet<(String, u32, u64)>> {
    let mut paths = BTreeSet::new();
    for layer in files_of(image)?.into_values().filter(|it| it.starts_with(&[0x1f, 0x8b])) {
        let mut archive = tar::Archive::new(GzDecoder::new(layer.as_slice()));
        for entry in archive.entries().context("read a layer")? {
            let entry = entry.context("read a layer")?;
            let header = entry.header();
            let (mode, owner) = (header.mode()? & 0o777, header.uid()?);
            let is_plain_folder = header.entry_type().is_dir() && (mode, owner) == (0o755, 0);
            let path = entry.path().context("read a layer")?.display().to_string();
            if !is_plain_folder {
                paths.insert((path.trim_matches('/').to_owned(), mode, owner));
            }
        }
    }
    Ok(paths)
}

/// Runs `dev` of the other processor's image, and exchanges a message.
///
/// # Errors
/// When qemu cannot be had, or the server does not answer.
pub(super) fn run_under_qemu(image: &Path, root: &Path) -> Result<()> {
    programs::need("qemu-aarch64", "qemu-user")?;
    unpack_image(image, root)?;
    let data = tempfile::tempdir().context("make a temporary folder")?;
    let folder = data.path().join("dev");
    let server = |command: &str| {
        let mut qemu = Command::new("qemu-aarch64");
        qemu.arg("-L").arg(root).arg(root.join("usr/bin/huihua-server"));
        qemu.args([command, "--data"]).arg(&folder);
        qemu
    };
    let mut dev = server("dev");
    dev.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null());
    let running = Process::start(&mut dev)?;
    exchange(&folder, &mut server("token"))?;
    running.stop(PATIENCE)?;
    println!("qemu: the server for aarch64 answers");
    Ok(())
}

/// A message goes in and comes out of a server that `dev` started on a folder. `token` is the
/// server's command of that name, without its account.
fn exchange(folder: &Path, token: &mut Command) -> Result<()> {
    let dev: Value = process::wait_for("dev.json", PATIENCE, || {
        let text = fs::read_to_string(folder.join("dev.json")).unwrap_or_default();
        Ok(serde_json::from_str(&text).ok())
    })?;
    let text = |name: &str| dev[name].as_str().unwrap_or_default();
    let event = json!({ "events": [{
        "type": "message", "sessionType": "p2p", "from": "bob", "to": "alice",
        "time": 1_700_000_000_000_u64, "messageId": "1", "msgType": "text", "body": "hello",
    }]});
    let agent = server::agent();
    let answer = agent
        .post(format!("{}/v1/events", text("url")))
        .header("Authorization", format!("Bearer {}", text("ingestKey")))
        .header("Content-Type", "application/json")
        .send(event.to_string());
    let answer = answer.context("send a message")?.body_mut().read_to_string()?;
    ensure!(answer.contains("applied"), "the message was answered with {answer}");
    let token = process::read(token.args(["--account", "alice"]))?;
    let list = agent
        .get(format!("{}/v1/sessions?limit=20", text("url")))
        .header("Authorization", format!("Bearer {}", token.trim()))
        .call();
    let list = list.context("read the list")?.body_mut().read_to_string()?;
    ensure!(list.contains("hello"), "Alice's list is {list}");
    Ok(())
}
