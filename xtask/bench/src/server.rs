//! The run: all contestants started and filled, each kind of work measured on each of them in
//! interleaved rounds, the tables written into docs/benchmarks.md.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use machine::process;
use tempfile::TempDir;

use crate::{
    cluster::Cluster,
    connection::HttpConnection,
    figures::Cell,
    limit,
    load::{Callers, Contestant, Way},
    proc_files,
    product::ServerProcess,
    report::{self, GrowthTable, WorkTable},
    work::{Numbers, Work},
};

/// How long it is measured.
pub(crate) struct RunLength {
    name: &'static str,
    rounds: usize,
    /// Of one contestant at one kind of work.
    round: Duration,
}

/// About two minutes.
pub(crate) const QUICK: RunLength =
    RunLength { name: "quick", rounds: 3, round: Duration::from_secs(1) };
/// A quarter of an hour.
pub(crate) const FULL: RunLength =
    RunLength { name: "full", rounds: 5, round: Duration::from_secs(5) };

const DOCUMENT: &str = "docs/benchmarks.md";
/// On the same disk as the build: a temporary folder of the system may be in RAM, where a sync
/// costs nothing.
const FOLDER: &str = "target/bench";
const OURS: &str = "Huihua";
const LIMIT: &str = "the limit";
const PEER: &str = "PostgreSQL behind axum";
const BARE: &str = "bare PostgreSQL";
/// Accounts that read, and as many that write: one a connection.
const READERS: usize = 8;
/// Sessions of each of them.
const SESSIONS: u64 = 500;
/// Accounts with lists that grow.
const GROWTH: [u64; 3] = [500, 5_000, 50_000];

/// A kind of work with its title.
struct Kind {
    title: &'static str,
    work: Work,
    connections: usize,
    /// The first letter of the accounts.
    accounts: char,
}

const KINDS: [Kind; 7] = [
    Kind {
        title: "Page of 100 with messages (8 connections)",
        work: Work::Page,
        connections: 8,
        accounts: 'r',
    },
    Kind {
        title: "Sync, nothing changed (8 connections)",
        work: Work::EmptySync,
        connections: 8,
        accounts: 'r',
    },
    Kind {
        title: "Get one session (8 connections)",
        work: Work::GetOne,
        connections: 8,
        accounts: 'r',
    },
    Kind {
        title: "Durable p2p message, one a request (8 connections)",
        work: Work::Ingest { events: 1 },
        connections: 8,
        accounts: 'r',
    },
    Kind {
        title: "Durable p2p message, one a request (64 connections)",
        work: Work::Ingest { events: 1 },
        connections: 64,
        accounts: 'r',
    },
    Kind {
        title: "Durable p2p messages, 100 a request (8 connections; × 100 for messages)",
        work: Work::Ingest { events: 100 },
        connections: 8,
        accounts: 'r',
    },
    Kind {
        title: "Update of an ext with its Idempotency-Key (8 connections)",
        work: Work::SetExt,
        connections: 8,
        accounts: 'e',
    },
];

/// Everything that runs.
struct Field {
    product: ServerProcess,
    limit: ServerProcess,
    /// The peer's process, before its database.
    peer: Option<(ServerProcess, Cluster)>,
    /// Why there is no peer.
    missing: Option<String>,
    numbers: Numbers,
    resting_bytes: u64,
    /// Processes go before their folders.
    _folders: Vec<TempDir>,
}

/// Measures all, and writes the tables.
///
/// # Errors
/// When a contestant cannot be started, or any call fails; never because of a figure.
pub(crate) async fn run(length: &RunLength) -> Result<()> {
    let load_before = proc_files::load()?;
    let mut field = Field::start().await?;
    let tables = measure_kinds(&field, length).await?;
    let growth = measure_growth(&field, length).await?;
    let filled_bytes = proc_files::resident_bytes(field.product.id())?;
    let mut section = head(&field, length, &load_before)?;
    section += &format!("\n{}", report::summary_table(&tables));
    for table in &tables {
        section += &format!("\n{}", report::work_table(table));
    }
    section += &format!("\n{}", report::growth_table(&growth));
    section += &format!(
        "\n### Memory of Huihua's process\n\n| | RSS |\n|---|---|\n\
         | at rest, empty store | {} MiB |\n| after this run | {} MiB |\n",
        field.resting_bytes >> 20,
        filled_bytes >> 20
    );
    if let Some((peer, cluster)) = field.peer.take() {
        drop(peer);
        cluster.stop();
    }
    println!("\n{section}");
    let document = fs::read_to_string(DOCUMENT).with_context(|| format!("read {DOCUMENT}"))?;
    let document = report::replace_section(&document, &section)?;
    fs::write(DOCUMENT, document).with_context(|| format!("write {DOCUMENT}"))?;
    println!("bench: written into {DOCUMENT}");
    Ok(())
}

fn accounts(letter: char) -> Vec<String> {
    (0..READERS).map(|n| format!("{letter}{n}")).collect()
}

fn lists() -> Vec<(String, u64)> {
    let both = accounts('r').into_iter().chain(accounts('e'));
    let grown = GROWTH.map(|sessions| (format!("g{sessions}"), sessions));
    both.map(|account| (account, SESSIONS)).chain(grown).collect()
}

fn folder() -> Result<TempDir> {
    fs::create_dir_all(FOLDER).with_context(|| format!("make {FOLDER}"))?;
    // PostgreSQL's user has to get through.
    let path = std::path::absolute(FOLDER).context("find our folder")?;
    tempfile::tempdir_in(path).context("make a temporary folder")
}

impl Field {
    async fn start() -> Result<Self> {
        let (lists, numbers) = (lists(), Numbers::default());
        let names: Vec<String> = lists.iter().map(|(account, _)| account.clone()).collect();
        let folders = [folder()?, folder()?, folder()?, folder()?];
        let [product_in, limit_in, peer_in, cluster_in] = folders.each_ref().map(TempDir::path);
        println!("bench: starting huihua-server and making its lists");
        let mut product = ServerProcess::start_product(product_in, &names)?;
        let resting_bytes = proc_files::resident_bytes(product.id())?;
        product.fill(&lists, &numbers).await?;
        product.read_cursors(&names).await?;
        write_answers(limit_in, &product).await?;
        let limit = ServerProcess::start_limit(limit_in, &product.target)?;
        println!("bench: starting PostgreSQL and making the same lists");
        let mut missing = None;
        let peer = match start_peer(peer_in, cluster_in, &lists, &names, &numbers).await {
            Ok(peer) => Some(peer),
            Err(error) if process::interrupted() => return Err(error),
            Err(error) => {
                println!("bench: WITHOUT PostgreSQL: {error:#}");
                missing = Some(format!("{error:#}"));
                None
            }
        };
        let _folders = folders.into();
        Ok(Self { product, limit, peer, missing, numbers, resting_bytes, _folders })
    }

    fn contestants(&self) -> Vec<Contestant> {
        let http = |name, server: &ServerProcess, behind: Option<u32>| {
            let pids = [server.id()].into_iter().chain(behind).collect();
            Contestant { name, way: Way::Http(server.target.clone()), pids }
        };
        let mut all = vec![http(OURS, &self.product, None), http(LIMIT, &self.limit, None)];
        if let Some((peer, cluster)) = &self.peer {
            all.push(http(PEER, peer, Some(cluster.id())));
            let way = Way::Postgres(cluster.port);
            all.push(Contestant { name: BARE, way, pids: vec![cluster.id()] });
        }
        all
    }
}

async fn start_peer(
    folder: &Path,
    cluster_folder: &Path,
    lists: &[(String, u64)],
    names: &[String],
    numbers: &Numbers,
) -> Result<(ServerProcess, Cluster)> {
    let cluster = Cluster::start(cluster_folder).await?;
    cluster.fill(lists, numbers).await?;
    let mut peer = ServerProcess::start_peer(folder, cluster.port, names)?;
    peer.read_cursors(names).await?;
    Ok((peer, cluster))
}

/// Keeps the product's own answers for the limit: the same bytes.
async fn write_answers(folder: &Path, product: &ServerProcess) -> Result<()> {
    let mut http = HttpConnection::open(product.target.address).await?;
    for (name, work) in
        [(limit::PAGE, Work::Page), (limit::SYNC, Work::EmptySync), (limit::ONE, Work::GetOne)]
    {
        let answer = http.call(product.target.call(work, "r0", 0)?).await?;
        fs::write(folder.join(name), answer).with_context(|| format!("write {name}"))?;
    }
    Ok(())
}

/// Every round goes through all kinds of work, and begins with another contestant.
async fn measure_kinds(field: &Field, length: &RunLength) -> Result<Vec<WorkTable>> {
    let contestants = field.contestants();
    let table = |kind: &Kind| WorkTable {
        title: kind.title.to_owned(),
        cells: contestants.iter().map(|it| (it.name, Cell::new())).collect(),
    };
    let mut tables: Vec<WorkTable> = KINDS.iter().map(table).collect();
    for round in 0..length.rounds {
        println!("bench: round {} of {}", round + 1, length.rounds);
        for (kind, table) in KINDS.iter().zip(&mut tables) {
            let callers = Callers {
                work: kind.work,
                connections: kind.connections,
                accounts: accounts(kind.accounts),
                numbers: field.numbers.clone(),
            };
            for turn in 0..contestants.len() {
                let at = (turn + round) % contestants.len();
                let sample = contestants[at].measure(&callers, length.round).await?;
                table.cells[at].1.add(&sample);
            }
        }
    }
    Ok(tables)
}

async fn measure_growth(field: &Field, length: &RunLength) -> Result<GrowthTable> {
    let mut contestants = field.contestants();
    contestants.retain(|it| [OURS, PEER].contains(&it.name));
    let cells = || contestants.iter().map(|_| Cell::new()).collect::<Vec<_>>();
    let mut rows = GROWTH.map(|sessions| (sessions, cells()));
    println!("bench: pages of growing lists");
    for _ in 0..length.rounds {
        for (sessions, cells) in &mut rows {
            let callers = Callers {
                work: Work::Page,
                connections: 1,
                accounts: vec![format!("g{sessions}")],
                numbers: field.numbers.clone(),
            };
            for (contestant, cell) in contestants.iter().zip(cells) {
                cell.add(&contestant.measure(&callers, length.round).await?);
            }
        }
    }
    let contestants = contestants.iter().map(|it| it.name).collect();
    Ok(GrowthTable { contestants, rows: rows.into() })
}

/// Date, machine, versions, load, and how to read the tables.
fn head(field: &Field, length: &RunLength, load_before: &str) -> Result<String> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let read = |program: &str, arguments: &[&str]| {
        let text = process::read(Command::new(program).args(arguments))?;
        anyhow::Ok(text.trim().to_owned())
    };
    let commit = read("git", &["describe", "--always", "--dirty"])?;
    let compiler = read("rustc", &["--version"])?;
    let peer = match (&field.peer, &field.missing) {
        (Some((_, cluster)), _) => format!("PostgreSQL {}", cluster.version),
        (None, missing) => format!("PostgreSQL missing ({})", missing.as_deref().unwrap_or("?")),
    };
    let (machine, load_after) = (proc_files::machine()?, proc_files::load()?);
    let (rounds, round) = (length.rounds, length.round.as_secs_f64());
    Ok(format!(
        "## The server beside its limits and peers, {}\n\n\
         The {} form, written {now} by `cargo xtask bench server`: {rounds} rounds of {round} s\n\
         for each line, interleaved, every round beginning with another contestant. Machine:\n\
         {machine}; load {load_before} before, {load_after} after.\n\
         Commit {commit}; {compiler}; {peer}.\n",
        &now[..10],
        length.name,
    ))
}
