//! `bench sdk`: the Kotlin facade over a real server beside OkHttp and kotlinx.serialization in one
//! JVM, the border by itself, and first calls in fresh JVMs.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use machine::{
    archive,
    maven::{self, REACTOR},
    process, programs,
};
use serde_json::{Value, json};

use super::sdk_report;
use crate::{
    bindgen,
    server::{DevServer, agent},
    tree::{self, cargo},
};

const DOCUMENT: &str = "docs/benchmarks.md";
/// What is written instead by a run that must change no document.
const CHECK_DOCUMENT: &str = "target/bench/check/sdk.md";
/// Where everything is built that has calls which no release has.
const FOLDER: &str = "target/bench/sdk";
const BUILT: &str = "target/release";
const MAIN_CLASS: &str = "dev.huihua.bench.MainKt";
const ACCOUNT: &str = "reader";
/// Sessions of the list; a page shows the newest 100.
const SESSIONS: u64 = 500;
/// Time of the first message.
const T0: u64 = 1_700_000_000_000;

/// Builds, measures, and writes the tables: into the document, or `check` only beside it.
///
/// # Errors
/// When something cannot be built or started, or a call fails; never because of a figure.
pub(crate) fn run(quick: bool, check: bool) -> Result<()> {
    programs::run()?;
    let classpath = build()?;
    let server = DevServer::start_program(&format!("{BUILT}/huihua-server"))?;
    fill(&server)?;
    let length = if quick { "quick" } else { "full" };
    let measured = measure(&server, &classpath, length);
    if measured.is_err() {
        server.print_log();
    }
    let figures = sdk_report::parse(&measured?)?;
    server.stop()?;
    let section = format!("{}{}", head(length, &figures)?, sdk_report::tables(&figures)?);
    println!("\n{section}");
    // A check shows too that the document has a place for the tables.
    let document = fs::read_to_string(DOCUMENT).with_context(|| format!("read {DOCUMENT}"))?;
    let document = sdk_report::replace_section(&document, &section)?;
    let (written, text) = if check { (CHECK_DOCUMENT, section) } else { (DOCUMENT, document) };
    if let Some(folder) = Path::new(written).parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    fs::write(written, text).with_context(|| format!("write {written}"))?;
    println!("bench: written into {written}");
    Ok(())
}

/// Builds server, library and program, and gives the program's class path.
fn build() -> Result<String> {
    // The generator in its debug build: optimised, it takes longer to build than all the rest.
    process::run(cargo().args(["build", "--package", "uniffi-bindgen"]))?;
    tree::build_to_measure()?;
    let generated = format!("{FOLDER}/uniffi-kotlin");
    bindgen::generate(Path::new(BUILT), Path::new(&generated))?;
    println!("Maven: compiling facade and benchmark (the first time it downloads: minutes)");
    let top = std::env::current_dir().context("find the top of the tree")?;
    let path = |folder: &str| top.join(folder).display().to_string();
    let output = format!("{FOLDER}/kotlin");
    archive::clear(Path::new(&output))?;
    let mut maven = maven::command(REACTOR)?;
    maven.args(["--activate-profiles", "bench", "--projects", "jvm,bench", "--quiet"]);
    maven.arg(format!("-Duniffi.dir={}", path(&generated)));
    maven.arg(format!("-Doutput.dir={}", path(&output)));
    process::run(maven.args(["-Dmaven.test.skip", "compile"]))?;
    let bench = format!("{output}/huihua-bench");
    let jars =
        fs::read_to_string(format!("{bench}/classpath.txt")).context("read classpath.txt")?;
    Ok(format!("{bench}/classes:{}", jars.trim()))
}

/// Makes the list: messages as people write them, half of them Chinese, a fifth in teams.
fn fill(server: &DevServer) -> Result<()> {
    let events: Vec<Value> = (0..SESSIONS).flat_map(events_of_session).collect();
    let key = server.ingest_key()?;
    for part in events.chunks(500) {
        let mut answer = agent()
            .post(format!("{}/v1/events", server.site.url))
            .header("Authorization", format!("Bearer {key}"))
            .header("Content-Type", "application/json")
            .send(json!({ "events": part }).to_string())
            .context("send events")?;
        let text = answer.body_mut().read_to_string().context("read the answer to events")?;
        let answer: Value = serde_json::from_str(&text).context("parse the answer to events")?;
        let results = answer["results"].as_array().with_context(|| format!("events: {text}"))?;
        let other = results.iter().find(|result| result["status"] != "applied");
        ensure!(other.is_none(), "an event was not applied: {other:?}");
    }
    Ok(())
}

/// The message of a session, after the join when it is a team's.
fn events_of_session(n: u64) -> Vec<Value> {
    let (from, time) = (format!("user{n}"), T0 + n);
    let body = match n % 2 {
        0 => "晚上一起吃饭吗?我在公司楼下等你,大概七点左右到。".repeat(2),
        _ => format!("Number {n}: \"see you at seven\",\nI shall wait in front of the office. ")
            .repeat(2),
    };
    let team = (n % 5 == 4).then(|| format!("{}", 2_530_000_000 + n));
    let mut message = json!({
        "type": "message", "sessionType": "p2p", "from": from, "to": ACCOUNT, "time": time,
        "messageId": format!("{}", 9_007_199_254_000 + n), "msgType": "text", "body": body,
        "clientId": format!("5f3c0e3a0d0b4f9e8a7b{n:012}"), "fromNick": format!("Nick of {n}"),
    });
    let Some(team) = team else { return vec![message] };
    message["sessionType"] = json!("team");
    message["to"] = json!(team);
    let join = json!({
        "type": "join", "sessionType": "team", "teamId": team, "time": time - 1,
        "accounts": [ACCOUNT, message["from"]],
    });
    vec![join, message]
}

/// Runs the program, and gives what it printed.
fn measure(server: &DevServer, classpath: &str, length: &str) -> Result<String> {
    println!("bench: measuring, {length} form");
    let top = std::env::current_dir().context("find the top of the tree")?;
    let mut java = Command::new("java");
    java.arg(format!("-Djna.library.path={}", top.join(BUILT).display()));
    java.args(["-Dfile.encoding=UTF-8", "-cp", classpath, MAIN_CLASS, "all"]);
    java.arg(server.folder.path()).args([&server.site.url, length]);
    // Arguments are there for every user of the machine to see.
    java.env("HUIHUA_TOKEN", server.token(ACCOUNT)?).stderr(Stdio::inherit());
    process::read(&mut java).context("the Kotlin program failed")
}

/// What was measured, with what, and how to read it.
fn head(length: &str, figures: &sdk_report::Figures) -> Result<String> {
    let read = |program: &str, arguments: &[&str]| {
        anyhow::Ok(process::read(Command::new(program).args(arguments))?.trim().to_owned())
    };
    let now = read("date", &["--utc", "+%Y-%m-%dT%H:%M:%SZ"])?;
    let commit = read("git", &["describe", "--always", "--dirty"])?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Ok(format!(
        "## The SDK beside OkHttp, {}\n\n\
         The {length} form, written {now} by `cargo xtask bench sdk`.\n\
         {}; load {} at the end.\n\
         Commit {commit}; {}.\n",
        &now[..10],
        figures.text("environment/machine")?,
        load.split(' ').next().unwrap_or_default(),
        read("rustc", &["--version"])?,
    ))
}
