//! The directory in the file: over restarts, in backups, in a store that is older than it.

use std::path::Path;

use huihua_event::{Action, NewToken, TeamKind, TokenHash};
use huihua_store::{
    Engine as _, Error, Progress, Store as _,
    suite::directory::{NOW, act, create_team, made, message, owner, to},
};
use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use crate::{
    Memory, blocked::BlockedAccounts, opening::open_file, restore, row, store::RedbStore, tables,
};

fn set_token(seed: &str) -> Action {
    let token = NewToken { hash: TokenHash::of(&format!("{seed}!")), seed: Some(seed.into()) };
    Action::SetToken { account: owner("amy").account, token }
}

#[tokio::test]
async fn no_token_is_in_the_file_and_a_backup_holds_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&first, Memory::default()).unwrap();
    act(&store, set_token("findthis"), NOW).await.unwrap();
    let done = act(&store, create_team(TeamKind::Super, &["amy"]), NOW).await.unwrap();
    store.backup(&copy, Box::new(|_, _| {})).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(first.join(tables::FILE_NAME)).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(!holds(b"findthis!") && holds(&TokenHash::of("findthis!").0));
    restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap();
    let store = RedbStore::open(&second, Memory::default()).unwrap();
    let app = owner("amy").app;
    let token = TokenHash::of("findthis!");
    assert_eq!(store.account_of(&app, &token).await.unwrap(), Some(owner("amy").account));
    let joined = store.joined(&owner("own"), TeamKind::Super).await.unwrap();
    assert_eq!((joined[0].size, &joined[0].team), (2, &made(TeamKind::Super, &done)));
    store.close().await;
}

/// Makes the store of this folder one of format 1, as it was before there was a directory.
fn age(path: &Path) {
    let db = Database::open(path).unwrap();
    let tx = db.begin_write().unwrap();
    for table in [tables::ACCOUNTS, tables::TOKENS, tables::TEAMS, tables::MEMBERS] {
        tx.delete_table(table).unwrap();
    }
    {
        let mut meta = tx.open_table(tables::META).unwrap();
        let value = row::encode_numbers(tables::META_FORMAT, [1]);
        meta.insert(tables::META_FORMAT, value.as_slice()).unwrap();
        meta.remove(tables::META_MESSAGE_ID).unwrap();
        meta.remove(tables::META_TEAM_ID).unwrap();
    }
    tx.commit().unwrap();
}

#[tokio::test]
async fn a_store_from_before_the_directory_opens_and_its_teams_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let store = RedbStore::open(&first, Memory::default()).unwrap();
    let done = act(&store, create_team(TeamKind::Normal, &["amy", "bob"]), NOW).await.unwrap();
    act(&store, Action::Send(vec![message(to("bob"))]), NOW).await.unwrap();
    let list = store.list_page(&owner("amy"), &Default::default()).await.unwrap().session_list;
    assert_eq!(list.len(), 2);
    store.close().await;
    age(&first.join(tables::FILE_NAME));
    // A backup of it is one of that format too.
    restore(&first.join(tables::FILE_NAME), &second, &(Box::new(|_, _| {}) as Progress)).unwrap();
    for folder in [&first, &second] {
        let store = RedbStore::open(folder, Memory::default()).unwrap();
        let now = store.list_page(&owner("amy"), &Default::default()).await.unwrap().session_list;
        assert_eq!(now, list);
        let joined = store.joined(&owner("amy"), TeamKind::Normal).await.unwrap();
        assert_eq!((joined.len(), joined[0].size), (1, 3));
        assert_eq!(joined[0].team, made(TeamKind::Normal, &done));
        assert_eq!(joined[0].entry.owner, None);
        // Its id is known by its members, and so is not given again.
        let again = act(&store, create_team(TeamKind::Normal, &[]), NOW).await.unwrap();
        assert!(again.team_id > done.team_id);
        store.close().await;
        // Opened once more it is of the new format.
        RedbStore::open(folder, Memory::default()).unwrap().close().await;
        let db = open_file(folder, Memory::default(), 0).unwrap();
        let tx = db.begin_read().unwrap();
        assert!(tables::ALL.iter().all(|table| tx.open_table(*table).is_ok()));
    }
}

#[tokio::test]
async fn a_store_that_lost_a_table_of_its_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    RedbStore::open(folder.path(), Memory::default()).unwrap().close().await;
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
    let tx = db.begin_write().unwrap();
    tx.delete_table(tables::TOKENS).unwrap();
    tx.commit().unwrap();
    drop(db);
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap();
    assert!(matches!(&error, Error::Damaged { what } if what.contains("tokens")), "{error}");
}

/// A write that failed may be in the file all the same: then the memory must follow the file.
#[tokio::test]
async fn after_a_write_of_unknown_outcome_the_blocked_accounts_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let (amy, bob) = (owner("amy"), owner("bob"));
    act(&store, Action::Block { account: amy.account.clone() }, NOW).await.unwrap();
    store.close().await;
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
    let blocked = BlockedAccounts::read(&db).unwrap();
    let are_blocked = || (blocked.contains(&amy).unwrap(), blocked.contains(&bob).unwrap());
    assert_eq!(are_blocked(), (true, false));
    blocked.change(vec![(amy.clone(), false), (bob.clone(), true)]);
    blocked.refresh(&db).unwrap();
    assert_eq!(are_blocked(), (false, true), "nothing failed");
    blocked.expire();
    blocked.refresh(&db).unwrap();
    assert_eq!(are_blocked(), (true, false));
}

#[tokio::test]
async fn of_a_damaged_account_nobody_says_that_it_is_not_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let (amy, bob) = (owner("amy"), owner("bob"));
    for one in [&amy, &bob] {
        act(&store, Action::Block { account: one.account.clone() }, NOW).await.unwrap();
    }
    store.close().await;
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
    let tx = db.begin_write().unwrap();
    {
        let mut accounts = tx.open_table(tables::ACCOUNTS).unwrap();
        let key = tables::account_key(&amy.app, &amy.account);
        let mut value = accounts.get(key.as_slice()).unwrap().unwrap().value().to_vec();
        // The number of the format: with the older one it was never blocked.
        value[0] = 5;
        accounts.insert(key.as_slice(), value.as_slice()).unwrap();
    }
    tx.commit().unwrap();
    drop(db);
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let error = store.is_blocked(&amy).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { what } if what.contains("amy")), "{error}");
    assert!(store.is_blocked(&bob).await.unwrap());
    store.close().await;
}

/// It was read for each app anew: a garbage token cost a server of 100 apps 4 ms.
#[tokio::test]
async fn a_token_of_nobody_cost_a_read_for_each_app() {
    let folder = tempfile::tempdir().unwrap();
    let app = owner("amy").app;
    let [known, unknown] = ["first!", "garbage"].map(TokenHash::of);
    for is_first in [true, false] {
        let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
        if is_first {
            act(&store, set_token("first"), NOW).await.unwrap();
        }
        assert_eq!(store.account_of(&app, &known).await.unwrap(), Some(owner("amy").account));
        store.close().await;
        // Nothing can be read any more.
        assert_eq!(store.account_of(&app, &unknown).await.unwrap(), None);
        assert!(store.account_of(&app, &known).await.is_err(), "the control: it is looked up");
    }
}
