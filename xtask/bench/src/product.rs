//! The processes that speak HTTP: the product, built for release, and the two that it is compared
//! with. Each runs in a folder of its own and ends when it is dropped.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use machine::process::{self, Process};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{self, Keyspace},
    connection::HttpConnection,
    limit::ADDRESS_FILE,
    messages::{self, Writers},
    work::{HttpTarget, Numbers},
};

const SERVER: &str = "target/release/huihua-server";
const DEFAULT_CONFIG: &str = "server/config.default.toml";
/// How long a process may take until it listens.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// How often the product is asked whether it is ready.
const START_POLL: Duration = Duration::from_millis(1);
/// Connections that make lists.
const FILLERS: usize = 4;
/// Events a request when lists are made: the most that the server takes.
const BATCH: u64 = 500;

/// The rates of the server, as large as they get; a server that has none ignores them.
const RATES: [&str; 4] = [
    "HUIHUA_ACCOUNT_REQUESTS_PER_S",
    "HUIHUA_APP_REQUESTS_PER_S",
    "HUIHUA_EVENTS_REQUESTS_PER_S",
    "HUIHUA_COPIES_PER_S",
];

/// A build of the server.
pub(crate) struct Build {
    pub(crate) program: PathBuf,
    /// It is shipped with it, and says which keys it knows.
    pub(crate) default_config: PathBuf,
}

impl Build {
    /// Of this tree.
    pub(crate) fn ours() -> Self {
        Self { program: SERVER.into(), default_config: DEFAULT_CONFIG.into() }
    }

    /// Whether it knows the budget of its memory.
    ///
    /// # Errors
    /// When its default configuration cannot be read.
    pub(crate) fn has_memory_key(&self) -> Result<bool> {
        let path = self.default_config.display();
        let text = fs::read_to_string(&self.default_config);
        Ok(app::has_memory_key(&text.with_context(|| format!("read {path}"))?))
    }
}

/// A running server.
pub(crate) struct ServerProcess {
    process: Process,
    pub(crate) target: HttpTarget,
}

impl ServerProcess {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts the product on the store in a folder, which may be empty, with a token for each
    /// account, and says how long it took until it was ready. Its rates hold nobody back: few
    /// accounts ask as fast as they can, and that is what is measured.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_product(folder: &Path, accounts: &[String]) -> Result<(Self, Duration)> {
        Self::start_build(&Build::ours(), folder, accounts)
    }

    /// Starts a build of the product in the same way.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_build(
        build: &Build,
        folder: &Path,
        accounts: &[String],
    ) -> Result<(Self, Duration)> {
        Self::start(build, folder, accounts, &RATES)
    }

    /// Starts the product in the same way with the rates that it is shipped with.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_as_shipped(folder: &Path, accounts: &[String]) -> Result<(Self, Duration)> {
        Self::start(&Build::ours(), folder, accounts, &[])
    }

    /// Starts the product on a keyspace of Cassandra, which it makes first.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_on_cassandra(
        folder: &Path,
        keyspace: &Keyspace<'_>,
        accounts: &[String],
    ) -> Result<(Self, Duration)> {
        let address = free_address()?;
        let config = folder.join("huihua.toml");
        let text = app::cassandra_config(keyspace, address.port());
        fs::write(&config, text).context("write the configuration")?;
        process::run(Command::new(SERVER).args(["schema", "apply", "--config"]).arg(&config))?;
        Self::start_with(Path::new(SERVER), &config, address, accounts, &RATES)
    }

    fn start(
        build: &Build,
        folder: &Path,
        accounts: &[String],
        lifted: &[&str],
    ) -> Result<(Self, Duration)> {
        let address = free_address()?;
        let config = folder.join("huihua.toml");
        let mut text = app::config(&folder.join("data"), address.port(), build.has_memory_key()?);
        text += &app::OTHER.config();
        fs::write(&config, text).context("write the configuration")?;
        Self::start_with(&build.program, &config, address, accounts, lifted)
    }

    fn start_with(
        program: &Path,
        config: &Path,
        address: SocketAddr,
        accounts: &[String],
        lifted: &[&str],
    ) -> Result<(Self, Duration)> {
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(config);
        command.env("HUIHUA_LOG", "error").stdout(Stdio::null());
        // Any port: another server may be measured beside it.
        command.env("HUIHUA_ADMIN_LISTEN", "127.0.0.1:0");
        for rate in lifted {
            command.env(rate, "1000000");
        }
        let began = Instant::now();
        let mut process = Process::start(&mut command)?;
        while !is_ready(address) {
            if let Some(status) = process.ended()? {
                bail!("huihua-server ended while it started: {status}");
            }
            ensure!(began.elapsed() < START_PATIENCE, "huihua-server does not become ready");
            thread::sleep(START_POLL);
        }
        let started = began.elapsed();
        let tokens = accounts.iter().map(|account| (account.clone(), app::token(account)));
        let target = HttpTarget {
            address,
            ingest_key: app::INGEST_KEY.to_owned(),
            tokens: tokens.collect(),
            cursors: HashMap::new(),
        };
        Ok((Self { process, target }, started))
    }

    /// Starts a process of this program that answers constants.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_limit(folder: &Path, product: &HttpTarget) -> Result<Self> {
        let (process, address) = start_own(folder, &["limit".to_owned()])?;
        // It looks at no token and at no cursor.
        Ok(Self { process, target: HttpTarget { address, ..product.clone() } })
    }

    /// Starts a process of this program that answers from PostgreSQL.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_peer(folder: &Path, port: u16, accounts: &[String]) -> Result<Self> {
        let arguments = ["peer".to_owned(), "--port".to_owned(), port.to_string()];
        let (process, address) = start_own(folder, &arguments)?;
        let tokens = accounts.iter().map(|account| (account.clone(), account.clone())).collect();
        let ingest_key = "none".to_owned();
        let target = HttpTarget { address, ingest_key, tokens, cursors: HashMap::new() };
        Ok(Self { process, target })
    }

    /// Makes the lists, and writes once to every pair that the writers will write to.
    ///
    /// # Errors
    /// When an event is not applied.
    pub(crate) async fn fill(
        &self,
        lists: &[(String, u64)],
        writers: Writers,
        numbers: &Numbers,
    ) -> Result<()> {
        let fills = lists.iter().map(|(account, sessions)| Fill::List(account.clone(), *sessions));
        let pairs = writers.pairs();
        let first = numbers.take(pairs);
        let parts = (first..first + pairs).step_by(BATCH as usize);
        let fills: VecDeque<Fill> =
            fills.chain(parts.map(|at| Fill::Pairs(writers, at, first + pairs))).collect();
        let (all, waiting) = (fills.len(), Arc::new(Mutex::new(fills)));
        let mut tasks = JoinSet::new();
        for task in 0..FILLERS {
            let (target, waiting) = (self.target.clone(), Arc::clone(&waiting));
            tasks.spawn(async move {
                let mut http = HttpConnection::open(target.address).await?;
                loop {
                    let next = {
                        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                        if task == 0 && !waiting.is_empty() {
                            show_progress(all - waiting.len(), all);
                        }
                        waiting.pop_front()
                    };
                    let Some(fill) = next else { return anyhow::Ok(()) };
                    for part in fill.events().chunks(BATCH as usize) {
                        send(&target, &mut http, part).await?;
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.context("a task that makes lists ended early")??;
        }
        show_progress(all, all);
        Ok(())
    }

    /// Sends any number of events, each of which has to be applied.
    ///
    /// # Errors
    /// When one is not.
    pub(crate) async fn send_all(&self, events: &[Value]) -> Result<()> {
        for part in events.chunks(BATCH as usize) {
            self.send(part).await?;
        }
        Ok(())
    }

    /// Sends events, each of which has to be applied.
    ///
    /// # Errors
    /// When one is not.
    pub(crate) async fn send(&self, events: &[Value]) -> Result<()> {
        let mut http = HttpConnection::open(self.target.address).await?;
        send(&self.target, &mut http, events).await
    }

    /// Reads each account's cursor of now.
    ///
    /// # Errors
    /// When a sync fails.
    pub(crate) async fn read_cursors(&mut self, accounts: &[String]) -> Result<()> {
        let mut http = HttpConnection::open(self.target.address).await?;
        for account in accounts {
            let call = self.target.read(account, "/v1/sync?cursor=latest".to_owned())?;
            let answer: Value = serde_json::from_slice(&http.call(call).await?)?;
            let cursor = answer["cursor"].as_str().context("read the cursor of a sync")?;
            self.target.cursors.insert(account.clone(), cursor.to_owned());
        }
        Ok(())
    }
}

/// What a task that makes lists does next.
enum Fill {
    List(String, u64),
    /// A batch from the first number, at most to the last.
    Pairs(Writers, u64, u64),
}

impl Fill {
    fn events(self) -> Vec<Value> {
        match self {
            Self::List(account, sessions) => messages::list_events(&account, sessions),
            Self::Pairs(writers, first, end) => {
                (first..end.min(first + BATCH)).map(|n| json!(writers.written(n))).collect()
            }
        }
    }
}

/// On a terminal only: in a log it would be one long line.
fn show_progress(done: usize, all: usize) {
    if !io::stdout().is_terminal() {
        return;
    }
    print!("\rbench: {done} of {all} parts are written");
    if done == all {
        println!();
    }
    // A terminal that is gone is no reason to stop.
    let _ = io::stdout().flush();
}

async fn send(target: &HttpTarget, http: &mut HttpConnection, events: &[Value]) -> Result<()> {
    let call = target.events(&json!(events), events.len() as u64);
    let answer: Value = serde_json::from_slice(&http.call(call).await?)?;
    let results = answer["results"].as_array().context("read the results of events")?;
    let other = results.iter().find(|result| result["status"] != "applied");
    ensure!(other.is_none(), "an event was not applied: {other:?}");
    Ok(())
}

/// Asks the server by itself, so that nothing but its start is measured.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START_PATIENCE))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

/// Starts a subcommand of this program, and waits for its address.
fn start_own(folder: &Path, arguments: &[String]) -> Result<(Process, SocketAddr)> {
    let program: PathBuf = std::env::current_exe().context("find this program")?;
    let mut command = Command::new(program);
    command.args(arguments).arg("--folder").arg(folder);
    let mut process = Process::start(&mut command)?;
    let file = folder.join(ADDRESS_FILE);
    let address = wait(&mut process, &format!("address of `bench {}`", arguments[0]), || {
        fs::read_to_string(&file).ok()?.strip_suffix('\n')?.parse().ok()
    })?;
    Ok((process, address))
}

/// An address of this machine where nobody listens.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let free = TcpListener::bind("127.0.0.1:0").context("look for a free port")?;
    free.local_addr().context("look for a free port")
}

/// Waits for what a process does when it has started.
///
/// # Errors
/// When it ends, or takes too long.
pub(crate) fn wait<T>(
    process: &mut Process,
    what: &str,
    ready: impl Fn() -> Option<T>,
) -> Result<T> {
    process::wait_for(what, START_PATIENCE, || {
        if let Some(status) = process.ended()? {
            bail!("the process ended while it started: {status}");
        }
        Ok(ready())
    })
}
