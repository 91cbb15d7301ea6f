//! A PostgreSQL cluster of our own in a temporary folder, from Debian's package, with the durable
//! settings that it comes with.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use machine::{
    process::{self, Process},
    programs,
};

use crate::{
    database::{self, Database, NAME},
    product::{free_address, wait},
    work::Numbers,
};

/// Where Debian keeps each major version's programs.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// Who runs it when we are root: PostgreSQL refuses to run as root.
const USER: &str = "postgres";
/// All callers and the peer's pool, and some to look in.
const CONNECTIONS_MAX: u32 = 200;
/// Enough for everything that is measured, as an operator would give it.
const SHARED_BUFFERS: &str = "256MB";
/// What it prints, in its folder.
const LOG: &str = "log";
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A running cluster with our tables.
pub(crate) struct Cluster {
    process: Process,
    pub(crate) port: u16,
    pub(crate) version: String,
}

/// Whose processes they are.
#[derive(Clone, Copy)]
struct RunAs {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Makes a cluster in an empty folder and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is missing and cannot be installed, or does not start.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let programs = programs()?;
        let run_as = run_as()?;
        if let Some(RunAs { uid, gid }) = run_as {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).context("give it its folder")?;
        }
        let data = folder.join("data");
        let mut init = command(&programs.join("initdb"), run_as);
        init.arg("--pgdata").arg(&data).args(["--auth=trust", "--encoding=UTF8", "--no-locale"]);
        process::read(init.arg(format!("--username={NAME}")))?;
        let address = free_address()?;
        let mut postgres = command(&programs.join("postgres"), run_as);
        postgres.arg("-D").arg(&data).args(["-p", &address.port().to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=on".to_owned(),
            "synchronous_commit=on".to_owned(),
            format!("max_connections={CONNECTIONS_MAX}"),
            format!("shared_buffers={SHARED_BUFFERS}"),
        ] {
            postgres.args(["-c", &setting]);
        }
        let log = File::create(folder.join(LOG)).context("make a log file")?;
        let mut process = Process::start(postgres.stdout(Stdio::null()).stderr(log))?;
        // It writes the file's last line when it takes connections.
        let pid_file = data.join("postmaster.pid");
        let ready = wait(&mut process, "PostgreSQL", || is_ready(&pid_file, address).then_some(()));
        ready.with_context(|| fs::read_to_string(folder.join(LOG)).unwrap_or_default())?;
        let client = database::connect(address.port()).await?;
        let version = database::prepare(&client).await?;
        Ok(Self { process, port: address.port(), version })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Makes the same lists as the product has.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub(crate) async fn fill(&self, lists: &[(String, u64)], numbers: &Numbers) -> Result<()> {
        let database = Database::open(self.port).await?;
        for rows in database::first_rows(lists, numbers)? {
            database.upsert(&rows).await?;
        }
        database.vacuum().await
    }

    /// Writes every changed page to the disk, which it does by itself every five minutes.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub(crate) async fn write_back(&self) -> Result<()> {
        let client = database::connect(self.port).await?;
        client.batch_execute("CHECKPOINT").await.context("write a checkpoint")
    }

    /// Stops it, so that it leaves nothing in the system's shared memory.
    pub(crate) fn stop(self) {
        if let Err(error) = self.process.stop(STOP_PATIENCE) {
            println!("bench: PostgreSQL was killed: {error:#}");
        }
    }
}

fn is_ready(pid_file: &Path, address: SocketAddr) -> bool {
    let text = fs::read_to_string(pid_file).unwrap_or_default();
    text.lines().last().is_some_and(|line| line.trim() == "ready")
        && TcpStream::connect(address).is_ok()
}

fn command(program: &Path, run_as: Option<RunAs>) -> Command {
    let mut command = Command::new(program);
    if let Some(RunAs { uid, gid }) = run_as {
        command.uid(uid).gid(gid);
    }
    command
}

/// The programs of the newest version that is installed.
fn programs() -> Result<PathBuf> {
    if let Some(folder) = newest() {
        return Ok(folder);
    }
    programs::install(vec!["postgresql"])?;
    newest().with_context(|| format!("no PostgreSQL in {PROGRAMS}"))
}

fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).ok()?.filter_map(|entry| {
        let folder = entry.ok()?.path();
        let version: u32 = folder.file_name()?.to_str()?.parse().ok()?;
        folder.join("bin/postgres").exists().then_some((version, folder))
    });
    versions.max().map(|(_, folder)| folder.join("bin"))
}

/// Debian's user when we are root, else ourselves.
fn run_as() -> Result<Option<RunAs>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
    user(&users, USER).map(Some).with_context(|| format!("no user `{USER}` in /etc/passwd"))
}

fn user(users: &str, name: &str) -> Option<RunAs> {
    let mut fields = users.lines().map(|line| line.split(':'));
    let mut fields = fields.find(|fields| fields.clone().next() == Some(name))?.skip(2);
    Some(RunAs { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users = "root:x:0:0::/:/bin/sh\npostgres2:x:1:2::/:\npostgres:x:105:112:a,b::/bin\n";
        let RunAs { uid, gid } = user(users, "postgres").unwrap();
        assert_eq!((uid, gid), (105, 112));
        assert!(user(users, "post").is_none());
    }
}
