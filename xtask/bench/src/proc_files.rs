//! What Linux says in `/proc` of processes and of the machine.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// Fields of `/proc/PID/stat`, counted from the one after the name.
const PARENT: usize = 1;
/// Ticks in user and system mode, then the same of children that have ended.
const TICKS: std::ops::Range<usize> = 11..15;

/// CPU of processes and of all their children, since they began.
///
/// # Errors
/// When one of them is gone.
pub(crate) fn cpu(pids: &[u32]) -> Result<Duration> {
    let mut ticks = 0;
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        let stat = stat.with_context(|| format!("look at the process {pid}"))?;
        ticks += Stat::parse(&stat).context("read /proc/PID/stat")?.ticks;
    }
    ticks += children(pids)?.into_iter().map(|(_, stat)| stat.ticks).sum::<u64>();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks * 1_000_000 / per_second))
}

/// Bytes that processes and all their children gave the kernel to write to disks, since they began.
/// Of children that have ended, too: the kernel adds theirs to their parent's.
///
/// # Errors
/// When one of them is gone.
pub(crate) fn written_bytes(pids: &[u32]) -> Result<u64> {
    let mut bytes = 0;
    for pid in pids {
        let io = fs::read_to_string(format!("/proc/{pid}/io"));
        let io = io.with_context(|| format!("look at the writes of the process {pid}"))?;
        bytes += parse_written(&io).context("read /proc/PID/io")?;
    }
    for (pid, _) in children(pids)? {
        // It may end meanwhile.
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        bytes += parse_written(&io).unwrap_or_default();
    }
    Ok(bytes)
}

/// The process of this machine that listens on this TCP port; `None` where there is none that we
/// may look at.
pub(crate) fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let inodes: Vec<String> = tables.iter().flatten().filter_map(|t| inode_of(t, port)).collect();
    let links: Vec<_> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let files = fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        let mut files = files.filter_map(|file| fs::read_link(file.path()).ok());
        files
            .any(|link| links.iter().any(|wanted| link.as_os_str() == wanted.as_str()))
            .then_some(pid)
    })
}

/// The inode of the socket that listens on this port, in a table of `/proc/net`.
fn inode_of(table: &str, port: u16) -> Option<String> {
    let local = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&local) && *fields.get(3)? == "0A";
        is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned())).flatten()
    })
}

fn parse_written(io: &str) -> Option<u64> {
    field(io, "write_bytes:")?.parse().ok()
}

/// The processes that these have started, and that run.
fn children(pids: &[u32]) -> Result<Vec<(u32, Stat)>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").context("list /proc")? {
        let path = entry.context("list /proc")?.path();
        let pid = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        // What is no process has no such file, and a process may end meanwhile.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        let stat = Stat::parse(&stat).filter(|stat| pids.contains(&stat.parent));
        children.extend(pid.zip(stat));
    }
    Ok(children)
}

/// The memory of a process that is in RAM, in bytes.
///
/// # Errors
/// When the process is gone.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS:")
}

fn status_bytes(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.with_context(|| format!("look at the process {pid}"))?;
    let value = field(&status, name).with_context(|| format!("find {name}"))?;
    let kib: u64 = value.trim_end_matches(" kB").parse().with_context(|| format!("read {name}"))?;
    Ok(kib * 1024)
}

/// The most memory that a process has had in RAM, in bytes.
///
/// # Errors
/// When the process is gone.
pub(crate) fn peak_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

/// What the machine is, in a line.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn machine() -> Result<String> {
    let read = |path: &str| fs::read_to_string(path).with_context(|| format!("read {path}"));
    let processors = read("/proc/cpuinfo")?;
    let model = field(&processors, "model name").map(|value| value.trim_start_matches(": "));
    let cores = std::thread::available_parallelism().context("count the cores")?;
    let memory = read("/proc/meminfo")?;
    let memory = field(&memory, "MemTotal:").and_then(|it| it.trim_end_matches(" kB").parse().ok());
    let gib = memory.map_or(0, |kib: u64| kib >> 20);
    let kernel = read("/proc/sys/kernel/osrelease")?;
    let model = model.unwrap_or("unknown processor");
    Ok(format!("{cores} × {model}, {gib} GiB, Linux {}", kernel.trim()))
}

/// Runnable tasks in the mean of the last minute.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg").context("read /proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name is in brackets and may hold any character.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let parent = fields.get(PARENT)?.parse().ok()?;
        let mut ticks = 0;
        for field in fields.get(TICKS)? {
            ticks += field.parse::<u64>().ok()?;
        }
        Some(Self { parent, ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_listens_is_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(listener(port), Some(std::process::id()));
        drop(socket);
        assert_eq!(listener(port), None);
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "7 (a) b (c) S 42 7 7 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.ticks), (42, 127));
        assert!(Stat::parse("7 (a) S 42").is_none());
    }

    #[test]
    fn fields_are_found_by_their_names() {
        let text = "Name:\tx\nVmRSS:\t    9216 kB\n";
        assert_eq!(field(text, "VmRSS:"), Some("9216 kB"));
        assert_eq!(field(text, "VmPeak:"), None);
        let io = "wchar: 7\nwrite_bytes: 4096\ncancelled_write_bytes: 5\n";
        assert_eq!(parse_written(io), Some(4096));
    }
}
