//! Everything that runs during `bench server`: the product, its limit, its peers, each with the
//! same lists.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use machine::process;
use tempfile::TempDir;

use crate::{
    app::Keyspace,
    cluster::Cluster,
    connection::HttpConnection,
    limit,
    load::{Contestant, Way},
    messages::{self, WRITERS},
    proc_files,
    product::ServerProcess,
    redis_process::RedisProcess,
    work::{Numbers, Work},
};

/// On the same disk as the build: a temporary folder of the system may be in RAM, where a sync
/// costs nothing.
const FOLDER: &str = "target/bench";
/// On a disk too: what is in it outlives a restart of the machine. All contestants share it.
const FOLDER_OF_ROOT: &str = "/var/tmp";
pub(crate) const OURS: &str = "Huihua";
pub(crate) const LIMIT: &str = "the limit";
pub(crate) const PEER: &str = "PostgreSQL behind axum";
pub(crate) const BARE: &str = "bare PostgreSQL";
pub(crate) const REDIS: &str = "bare Redis";
/// The product on one node of Cassandra: measured when it is asked for.
pub(crate) const CASSANDRA: &str = "Huihua on Cassandra";
/// The same with the head cache, which only reads of lists notice.
pub(crate) const CASSANDRA_CACHED: &str = "the same, `cassandra_head_cache_ms = 1000`";
/// Those of all kinds of work, in the order of the tables.
pub(crate) const NAMES: [&str; 6] = [OURS, LIMIT, PEER, BARE, REDIS, CASSANDRA];
/// Accounts that read, and as many that set exts: one a connection.
const READERS: usize = 8;
/// Sessions of each of them.
const SESSIONS: u64 = 500;
/// Accounts with lists that grow.
pub(crate) const LENGTHS: [u64; 3] = [500, 5_000, 50_000];
/// Teams, by their members.
pub(crate) const TEAMS: [u64; 3] = [10, 1_000, 10_000];

/// Everything that runs.
pub(crate) struct Field {
    pub(crate) product: ServerProcess,
    limit: ServerProcess,
    /// The peer's process, before its database.
    peer: Option<(ServerProcess, Cluster)>,
    redis: Option<RedisProcess>,
    /// The product on Cassandra, without its head cache and with it, and the node's process if it
    /// is on this machine.
    cassandra: Option<([ServerProcess; 2], Option<u32>)>,
    /// Versions of the peers, and why one is missing.
    pub(crate) peers: Vec<String>,
    pub(crate) numbers: Numbers,
    pub(crate) resting_bytes: u64,
    /// Processes go before their folders.
    _folders: Vec<TempDir>,
}

/// The accounts of a kind of work, by their first letter.
pub(crate) fn accounts(letter: char) -> Vec<String> {
    (0..READERS).map(|n| format!("{letter}{n}")).collect()
}

/// The account with a list of this length.
pub(crate) fn account_of_length(sessions: u64) -> String {
    format!("g{sessions}")
}

fn lists() -> Vec<(String, u64)> {
    let grown = LENGTHS.map(|sessions| (account_of_length(sessions), sessions));
    hot_lists().into_iter().chain(grown).collect()
}

/// The lists of the accounts of all kinds of work.
pub(crate) fn hot_lists() -> Vec<(String, u64)> {
    let both = accounts('r').into_iter().chain(accounts('e'));
    both.map(|account| (account, SESSIONS)).collect()
}

/// A folder for a process, gone when it is dropped.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn folder() -> Result<TempDir> {
    let path = match rustix::process::geteuid().is_root() {
        // PostgreSQL, which refuses to run as root, has to get through to its own.
        true => PathBuf::from(FOLDER_OF_ROOT),
        false => std::path::absolute(FOLDER).context("find our folder")?,
    };
    fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
    tempfile::tempdir_in(path).context("make a temporary folder")
}

impl Field {
    /// Starts all and makes the lists. A peer that cannot be had is left out. `node`: where
    /// Cassandra is, if the product is measured on it too.
    ///
    /// # Errors
    /// When the product or the limit does not start.
    pub(crate) async fn start(node: Option<&str>) -> Result<Self> {
        let (lists, numbers) = (lists(), Numbers::default());
        let names: Vec<String> = lists.iter().map(|(account, _)| account.clone()).collect();
        let folders = [folder()?, folder()?, folder()?, folder()?, folder()?, folder()?, folder()?];
        let [product_in, limit_in, peer_in, cluster_in, redis_in, cassandra_in @ ..] =
            folders.each_ref().map(TempDir::path);
        println!("bench: starting huihua-server and making its lists");
        let (mut product, _) = ServerProcess::start_product(product_in, &names)?;
        let resting_bytes = proc_files::resident_bytes(product.id())?;
        product.fill(&lists, WRITERS, &numbers).await?;
        make_teams(&product).await?;
        product.read_cursors(&names).await?;
        write_answers(limit_in, &product).await?;
        let limit = ServerProcess::start_limit(limit_in, &product.target)?;
        println!("bench: starting PostgreSQL and Redis and making the same lists");
        let mut peers = Vec::new();
        let peer = start_peer(peer_in, cluster_in, &lists, &names, &numbers).await;
        let version = |(_, cluster): &(ServerProcess, Cluster)| cluster.version.clone();
        let peer = keep("PostgreSQL", "postgresql", peer, version, &mut peers)?;
        let redis = start_redis(redis_in, &lists, &numbers).await;
        let version = |redis: &RedisProcess| redis.version.clone();
        let redis = keep("Redis", "redis-server", redis, version, &mut peers)?;
        let cassandra = match node {
            Some(node) => Some(start_on_cassandra(cassandra_in, node, &lists, &numbers).await?),
            None => None,
        };
        peers.extend(node.map(|_| "one node of Cassandra behind Huihua".to_owned()));
        let _folders = folders.into();
        Ok(Self { product, limit, peer, redis, cassandra, peers, numbers, resting_bytes, _folders })
    }

    /// All that are there, in the order of [`NAMES`], and [`CASSANDRA_CACHED`].
    pub(crate) fn contestants(&self) -> Vec<Contestant> {
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
        if let Some(redis) = &self.redis {
            let way = Way::Redis(redis.port);
            all.push(Contestant { name: REDIS, way, pids: vec![redis.id()] });
        }
        if let Some(([server, cached], node)) = &self.cassandra {
            all.push(http(CASSANDRA, server, *node));
            all.push(http(CASSANDRA_CACHED, cached, *node));
        }
        all
    }

    /// Has PostgreSQL write what it has only in its memory and its log, as it does by itself.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub(crate) async fn write_back(&self) -> Result<()> {
        match &self.peer {
            Some((_, cluster)) => cluster.write_back().await,
            None => Ok(()),
        }
    }

    /// Stops the databases in good order, and the rest at once.
    pub(crate) fn stop(mut self) {
        if let Some((peer, cluster)) = self.peer.take() {
            drop(peer);
            cluster.stop();
        }
        if let Some(redis) = self.redis.take() {
            redis.stop();
        }
    }
}

/// Starts the product twice on a keyspace of its own, and makes the same lists. The keyspace stays:
/// nothing here speaks Cassandra's protocol.
async fn start_on_cassandra(
    folders: [&Path; 2],
    node: &str,
    lists: &[(String, u64)],
    numbers: &Numbers,
) -> Result<([ServerProcess; 2], Option<u32>)> {
    let name = format!("huihua_bench_{}", std::process::id());
    println!("bench: starting huihua-server on Cassandra ({node}, keyspace {name})");
    let names: Vec<String> = lists.iter().map(|(account, _)| account.clone()).collect();
    let keyspace = Keyspace { node, name: &name, head_cache_ms: 0 };
    let (mut server, _) = ServerProcess::start_on_cassandra(folders[0], &keyspace, &names)?;
    server.fill(lists, WRITERS, numbers).await?;
    server.read_cursors(&names).await?;
    let keyspace = Keyspace { head_cache_ms: 1_000, ..keyspace };
    let (mut cached, _) = ServerProcess::start_on_cassandra(folders[1], &keyspace, &names)?;
    cached.read_cursors(&names).await?;
    let port = node.rsplit(':').next().and_then(|port| port.parse().ok());
    Ok(([server, cached], port.and_then(proc_files::listener)))
}

/// Takes a peer that started; says why another is left out.
///
/// # Errors
/// When we are interrupted.
fn keep<T>(
    name: &str,
    package: &str,
    peer: Result<T>,
    version: impl Fn(&T) -> String,
    peers: &mut Vec<String>,
) -> Result<Option<T>> {
    match peer {
        Ok(peer) => {
            peers.push(format!("{name} {}", version(&peer)));
            Ok(Some(peer))
        }
        Err(error) if process::interrupted() => Err(error),
        Err(error) => {
            println!("bench: WITHOUT {name}: {error:#}");
            println!("bench: to have it measured too: sudo apt-get install {package}");
            peers.push(format!("{name} missing (`apt-get install {package}`)"));
            Ok(None)
        }
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

async fn start_redis(
    folder: &Path,
    lists: &[(String, u64)],
    numbers: &Numbers,
) -> Result<RedisProcess> {
    let redis = RedisProcess::start(folder).await?;
    redis.fill(lists, numbers).await?;
    Ok(redis)
}

/// Makes the teams, and reads every member's list once, so that a message to the team finds them as
/// they are when their apps are in use.
async fn make_teams(product: &ServerProcess) -> Result<()> {
    let joins: Vec<_> = TEAMS.iter().map(|members| messages::team_join(*members)).collect();
    product.send(&joins).await?;
    let firsts: Vec<_> = TEAMS
        .iter()
        .map(|members| serde_json::json!(messages::team_message(*members, 0)))
        .collect();
    product.send(&firsts).await?;
    let mut http = HttpConnection::open(product.target.address).await?;
    for members in TEAMS {
        for at in 0..members {
            http.call(product.target.page_of(&messages::member(members, at))).await?;
        }
    }
    Ok(())
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
