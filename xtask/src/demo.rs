//! `demo`: the main job in front of one's eyes. Signed copies of NIM's messages go in over HTTP,
//! the list comes out in Kotlin through the library; and everything that was seen is checked.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;

use machine::{process, programs};

use crate::{
    bindgen, kotlin,
    server::{DevServer, Site},
};

mod delivery;
mod expected;

const COPIES: &str = "samples/nim-copy.jsonl";
const EXPECTED: &str = "samples/expected.json";
const MAIN_CLASS: &str = "dev.huihua.demo.MainKt";

/// Show the main job: NIM's message copies go in, the list comes out in Kotlin
///
/// Builds what it needs, starts a server on an embedded store in a temporary folder, delivers
/// samples/nim-copy.jsonl signed as NIM signs, and runs the Kotlin program bindings/kotlin/demo,
/// which makes the four calls and prints what it sees. Checks all of it, leaves no process and no
/// file behind. The first time it compiles for minutes.
#[derive(Args)]
pub(crate) struct DemoArguments {}

/// Builds, starts, delivers, shows, checks, stops.
///
/// # Errors
/// When anything was not as expected.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    let classpath = build()?;
    let expected = expected::read(Path::new(EXPECTED))?;

    println!("\n== Starting the server on an embedded store in a temporary folder");
    let server = DevServer::start()?;
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

/// Delivers the sample's copies as NIM would.
///
/// # Errors
/// When one is not taken.
pub(crate) fn deliver_sample(server: &DevServer) -> Result<()> {
    let copies = fs::read_to_string(COPIES).with_context(|| format!("read {COPIES}"))?;
    delivery::deliver(&server.site, &copies)
}

/// Delivers these copies, one a line, as NIM would.
///
/// # Errors
/// When one is not taken.
pub(crate) fn deliver(server: &DevServer, copies: &str) -> Result<()> {
    delivery::deliver(&server.site, copies)
}

fn build() -> Result<String> {
    println!("== Building the server, the library and the Kotlin demo");
    programs::run()?;
    bindgen::run()?;
    kotlin::demo_classpath()
}

fn with_server(server: &DevServer, classpath: &str, expected: &expected::Expected) -> Result<()> {
    println!("\n== Delivering {COPIES} to POST /nim/copy, signed as NIM signs");
    deliver_sample(server)?;
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

/// Runs the Kotlin program, `bindings/kotlin/demo`. The token goes by environment, as arguments are
/// there for every user of the machine to see.
fn kotlin(
    classpath: &str,
    part: &str,
    site: &Site,
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
