//! A Redis of our own in a temporary folder, from Debian's package, that answers a write when it is
//! on the disk.

use std::{
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use machine::{
    process::{self, Process},
    programs,
};

use crate::{
    database,
    product::{free_address, wait},
    redis_lists::RedisLists,
    work::Numbers,
};

const PROGRAM: &str = "redis-server";
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A running Redis with our lists.
pub(crate) struct RedisProcess {
    process: Process,
    pub(crate) port: u16,
    pub(crate) version: String,
}

impl RedisProcess {
    /// Starts it in an empty folder.
    ///
    /// # Errors
    /// When Redis is missing and cannot be installed, or does not start.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        programs::need(PROGRAM, PROGRAM)?;
        let version = process::read(Command::new(PROGRAM).arg("--version"))?;
        let version = version_of(&version).context("read the version of redis-server")?.to_owned();
        let port = free_address()?.port();
        let mut command = Command::new(PROGRAM);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder);
        command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        let mut process = Process::start(command.stdout(Stdio::null()))?;
        wait(&mut process, "Redis", || TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(Self { process, port, version })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Makes the same lists as the product has.
    ///
    /// # Errors
    /// Redis's.
    pub(crate) async fn fill(&self, lists: &[(String, u64)], numbers: &Numbers) -> Result<()> {
        let mut redis = RedisLists::open(self.port).await?;
        for rows in database::first_rows(lists, numbers)? {
            redis.upsert(&rows).await?;
        }
        Ok(())
    }

    /// Stops it.
    pub(crate) fn stop(self) {
        if let Err(error) = self.process.stop(STOP_PATIENCE) {
            println!("bench: Redis was killed: {error:#}");
        }
    }
}

/// `7.0.15` of `Redis server v=7.0.15 sha=00000000:0 malloc=…`.
fn version_of(text: &str) -> Option<&str> {
    text.split_whitespace().find_map(|word| word.strip_prefix("v="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_redis_says_of_itself() {
        let text = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n";
        assert_eq!(version_of(text), Some("7.0.15"));
        assert_eq!(version_of("redis"), None);
    }
}
