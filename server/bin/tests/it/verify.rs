//! `huihua-server verify`, as an operator runs it: by the real binary, on an intact store, a
//! damaged one, one that is in use, and none.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{ServerProcess, binary, message};

/// Runs the command; returns its exit code, what it printed and what it reported.
fn verify(data: &Path) -> (Option<i32>, String, String) {
    let output = binary().args(["verify", "--data"]).arg(data).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Flips a bit in every copy of the text in the file.
fn damage(file: &Path, text: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    let found: Vec<usize> = bytes
        .windows(text.len())
        .enumerate()
        .filter(|(_, window)| *window == text.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!found.is_empty(), "{text} is in the file");
    for at in found {
        bytes[at] ^= 1;
    }
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_store_is_verified_and_a_damaged_value_is_named() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let mut server = ServerProcess::start(data).await;
    for id in 1..=3 {
        let copy = server.copy(&message("PERSON", "bob", &format!("amy{id}"), id)).await.unwrap();
        assert_eq!(copy.status, 200);
    }
    let check_intact = |when: &str| {
        let (code, printed, reported) = verify(data);
        assert_eq!((code, reported.as_str()), (Some(0), ""), "{when}: {printed}");
        let values: u64 = printed.split(' ').next().unwrap().parse().unwrap();
        let is_said = printed.ends_with(" values verified, none is damaged\n");
        assert!(values >= 6 && is_said, "{when}: {printed}");
    };
    check_intact("while the server runs");
    assert!(server.terminate().await);
    check_intact("when it is stopped");

    damage(&data.join("huihua.redb"), "\"body 2\"");
    let (code, printed, reported) = verify(data);
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{reported}");
    assert!(reported.contains("damaged: ") && reported.contains("amy2"), "{reported}");
    assert!(!reported.contains("body"), "it shows no message: {reported}");
}

#[test]
fn a_folder_without_a_store_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    for data in [folder.path().to_owned(), folder.path().join("none")] {
        let (code, _, reported) = verify(&data);
        assert_eq!(code, Some(1), "{reported}");
        assert!(reported.contains("there is no store in"), "{reported}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no store was created");
}
