//! Where the lists are: in a folder of this machine, or in a keyspace of Cassandra. A setting of
//! the one is refused with the other, where it would count for nothing.

use std::{
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use huihua_http::app::Secret;

use super::{
    limits::{SECONDS_MAX, number_of},
    reader::{Fields, Found, Reader},
    setting::{Setting, by_default, setting},
};

/// Memory of the store in MiB: below, writes would wait for pages that were just dropped; beyond,
/// 1 TiB, a number is a mistake.
const MEMORY_MB: RangeInclusive<usize> = 16..=1_048_576;
/// MiB of the store's memory when nobody names a number.
const MEMORY_MB_DEFAULT: usize = 256;
/// Most MiB of writes that the file may let wait; beyond, callers have long given up.
const QUEUE_MB_MAX: usize = 65_536;
/// MiB of writes that wait, of all apps: some ten seconds of a slow disk.
pub(super) const QUEUE_MB_DEFAULT: usize = 64;
/// The part of it that one app may take.
pub(super) const QUEUE_APP_MB_DEFAULT: usize = 32;
/// MiB of a store that is checked whole at a start: some 60,000 rows in a fraction of a second.
const CHECK_AT_START_MB_DEFAULT: usize = 32;
/// Seconds that one statement may take: below the 15 s after which a client gives a call up.
const CASSANDRA_WAIT_S_DEFAULT: usize = 10;
/// Ms that teams may be kept in memory: what the engine keeps at most. Off by default: then a list
/// has everything that was acknowledged before.
const HEAD_CACHE_MS_MAX: usize = 1_000;
/// Where Cassandra listens when a node is named without a port.
const CASSANDRA_PORT: u16 = 9_042;
/// Copies in the server's own data centre when nobody names a number: one machine may be lost.
const COPIES_DEFAULT: u32 = 3;
/// Most copies in a data centre; beyond, a number is a mistake.
const COPIES_MAX: u32 = 50;
/// Longest name of a keyspace that Cassandra takes.
const KEYSPACE_BYTES_MAX: usize = 48;

const KIND: &str = "store";
const NODES: &str = "cassandra_nodes";
const DATA_CENTRE: &str = "cassandra_data_centre";
const KEYSPACE: &str = "cassandra_keyspace";
const REPLICATION: &str = "cassandra_replication";
const USER: &str = "cassandra_user";
const PASSWORD_FILE: &str = "cassandra_password_file";
const TLS_ROOTS: &str = "cassandra_tls_roots";
const WAIT_S: &str = "cassandra_wait_s";
const HEAD_CACHE_MS: &str = "cassandra_head_cache_ms";

/// What counts with Cassandra alone.
const OF_CASSANDRA: [&str; 9] = [
    NODES,
    DATA_CENTRE,
    KEYSPACE,
    REPLICATION,
    USER,
    PASSWORD_FILE,
    TLS_ROOTS,
    WAIT_S,
    HEAD_CACHE_MS,
];
/// What counts with a folder alone, and why not with Cassandra.
const OF_REDB: [(&str, &str); 5] = [
    ("data", "nothing is kept on this machine"),
    ("memory_mb", "no list is kept in this machine's memory"),
    ("check_at_start_mb", "there is no file to check"),
    ("queue_mb", "writes wait at Cassandra, and requests are limited by bodies_mb"),
    ("queue_app_mb", "writes wait at Cassandra, and requests are limited by bodies_mb"),
];

/// Where the lists are.
#[derive(Debug, Clone)]
pub(crate) enum StoreConfig {
    /// In a file of this machine: the embedded engine.
    Redb(RedbConfig),
    /// In a keyspace of Cassandra, which any number of servers share.
    Cassandra(CassandraConfig),
}

impl fmt::Display for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb(redb) => redb.data.display().fmt(f),
            Self::Cassandra(of) => {
                write!(f, "keyspace {} in {} of Cassandra", of.keyspace, of.data_centre)
            }
        }
    }
}

/// The embedded engine.
#[derive(Debug, Clone)]
pub(crate) struct RedbConfig {
    /// The folder of the store.
    pub(crate) data: PathBuf,
    /// What the store may use, in MiB.
    pub(crate) memory_mb: usize,
    /// Of a store of at most so many MiB every page is checked at a start.
    pub(crate) check_at_start_mb: usize,
    /// Writes that may wait for the disk, in MiB: of one app, and of all.
    pub(crate) queue_app_mb: usize,
    pub(crate) queue_mb: usize,
}

impl RedbConfig {
    /// A folder with the limits of a server that names none.
    pub(crate) fn of_folder(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            memory_mb: MEMORY_MB_DEFAULT,
            check_at_start_mb: CHECK_AT_START_MB_DEFAULT,
            queue_app_mb: QUEUE_APP_MB_DEFAULT,
            queue_mb: QUEUE_MB_DEFAULT,
        }
    }
}

/// The distributed engine. `Debug` shows no password.
#[derive(Debug, Clone)]
pub(crate) struct CassandraConfig {
    /// `host:port` each.
    pub(crate) nodes: Vec<String>,
    /// Name and password.
    pub(crate) user: Option<(String, Secret)>,
    /// The roots of the nodes' certificates, in PEM; `None`: no TLS.
    pub(crate) tls_roots: Option<PathBuf>,
    /// The data centre that this server is in.
    pub(crate) data_centre: String,
    pub(crate) keyspace: String,
    /// Data centres, each with its number of copies: for `schema apply` alone.
    pub(crate) replication: Vec<(String, u32)>,
    /// How long one statement may take.
    pub(crate) wait: Duration,
    /// How long teams may be kept in memory; zero: not at all.
    pub(crate) head_cache: Duration,
}

/// The store as it is read, and what is printed of it.
pub(super) struct ReadStore {
    /// `None`: something that must be there is missing or wrong.
    pub(super) store: Option<StoreConfig>,
    pub(super) settings: Vec<Setting>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreKind {
    Redb,
    Cassandra,
}

impl StoreKind {
    fn name(self) -> &'static str {
        match self {
            Self::Redb => "redb",
            Self::Cassandra => "cassandra",
        }
    }
}

/// Reads which store it is, and what belongs to it.
pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> ReadStore {
    let Some(kind) = read_kind(reader, fields) else {
        // Which of them belong there, nobody knows.
        let names = OF_CASSANDRA.into_iter().chain(OF_REDB.map(|(name, _)| name));
        names.for_each(|name| fields.skip(name));
        return ReadStore { store: None, settings: Vec::new() };
    };
    let mut settings = vec![setting(KIND, &kind, |kind| kind.name().into())];
    let store = match kind.value {
        StoreKind::Redb => {
            for name in OF_CASSANDRA {
                let reason = "counts only with store = \"cassandra\": write that, or remove this";
                fields.refuse(reader, name, reason);
            }
            read_redb(reader, fields, &mut settings).map(StoreConfig::Redb)
        }
        StoreKind::Cassandra => {
            for (name, why) in OF_REDB {
                let reason = format!("cannot be used with store = \"cassandra\": {why}; remove it");
                fields.refuse(reader, name, reason);
            }
            read_cassandra(reader, fields, &mut settings).map(StoreConfig::Cassandra)
        }
    };
    ReadStore { store, settings }
}

fn read_kind(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Found<StoreKind>> {
    let faults = reader.faults.len();
    let Some(Found { value, place }) = fields.text(reader, KIND) else {
        return (reader.faults.len() == faults).then(|| by_default(StoreKind::Redb));
    };
    let kind = [StoreKind::Redb, StoreKind::Cassandra].into_iter().find(|k| k.name() == value);
    if kind.is_none() {
        reader.fault(place.clone(), KIND, "must be \"redb\" or \"cassandra\"");
    }
    kind.map(|value| Found { value, place })
}

fn read_redb(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    settings: &mut Vec<Setting>,
) -> Option<RedbConfig> {
    let faults = reader.faults.len();
    let data = fields.text(reader, "data");
    if data.is_none() && reader.faults.len() == faults {
        fields.miss("data", "is missing: name the folder for the sessions");
    }
    settings.extend(data.as_ref().map(|data| setting("data", data, |d| d.clone().into())));
    let mut count = |reader: &mut Reader<'_>, name, range, default| {
        number_of(fields, settings, reader, (name, range, default))
    };
    let memory_mb = count(reader, "memory_mb", MEMORY_MB, MEMORY_MB_DEFAULT).value;
    let check = 0..=*MEMORY_MB.end();
    let check = count(reader, "check_at_start_mb", check, CHECK_AT_START_MB_DEFAULT).value;
    let queue_mb = count(reader, "queue_mb", 1..=QUEUE_MB_MAX, QUEUE_MB_DEFAULT).value;
    let queue_app_default = QUEUE_APP_MB_DEFAULT.min(queue_mb);
    let queue_app = count(reader, "queue_app_mb", 1..=QUEUE_MB_MAX, queue_app_default);
    if queue_app.value > queue_mb {
        let reason = "must be at most queue_mb, which is the limit of all apps together";
        reader.fault(queue_app.place, "queue_app_mb", reason);
    }
    Some(RedbConfig {
        data: data?.value.into(),
        memory_mb,
        check_at_start_mb: check,
        queue_app_mb: queue_app.value,
        queue_mb,
    })
}

fn read_cassandra(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    settings: &mut Vec<Setting>,
) -> Option<CassandraConfig> {
    let faults = reader.faults.len();
    let nodes = fields.names(reader, NODES).filter(|nodes| !nodes.value.is_empty());
    if nodes.is_none() && reader.faults.len() == faults {
        fields.miss(NODES, "is missing: name some nodes, [\"10.0.0.1:9042\", …]");
    }
    let data_centre = read_data_centre(reader, fields);
    let keyspace = read_keyspace(reader, fields);
    let replication = read_replication(reader, fields, data_centre.as_ref());
    let (user, password) = (fields.text(reader, USER), fields.text(reader, PASSWORD_FILE));
    let roots = fields.text(reader, TLS_ROOTS).map(|Found { value, place }| {
        let value = reader.beside(&value);
        Found { value, place }
    });
    let text_value = |text: &String| toml::Value::from(text.clone());
    let list = |texts: &Vec<String>| toml::Value::from(texts.clone());
    settings.extend(nodes.as_ref().map(|nodes| setting(NODES, nodes, list)));
    settings.extend(data_centre.as_ref().map(|name| setting(DATA_CENTRE, name, text_value)));
    settings.push(setting(KEYSPACE, &keyspace, text_value));
    settings.push(setting(REPLICATION, &replication, |copies| {
        let texts = copies.iter().map(|(name, count)| format!("{name}:{count}"));
        toml::Value::from(texts.collect::<Vec<_>>())
    }));
    settings.extend(user.as_ref().map(|user| setting(USER, user, text_value)));
    settings.extend(password.as_ref().map(|file| setting(PASSWORD_FILE, file, text_value)));
    settings.extend(
        roots
            .as_ref()
            .map(|file| setting(TLS_ROOTS, file, |file| file.display().to_string().into())),
    );
    let wait = (WAIT_S, 1..=SECONDS_MAX, CASSANDRA_WAIT_S_DEFAULT);
    let wait_s = number_of(fields, settings, reader, wait).value;
    let head_cache = (HEAD_CACHE_MS, 0..=HEAD_CACHE_MS_MAX, 0);
    let head_cache_ms = number_of(fields, settings, reader, head_cache).value;
    let user = read_user(reader, user, password);
    let nodes = nodes?.value.into_iter().map(with_port);
    Some(CassandraConfig {
        nodes: nodes.collect(),
        user,
        tls_roots: roots.map(|file| file.value),
        data_centre: data_centre?.value,
        keyspace: keyspace.value,
        replication: replication.value,
        wait: Duration::from_secs(wait_s as u64),
        head_cache: Duration::from_millis(head_cache_ms as u64),
    })
}

/// An address without a port gets Cassandra's own; an IPv6 address is told by its bracket.
fn with_port(node: String) -> String {
    let host_end = node.rfind(']').unwrap_or(0);
    if node[host_end..].contains(':') { node } else { format!("{node}:{CASSANDRA_PORT}") }
}

fn read_data_centre(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Found<String>> {
    let faults = reader.faults.len();
    let found = fields.text(reader, DATA_CENTRE).filter(|name| !name.value.is_empty());
    if found.is_none() && reader.faults.len() == faults {
        let reason = "is missing: name the data centre that this server is in, as `nodetool \
             status` shows it";
        fields.miss(DATA_CENTRE, reason);
    }
    found
}

fn read_keyspace(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Found<String> {
    let default = || by_default("huihua".to_owned());
    let Some(Found { value, place }) = fields.text(reader, KEYSPACE) else { return default() };
    let is_name = value.starts_with(|c: char| c.is_ascii_lowercase())
        && value.len() <= KEYSPACE_BYTES_MAX
        && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_name {
        return Found { value, place };
    }
    let reason = "must be 1 to 48 small letters, digits and _, a letter first";
    reader.fault(place, KEYSPACE, reason);
    default()
}

fn read_replication(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    data_centre: Option<&Found<String>>,
) -> Found<Vec<(String, u32)>> {
    let own = data_centre.map(|found| found.value.clone());
    let default = own.clone().map(|name| (name, COPIES_DEFAULT)).into_iter().collect();
    let Some(Found { value, place }) = fields.names(reader, REPLICATION) else {
        return by_default(default);
    };
    let copies = value.iter().map(|text| {
        let (name, count) = text.rsplit_once(':')?;
        let count = count.parse().ok().filter(|count| (1..=COPIES_MAX).contains(count))?;
        (!name.is_empty()).then(|| (name.to_owned(), count))
    });
    let copies: Option<Vec<(String, u32)>> = copies.collect();
    let reason = match &copies {
        None => Some("must be data centres with their copies, [\"dc1:3\", \"dc2:3\"]".to_owned()),
        Some(copies) => own.filter(|own| !copies.iter().any(|(name, _)| name == own)).map(|own| {
            format!("has no copies in {own}, which is cassandra_data_centre: servers read there")
        }),
    };
    match reason {
        None => Found { value: copies.unwrap_or(default), place },
        Some(reason) => {
            reader.fault(place, REPLICATION, reason);
            by_default(default)
        }
    }
}

fn read_user(
    reader: &mut Reader<'_>,
    user: Option<Found<String>>,
    password: Option<Found<String>>,
) -> Option<(String, Secret)> {
    match (user, password) {
        (Some(user), Some(file)) => {
            Some((user.value, Secret::new(reader.secret_file(file, PASSWORD_FILE)?)))
        }
        (Some(user), None) => {
            let reason =
                format!("cannot be used alone: name its password's file in {PASSWORD_FILE}");
            reader.fault(user.place, USER, reason);
            None
        }
        (None, Some(file)) => {
            let reason = format!("cannot be used alone: name the user in {USER}");
            reader.fault(file.place, PASSWORD_FILE, reason);
            None
        }
        (None, None) => None,
    }
}
