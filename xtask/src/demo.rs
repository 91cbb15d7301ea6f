//! `demo`: the main job in front of one's eyes. Signed copies of NIM's messages go in over HTTP,
//! the list comes out in Kotlin through the library; and everything that was seen is checked.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{bindgen, machine, maven, process, process::Process};

mod delivery;
mod expected;

const SERVER: &str = "target/debug/huihua-server";
const COPIES: &str = "samples/nim-copy.jsonl";
const EXPECTED: &str = "samples/expected.json";
const MAIN_CLASS: &str = "dev.huihua.demo.MainKt";
/// How long the server may take to open its store and to listen.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to finish what it is doing and go.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How much of the server's log is shown when something went wrong.
const LOG_LINES: usize = 30;

/// A running `huihua-server dev` in a folder of its own.
struct Server {
    process: Process,
    folder: tempfile::TempDir,
    site: delivery::Site,
}

/// Builds, starts, delivers, shows, checks, stops.
///
/// # Errors
/// When anything was not as expected.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    let classpath = build()?;
    let expected = expected::read(Path::new(EXPECTED))?;

    println!("\n== Starting the server on an embedded store in a temporary folder");
    let server = Server::start()?;
    println!("huihua-server dev listens on {}", server.site.url);
    let result = with_server(&server, &classpath, &expected);
    if result.is_err() {
        server.print_log();
    }
    result?;
    let site = server.stop()?;

    println!("\n== The server is stopped: what an app sees now");
    kotlin(&classpath, "down", &site, &expected.account, "-", Path::new("-"))?;
    println!("\ndemo: all as expected, in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn build() -> Result<String> {
    println!("== Building the server, the library and the Kotlin demo");
    machine::run()?;
    bindgen::run()?;
    maven::demo_classpath()
}

fn with_server(server: &Server, classpath: &str, expected: &expected::Expected) -> Result<()> {
    println!("\n== Delivering {COPIES} to POST /nim/copy, signed as NIM signs");
    let copies = fs::read_to_string(COPIES).with_context(|| format!("read {COPIES}"))?;
    delivery::deliver(&server.site, &copies)?;
    delivery::refused_when_forged(&server.site)?;

    println!("\n== The four calls, in Kotlin, as {}", expected.account);
    let token = server.token(&expected.account)?;
    let seen = server.folder.path().join("seen.tsv");
    kotlin(classpath, "tour", &server.site, &expected.account, &token, &seen)?;
    let rows = fs::read_to_string(&seen).context("read what the Kotlin program saw")?;
    expected.compare(&rows)?;
    println!("\nThe list that Kotlin saw is {EXPECTED}, all {} rows", expected.sessions.len());
    Ok(())
}

impl Server {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let log = File::create(folder.path().join("server.log")).context("make server.log")?;
        let data = folder.path().join("data");
        let mut command = Command::new(SERVER);
        command.arg("dev").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
        // What it prints for people holds a token and is of no use here; its log is.
        command.stdout(Stdio::null()).stderr(log);
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
            let site = delivery::Site::from_dev_json(&dev)?;
            process::wait_for("/readyz", START_PATIENCE, || {
                Ok(delivery::is_ready(&site).then_some(()))
            })?;
            Ok(site)
        });
        if site.is_err() {
            print_log(&folder.path().join("server.log"));
        }
        Ok(Self { process, folder, site: site? })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn token(&self, account: &str) -> Result<String> {
        let mut command = Command::new(SERVER);
        command.arg("token").arg("--data").arg(self.data());
        command.args(["--account", account, "--ttl", "1h"]);
        Ok(process::read(&mut command)?.trim().to_owned())
    }

    fn print_log(&self) {
        print_log(&self.folder.path().join("server.log"));
    }

    /// Stops it as systemd would, and sees that it went.
    fn stop(self) -> Result<delivery::Site> {
        println!("\n== Stopping the server with SIGTERM");
        let status = self.process.stop(STOP_PATIENCE)?;
        ensure!(status.success(), "the server did not stop in good order: {status}");
        ensure!(!delivery::is_ready(&self.site), "something still answers at {}", self.site.url);
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

/// Runs the Kotlin program, `bindings/kotlin/demo`. The token goes by environment, as arguments are
/// there for every user of the machine to see.
fn kotlin(
    classpath: &str,
    part: &str,
    site: &delivery::Site,
    account: &str,
    token: &str,
    seen: &Path,
) -> Result<()> {
    let library = bindgen::library();
    let folder = library.parent().context("find the folder of the library")?;
    let mut command = Command::new("java");
    command.arg(format!("-Djna.library.path={}", folder.display()));
    command.args(["-Dstdout.encoding=UTF-8", "-Dfile.encoding=UTF-8", "-cp", classpath]);
    command.args([MAIN_CLASS, part, &site.url, account]).arg(seen);
    command.env("HUIHUA_TOKEN", token).stdout(Stdio::inherit());
    process::run(&mut command).context("the Kotlin program saw something unexpected")
}
