//! The fire on a ring of three with three copies, again and again until the faults are over, which
//! `cargo xtask test --only cassandra-ring` does to the nodes meanwhile.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use huihua_store::{
    Engine,
    suite::{fire, support::Opener},
};

use super::{
    Cql, KEYSPACE, Runtime, Statements, history, insist, make,
    persistent::{Calls, Persistent},
    shared,
};

/// Where the test says that it began, and is told that the faults are over.
fn folder() -> PathBuf {
    let folder = std::env::var_os("HUIHUA_RING_FOLDER").map(PathBuf::from);
    folder.expect("HUIHUA_RING_FOLDER is where `enough` will be")
}

#[test]
#[ignore = "needs a ring of Cassandra: cargo xtask test --only cassandra-ring"]
fn lists_are_exact_while_nodes_are_killed_and_frozen() {
    let folder = folder();
    // No fault before the keyspace is there: making it is not what these are about.
    shared();
    let calls = Arc::new(Calls::default());
    let make_persistent = || -> Opener {
        let (open, calls) = (make(), Arc::clone(&calls));
        Box::new(move || {
            let (engine, calls) = (open(), Arc::clone(&calls));
            Box::new(Persistent { engine, calls }) as Box<dyn Engine>
        })
    };
    let mut fires = 0;
    while !folder.join("enough").exists() {
        std::fs::write(folder.join("begun"), "").unwrap();
        fire::lists_are_exact_under_fire(&make_persistent);
        fires += 1;
    }
    let [lists, syncs, writes, again] =
        [&calls.lists, &calls.syncs, &calls.writes, &calls.again].map(|count| count.load(Relaxed));
    println!(
        "ring: {fires} fires; {lists} pages, {syncs} pages of syncs, {writes} writes, all exact; \
         {again} calls were answered as unavailable and called again"
    );
}

#[test]
#[ignore = "needs a ring of Cassandra: cargo xtask test --only cassandra-ring"]
fn histories_keep_every_promise_while_nodes_are_killed_and_frozen() {
    let folder = folder();
    let is_enough = |_| folder.join("enough").exists();
    let (rounds, calls, broken) = history::record(history::SLOW, |_, _| {}, is_enough);
    println!("ring: {rounds} rounds of histories, {calls} calls");
    assert_eq!(broken, []);
}

/// A node that comes back lacks what was said meanwhile, until the others have told it.
#[test]
#[ignore = "needs a ring of Cassandra: cargo xtask test --only cassandra-ring"]
fn one_copy_for_a_quorum_is_found_by_the_histories() {
    let folder = folder();
    let is_enough = |_| folder.join("enough").exists();
    let at_one = |runtime: &Runtime, cql: &mut Cql| {
        let statements = runtime.block_on(insist(|| Statements::prepare(&cql.session, KEYSPACE)));
        cql.statements = Arc::new(statements.at_one());
    };
    let (rounds, calls, broken) = history::record(history::SLOW, at_one, is_enough);
    println!("ring: consistency ONE, after {rounds} rounds, {calls} calls: {broken:?}");
    assert!(!broken.is_empty(), "consistency ONE was not found");
}
