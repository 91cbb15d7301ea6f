//! The real server as a child process, for everything that shows or proves what clients see of it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use machine::process::{self, Process};

const SERVER: &str = "target/debug/huihua-server";
/// How long the server may take to open its store and to listen.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to finish what it is doing and go.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How much of the server's log is shown when something went wrong.
const LOG_LINES: usize = 30;
/// One delivery, with the server's fsync in it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running `huihua-server dev` in a folder of its own.
pub(crate) struct DevServer {
    program: String,
    process: Process,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) site: Site,
}

/// Where a server is, and what a NIM that is to send copies there knows.
pub(crate) struct Site {
    /// `http://host:port`.
    pub(crate) url: String,
    pub(crate) app_key: String,
    pub(crate) app_secret: String,
}

impl Site {
    /// Reads the file that `huihua-server dev` writes for scripts.
    fn from_dev_json(dev: &Value) -> Result<Self> {
        let text = |name: &str| {
            dev[name]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("no `{name}` in dev.json"))
        };
        Ok(Self { url: text("url")?, app_key: text("appKey")?, app_secret: text("appSecret")? })
    }
}

/// Whether the server says that it can serve.
pub(crate) fn is_ready(site: &Site) -> bool {
    let answer = agent().get(format!("{}/readyz", site.url)).call();
    answer.is_ok_and(|answer| answer.status() == 200)
}

impl DevServer {
    /// Starts it on a store in a folder of its own, and waits until it serves.
    ///
    /// # Errors
    /// When it does not get there; its log is shown then.
    pub(crate) fn start() -> Result<Self> {
        Self::start_program(SERVER)
    }

    /// As [`Self::start`], with an admin listener of its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn start_with_console() -> Result<Self> {
        Self::start_with(SERVER, &[("HUIHUA_ADMIN_LISTEN", "127.0.0.1:0")])
    }

    /// As [`Self::start`], of another build.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn start_program(program: &str) -> Result<Self> {
        Self::start_with(program, &[])
    }

    fn start_with(program: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let log = File::create(folder.path().join("server.log")).context("make server.log")?;
        let data = folder.path().join("data");
        let mut command = Command::new(program);
        command.arg("dev").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
        // What it prints for people holds a token and is of no use here; its log is.
        command.stdout(Stdio::null()).stderr(log);
        // One account asks as fast as it can where the SDK is measured.
        command.env("HUIHUA_ACCOUNT_REQUESTS_PER_S", "1000000");
        command.envs(environment.iter().copied());
        let mut process = Process::start(&mut command)?;
        let ready = process::wait_for("dev.json", START_PATIENCE, || {
            if let Some(status) = process.ended()? {
                bail!("the server ended while it started: {status}");
            }
            let text = fs::read_to_string(data.join("dev.json")).unwrap_or_default();
            // Half written is not there yet.
            Ok(serde_json::from_str(&text).ok())
        });
        let site = ready.and_then(|dev: Value| {
            let site = Site::from_dev_json(&dev)?;
            process::wait_for("/readyz", START_PATIENCE, || Ok(is_ready(&site).then_some(())))?;
            Ok(site)
        });
        if site.is_err() {
            print_log(&folder.path().join("server.log"));
        }
        Ok(Self { program: program.to_owned(), process, folder, site: site? })
    }

    /// The folder of its store.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command of the server's program, with its keys.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).arg("--data").arg(self.data());
        command
    }

    /// A token of an account, for an hour.
    ///
    /// # Errors
    /// When the server's program fails.
    pub(crate) fn token(&self, account: &str) -> Result<String> {
        let mut command = self.command("token");
        command.args(["--account", account, "--ttl", "1h"]);
        Ok(process::read(&mut command)?.trim().to_owned())
    }

    /// The key with which an app's own server sends events.
    ///
    /// # Errors
    /// When the server's file for scripts has none.
    pub(crate) fn ingest_key(&self) -> Result<String> {
        let text = fs::read_to_string(self.data().join("dev.json")).context("read dev.json")?;
        let dev: Value = serde_json::from_str(&text).context("parse dev.json")?;
        Ok(dev["ingestKey"].as_str().context("no `ingestKey` in dev.json")?.to_owned())
    }

    /// Where its console is, by the line of its log that says that it listens.
    ///
    /// # Errors
    /// When the log does not say so.
    pub(crate) fn console(&self) -> Result<String> {
        let path = self.folder.path().join("server.log");
        let address = process::wait_for("the admin listener", START_PATIENCE, || {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let after = log.split_once("admin_address=\"");
            Ok(after.and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())))
        })?;
        Ok(format!("http://{address}/console/"))
    }

    /// Prints the end of its log.
    pub(crate) fn print_log(&self) {
        print_log(&self.folder.path().join("server.log"));
    }

    /// Stops it as systemd would, and sees that it went.
    pub(crate) fn stop(self) -> Result<Site> {
        println!("\n== Stopping the server with SIGTERM");
        let status = self.process.stop(STOP_PATIENCE)?;
        ensure!(status.success(), "the server did not stop in good order: {status}");
        ensure!(!is_ready(&self.site), "something still answers at {}", self.site.url);
        println!("It finished its work and went");
        Ok(self.site)
    }
}

fn print_log(path: &Path) {
    if process::interrupted() {
        return;
    }
    let log = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    println!("\nThe end of the server's log:");
    for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
        println!("  {line}");
    }
}

pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT));
    config.http_status_as_error(false).build().into()
}
