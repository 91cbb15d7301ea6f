//! The wheel: `pip install huihua-server` puts the binary on `PATH`, on any Linux with glibc 2.17.

use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use machine::archive::Archive;
use sha2::{Digest, Sha256};

use super::{
    arch::Arch,
    contents::{BILL_NAME, Contents},
};
use crate::repository::VERSION;

const SUMMARY: &str = "The server of Huihua, a self-hosted cloud session list for NetEase NIM";

/// Packs it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn pack(contents: &Contents, version: &str, folder: &Path) -> Result<PathBuf> {
    let stem = format!("huihua_server-{version}");
    let info = format!("{stem}.dist-info");
    let data = format!("{stem}.data");
    let mut wheel = Wheel::default();
    wheel.program(&format!("{data}/scripts/huihua-server"), &contents.program);
    let share = format!("{data}/data/share/huihua-server");
    wheel.file(&format!("{share}/huihua.toml"), contents.config.as_bytes());
    wheel.file(&format!("{share}/huihua-server.service"), &contents.unit);
    let mut licences = String::new();
    for (name, bytes) in &contents.documents {
        if name == BILL_NAME {
            wheel.file(&format!("{info}/sboms/{name}"), bytes);
        } else if name == "operate.md" {
            wheel.file(&format!("{share}/{name}"), bytes);
        } else {
            licences.push_str(&format!("License-File: {name}\n"));
            wheel.file(&format!("{info}/licenses/{name}"), bytes);
        }
    }
    wheel.file(&format!("{info}/METADATA"), metadata(version, &licences).as_bytes());
    let platforms = platforms(contents.arch);
    let tags: String = platforms.iter().map(|it| format!("Tag: py3-none-{it}\n")).collect();
    let about = format!(
        "Wheel-Version: 1.0\nGenerator: huihua-xtask ({VERSION})\nRoot-Is-Purelib: false\n{tags}"
    );
    wheel.file(&format!("{info}/WHEEL"), about.as_bytes());
    let path = folder.join(format!("{stem}-py3-none-{}.whl", platforms.join(".")));
    wheel.write(&format!("{info}/RECORD"), &path)?;
    Ok(path)
}

/// The same twice: pip before 20.3 knows the first alone.
fn platforms(arch: Arch) -> [String; 2] {
    let name = arch.name();
    [format!("manylinux2014_{name}"), format!("manylinux_2_17_{name}")]
}

fn metadata(version: &str, licences: &str) -> String {
    format!(
        "Metadata-Version: 2.4\nName: huihua-server\nVersion: {version}\nSummary: {SUMMARY}\n\
         License-Expression: Apache-2.0\n{licences}Classifier: Environment :: Console\n\
         Classifier: Operating System :: POSIX :: Linux\n\
         Description-Content-Type: text/markdown\n\n\
         `huihua-server dev` starts a test server and prints what to paste next.\n\n\
         `share/huihua-server` in the environment holds the default configuration, a unit of\n\
         systemd, and how to operate the server.\n"
    )
}

/// Files, and the list of them with their hashes that every wheel has.
#[derive(Default)]
struct Wheel {
    archive: Archive,
    record: String,
}

impl Wheel {
    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.note(name, bytes);
        self.archive.add(name, bytes);
    }

    fn program(&mut self, name: &str, bytes: &[u8]) {
        self.note(name, bytes);
        self.archive.add_program(name, bytes);
    }

    fn note(&mut self, name: &str, bytes: &[u8]) {
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        self.record.push_str(&format!("{name},sha256={hash},{}\n", bytes.len()));
    }

    fn write(mut self, record: &str, path: &Path) -> Result<()> {
        self.record.push_str(&format!("{record},,\n"));
        self.archive.add(record, self.record.into_bytes());
        self.archive.write(path)
    }
}
