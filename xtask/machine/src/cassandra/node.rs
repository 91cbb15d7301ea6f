//! One node: its configuration, its process, and how it is told that it is ready.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::tls;
use crate::{
    jvm,
    process::{self, Process},
    programs,
};

/// How long a node may take until it answers: 10 s on an idle machine with two cores.
const START_PATIENCE: Duration = Duration::from_secs(240);
/// Heap of a node. Three of them and the tests fit into 6 GiB.
const HEAP_MIB: u32 = 640;

/// What a CQL client asks first, OPTIONS of version 4, and what the answer begins with.
const OPTIONS: [u8; 9] = [4, 0, 0, 0, 5, 0, 0, 0, 0];
const ANSWER: u8 = 0x84;
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// What a node logs that asks for TLS and a password, when it can be used.
const SECURED_READY: [&str; 2] =
    ["Starting listening for CQL clients", "Created default superuser role 'cassandra'"];
/// How much of a log is shown of a node that does not start.
const LOG_LINES: usize = 15;

/// What Cassandra opens of the JDK, as its own start script does.
const EXPORTS: [&str; 9] = [
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.base/java.lang.ref",
    "jdk.unsupported/sun.misc",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
];
const OPENS: [&str; 13] = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.nio",
];

/// What all nodes have in common.
pub(super) struct Setup {
    pub(super) java: PathBuf,
    pub(super) jars: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) count: usize,
    pub(super) ports: Ports,
    /// Clients come by TLS alone, and with a password.
    pub(super) is_secured: bool,
}

/// The same on each node's address.
pub(super) struct Ports {
    pub(super) clients: u16,
    pub(super) nodes: u16,
    pub(super) nodes_tls: u16,
}

pub(super) struct Node {
    host: String,
    folder: PathBuf,
    /// `None` after it was killed.
    process: Option<Process>,
    /// Bytes of the log that are of an earlier life.
    log_before: usize,
}

/// The address of a node.
pub(super) fn host(at: usize) -> String {
    format!("127.0.0.{}", at + 1)
}

impl Node {
    /// Starts it on what is in its folder.
    pub(super) fn start(setup: &Setup, at: usize) -> Result<Self> {
        let folder = setup.folder.join(format!("node{}", at + 1));
        let configuration = folder.join("conf");
        fs::create_dir_all(&configuration)
            .with_context(|| format!("make {}", configuration.display()))?;
        for (name, text) in [
            ("cassandra.yaml", yaml(setup, at, &folder.display().to_string())),
            ("cassandra-rackdc.properties", format!("dc=dc1\nrack=r{}\n", at + 1)),
            ("logback.xml", logback(&folder.join("system.log").display().to_string())),
        ] {
            fs::write(configuration.join(name), text).with_context(|| format!("write {name}"))?;
        }
        let output = File::create(folder.join("output.log")).context("make output.log")?;
        let error = output.try_clone().context("make output.log")?;
        let mut command = dying_with_us(&setup.java);
        command.args(java_options());
        for (name, value) in [
            ("cassandra.config", format!("file://{}/cassandra.yaml", configuration.display())),
            (
                "logback.configurationFile",
                format!("file://{}/logback.xml", configuration.display()),
            ),
            ("cassandra.storagedir", folder.display().to_string()),
            ("cassandra.logdir", folder.display().to_string()),
            ("cassandra.ring_delay_ms", "1000".to_owned()),
            ("cassandra.skip_wait_for_gossip_to_settle", "0".to_owned()),
            ("cassandra.superuser_setup_delay_ms", "0".to_owned()),
            ("cassandra.consistent.rangemovement", "false".to_owned()),
            ("cassandra-foreground", "yes".to_owned()),
        ] {
            command.arg(format!("-D{name}={value}"));
        }
        command.arg("-cp").arg(class_path(&configuration, &setup.jars)?);
        command.arg("org.apache.cassandra.service.CassandraDaemon");
        command.stdout(Stdio::from(output)).stderr(Stdio::from(error));
        let log_before = fs::read(folder.join("system.log")).map_or(0, |log| log.len());
        let process = Some(Process::start(&mut command)?);
        Ok(Self { host: host(at), folder, process, log_before })
    }

    fn process(&self) -> Result<&Process> {
        self.process.as_ref().with_context(|| format!("{} does not run", self.host))
    }

    /// Waits until it answers CQL.
    pub(super) fn wait_until_it_answers(&mut self, setup: &Setup) -> Result<()> {
        let address = format!("{}:{}", self.host, setup.ports.clients);
        if setup.is_secured {
            let said = |log: &str| SECURED_READY.iter().all(|line| log.contains(line));
            return self.wait("first user of Cassandra", START_PATIENCE, said);
        }
        self.wait(&format!("answer of {address}"), START_PATIENCE, |_| answers(&address))
    }

    /// Waits until it takes these for alive.
    pub(super) fn wait_until_up(&mut self, others: &[String]) -> Result<()> {
        let known = |log: &str| {
            // The last word about each counts.
            others.iter().all(|other| {
                let of = |line: &&str| line.contains(&format!("/{other}:"));
                let last = log
                    .lines()
                    .filter(of)
                    .rfind(|line| line.contains("is now UP") || line.contains("is now DOWN"));
                last.is_some_and(|line| line.contains("is now UP"))
            })
        };
        self.wait("ring in which all know each other", START_PATIENCE, known)
    }

    /// Waits until `is_ready` says so of what it logged in this life.
    fn wait(
        &mut self,
        what: &str,
        patience: Duration,
        is_ready: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let (folder, log_before) = (self.folder.clone(), self.log_before);
        let process = self.process.as_mut().context("Cassandra does not run")?;
        let ready = process::wait_for(what, patience, || {
            if let Some(status) = process.ended()? {
                bail!("Cassandra ended while it started: {status}");
            }
            let log = fs::read(folder.join("system.log")).unwrap_or_default();
            let log = String::from_utf8_lossy(log.get(log_before..).unwrap_or_default());
            // Reading is cheap, but not 50 times a second beside a node that starts.
            std::thread::sleep(Duration::from_millis(200));
            Ok(is_ready(&log).then_some(()))
        });
        ready.with_context(|| self.last_lines())
    }

    fn last_lines(&self) -> String {
        let mut shown = String::from("Cassandra's logs end with:");
        for name in ["output.log", "system.log"] {
            let log = fs::read(self.folder.join(name)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES)) {
                shown.push('\n');
                shown.extend(line.chars().take(200));
            }
        }
        shown
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.process()?;
        // Dropped, it is killed.
        self.process = None;
        Ok(())
    }

    pub(super) fn freeze(&self) -> Result<()> {
        self.process()?.freeze()
    }

    pub(super) fn thaw(&self) -> Result<()> {
        self.process()?.thaw()
    }
}

/// A program that Linux kills when we are gone, also when nothing of ours could do so any more.
fn dying_with_us(program: &Path) -> Command {
    if !cfg!(target_os = "linux") || !programs::is_on_path("setpriv") {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Every jar of the folder, as `java -cp` takes them after the configuration's folder.
fn class_path(configuration: &Path, jars: &Path) -> Result<OsString> {
    let mut all = vec![configuration.to_owned()];
    for entry in fs::read_dir(jars).context("read Cassandra's jars")? {
        all.push(entry.context("read Cassandra's jars")?.path());
    }
    all[1..].sort();
    env::join_paths(all).context("put Cassandra's class path together")
}

fn answers(address: &str) -> bool {
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
        stream.write_all(&OPTIONS)?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(first[0])
    };
    ask().is_ok_and(|first| first == ANSWER)
}

fn java_options() -> Vec<String> {
    let mut options = vec![
        format!("-Xms{HEAP_MIB}M"),
        format!("-Xmx{HEAP_MIB}M"),
        "-Xss384k".to_owned(),
        "-XX:+UseG1GC".to_owned(),
        "-XX:MaxDirectMemorySize=512M".to_owned(),
        "-XX:+PerfDisableSharedMem".to_owned(),
        "-XX:+ExitOnOutOfMemoryError".to_owned(),
        "-Djdk.attach.allowAttachSelf=true".to_owned(),
        "-Dio.netty.tryReflectionSetAccessible=true".to_owned(),
        "-Djava.net.preferIPv4Stack=true".to_owned(),
    ];
    options.extend(jvm::SHORT_LIVED.map(str::to_owned));
    for (flag, names) in [("--add-exports", &EXPORTS[..]), ("--add-opens", &OPENS[..])] {
        for name in names {
            options.extend([flag.to_owned(), format!("{name}=ALL-UNNAMED")]);
        }
    }
    options
}

/// The options that matter: versions of Paxos and of formats as a new cluster of Cassandra 5 has
/// them, time-outs as shipped or shorter, little memory.
fn yaml(setup: &Setup, at: usize, folder: &str) -> String {
    let (host, ports) = (host(at), &setup.ports);
    let step = u64::MAX / setup.count as u64;
    let token = i128::from(i64::MIN) + i128::from(step) * at as i128;
    let (authenticator, encryption) = match setup.is_secured {
        false => ("AllowAllAuthenticator", String::new()),
        true => ("PasswordAuthenticator", encryption(&setup.folder)),
    };
    format!(
        "cluster_name: huihua tests
num_tokens: 1
initial_token: {token}
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: GossipingPropertyFileSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: \"127.0.0.1:{nodes}\"}}]
listen_address: {host}
rpc_address: {host}
native_transport_port: {clients}
storage_port: {nodes}
ssl_storage_port: {nodes_tls}
auto_bootstrap: false
data_file_directories: [\"{folder}/data\"]
commitlog_directory: \"{folder}/commitlog\"
hints_directory: \"{folder}/hints\"
saved_caches_directory: \"{folder}/caches\"
cdc_raw_directory: \"{folder}/cdc\"
commitlog_sync: periodic
commitlog_sync_period: 10s
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
memtable_allocation_type: offheap_objects
memtable: {{configurations: {{trie: {{class_name: TrieMemtable}}, default: {{inherits: trie}}}}}}
memtable_heap_space: 128MiB
memtable_offheap_space: 256MiB
file_cache_size: 128MiB
key_cache_size: 16MiB
row_cache_size: 0MiB
counter_cache_size: 0MiB
concurrent_reads: 16
concurrent_writes: 16
concurrent_compactors: 1
compaction_throughput: 64MiB/s
sstable: {{selected_format: bti}}
storage_compatibility_mode: NONE
paxos_variant: v2
paxos_state_purging: repaired
read_request_timeout: 5s
write_request_timeout: 3s
cas_contention_timeout: 2s
range_request_timeout: 10s
authenticator: {authenticator}
authorizer: AllowAllAuthorizer
dynamic_snitch: false
hinted_handoff_enabled: true
max_hint_window: 3h
auto_snapshot: false
incremental_backups: false
{encryption}",
        clients = ports.clients,
        nodes = ports.nodes,
        nodes_tls = ports.nodes_tls,
    )
}

fn encryption(folder: &Path) -> String {
    format!(
        "client_encryption_options:
  enabled: true
  optional: false
  keystore: \"{}\"
  keystore_password: {}
  store_type: PKCS12
",
        folder.join(tls::KEYSTORE).display(),
        tls::PASSWORD,
    )
}

fn logback(file: &str) -> String {
    format!(
        "<configuration scan=\"false\">
<appender name=\"F\" class=\"ch.qos.logback.core.FileAppender\">
<file>{file}</file><append>true</append>
<encoder><pattern>%date{{ISO8601}} %-5level [%thread] %logger{{20}} - %msg%n</pattern></encoder>
</appender>
<root level=\"INFO\"><appender-ref ref=\"F\"/></root>
</configuration>
"
    )
}
