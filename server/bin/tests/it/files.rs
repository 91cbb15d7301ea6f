//! The files around a server: what a second process must not touch, what is refused by name, what
//! others must not read, and an admin socket that nobody can hold.

use std::{
    io::Write as _,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    config::{ConfiguredServer, refused, write_config},
    support::{ServerProcess, WAIT_MAX, binary, message},
};

/// The second one deleted the file of the first, which went on: scripts found no server.
#[tokio::test]
async fn a_second_dev_that_is_refused_deleted_the_first_ones_dev_json() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let dev_json = folder.path().join("dev.json");
    let before = std::fs::read_to_string(&dev_json).unwrap();
    let mut second = binary();
    second.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path());
    let said = refused(&mut second);
    assert!(said.contains("held by another process"), "{said}");
    assert_eq!(std::fs::read_to_string(&dev_json).unwrap(), before);
    assert_eq!(server.copy(&message("PERSON", "bob", "amy", 1)).await.unwrap().status, 200);
}

/// One connection that said nothing held every backup up.
#[tokio::test]
async fn silent_connections_to_the_admin_socket_blocked_backups() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let _server = ServerProcess::start(&data).await;
    let backup = async |name: &str| {
        let mut command = binary();
        command.args(["backup", "--data", "data", "--to", name]).current_dir(folder.path());
        let since = Instant::now();
        let done = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = tokio::time::timeout(3 * WAIT_MAX, done).await.unwrap().unwrap();
        assert!(output.status.success(), "{output:?}");
        since.elapsed()
    };
    let connect = || UnixStream::connect(data.join("admin.sock")).unwrap();
    let _silent = connect();
    let mut half = connect();
    half.write_all(b"{\"backup\":").unwrap();
    assert!(backup("1.redb").await < WAIT_MAX);
    // More of them than the socket serves at one time: they lose their places.
    let _many: Vec<_> = (0..20).map(|_| connect()).collect();
    backup("2.redb").await;
    let mode = std::fs::metadata(folder.path().join("2.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_half_restored_folder_and_an_empty_store_were_served_with_empty_lists() {
    for (file, said) in [
        ("huihua.redb", "huihua.redb is empty (0 bytes)"),
        ("huihua.redb.part", "a restore was interrupted or is running"),
    ] {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("huihua.toml");
        write_config(&config, &["o"]);
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("data").join(file), "").unwrap();
        for arguments in [
            ["serve", "--config", "huihua.toml"].as_slice(),
            &["backup", "--data", "data", "--to", "copy.redb"],
            &["verify", "--data", "data"],
        ] {
            let text = refused(binary().args(arguments).current_dir(folder.path()));
            assert!(text.contains(said) || text.contains("there is no store in data"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_configuration_that_others_can_read_is_warned_of() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["o"]);
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    assert!(!server.log().contains("others can read"), "{}", server.log());
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
    server.hang_up();
    let line = server.until_logged("others can read it").await;
    assert!(line.contains("WARN") && line.contains("chmod 600 huihua.toml"), "{line}");
    let check = binary()
        .args(["config", "check", "--config", "huihua.toml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(check.status.success());
    assert!(
        String::from_utf8(check.stderr).unwrap().contains("warning: huihua.toml holds secrets")
    );
    let mode = std::fs::metadata(folder.path().join("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// A library that sets the clock of one process to a second before 1970.
const CLOCK_C: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    if (clock != CLOCK_REALTIME) return syscall(SYS_clock_gettime, clock, now);
    now->tv_sec = -1;
    now->tv_nsec = 0;
    return 0;
}
"#;

/// Every connection ended with a panic, in hyper's date.
#[test]
fn with_a_clock_before_1970_every_connection_panicked() {
    let folder = TempDir::new().unwrap();
    let (source, library) = (folder.path().join("clock.c"), folder.path().join("clock.so"));
    std::fs::write(&source, CLOCK_C).unwrap();
    let cc =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    if !cc.is_ok_and(|status| status.success()) {
        eprintln!("no C compiler here: the clock is not set back");
        return;
    }
    let mut command = binary();
    command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let said = refused(command.env("LD_PRELOAD", &library));
    assert!(said.contains("the machine's clock is before 1970: set it"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// `kill -9` in the middle of a restore, wherever it is: the folder is refused or whole.
#[tokio::test]
async fn a_killed_restore_leaves_no_store_that_serves() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = ServerProcess::start(&data).await;
    for batch in 0..8_u64 {
        let events: Vec<_> = (0..500)
            .map(|n| crate::support::event("p2p", &format!("u{}", batch * 500 + n), "amy", n))
            .collect();
        server.events(events.into()).await;
    }
    let run = |arguments: &[&str]| {
        let mut command = binary();
        command.args(arguments).current_dir(folder.path()).stderr(Stdio::null());
        command
    };
    assert!(run(&["backup", "--data", "data", "--to", "c.redb"]).status().unwrap().success());
    let mut refused = 0;
    for round in 0..12_u64 {
        let name = format!("r{round}");
        let mut restore = run(&["restore", "--from", "c.redb", "--data", &name]).spawn().unwrap();
        let part = folder.path().join(&name).join("huihua.redb.part");
        let since = Instant::now();
        while !part.exists() && restore.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < WAIT_MAX);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(4 * round)).await;
        let _ = restore.kill();
        restore.wait().unwrap();
        let whole = folder.path().join(&name).join("huihua.redb").exists();
        let backup = format!("{name}.redb");
        let is_served =
            run(&["backup", "--data", &name, "--to", &backup]).status().unwrap().success();
        let verified = run(&["verify", "--data", &name]).status().unwrap().success();
        assert_eq!((is_served, verified), (whole, whole), "round {round}");
        if !whole && part.exists() {
            let mut dev = run(&["dev", "--listen", "127.0.0.1:0", "--data", &name]);
            let said = crate::config::refused(&mut dev);
            assert!(said.contains("a restore was interrupted"), "{said}");
            refused += 1;
        }
    }
    assert!(refused > 0, "no kill came in the middle");
}
