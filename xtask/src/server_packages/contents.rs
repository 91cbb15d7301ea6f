//! What is in every package of the server, gathered once: the binary, its configuration and unit,
//! documents and licences, and the time of all files.

use std::{
    env, fs,
    path::Path,
    process::Command,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};

use machine::process;

use super::{arch::Arch, licences};

/// The configuration that users start from, and the only one that explains every key.
const DEFAULT_CONFIG: &str = "server/config.default.toml";
/// How the default names the data folder, and what it is where the server is a service.
const DATA_HERE: &str = "\ndata = \"huihua-data\"\n";
const DATA_OF_SERVICE: &str = "\ndata = \"/var/lib/huihua\"\n";
/// Where the packages' own files lie.
pub(crate) const DEPLOY: &str = "deploy";
const SERVICE: &str = "deploy/huihua-server.service";

/// The bill of materials as packages name it.
pub(super) const BILL_NAME: &str = "huihua-server.cdx.json";

/// What is in every package, beside what its own kind asks for.
pub(super) struct Contents {
    pub(super) arch: Arch,
    pub(super) program: Vec<u8>,
    /// The default configuration of a service.
    pub(super) config: String,
    pub(super) unit: Vec<u8>,
    /// Documents by name: licences, bill of materials, how to operate.
    pub(super) documents: Vec<(String, Vec<u8>)>,
    /// Of every file, in seconds since 1970.
    pub(super) time: u64,
}

impl Contents {
    /// # Errors
    /// When a file is missing, or a crate has no licence.
    pub(super) fn gather(arch: Arch, program: &Path, bill: Option<&Path>) -> Result<Self> {
        let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
        let config = String::from_utf8(read(Path::new(DEFAULT_CONFIG))?)
            .with_context(|| format!("read {DEFAULT_CONFIG}"))?;
        ensure!(config.contains(DATA_HERE), "{DEFAULT_CONFIG} has no line {DATA_HERE:?}");
        let mut documents = vec![
            ("LICENSE".to_owned(), read(Path::new("LICENSE"))?),
            ("THIRD-PARTY.txt".to_owned(), licences::of_crates(arch)?.into_bytes()),
            ("operate.md".to_owned(), read(Path::new("docs/operate.md"))?),
        ];
        if let Some(bill) = bill {
            documents.push((BILL_NAME.to_owned(), read(bill)?));
        }
        Ok(Self {
            arch,
            program: read(program)?,
            config: config.replace(DATA_HERE, DATA_OF_SERVICE),
            unit: read(Path::new(SERVICE))?,
            documents,
            time: time()?,
        })
    }
}

/// The time of every packed file: `SOURCE_DATE_EPOCH`, or that of the commit.
///
/// # Errors
/// When it is no number, or there is no commit.
fn time() -> Result<u64> {
    let text = match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => process::read(Command::new("git").args(["log", "-1", "--format=%ct"]))?,
    };
    text.trim().parse().with_context(|| format!("read {text:?} as seconds since 1970"))
}

/// [`time`] as RFC 3339 writes it.
///
/// # Errors
/// As [`time`].
pub(crate) fn time_text() -> Result<String> {
    let time = UNIX_EPOCH + Duration::from_secs(time()?);
    Ok(humantime::format_rfc3339_seconds(time).to_string())
}
