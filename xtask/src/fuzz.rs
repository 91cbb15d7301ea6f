//! `fuzz`: libFuzzer on every reader of what comes from outside, as `server/fuzz` says. It works
//! with the stable compiler: coverage is an LLVM pass that stable flags switch on. What needs a
//! nightly one, the address sanitizer, has little to find: no crate of ours has unsafe code.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use machine::{
    process::{self, Process},
    programs,
};

use crate::tree::cargo;

/// Feed the readers of what comes from outside with inputs that look for new ways through them
///
/// Guided by coverage. Each target checks the properties that its file in server/fuzz/src/targets
/// states, and begins with the seeds of server/fuzz/seeds and with what earlier runs have found in
/// target/fuzz/corpus. As many run at a time as there are cores. Says how many inputs there were.
#[derive(Args)]
pub(crate) struct FuzzArguments {
    /// Only this one, by the name of its seeds
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

const SEEDS: &str = "server/fuzz/seeds";
/// Real copies, beside the odd ones of the seeds.
const SAMPLES: (&str, &str) = ("copy", "samples/nim-copy.jsonl");
/// Seeds are lines; a line feed in one is written so.
const LINE_FEED: char = '␊';
/// Its own build folder: other flags, of every crate.
const FOLDER: &str = "target/fuzz";
/// The variable by which the fuzzer learns its target.
const TARGET: &str = "HUIHUA_FUZZ_TARGET";

/// What cargo-fuzz passes as well, but for the cfg, which is ours.
const FLAGS: &str = "--cfg libfuzzer -Cpasses=sancov-module \
                     -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";
/// A single input that takes longer is a fault, in seconds.
const INPUT_S_MAX: u32 = 5;
/// Memory of a fuzzer beyond which its input is a fault, in MiB.
const MEMORY_MB_MAX: u32 = 1_024;
/// Longest input, in bytes: over 16 KiB, where a last message is cut.
const INPUT_BYTES_MAX: u32 = 20_000;

const POLL: Duration = Duration::from_millis(200);
const PROGRESS: Duration = Duration::from_secs(10);
/// Lines of a failed fuzzer's log that are shown.
const SHOWN_LINES: usize = 30;

/// Runs the targets.
///
/// # Errors
/// When one finds a fault, with the place of its input, or nothing can be built.
pub(crate) fn run(arguments: &FuzzArguments) -> Result<()> {
    let mut waiting: VecDeque<String> = names(arguments.target.as_deref())?.into();
    println!("fuzz: building (the first time: minutes)");
    let program = build()?;
    let at_once = thread::available_parallelism().context("count the cores")?.get();
    let count = waiting.len();
    println!("fuzz: {count} targets, {} s each, {at_once} at a time", arguments.seconds);
    let (mut running, mut ended) = (Vec::new(), Vec::new());
    let mut shown = Instant::now();
    while !running.is_empty() || !waiting.is_empty() {
        while running.len() < at_once
            && let Some(name) = waiting.pop_front()
        {
            running.push(Fuzzer::start(&program, name, arguments.seconds)?);
        }
        thread::sleep(POLL);
        ensure!(!process::interrupted(), "interrupted");
        let (mut still, mut statuses) = (Vec::new(), Vec::new());
        for mut fuzzer in running {
            match fuzzer.process.ended()? {
                Some(status) => statuses.push((fuzzer, status)),
                None => still.push(fuzzer),
            }
        }
        running = still;
        for (fuzzer, status) in statuses {
            ended.push(fuzzer.end(status)?);
        }
        if shown.elapsed() >= PROGRESS {
            shown = Instant::now();
            running.iter().for_each(Fuzzer::show);
        }
    }
    report(&ended)
}

/// The targets' names are those of their seeds.
fn names(only: Option<&str>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(SEEDS).with_context(|| format!("list {SEEDS}"))? {
        let path = entry.with_context(|| format!("list {SEEDS}"))?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        names.push(name.to_owned());
    }
    names.sort();
    let Some(only) = only else { return Ok(names) };
    ensure!(
        names.iter().any(|name| name == only),
        "`{only}` is no target; the targets are {}",
        names.join(", ")
    );
    Ok(vec![only.to_owned()])
}

/// Compiles the targets, and gives the program that is all of them.
///
/// # Errors
/// When there is no C++ compiler, or something does not compile.
pub(crate) fn build() -> Result<PathBuf> {
    // libFuzzer is C++; everything else needs a C compiler alone.
    programs::need("c++", "g++")?;
    let version = process::read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("read the host from `rustc -vV`")?;
    let package = ["build", "--package", "huihua-fuzz", "--profile", "fuzz"];
    // With a target named, what runs while building is not instrumented.
    let mut command = cargo();
    command.args(package).args(["--target", host]);
    process::run(command.env("CARGO_TARGET_DIR", FOLDER).env("RUSTFLAGS", FLAGS))?;
    Ok(Path::new(FOLDER).join(host).join("fuzz/huihua-fuzz"))
}

/// A running target.
struct Fuzzer {
    name: String,
    process: Process,
    log: PathBuf,
    program: PathBuf,
    began: Instant,
}

/// What a target did.
struct Ended {
    name: String,
    inputs: u64,
    /// Edges of the code that an input has gone through.
    edges: u64,
    seconds: u64,
    fault: Option<String>,
}

impl Fuzzer {
    fn start(program: &Path, name: String, seconds: u64) -> Result<Self> {
        let [seeds, corpus, found, logs] =
            ["seeds", "corpus", "found", "log"].map(|folder| Path::new(FOLDER).join(folder));
        let (seeds, corpus) = (seeds.join(&name), corpus.join(&name));
        write_seeds(&name, &seeds)?;
        for folder in [&corpus, &found, &logs] {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let log = logs.join(&name).with_extension("log");
        let file = File::create(&log).with_context(|| format!("write {}", log.display()))?;
        let mut command = Command::new(program);
        command.env(TARGET, &name).args([&corpus, &seeds]).args([
            format!("-max_total_time={seconds}"),
            format!("-timeout={INPUT_S_MAX}"),
            format!("-rss_limit_mb={MEMORY_MB_MAX}"),
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-artifact_prefix={}/{name}-", found.display()),
            "-print_final_stats=1".to_owned(),
        ]);
        let process = Process::start(command.stdout(file.try_clone()?).stderr(file))?;
        Ok(Self { name, process, log, program: program.to_owned(), began: Instant::now() })
    }

    fn show(&self) {
        let log = fs::read(&self.log).unwrap_or_default();
        let progress = Progress::parse(&String::from_utf8_lossy(&log));
        println!(
            "fuzz: {:<11} {:>4} s, {} inputs, {} edges",
            self.name,
            self.began.elapsed().as_secs(),
            progress.inputs,
            progress.edges
        );
    }

    fn end(self, status: ExitStatus) -> Result<Ended> {
        let log = fs::read(&self.log).with_context(|| format!("read {}", self.log.display()))?;
        let log = String::from_utf8_lossy(&log);
        let Progress { inputs, edges } = Progress::parse(&log);
        self.show();
        let fault = (!status.success()).then(|| {
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            let again = format!("{TARGET}={} {} INPUT", self.name, self.program.display());
            format!(
                "{}\nfuzz: {} found a fault; its input is in {FOLDER}/found. Again: {again}\n\
                 Make it a test of the reader, mend the reader, add a line to {SEEDS}/{}.txt",
                last.join("\n"),
                self.name,
                self.name
            )
        });
        let seconds = self.began.elapsed().as_secs();
        Ok(Ended { name: self.name, inputs, edges, seconds, fault })
    }
}

fn write_seeds(name: &str, folder: &Path) -> Result<()> {
    let read = |path: &str| fs::read_to_string(path).with_context(|| format!("read {path}"));
    let mut text = read(&format!("{SEEDS}/{name}.txt"))?;
    if name == SAMPLES.0 {
        text += &read(SAMPLES.1)?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    for (at, line) in text.lines().enumerate() {
        let path = folder.join(at.to_string());
        let seed = line.replace(LINE_FEED, "\n");
        fs::write(&path, seed).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// What libFuzzer's log says: lines such as `#4096 pulse cov: 310 ft: 512 corp: 9/99b …`, and
/// `stat::number_of_executed_units: 5000` at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    inputs: u64,
    edges: u64,
}

impl Progress {
    fn parse(log: &str) -> Self {
        let mut progress = Self::default();
        for line in log.lines() {
            if let Some(rest) = line.strip_prefix('#') {
                let mut words = rest.split_whitespace();
                let inputs = words.next().and_then(|word| word.parse().ok());
                progress.inputs = progress.inputs.max(inputs.unwrap_or_default());
                let edges = words.skip_while(|word| *word != "cov:").nth(1);
                let edges = edges.and_then(|word| word.parse().ok());
                progress.edges = progress.edges.max(edges.unwrap_or_default());
            } else if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
                progress.inputs = count.trim().parse().unwrap_or(progress.inputs);
            }
        }
        progress
    }
}

fn report(ended: &[Ended]) -> Result<()> {
    let mut text = String::from("\n== fuzz\ntarget            inputs  edges  seconds\n");
    for Ended { name, inputs, edges, seconds, fault } in ended {
        let result = if fault.is_some() { "  A FAULT" } else { "" };
        let _ = writeln!(text, "{name:<11} {inputs:>12} {edges:>6} {seconds:>8}{result}");
    }
    let sum: u64 = ended.iter().map(|one| one.inputs).sum();
    println!("{text}{:<11} {sum:>12}", "all");
    let faults: Vec<&str> = ended.iter().filter_map(|one| one.fault.as_deref()).collect();
    if !faults.is_empty() {
        bail!("{} targets found a fault\n\n{}", faults.len(), faults.join("\n\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_edges_are_read_from_the_log() {
        let running = "INFO: Seed: 1\n#2\tINITED cov: 55 ft: 60 corp: 1/1b exec/s: 0 rss: 40Mb\n\
                       #4096\tpulse  cov: 310 ft: 512 corp: 9/99b lim: 4 exec/s: 2048 rss: 41Mb\n";
        assert_eq!(Progress::parse(running), Progress { inputs: 4096, edges: 310 });
        let ended = format!(
            "{running}#5000\tDONE   cov: 311 ft: 512\nstat::number_of_executed_units: 5001\n"
        );
        assert_eq!(Progress::parse(&ended), Progress { inputs: 5001, edges: 311 });
        assert_eq!(Progress::parse("thread panicked\n#x\n"), Progress::default());
    }
}
