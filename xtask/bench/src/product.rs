//! The processes that speak HTTP: the product, built for release, and the two that it is compared
//! with. Each runs in a folder of its own and ends when it is dropped.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use machine::process::{self, Process};
use serde_json::{Value, json};

use crate::{
    connection::HttpConnection,
    limit::ADDRESS_FILE,
    messages,
    work::{HttpTarget, Numbers},
};

const SERVER: &str = "target/release/huihua-server";
/// How long a process may take until it listens.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Events a request when lists are made: the most that the server takes.
const BATCH: u64 = 500;

/// A running server.
pub(crate) struct ServerProcess {
    process: Process,
    pub(crate) target: HttpTarget,
}

impl ServerProcess {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts the product on an empty store, with a token for each account.
    ///
    /// # Errors
    /// When it does not get there.
    pub(crate) fn start_product(folder: &Path, accounts: &[String]) -> Result<Self> {
        let data = folder.join("data");
        let mut command = Command::new(SERVER);
        command.arg("dev").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
        command.env("HUIHUA_LOG", "error").stdout(Stdio::null());
        let mut process = Process::start(&mut command)?;
        let dev_json = data.join("dev.json");
        let dev: Value = wait(&mut process, "dev.json of huihua-server", || {
            // Half written is not there yet.
            let text = fs::read_to_string(&dev_json).unwrap_or_default();
            serde_json::from_str(&text).ok()
        })?;
        let text = |name: &str| dev[name].as_str().with_context(|| format!("read {name}"));
        let address = text("url")?.trim_start_matches("http://").parse();
        let mut tokens = HashMap::new();
        for account in accounts {
            let mut token = Command::new(SERVER);
            token.arg("token").arg("--data").arg(&data);
            let token = process::read(token.args(["--account", account, "--ttl", "24h"]))?;
            tokens.insert(account.clone(), token.trim().to_owned());
        }
        let target = HttpTarget {
            address: address.context("read the server's address")?,
            ingest_key: text("ingestKey")?.to_owned(),
            tokens,
            cursors: HashMap::new(),
        };
        Ok(Self { process, target })
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

    /// Makes the lists, and writes once to every pair that writers will write to.
    ///
    /// # Errors
    /// When an event is not applied.
    pub(crate) async fn fill(&self, lists: &[(String, u64)], numbers: &Numbers) -> Result<()> {
        let mut http = HttpConnection::open(self.target.address).await?;
        for (account, sessions) in lists {
            let events = messages::list_events(account, *sessions);
            for part in events.chunks(BATCH as usize) {
                self.send(&mut http, part).await?;
            }
        }
        for _ in 0..messages::PAIRS / BATCH {
            let first = numbers.take(BATCH);
            let part: Vec<Value> =
                (first..first + BATCH).map(|n| json!(messages::written(n))).collect();
            self.send(&mut http, &part).await?;
        }
        Ok(())
    }

    async fn send(&self, http: &mut HttpConnection, events: &[Value]) -> Result<()> {
        let call = self.target.events(&json!(events), events.len() as u64);
        let answer: Value = serde_json::from_slice(&http.call(call).await?)?;
        let results = answer["results"].as_array().context("read the results of events")?;
        let other = results.iter().find(|result| result["status"] != "applied");
        ensure!(other.is_none(), "an event was not applied: {other:?}");
        Ok(())
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
