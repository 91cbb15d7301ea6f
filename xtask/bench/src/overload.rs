//! `bench overload`: more work than the server can do, slow and idle peers, 10,000 waits, and what
//! a normal client of another app sees of it. Fails when an answer is wrong, when something that
//! was acknowledged is gone, or when the server takes more memory than it promises; never for a
//! time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use machine::process;
use rustix::process::nice;
use tokio::sync::watch;

use crate::{
    document::{self, Destination},
    field,
    figures::{count_text, duration_text, mebibytes_text, ratio_text},
    messages, proc_files,
    product::ServerProcess,
    report::row,
    waiting,
};

mod flood;
mod normal;
mod peers;
mod sent;
mod tally;
mod waits;

use sent::Sent;
use tally::{Tally, Tasks};

/// How long each load lasts in the long form, and in the quick one.
pub(crate) const FULL: Duration = Duration::from_secs(60);
pub(crate) const QUICK: Duration = Duration::from_secs(5);

/// What the process may take at default settings (issue 15): a promise in bytes, so it may fail.
const MEMORY_MAX: u64 = 512 << 20;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long everybody gets to come to an end after a scene.
const END_PATIENCE: Duration = Duration::from_secs(60);
/// The length of the lists that are read.
const READ_SESSIONS: u64 = 500;
/// The priority of those who load the server: a tenth of the CPU beside one who wants all of it.
const YIELDING: i32 = 10;
/// Wrong answers that are shown.
const WRONG_SHOWN: usize = 10;

/// What callers do to the server, beside the normal client.
#[derive(Clone, Copy)]
enum Load {
    Flood { connections: usize },
    SlowReaders,
    SlowWriters,
    Idle,
    Waits,
}

const SCENES: [(&str, &[Load]); 8] = [
    ("nothing else", &[]),
    ("64 connections without a pause", &[Load::Flood { connections: 64 }]),
    ("512 connections without a pause", &[Load::Flood { connections: 512 }]),
    ("300 readers by drops", &[Load::SlowReaders]),
    ("300 writers by drops", &[Load::SlowWriters]),
    ("5,000 idle peers", &[Load::Idle]),
    ("10,000 waits of 500 accounts, woken", &[Load::Waits]),
    (
        "64 connections and all of these",
        &[
            // Those who only connect come first: a flood would hold them up for minutes.
            Load::Idle,
            Load::Waits,
            Load::SlowReaders,
            Load::SlowWriters,
            Load::Flood { connections: 64 },
        ],
    ),
];

/// What happened in a scene.
struct SceneResult {
    name: &'static str,
    elapsed: Duration,
    /// Of those who load the server.
    load: Tally,
    normal: normal::Seen,
    /// The most memory that a look found.
    memory: u64,
}

/// Lets the server, and the normal client, have the CPU first: those who load it are machines of
/// their own elsewhere. For the threads of the runtime that runs their tasks.
pub(crate) fn yield_cpu() {
    if let Err(error) = nice(YIELDING) {
        println!("bench: the load takes the server's CPU: {error}");
    }
}

/// Loads the server, and writes the section. The server and the normal client have the priority of
/// the calling thread.
///
/// # Errors
/// When an answer is wrong, an acknowledged message is gone, or memory is over its limit.
pub(crate) async fn run(scene_time: Duration, destination: Destination) -> Result<()> {
    let beginning = document::begin()?;
    waiting::raise_open_files()?;
    let folder = field::folder()?;
    let names: Vec<String> = (0..flood::READ_ACCOUNTS).map(|n| format!("r{n}")).collect();
    let (product, _) = ServerProcess::start_as_shipped(folder.path(), &names)?;
    for name in &names {
        product.send_all(&messages::list_events(name, READ_SESSIONS)).await?;
    }
    let mut normal = normal::NormalClient::open(&product.target).await?;
    let mut results = Vec::new();
    for (at, (name, loads)) in SCENES.iter().enumerate() {
        println!("bench: {} of {}: {name}", at + 1, SCENES.len());
        let result = play(&product, normal, (at, name, loads), scene_time).await;
        let (client, result) = result.with_context(|| format!("scene `{name}`"))?;
        normal = client;
        results.push(result);
        // A later scene may fail, and this one's figures are the way to its reason.
        println!("bench: {}", table(&results).lines().last().unwrap_or_default());
    }
    let peak = proc_files::peak_bytes(product.id())?;
    let mut sent: Vec<Sent> = results.iter_mut().flat_map(|it| it.load.take_sent()).collect();
    sent.push(normal.into_sent());
    let counted = check_stored(product, folder.path(), &sent).await?;
    let how = format!(
        "`cargo xtask bench overload`: each load for {} s, on one server with shipped settings. \
         Beside it a\nclient of another app makes a call every 20 ms: page, message, sync in turn. \
         Those who load the server\nhave its CPUs too, but after it and that client (nice \
         {YIELDING}).",
        scene_time.as_secs()
    );
    let head = document::head("The server beyond its capacity", &how, &beginning, &[])?;
    let section = format!("{head}\n{}\n{}", table(&results), ending(peak, counted));
    println!("\n{section}");
    document::write(destination, "overload", &section, &[])?;
    check(&results, peak)
}

async fn play(
    product: &ServerProcess,
    normal: normal::NormalClient,
    (at, name, loads): (usize, &'static str, &[Load]),
    time: Duration,
) -> Result<(normal::NormalClient, SceneResult)> {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = Tasks::new();
    for load in loads {
        let target = &product.target;
        match load {
            Load::Flood { connections } => {
                flood::start(&mut tasks, target, (at, *connections), &stopped).await?;
            }
            Load::SlowReaders => peers::start_readers(&mut tasks, target, &stopped),
            Load::SlowWriters => peers::start_writers(&mut tasks, target, &stopped),
            Load::Idle => peers::start_idle(&mut tasks, target, &stopped).await?,
            Load::Waits => waits::start(&mut tasks, target, at, &stopped).await?,
        }
    }
    let began = Instant::now();
    let (worked, memory) =
        tokio::join!(normal.work_apart(began + time), watch_memory(product.id(), began + time));
    let elapsed = began.elapsed();
    stop.send_replace(true);
    let mut load = Tally::default();
    let join = async {
        while let Some(done) = tasks.join_next().await {
            load.add(done.context("a caller ended early")??);
        }
        anyhow::Ok(())
    };
    let joined = tokio::time::timeout(END_PATIENCE, join).await;
    joined.context("a call was answered neither in time nor at all")??;
    let (client, normal) = worked?;
    Ok((client, SceneResult { name, elapsed, load, normal, memory: memory? }))
}

async fn watch_memory(pid: u32, end: Instant) -> Result<u64> {
    let mut most = 0;
    while Instant::now() < end {
        if process::interrupted() {
            bail!("interrupted");
        }
        most = most.max(proc_files::resident_bytes(pid)?);
        tokio::time::sleep(LOOK).await;
    }
    Ok(most)
}

/// Looks for everything that was acknowledged, then kills the server, starts it again, and looks
/// once more. Says how many sessions it compared.
async fn check_stored(product: ServerProcess, folder: &Path, sent: &[Sent]) -> Result<usize> {
    println!("bench: looking for everything that was acknowledged");
    sent::check_all(&product.target, sent).await.context("after the load")?;
    drop(product);
    let (again, _) = ServerProcess::start_as_shipped(folder, &[])?;
    sent::check_all(&again.target, sent).await.context("after kill -9 and a start")
}

fn table(results: &[SceneResult]) -> String {
    let mut text = "| load | answered /s | refused /s | normal p50 | p99 | p99 ÷ quiet | its \
                    refusals | RSS |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let quiet = results[0].normal.quantile(0.99).as_secs_f64();
    for SceneResult { name, elapsed, load, normal, memory } in results {
        let rate = |count: u64| count_text(count as f64 / elapsed.as_secs_f64());
        let p99 = normal.quantile(0.99);
        let figures = [
            rate(load.served),
            rate(load.refused),
            duration_text(normal.quantile(0.5)),
            duration_text(p99),
            ratio_text(p99.as_secs_f64() / quiet),
            format!("{} of {}", normal.tally.refused, normal.tally.refused + normal.tally.served),
            mebibytes_text(*memory),
        ];
        text += &row(name, &figures);
    }
    text
}

fn ending(peak: u64, counted: usize) -> String {
    format!(
        "Most memory: {} (VmHWM); limit {}. {} sessions whose last message had been acknowledged \
         were compared,\nand again after kill -9 and a start. Refused are 429 and 503 with \
         `Retry-After`. Aim: p99 at most 3 × quiet.",
        mebibytes_text(peak),
        mebibytes_text(MEMORY_MAX),
        count_text(counted as f64)
    )
}

fn check(results: &[SceneResult], peak: u64) -> Result<()> {
    let wrong: Vec<String> = results
        .iter()
        .flat_map(|scene| {
            let all = scene.load.wrong.iter().chain(&scene.normal.tally.wrong);
            all.take(WRONG_SHOWN).map(|what| format!("{}: {what}", scene.name))
        })
        .collect();
    ensure!(wrong.is_empty(), "wrong answers:\n{}", wrong.join("\n"));
    // A count, not a time: the server promises it on any machine.
    ensure!(
        peak <= MEMORY_MAX,
        "the server took {}, more than {}",
        mebibytes_text(peak),
        mebibytes_text(MEMORY_MAX)
    );
    Ok(())
}
