//! Runs the command and reads what it printed.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use crate::support::binary;

/// What the command printed, and whether it succeeded.
#[derive(Debug)]
pub(super) struct RunResult {
    pub(super) ok: bool,
    pub(super) out: String,
    pub(super) err: String,
}

impl RunResult {
    pub(super) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Self { ok: output.status.success(), out, err }
    }

    /// Asserts success, and that this is printed.
    pub(super) fn assert_ok(&self, printed: &str) {
        assert!(self.ok && self.out.contains(printed), "not {printed:?}: {self:#?}");
    }

    /// Asserts failure, and that this is said.
    pub(super) fn assert_failed(&self, said: &str) {
        assert!(!self.ok && self.err.contains(said), "not {said:?}: {self:#?}");
    }
}

/// The two ends, and the files of one import.
pub(super) struct Importing<'a> {
    /// The data folder of the server, where the files go too.
    pub(super) data: &'a Path,
    pub(super) from: &'a str,
    pub(super) server: &'a str,
}

impl Importing<'_> {
    /// Writes the file of accounts.
    pub(super) fn accounts<T: AsRef<str>>(&self, accounts: &[T]) {
        let lines: Vec<&str> = accounts.iter().map(T::as_ref).collect();
        std::fs::write(self.data.join("accounts"), lines.join("\n")).unwrap();
    }

    pub(super) fn command(&self, more: &[&str]) -> Command {
        let mut command = binary();
        command.args(["import-nim", "--from", self.from, "--server", self.server, "--data"]);
        command.arg(self.data).arg("--accounts").arg(self.data.join("accounts")).args(more);
        command
    }

    pub(super) async fn run(&self, more: &[&str]) -> RunResult {
        let mut command = self.command(more);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        RunResult::of(&output.await.unwrap())
    }

    /// Starts it; the caller kills it.
    pub(super) fn spawn(&self, more: &[&str]) -> Child {
        self.command(more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}
