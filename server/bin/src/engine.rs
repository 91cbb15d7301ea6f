//! The engine that a configuration names, opened. The only file that names one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use huihua_store::{self as store, Engine, Progress};
use huihua_store_cassandra::{
    CassandraStore,
    connect::{self, ConnectOptions, Session, Tls},
    schema::{self, Replication},
};
use huihua_store_redb::{FILE_NAME, Memory, QueueLimits, RedbStore};

use crate::{
    admin::{BackupFuture, Operations},
    config::{CassandraConfig, RedbConfig, StoreConfig},
};

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The engine says why.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No node lets us in.
    #[error("cannot use Cassandra at {nodes}")]
    Cassandra {
        nodes: String,
        #[source]
        source: store::Error,
    },
    /// The roots of its nodes' certificates are of no use.
    #[error("cassandra_tls_roots")]
    Tls(#[from] connect::TlsError),
    /// A folder without a store: opening it would make an empty one.
    #[error("there is no {what} {}", path.display())]
    NoStore { what: &'static str, path: PathBuf },
    /// The engine has no such thing.
    #[error("{0}")]
    NotWithCassandra(&'static str),
}

/// What a backup is with Cassandra.
const NO_BACKUP: &str = "backup and restore are of a store in a folder: with store = \"cassandra\" \
     take snapshots of the keyspace on its nodes (nodetool snapshot; docs/operate.md)";
/// What smaller files are with Cassandra.
const NO_COMPACT: &str = "compact is of a store in a folder: Cassandra compacts its tables by \
     itself (docs/operate.md)";

/// Opens the engine of a server.
pub(crate) async fn open(config: &StoreConfig) -> Result<Operations, Error> {
    match config {
        StoreConfig::Redb(redb) => {
            let engine = Arc::new(open_redb(redb)?);
            let of_backup = Arc::clone(&engine);
            let backup = move |to: PathBuf, progress| -> BackupFuture {
                let engine = Arc::clone(&of_backup);
                Box::pin(async move { engine.backup(&to, progress).await })
            };
            Ok(Operations { backup: Arc::new(backup), engine })
        }
        StoreConfig::Cassandra(cassandra) => {
            let engine: Arc<dyn Engine> = Arc::new(open_cassandra(cassandra).await?);
            // Nobody asks: there is no data folder with a socket.
            let backup = |_: PathBuf, _| -> BackupFuture {
                let reason = NO_BACKUP.to_owned();
                Box::pin(async { Err(store::Error::Unavailable { reason }) })
            };
            Ok(Operations { backup: Arc::new(backup), engine })
        }
    }
}

/// Opens the engine of a command: of a stopped server's folder, or beside the servers of a
/// keyspace.
pub(crate) async fn open_for_command(config: &StoreConfig) -> Result<Box<dyn Engine>, Error> {
    match config {
        StoreConfig::Redb(redb) => {
            check_is_there(&redb.data)?;
            Ok(Box::new(RedbStore::open(&redb.data, Memory::default())?))
        }
        StoreConfig::Cassandra(cassandra) => Ok(Box::new(open_cassandra(cassandra).await?)),
    }
}

/// Opens the engine that a copy is made into; a folder may be new.
pub(crate) async fn open_empty(config: &StoreConfig) -> Result<Box<dyn Engine>, Error> {
    match config {
        StoreConfig::Redb(redb) => Ok(Box::new(open_redb(redb)?)),
        StoreConfig::Cassandra(_) => open_for_command(config).await,
    }
}

fn open_redb(config: &RedbConfig) -> Result<RedbStore, store::Error> {
    let memory = Memory::of_mb(config.memory_mb);
    let limits =
        QueueLimits { app_bytes_max: config.queue_app_mb << 20, bytes_max: config.queue_mb << 20 };
    let check_bytes_max = (config.check_at_start_mb as u64) << 20;
    RedbStore::open_with(&config.data, memory, limits, check_bytes_max)
}

/// Makes sure that a folder holds a store.
pub(crate) fn check_is_there(data: &Path) -> Result<(), Error> {
    if data.join(FILE_NAME).exists() {
        return Ok(());
    }
    Err(Error::NoStore { what: "store in", path: data.to_owned() })
}

async fn connect_cassandra(config: &CassandraConfig) -> Result<Arc<Session>, Error> {
    let tls = config.tls_roots.as_deref().map(Tls::of_roots).transpose()?;
    let user = config.user.as_ref();
    let options = ConnectOptions {
        nodes: config.nodes.clone(),
        user: user.map(|(name, password)| (name.clone(), password.expose().to_owned())),
        data_centre: Some(config.data_centre.clone()),
        request_timeout: config.wait,
    };
    let nodes = config.nodes.join(", ");
    let session = connect::connect(&options, tls.as_ref()).await;
    session.map_err(|source| Error::Cassandra { nodes, source })
}

async fn open_cassandra(config: &CassandraConfig) -> Result<CassandraStore, Error> {
    let session = connect_cassandra(config).await?;
    Ok(CassandraStore::open(session, &config.keyspace, config.head_cache).await?)
}

/// Makes the keyspace and its tables, as far as they are missing. Calls `say` for each step.
pub(crate) async fn apply_schema(
    config: &CassandraConfig,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Error> {
    let session = connect_cassandra(config).await?;
    let replication = Replication { copies: config.replication.clone() };
    schema::apply_saying(&session, &config.keyspace, &replication, say).await?;
    Ok(())
}

/// Backs up the store of a stopped server.
pub(crate) async fn back_up_stopped(
    data: &Path,
    to: &Path,
    progress: Progress,
) -> Result<(), Error> {
    if !data.is_dir() {
        return Err(Error::NoStore { what: "data folder", path: data.to_owned() });
    }
    check_is_there(data)?;
    let engine = RedbStore::open(data, Memory::default())?;
    let done = engine.backup(to, progress).await;
    engine.close().await;
    Ok(done?)
}

/// Verifies the store of a stopped server, every page of its file too; or a keyspace.
pub(crate) async fn verify(config: &StoreConfig, progress: Progress) -> Result<u64, Error> {
    match config {
        StoreConfig::Redb(redb) => {
            check_is_there(&redb.data)?;
            Ok(huihua_store_redb::verify(&redb.data, &progress)?)
        }
        StoreConfig::Cassandra(cassandra) => {
            let engine = open_cassandra(cassandra).await?;
            let verified = engine.verify(progress).await;
            engine.close().await;
            Ok(verified?)
        }
    }
}

/// Returns the folder of a store that is backed up.
pub(crate) fn folder_to_back_up(config: &StoreConfig) -> Result<&Path, Error> {
    folder(config, NO_BACKUP)
}

/// Returns the folder of a store that is compacted.
pub(crate) fn folder_to_compact(config: &StoreConfig) -> Result<&Path, Error> {
    folder(config, NO_COMPACT)
}

fn folder<'c>(config: &'c StoreConfig, refusal: &'static str) -> Result<&'c Path, Error> {
    match config {
        StoreConfig::Redb(redb) => Ok(&redb.data),
        StoreConfig::Cassandra(_) => Err(Error::NotWithCassandra(refusal)),
    }
}

/// Restores a store from a backup.
pub(crate) use huihua_store_redb::restore;

/// Compacts the store of a folder with so many bytes free; returns its size before and after.
pub(crate) fn compact(data: &Path, free: u64, progress: &Progress) -> Result<[u64; 2], Error> {
    check_is_there(data)?;
    Ok(huihua_store_redb::compact(data, free, progress)?)
}
