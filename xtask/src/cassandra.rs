//! The steps `cassandra` and `cassandra-ring` of `test`: the distributed engine on nodes that these
//! steps start and stop by themselves. What is tested, the tests of `huihua-store-cassandra` say,
//! and those in `server/bin/tests/it/cassandra`.

use std::{
    error::Error,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use machine::{
    cassandra::{self, Ring},
    process::{self, Process},
};

use crate::tree::{EVERYTHING, cargo};

/// The engine's library, whose tests want nodes.
const ENGINE: &str = "huihua_store_cassandra";
/// The process's tests, and those of them that want a node.
const PROCESS: [&str; 3] = ["--test", "it", "cassandra"];
/// The one that wants a node with TLS and passwords.
const SECURED: [&str; 3] = ["--test", "it", "a_node_with_tls_and_passwords"];
/// Where the tests look for a node.
const NODE: &str = "HUIHUA_CASSANDRA";
/// The short form: what the environment says counts first.
const SHORT: [(&str, &str); 2] = [("HUIHUA_STORIES", "5"), ("HUIHUA_WALKS", "60")];
/// Walks of one fire on the ring: a new one begins until the last fault is over.
const RING_WALKS: &str = "40";
/// How long a fault lasts, and how long the ring works whole between two.
const DOWN: Duration = Duration::from_secs(10);
const FROZEN: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(5);
/// How long the tests may take to begin, and to end after the last fault.
const BEGIN_PATIENCE: Duration = Duration::from_secs(120);

/// The error of a step that cannot run here although nothing is wrong; all others run.
#[derive(Debug)]
pub(crate) struct LeftOut(pub(crate) String);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for LeftOut {}

/// Runs the suite, the engine's own tests and the process's on one node; then what a node with TLS
/// and passwords is for.
///
/// # Errors
/// [`LeftOut`] without a Java that Cassandra runs on; else when a test fails.
pub(crate) fn on_one_node() -> Result<()> {
    look_for_java()?;
    let engine = compile()?;
    let ring = Ring::start(1)?;
    // What needs a ring is a test of its own.
    process::run(tests(&engine, &ring).args(["--ignored", "--skip", "tests::ring"]))?;
    process::run(cargo_test(&PROCESS).env(NODE, ring.addresses()))?;
    drop(ring);
    let secured = Ring::start_secured()?;
    let mut command = cargo_test(&SECURED);
    command.env("HUIHUA_CASSANDRA_SECURED", secured.addresses());
    process::run(command.env("HUIHUA_CASSANDRA_ROOTS", secured.roots()))
}

/// Runs the fire on a ring of three with three copies, while one node is killed and restarted, then
/// another, and while one is frozen.
///
/// # Errors
/// As [`on_one_node`].
pub(crate) fn on_a_ring() -> Result<()> {
    look_for_java()?;
    let engine = compile()?;
    let mut ring = Ring::start(3)?;
    let folder = tempfile::tempdir().context("make a folder for the ring's test")?;
    let mut command = tests(&engine, &ring);
    command.env("HUIHUA_WALKS", RING_WALKS);
    command.env("HUIHUA_CASSANDRA_COPIES", "3").env("HUIHUA_RING_FOLDER", folder.path());
    // All at once, on any machine: each runs until the faults are over.
    command.args(["tests::ring", "--ignored", "--nocapture", "--test-threads=3"]);
    let mut test = Process::start(&mut command)?;
    harm(&mut ring, &mut test, folder.path())?;
    fs::write(folder.path().join("enough"), "").context("tell the ring's test to end")?;
    let status = test.wait()?;
    ensure!(!process::interrupted(), "interrupted during the ring's test");
    ensure!(status.success(), "the ring's test failed: {status}");
    Ok(())
}

/// Does to the ring what is to be survived, while the test runs.
fn harm(ring: &mut Ring, test: &mut Process, folder: &Path) -> Result<()> {
    let begun = folder.join("begun");
    process::wait_for("fire on the ring", BEGIN_PATIENCE, || {
        goes_on(test)?;
        Ok(begun.exists().then_some(()))
    })?;
    // The first node is the one that all others learnt the ring from.
    for at in [1, 0] {
        wait(test, WHOLE)?;
        println!("== ring: node {} is killed", at + 1);
        ring.kill(at)?;
        wait(test, DOWN)?;
        ring.restart(at)?;
        println!("== ring: node {} is back", at + 1);
    }
    wait(test, WHOLE)?;
    println!("== ring: node 3 is frozen");
    ring.freeze(2)?;
    let frozen = wait(test, FROZEN);
    ring.thaw(2)?;
    println!("== ring: node 3 goes on");
    frozen?;
    wait(test, WHOLE)
}

fn wait(test: &mut Process, time: Duration) -> Result<()> {
    thread::sleep(time);
    goes_on(test)
}

fn goes_on(test: &mut Process) -> Result<()> {
    ensure!(!process::interrupted(), "interrupted during the ring's test");
    match test.ended()? {
        Some(status) => bail!("the ring's test ended before the last fault: {status}"),
        None => Ok(()),
    }
}

/// Compiles before nodes wait for it. With the features of the step `rust`: what that compiled is
/// there. Returns the program of the engine's tests.
fn compile() -> Result<PathBuf> {
    process::run(&mut cargo_test(&["--no-run"]))?;
    let told = process::read(&mut cargo_test(&["--no-run", "--message-format=json"]))?;
    let of_engine = told.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == ENGINE && message["profile"]["test"] == true;
        message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
    });
    of_engine.with_context(|| format!("cargo names no program of the tests of {ENGINE}"))
}

fn cargo_test(arguments: &[&str]) -> Command {
    let mut command = cargo();
    command.arg("test").args(EVERYTHING).args(arguments);
    command
}

fn tests(engine: &Path, ring: &Ring) -> Command {
    let mut command = Command::new(engine);
    command.env(NODE, ring.addresses());
    for (name, value) in SHORT {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command
}

fn look_for_java() -> Result<()> {
    cassandra::java().map(drop).map_err(|error| LeftOut(error.to_string()).into())
}
