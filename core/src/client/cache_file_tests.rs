//! The file of a kept list: any bytes may be found there, and the process may die at any step.

use std::{env, fs, path::PathBuf, process::Command};

use super::*;

fn owner(account: &str) -> CacheOwner {
    CacheOwner {
        app_key: "app".to_owned(),
        account: account.to_owned(),
        server: "https://im.example.com/".to_owned(),
    }
}

fn row(n: usize, text_bytes: usize) -> RecentSession {
    let text = "好".repeat(text_bytes / 3);
    let json = format!(
        r#"{{"sessionId":"p2p|{n}","updateTime":{},"ext":"e","lastMsgType":0,"lastMsg":{{"9": "{text}"}}}}"#,
        1_000_000 - n
    );
    serde_json::from_str(&json).unwrap()
}

fn rows(count: usize) -> Vec<RecentSession> {
    (0..count).map(|n| row(n, 12)).collect()
}

fn list(cursor: &str, count: usize) -> CachedList {
    CachedList { sync_cursor: cursor.to_owned(), has_more: true, sessions: rows(count) }
}

fn bytes_of(list: &CachedList) -> Vec<u8> {
    encode(&owner("bob"), &list.sync_cursor, list.has_more, &list.sessions).unwrap()
}

#[test]
fn a_file_gives_back_what_was_kept_byte_for_byte() {
    for has_more in [true, false] {
        for count in [0, 1, 40] {
            let list = CachedList { has_more, ..list("cursor", count) };
            assert_eq!(decode(&owner("bob"), &bytes_of(&list)), Ok(list));
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_or_with_any_bit_flipped_or_with_more_bytes_is_ignored() {
    let good = bytes_of(&list("cursor", 3));
    for end in 0..good.len() {
        assert_eq!(decode(&owner("bob"), &good[..end]), Err(Unusable::Damaged), "cut at {end}");
    }
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&owner("bob"), &bytes).is_err(), "bit {bit}");
    }
    assert_eq!(decode(&owner("bob"), &[&good[..], b"x"].concat()), Err(Unusable::Damaged));
    assert_eq!(decode(&owner("bob"), &good.repeat(2)), Err(Unusable::Damaged));
}

#[test]
fn a_file_of_another_account_app_server_or_format_is_ignored() {
    let bytes = bytes_of(&list("cursor", 3));
    let bob = owner("bob");
    let others = [
        owner("Bob"),
        owner("alice"),
        CacheOwner { app_key: "other".to_owned(), ..bob.clone() },
        CacheOwner { server: "https://test.example.com/".to_owned(), ..bob.clone() },
    ];
    for other in others {
        assert_eq!(decode(&other, &bytes), Err(Unusable::OtherOwner));
    }
    // A newer format may be longer, and have another checksum.
    for version in [0, VERSION + 1, u32::MAX] {
        let mut other = bytes.clone();
        other[8..12].copy_from_slice(&version.to_le_bytes());
        other.extend_from_slice(b"what a newer SDK adds");
        assert_eq!(decode(&bob, &other), Err(Unusable::OtherVersion));
    }
}

#[test]
fn a_file_holds_at_most_its_rows_and_bytes_and_then_says_that_there_are_more() {
    let check = |sessions: &[RecentSession], has_more| {
        let bytes = encode(&owner("bob"), "cursor", has_more, sessions).unwrap();
        assert!(bytes.len() <= CACHE_BYTES_MAX, "{} bytes", bytes.len());
        let read = decode(&owner("bob"), &bytes).unwrap();
        let kept = read.sessions.len();
        assert_eq!(read.sessions, sessions[..kept]);
        assert_eq!(read.has_more, has_more || kept < sessions.len());
        (kept, bytes.len())
    };
    assert_eq!(check(&rows(CACHED_ROWS_MAX), false).0, CACHED_ROWS_MAX);
    assert_eq!(check(&rows(CACHED_ROWS_MAX + 1), false).0, CACHED_ROWS_MAX);
    let big: Vec<_> = (0..200).map(|n| row(n, 16_000)).collect();
    let (kept, bytes) = check(&big, false);
    assert!(kept > 60 && bytes > CACHE_BYTES_MAX - 17_000, "{kept} rows in {bytes} bytes");
    // To the byte: a message that just fits, and one that is three bytes longer.
    let frame = bytes_of(&CachedList { has_more: false, ..list("cursor", 0) }).len();
    let room = CACHE_BYTES_MAX - frame - serde_json::to_vec(&row(0, 0)).unwrap().len() - 1;
    assert_eq!(check(&[row(0, room)], false).0, 1);
    assert_eq!(check(&[row(0, room + 3)], false).0, 0);
    assert!(encode(&owner("bob"), &"c".repeat(CACHE_BYTES_MAX), false, &[]).is_none());
}

const KILLED_IN: &str = "HUIHUA_TEST_KILLED_IN";
const KILLED_AT: &str = "HUIHUA_TEST_KILLED_AT";

/// Is the other side of the next test: it replaces a file and dies at the step that the test names.
#[test]
#[expect(clippy::disallowed_methods, reason = "it dies as a killed app does")]
fn replace_until_killed() {
    let (Ok(path), Ok(at)) = (env::var(KILLED_IN), env::var(KILLED_AT)) else { return };
    let mut left: usize = at.parse().unwrap();
    replace(&PathBuf::from(path), &bytes_of(&list("new", 400)), |_| {
        if left == 0 {
            std::process::abort();
        }
        left -= 1;
    })
    .unwrap();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a process that can be killed")]
fn a_process_killed_at_any_step_of_a_write_leaves_the_old_file_or_the_new_one() {
    let mut steps = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("a.list");
    replace(&path, &bytes_of(&list("new", 400)), |step| steps.push(step)).unwrap();
    assert!(steps.iter().filter(|step| **step == ReplaceStep::PartWritten).count() > 1);
    for old in [None, Some(list("old", 2))] {
        for (at, step) in steps.iter().enumerate() {
            erase(&path).unwrap();
            if let Some(old) = &old {
                replace(&path, &bytes_of(old), |_| {}).unwrap();
            }
            let killed = Command::new(env::current_exe().unwrap())
                .args(["--exact", "client::cache_file::tests::replace_until_killed"])
                .env(KILLED_IN, &path)
                .env(KILLED_AT, at.to_string())
                .output()
                .unwrap();
            assert!(!killed.status.success(), "it was not killed at {step:?}");
            let found = read(&path).ok().map(|bytes| decode(&owner("bob"), &bytes).unwrap());
            let is_new = matches!(step, ReplaceStep::FileRenamed | ReplaceStep::FolderSynced);
            let expected = if is_new { Some(list("new", 400)) } else { old.clone() };
            assert_eq!(found, expected, "killed at {step:?}");
            // What the dead process left hinders no later write, and is gone after it.
            replace(&path, &bytes_of(&list("next", 1)), |_| {}).unwrap();
            assert_eq!(decode(&owner("bob"), &read(&path).unwrap()), Ok(list("next", 1)));
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        }
    }
}

#[cfg(unix)]
#[test]
fn file_and_folder_are_their_users_alone_whatever_lay_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("a.list");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    replace(&path, b"1", |_| {}).unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    for other in [path.clone(), path.with_extension("new")] {
        File::create(&other).unwrap().set_permissions(fs::Permissions::from_mode(0o666)).unwrap();
    }
    replace(&path, b"2", |_| {}).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(read(&path).unwrap(), b"2");
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.list");
    fs::create_dir_all(path.join("in the way")).unwrap();
    assert!(replace(&path, b"1", |_| {}).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // And one that cannot even begin.
    let below_a_file = folder.path().join("file");
    File::create(&below_a_file).unwrap();
    assert!(replace(&below_a_file.join("a.list"), b"1", |_| {}).is_err());
}

#[test]
fn erasing_removes_the_file_and_a_leftover_and_may_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.list");
    erase(&path).unwrap();
    replace(&path, b"1", |_| {}).unwrap();
    File::create(path.with_extension("new")).unwrap();
    erase(&path).unwrap();
    erase(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_longer_than_any_of_ours_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.list");
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
}
