//! The image for containers: the binary, the few files of Debian's C library that it is linked
//! against, and roots for TLS; no shell, no package manager, not root. One file that docker, podman
//! and containerd load: an OCI layout, with the list that older docker reads beside it.
//! `deploy/Dockerfile` makes the same.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use goblin::elf::Elf;
use machine::{archive, process, programs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    arch::Arch,
    contents::{self, Contents},
    tree::{Tree, gz},
};
use crate::repository::VERSION;

/// The server's user and group: beyond those of any distribution, as distroless images have it.
pub(crate) const USER: u64 = 65_532;
const HOME: &str = "var/lib/huihua";
const LIBC: &str = "libc.so.6";
/// Debian's packages and what is fetched of them.
const FETCHED: &str = "target/server-packages/debian";
const PACKAGES: [&str; 2] = ["libc6", "ca-certificates"];

/// Packs it.
///
/// # Errors
/// When Debian's packages cannot be fetched, or the binary needs what is not in them.
pub(super) fn pack(contents: &Contents, folder: &Path) -> Result<PathBuf> {
    let name = format!("huihua-server-{VERSION}-image-{}.tar", contents.arch.debian());
    let path = folder.join(name);
    archive::write(&path, &layout(contents, &root(contents)?)?)?;
    Ok(path)
}

/// What is in the image.
fn root(contents: &Contents) -> Result<Tree> {
    let debian = fetch(contents.arch)?;
    let mut tree = Tree::new(contents.time);
    tree.program("usr/bin/huihua-server", contents.program.clone());
    let elf = Elf::parse(&contents.program).context("read the server's binary")?;
    let loader = elf.interpreter.context("the server's binary names no loader")?;
    let loader_path = loader.trim_start_matches('/');
    let libraries = format!("lib/{}-linux-gnu", contents.arch.name());
    for library in &elf.libraries {
        let path = match loader_path.ends_with(library) {
            true => continue,
            false => format!("{libraries}/{library}"),
        };
        // Debian lets libc.so.6 be run: it prints its version.
        let bytes = read(&debian.join(&path))?;
        if *library == LIBC { tree.program(&path, bytes) } else { tree.file(&path, bytes) }
    }
    // In the package the loader's path is a link, absolute on one of the two processors.
    let file = loader_path.rsplit('/').next().context("a path has a last part")?;
    tree.program(loader_path, read(&debian.join(&libraries).join(file))?);
    tree.file("etc/libc6.copyright", read(&debian.join("usr/share/doc/libc6/copyright"))?);
    let mut roots = Vec::new();
    for root in archive::files(&debian.join("usr/share/ca-certificates/mozilla"))? {
        roots.extend(read(&root)?);
    }
    tree.file("etc/ssl/certs/ca-certificates.crt", roots);
    tree.file("etc/passwd", format!("huihua:x:{USER}:{USER}::/{HOME}:/usr/sbin/nologin\n"));
    tree.file("etc/group", format!("huihua:x:{USER}:\n"));
    tree.file("etc/nsswitch.conf", "hosts: files dns\n");
    tree.private_folder(HOME, USER);
    for (document, bytes) in &contents.documents {
        tree.file(&format!("usr/share/doc/huihua-server/{document}"), bytes.clone());
    }
    Ok(tree)
}

/// Debian's packages for a processor, unpacked. apt gets folders of its own, so that nothing of
/// this machine changes and nobody need be root.
fn fetch(arch: Arch) -> Result<PathBuf> {
    programs::need("apt-get", "apt")?;
    let top = Path::new(FETCHED).join(arch.debian());
    archive::clear(&top)?;
    let folder = |name: &str| -> Result<PathBuf> {
        let path = top.join(name);
        fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        fs::canonicalize(&path).with_context(|| format!("find {}", path.display()))
    };
    let (state, cache, packages) = (folder("state")?, folder("cache")?, folder("packages")?);
    folder("state/lists/partial")?;
    folder("cache/archives/partial")?;
    let status = state.join("status");
    archive::write(&status, b"")?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command.arg("-qq").current_dir(&packages);
        for (key, value) in [
            ("Dir::State", state.display().to_string()),
            ("Dir::State::status", status.display().to_string()),
            ("Dir::Cache", cache.display().to_string()),
            ("APT::Architecture", arch.debian().to_owned()),
            ("APT::Architectures", arch.debian().to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
        ] {
            command.args(["-o", &format!("{key}={value}")]);
        }
        command
    };
    println!("apt: {} for {}", PACKAGES.join(" and "), arch.debian());
    process::run(apt().arg("update"))?;
    process::run(apt().arg("download").args(PACKAGES))?;
    let files = archive::files(&packages)?;
    ensure!(files.len() == PACKAGES.len(), "apt fetched {files:?}");
    let root = folder("root")?;
    for file in files {
        process::run(Command::new("dpkg-deb").arg("-x").arg(file).arg(&root))?;
    }
    Ok(root)
}

/// An OCI layout with one layer.
fn layout(contents: &Contents, root: &Tree) -> Result<Vec<u8>> {
    let layer = root.tar()?;
    let packed = gz(&layer)?;
    let config = serde_json::to_vec(&config(contents, &digest(&layer))?)?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("application/vnd.oci.image.config.v1+json", &config),
        "layers": [blob("application/vnd.oci.image.layer.v1.tar+gzip", &packed)],
    }))?;
    let mut entry = blob("application/vnd.oci.image.manifest.v1+json", &manifest);
    entry["platform"] = json!({ "architecture": contents.arch.debian(), "os": "linux" });
    entry["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/library/huihua-server:{VERSION}"),
        "org.opencontainers.image.ref.name": format!("huihua-server:{VERSION}"),
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    });
    let docker = json!([{
        "Config": blob_path(&config),
        "RepoTags": [format!("huihua-server:{VERSION}")],
        "Layers": [blob_path(&packed)],
    }]);
    let mut tree = Tree::new(contents.time);
    tree.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    tree.file("index.json", serde_json::to_vec(&index)?);
    tree.file("manifest.json", serde_json::to_vec(&docker)?);
    for bytes in [config, packed, manifest] {
        tree.file(&blob_path(&bytes), bytes);
    }
    tree.tar()
}

/// What `deploy/Dockerfile` says in its last lines.
fn config(contents: &Contents, layer: &str) -> Result<Value> {
    let time = contents::time_text()?;
    Ok(json!({
        "created": time,
        "architecture": contents.arch.debian(),
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "ExposedPorts": { "8480/tcp": {} },
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": ["/usr/bin/huihua-server"],
            "Cmd": ["serve", "--config", "/etc/huihua/huihua.toml"],
            "Volumes": { format!("/{HOME}"): {} },
            "WorkingDir": format!("/{HOME}"),
            "Labels": {
                "org.opencontainers.image.title": "huihua-server",
                "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
        "history": [{ "created": time, "created_by": "cargo xtask release --only server" }],
    }))
}

fn blob(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() })
}

fn blob_path(bytes: &[u8]) -> String {
    format!("blobs/{}", digest(bytes).replace(':', "/"))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}
