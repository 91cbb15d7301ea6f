//! The form of account ids in files: in a backup, in stores of older formats, damaged.

use huihua_core::AccountForm;
use huihua_event::Owner;
use huihua_store::{
    AccountFormRefusal, Engine as _, Error, Progress, Store as _,
    suite::support::{amy, attempt},
};

use super::old_formats::unpack;
use crate::{Memory, opening::open_file, restore, row, store::RedbStore, tables};

async fn remember(store: &RedbStore, form: AccountForm) -> Result<(), AccountFormRefusal> {
    store.remember_account_forms(&[(amy().app, form)]).await.unwrap()
}

#[tokio::test]
async fn a_backup_keeps_the_account_form_of_each_app() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&first, Memory::default()).unwrap();
    let numbers = store.verify(Box::new(|_, _| {})).await.unwrap();
    remember(&store, AccountForm::Nim).await.unwrap();
    assert_eq!(store.verify(Box::new(|_, _| {})).await.unwrap(), numbers + 1, "it is checked too");
    store.backup(&copy, Box::new(|_, _| {})).await.unwrap();
    store.close().await;
    restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap();
    let store = RedbStore::open(&second, Memory::default()).unwrap();
    assert!(remember(&store, AccountForm::Exact).await.is_err());
    remember(&store, AccountForm::Nim).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn stores_of_older_formats_take_nim_unless_an_account_has_a_capital() {
    for format in [1, 2] {
        for (account, form, is_taken) in [
            (None, AccountForm::Nim, true),
            (None, AccountForm::Exact, true),
            (Some("Alice_1"), AccountForm::Nim, false),
            (Some("Alice_1"), AccountForm::Exact, true),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let old = unpack(&format.to_string(), folder.path());
            let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
            if let Some(account) = account {
                let app = old.app_key.clone();
                let owner = Owner { app, account: account.parse().unwrap() };
                let session = "p2p|amy".parse().unwrap();
                store.update(&owner, &session, "x".into(), &attempt(old.now)).await.unwrap();
            }
            let forms = [(old.app_key.clone(), form)];
            let taken = store.remember_account_forms(&forms).await.unwrap();
            assert_eq!(taken.is_ok(), is_taken, "{format} {account:?} {form:?}");
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_damaged_or_unknown_account_form_is_an_error_and_no_choice() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    remember(&store, AccountForm::Nim).await.unwrap();
    store.close().await;
    let name = tables::account_form_name(&amy().app);
    let mut flipped = row::encode_numbers(&name, [1]);
    *flipped.last_mut().unwrap() ^= 1;
    for value in [flipped, row::encode_numbers(&name, [3]), row::encode_numbers(&name, [])] {
        let db = open_file(folder.path(), Memory::default(), 0).unwrap();
        let tx = db.begin_write().unwrap();
        tx.open_table(tables::META).unwrap().insert(name.as_slice(), value.as_slice()).unwrap();
        tx.commit().unwrap();
        drop(db);
        let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
        for form in AccountForm::ALL {
            let forms = [(amy().app, form)];
            let error = store.remember_account_forms(&forms).await.unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
        store.close().await;
    }
}
