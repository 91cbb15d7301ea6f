//! Nodes of Apache Cassandra for tests: on loopback alone, in a folder that goes with them, from
//! jars that Maven fetches once for all clones. No container and no root.

mod node;
mod tls;

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{maven, process, programs};
use node::{Node, Ports, Setup};

/// The version that tests run on.
const VERSION: &str = "5.0.5";
/// The Java that Cassandra 5 runs on.
const JAVA: u32 = 17;
/// Of the jars, those of other systems are not needed.
const NEEDLESS: [&str; 3] = ["-osx-", "-windows-", "-riscv64"];

/// Nodes that know each other, `127.0.0.1`, `127.0.0.2` and so on. Dropped, they are killed and
/// their data go.
pub struct Ring {
    // Before the folder that they write into.
    nodes: Vec<Node>,
    setup: Setup,
    _folder: tempfile::TempDir,
}

impl Ring {
    /// Starts so many nodes, each after the one before it: those that join together may miss each
    /// other for a while.
    ///
    /// # Errors
    /// Without a JDK 17, without Maven when the jars are not there yet, or when a node does not
    /// start; the end of its log is in the message.
    pub fn start(count: usize) -> Result<Self> {
        Self::start_with(count, false)
    }

    /// Starts a node that takes clients by TLS alone, and asks for a password: its own first user
    /// is `cassandra` with the password `cassandra`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_secured() -> Result<Self> {
        Self::start_with(1, true)
    }

    fn start_with(count: usize, is_secured: bool) -> Result<Self> {
        ensure!(
            count == 1 || cfg!(target_os = "linux"),
            "a ring needs 127.0.0.2, which only Linux has by itself"
        );
        let java = java()?;
        let jars = jars()?;
        let folder = tempfile::tempdir().context("make a folder for Cassandra")?;
        if is_secured {
            tls::make(&java, folder.path())?;
        }
        let (ports, folder_path) = (free_ports()?, folder.path().to_owned());
        let setup = Setup { java, jars, folder: folder_path, count, ports, is_secured };
        println!("Cassandra {VERSION}: starting {count} on 127.0.0.1:{}", setup.ports.clients);
        let mut ring = Self { nodes: Vec::new(), setup, _folder: folder };
        for at in 0..count {
            let node = Node::start(&ring.setup, at)?;
            ring.nodes.push(node);
            ring.nodes[at].wait_until_it_answers(&ring.setup)?;
        }
        for at in 0..count {
            ring.wait_until_it_knows_the_others(at)?;
        }
        Ok(ring)
    }

    /// Where clients connect, `host:port` with commas between.
    pub fn addresses(&self) -> String {
        let of = |at| format!("{}:{}", node::host(at), self.setup.ports.clients);
        let all: Vec<String> = (0..self.setup.count).map(of).collect();
        all.join(",")
    }

    /// The roots of the nodes' certificates, PEM; there if they are secured.
    pub fn roots(&self) -> PathBuf {
        self.setup.folder.join(tls::ROOTS)
    }

    /// Kills a node as a power loss would: it gets no time to write anything.
    ///
    /// # Errors
    /// When it was not running.
    pub fn kill(&mut self, at: usize) -> Result<()> {
        self.nodes[at].kill()
    }

    /// Starts a node that was killed again, on the data that it left, and waits until it answers
    /// and all know each other.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self, at: usize) -> Result<()> {
        self.nodes[at] = Node::start(&self.setup, at)?;
        self.nodes[at].wait_until_it_answers(&self.setup)?;
        self.wait_until_it_knows_the_others(at)
    }

    /// Stops a node where it is, with its connections open: it neither answers nor refuses.
    ///
    /// # Errors
    /// When it is not running.
    pub fn freeze(&self, at: usize) -> Result<()> {
        self.nodes[at].freeze()
    }

    /// Lets a frozen node go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn thaw(&self, at: usize) -> Result<()> {
        self.nodes[at].thaw()
    }

    /// Gossip is ready after the port is: a node that takes others for dead refuses quorums.
    fn wait_until_it_knows_the_others(&mut self, at: usize) -> Result<()> {
        let others: Vec<String> =
            (0..self.setup.count).filter(|other| *other != at).map(node::host).collect();
        self.nodes[at].wait_until_up(&others)
    }
}

/// The program of a JDK 17.
///
/// # Errors
/// When there is none: the message says where one is looked for.
pub fn java() -> Result<PathBuf> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    candidates.extend(env::var_os("CASSANDRA_JAVA").map(PathBuf::from));
    candidates.extend(env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java")));
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    candidates.extend(installed.map(|entry| entry.path().join("bin/java")));
    candidates.push("java".into());
    let found = candidates.into_iter().find(|java| version_of(java) == Some(JAVA));
    found.with_context(|| {
        format!(
            "no Java {JAVA}, which Cassandra needs, in CASSANDRA_JAVA, JAVA_HOME, /usr/lib/jvm and \
             PATH; on Debian and Ubuntu: sudo apt-get install openjdk-17-jre-headless"
        )
    })
}

fn version_of(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("-version").stdin(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stderr))
}

/// `openjdk version "17.0.15" 2025-04-15`.
fn parse_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("version \"")?;
    version.split(['.', '"', '-', '+']).next()?.parse().ok()
}

/// The folder with Cassandra's jars, 82 MB, fetched when it is not there. It appears whole or not
/// at all.
fn jars() -> Result<PathBuf> {
    let cache = programs::cache_of("cassandra")?;
    let jars = cache.join(format!("jars-{VERSION}"));
    if jars.is_dir() {
        return Ok(jars);
    }
    programs::need("mvn", "maven")?;
    println!("Maven: fetching Cassandra {VERSION}, 82 MB, once");
    fs::create_dir_all(&cache).with_context(|| format!("make {}", cache.display()))?;
    let fetched = tempfile::tempdir_in(&cache).context("make a folder for Cassandra's jars")?;
    let pom = fetched.path().join("pom.xml");
    fs::write(&pom, pom_text()).context("write the POM of Cassandra's jars")?;
    let new = fetched.path().join("jars");
    let mut command = maven::command(&pom.display().to_string())?;
    command.args(["--quiet", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
    process::run(command.arg(format!("-DoutputDirectory={}", new.display())))?;
    for entry in fs::read_dir(&new).context("read Cassandra's jars")? {
        let entry = entry.context("read Cassandra's jars")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if NEEDLESS.iter().any(|part| name.contains(part)) {
            fs::remove_file(entry.path()).with_context(|| format!("remove {name}"))?;
        }
    }
    if let Err(error) = fs::rename(&new, &jars)
        && !jars.is_dir()
    {
        // Else another build was first, and fetched the same.
        bail!("put Cassandra's jars into {}: {error}", jars.display());
    }
    Ok(jars)
}

fn pom_text() -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n\
         <modelVersion>4.0.0</modelVersion>\n\
         <groupId>dev.huihua</groupId><artifactId>cassandra-jars</artifactId>\n\
         <version>1</version><packaging>pom</packaging>\n\
         <dependencies><dependency>\n\
         <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId>\n\
         <version>{VERSION}</version>\n\
         </dependency></dependencies>\n\
         </project>\n"
    )
}

/// Ports that nobody has now. Held until all are drawn, so that they differ.
fn free_ports() -> Result<Ports> {
    let draw = || TcpListener::bind("127.0.0.1:0").context("draw a free port");
    let drawn = [draw()?, draw()?, draw()?];
    let port = |at: usize| -> Result<u16> { Ok(drawn[at].local_addr().context("port")?.port()) };
    Ok(Ports { clients: port(0)?, nodes: port(1)?, nodes_tls: port(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_java() {
        for (text, expected) in [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK …", Some(17)),
            ("openjdk version \"25-ea\" 2025-09-16\n", Some(25)),
            ("java version \"1.8.0_402\"\n", Some(1)),
            ("command not found\n", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }

    #[test]
    fn ports_differ() {
        let Ports { clients, nodes, nodes_tls } = free_ports().unwrap();
        assert!(clients != nodes && nodes != nodes_tls && nodes_tls != clients);
    }
}
