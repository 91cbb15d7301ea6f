//! Child processes. Each runs in a process group of its own, so that a signal to us ends it with
//! everything it started: cargo's compilers, Maven's forked test machines, the demo's server.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// How long a group gets between SIGTERM and SIGKILL when we are interrupted.
const INTERRUPT_PATIENCE: Duration = Duration::from_secs(5);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// From now on SIGINT, SIGTERM and SIGHUP end every child's group. The main thread sees its child
/// end, returns an error, and so cleans up behind itself.
pub fn end_children_on_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listen for signals")?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            signal_all(Signal::TERM);
            thread::sleep(INTERRUPT_PATIENCE);
            signal_all(Signal::KILL);
        }
    });
    Ok(())
}

/// Tells whether a signal has asked us to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

fn signal_all(signal: Signal) {
    for group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        // A group that has just ended by itself is what we want.
        let _ = kill_process_group(*group, signal);
    }
}

/// A running child with its group. Dropped while it runs, it is killed.
pub struct Process {
    child: Child,
    group: Pid,
    name: String,
}

impl Process {
    /// Starts `command` without standard input.
    pub fn start(command: &mut Command) -> Result<Self> {
        Self::start_from(command, Stdio::null())
    }

    /// Starts `command`, which reads this as its standard input.
    pub fn start_from(command: &mut Command, input: Stdio) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        if interrupted() {
            bail!("interrupted before `{name}` was started");
        }
        let child = command
            .stdin(input)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start `{name}`"))?;
        let group = Pid::from_child(&child);
        groups.push(group);
        Ok(Self { child, group, name })
    }

    /// Its id, for a look into `/proc`.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, `None` while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("look after `{}`", self.name))
    }

    /// Stops it where it is, with what it started: it neither answers nor ends.
    ///
    /// # Errors
    /// When it has ended.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP, "freeze")
    }

    /// Lets it go on after [`Self::freeze`].
    ///
    /// # Errors
    /// When it has ended.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT, "thaw")
    }

    fn signal(&self, signal: Signal, what: &str) -> Result<()> {
        kill_process_group(self.group, signal).with_context(|| format!("{what} `{}`", self.name))
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Result<ExitStatus> {
        self.child.wait().with_context(|| format!("wait for `{}`", self.name))
    }

    /// Asks it to stop with SIGTERM and waits for that.
    ///
    /// # Errors
    /// When it is still there after `patience`; it is killed then.
    pub fn stop(mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM, "send SIGTERM to")?;
        let start = Instant::now();
        while start.elapsed() < patience {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        bail!("`{}` did not stop within {} s of SIGTERM", self.name, patience.as_secs());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = kill_process_group(self.group, Signal::KILL);
            let _ = self.child.wait();
        }
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| *group != self.group);
    }
}

/// Runs a command to its end, its output straight to ours.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    let status = Process::start(command)?.wait()?;
    succeeded(&line, status)
}

/// Runs a command to its end and gives what it printed; its standard error goes to ours.
///
/// # Errors
/// When it cannot be started, fails, or prints something that is not UTF-8.
pub fn read(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let Output { status, stdout, .. } = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start `{line}`"))?;
    succeeded(&line, status)?;
    String::from_utf8(stdout).with_context(|| format!("read what `{line}` printed"))
}

/// Waits until `ready` gives something, asking again and again.
///
/// # Errors
/// `ready`'s own, an interruption, or `what` not being there after `patience`.
pub fn wait_for<T>(
    what: &str,
    patience: Duration,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if interrupted() {
            bail!("interrupted");
        }
        if let Some(found) = ready()? {
            return Ok(found);
        }
        thread::sleep(POLL);
    }
    bail!("no {what} after {} s", patience.as_secs());
}

fn succeeded(line: &str, status: ExitStatus) -> Result<()> {
    if interrupted() {
        bail!("interrupted during `{line}`");
    }
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// The command as one would type it, for messages. Tokens go by environment, never by argument.
fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_command_is_an_error_with_its_line() {
        let error = run(&mut sh("exit 3")).unwrap_err().to_string();
        assert!(error.contains("sh -c exit 3") && error.contains('3'), "{error}");
        assert_eq!(read(&mut sh("echo hi")).unwrap(), "hi\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_dropped_process_takes_its_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", pid_file.display());
        let process = Process::start(&mut sh(&script)).unwrap();
        let grandchild = wait_for("pid", Duration::from_secs(10), || {
            let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
            Ok(text.trim().parse().ok().and_then(Pid::from_raw))
        })
        .unwrap();
        drop(process);
        // Gone, or a zombie that its new parent has yet to collect.
        wait_for("end of the grandchild", Duration::from_secs(10), || {
            let path = format!("/proc/{}/stat", grandchild.as_raw_nonzero());
            let stat = std::fs::read_to_string(path).unwrap_or_default();
            Ok((stat.is_empty() || stat.contains(") Z ")).then_some(()))
        })
        .unwrap();
    }

    #[test]
    fn a_process_that_ignores_sigterm_is_an_error_and_dies() {
        let folder = tempfile::tempdir().unwrap();
        let deaf = folder.path().join("deaf");
        let script = format!("trap '' TERM; touch {}; while :; do sleep 1; done", deaf.display());
        let process = Process::start(&mut sh(&script)).unwrap();
        let group = process.group;
        let is_deaf = || Ok(deaf.exists().then_some(()));
        wait_for("trap", Duration::from_secs(10), is_deaf).unwrap();
        let error = process.stop(Duration::from_millis(300)).unwrap_err().to_string();
        assert!(error.contains("did not stop"), "{error}");
        assert!(!GROUPS.lock().unwrap().contains(&group));
    }
}
