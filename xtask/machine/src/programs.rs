//! What the machine must have beside Rust: looked for, and on Debian and Ubuntu installed when we
//! may; and where what was fetched is kept.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::process;

/// A program and the Debian package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

/// A C compiler is not in the list: without one, cargo could not have linked us.
const NEEDS: [Need; 4] = [
    Need { program: "javac", package: JDK, why: "JDK 17 runs Maven, Kotlin and the tests" },
    Need { program: "mvn", package: "maven", why: "builds the Kotlin side" },
    Need { program: "aapt2", package: "aapt", why: "links the sample app's resources" },
    Need { program: "curl", package: "curl", why: "tests paste what `dev` prints" },
];
const JDK: &str = "openjdk-17-jdk-headless";
/// For releases that no longer have 17.
const JDK_OTHERWISE: &str = "default-jdk-headless";
/// The oldest JDK that the Kotlin side builds with.
const JAVA_MIN: u32 = 17;

/// Makes sure that every program is there.
///
/// # Errors
/// When one is missing and cannot be installed from here: the message is the command to run.
pub fn run() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !is_on_path(need.program)).collect();
    if !missing.is_empty() {
        for need in &missing {
            println!("machine: no `{}` ({})", need.program, need.why);
        }
        install(missing.iter().map(|need| need.package).collect())?;
    }
    let version = java_version()?;
    if version < JAVA_MIN {
        bail!("`javac` is of JDK {version}; {JAVA_MIN} or newer is needed ({JDK} on Debian)");
    }
    println!("machine: JDK {version}, Maven, aapt2 and curl are there");
    Ok(())
}

/// Installs packages when we may.
///
/// # Errors
/// When not root on Debian or Ubuntu, or apt fails: the message is the command to run.
pub fn install(mut packages: Vec<&str>) -> Result<()> {
    let is_debian = Path::new("/etc/debian_version").exists();
    if !is_debian || !is_root() {
        let command = format!("apt-get install {}", packages.join(" "));
        bail!("install what is missing; on Debian and Ubuntu: sudo {command}");
    }
    println!("machine: installing {} (as root on Debian)", packages.join(", "));
    // Another of us may be about to install something: apt does not wait for itself everywhere.
    let lock = env::temp_dir().join("huihua-apt.lock");
    let lock = File::create(&lock).with_context(|| format!("open {}", lock.display()))?;
    lock.lock().context("wait for another one that installs packages")?;
    process::run(apt("apt-get").args(["update", "-qq"]))?;
    if packages.contains(&JDK) && process::read(apt("apt-cache").args(["show", JDK])).is_err() {
        packages.retain(|package| *package != JDK);
        packages.push(JDK_OTHERWISE);
    }
    process::run(
        apt("apt-get").args(["install", "-qq", "--yes", "--no-install-recommends"]).args(packages),
    )
}

/// Tells whether we may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What is fetched once for all clones: never needed, only quicker.
///
/// # Errors
/// When there is no home folder.
pub fn cache() -> Result<PathBuf> {
    cache_of("android")
}

/// The same of one kind.
///
/// # Errors
/// As [`cache`].
pub fn cache_of(kind: &str) -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir().context("find the home folder")?.join(".cache"),
    };
    Ok(base.join("huihua").join(kind))
}

/// Makes sure that a program is there, and installs its package when it is not.
///
/// # Errors
/// As [`install`].
pub fn need(program: &str, package: &str) -> Result<()> {
    if is_on_path(program) {
        return Ok(());
    }
    println!("machine: no `{program}`");
    install(vec![package])
}

fn apt(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

pub(crate) fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    is_in(program, &path)
}

fn is_in(program: &str, path: &OsStr) -> bool {
    let may_run = |file: &Path| {
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(path).any(|folder| may_run(&folder.join(program)))
}

fn java_version() -> Result<u32> {
    // Some builds print it on standard error.
    let mut command = Command::new("javac");
    let output =
        command.arg("-version").stdin(Stdio::null()).output().context("start `javac -version`")?;
    let text = [output.stdout, output.stderr].concat();
    parse_java_version(&String::from_utf8_lossy(&text)).context("read the version of `javac`")
}

fn parse_java_version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().skip_while(|word| *word != "javac").nth(1)?;
    let mut parts = number.split(['.', '-', '+']).map(|part| part.parse().ok());
    match parts.next()?? {
        // `1.8.0` is how JDK 8 calls itself.
        1 => parts.next()?,
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_java() {
        for (text, expected) in [
            ("javac 17.0.15\n", Some(17)),
            ("javac 21\n", Some(21)),
            ("javac 25-ea\n", Some(25)),
            ("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\njavac 1.8.0_402\n", Some(8)),
            ("command not found\n", None),
        ] {
            assert_eq!(parse_java_version(text), expected, "{text}");
        }
    }

    #[test]
    fn a_program_is_a_file_that_may_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tool");
        assert!(!is_in("tool", folder.path().as_os_str()));
        std::fs::write(&file, "").unwrap();
        assert!(!is_in("tool", folder.path().as_os_str()));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_in("tool", folder.path().as_os_str()));
    }
}
