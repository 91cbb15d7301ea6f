//! Cells that Cassandra merges by stamp and bytes end in the registers of the rules, whatever comes
//! in which order and however often.

use std::collections::BTreeMap;

use huihua_core::SessionKind;
use huihua_event::{Edit, Post};
use huihua_store::{key::RANK_MESSAGE, rules::Moved};
use proptest::{collection::vec, prelude::*};

use super::*;

/// One cell as Cassandra keeps it: the greater stamp wins, at equal stamps the larger bytes.
type Cell = Option<(i64, Vec<u8>)>;

fn put(cell: &mut Cell, stamp: i64, bytes: Vec<u8>) {
    if cell.as_ref().is_none_or(|old| *old < (stamp, bytes.clone())) {
        *cell = Some((stamp, bytes));
    }
}

fn bytes(cell: &Cell) -> Option<Vec<u8>> {
    cell.as_ref().map(|cell| cell.1.clone())
}

fn entries<K: Ord + Clone>(cells: &BTreeMap<K, Cell>) -> Entries<K> {
    cells.iter().filter_map(|(key, cell)| Some((key.clone(), bytes(cell)?))).collect()
}

/// A row of `sess` on one replica.
#[derive(Default)]
struct Replica {
    key: Cell,
    body: Cell,
    recalls: BTreeMap<String, Cell>,
    edits: BTreeMap<String, Cell>,
    mem: BTreeMap<Vec<u8>, Cell>,
}

impl Replica {
    fn take_last(&mut self, change: LastChange<'_>) {
        match LastCells::of(change) {
            LastCells::Message { stamp, key, body } => {
                put(&mut self.key, stamp, key);
                put(&mut self.body, stamp, body);
            }
            LastCells::Recall { stamp, id, value } => {
                put(self.recalls.entry(id).or_default(), stamp, value);
            }
            LastCells::Edit { stamp, id, value } => {
                put(self.edits.entry(id).or_default(), stamp, value);
            }
        }
    }

    fn take_membership(&mut self, membership: Membership<'_>) {
        for MemCell { stamp, key, value } in MemCell::of(membership) {
            put(self.mem.entry(key).or_default(), stamp, value);
        }
    }

    fn cells(&self, with_text: bool) -> SessionCells {
        let latest = LatestCells {
            key: bytes(&self.key),
            body: bytes(&self.body).filter(|_| with_text),
            recalls: entries(&self.recalls),
            edits: entries(&self.edits),
        };
        let sid = "p2p|bob".to_owned();
        SessionCells { sid, latest, mem: entries(&self.mem), ..SessionCells::default() }
    }
}

#[derive(Debug, Clone)]
enum Known {
    Message(Post),
    Recall(Post, u64),
    Edit(Edit),
}

impl Known {
    fn change(&self) -> LastChange<'_> {
        match self {
            Self::Message(post) => LastChange::message(post),
            Self::Recall(post, time) => LastChange::recall(post, *time),
            Self::Edit(edit) => LastChange::edit(edit),
        }
    }
}

/// Few times and ids, so that ties and repetitions come; few enough that nothing is dropped.
fn known() -> impl Strategy<Value = Known> {
    let post = (0..4_u64, 1..4_u64, 0..3_u8).prop_map(|(time, id, text)| Post {
        time,
        message_id: id.to_string(),
        last_msg: format!(r#"{{"9":"{text}"}}"#),
    });
    let edit = (0..4_u64, 1..4_u64, 0..3_u8).prop_map(|(time, id, text)| Edit {
        message_id: id.to_string(),
        time,
        fields: format!(r#"{{"9":"edit {text}"}}"#),
    });
    prop_oneof![
        post.clone().prop_map(Known::Message),
        (post, 4..7_u64).prop_map(|(post, time)| Known::Recall(post, time)),
        edit.prop_map(Known::Edit),
    ]
}

#[derive(Debug, Clone)]
enum Member {
    In(u64),
    Out(u64, u8),
    Inviter(u64),
    Hint(u64),
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        (0..6_u64).prop_map(Member::In),
        (0..6_u64, 0..3_u8).prop_map(|(time, digest)| Member::Out(time, digest)),
        (0..9_u64).prop_map(Member::Inviter),
        (0..9_u64).prop_map(Member::Hint),
    ]
}

fn membership(member: &Member) -> Membership<'static> {
    match member {
        Member::In(time) => Membership::Notice(Notice::In(*time)),
        Member::Out(time, digest) => {
            let digest = [*digest; 8];
            let key = MessageKey { time: *time, id: "", rank: RANK_MESSAGE, digest };
            Membership::Notice(Notice::Out(MessageBody { key, text: "{}" }))
        }
        Member::Inviter(time) => Membership::Inviter(*time),
        Member::Hint(time) => Membership::Hint(*time),
    }
}

proptest! {
    #[test]
    fn messages_recalls_and_edits_end_in_the_registers_of_the_rules(
        all in vec(known(), 0..12),
        order in vec(any::<prop::sample::Index>(), 0..24),
    ) {
        let (mut replica, mut row) = (Replica::default(), Row::default());
        for one in &all {
            row.take_last(one.change());
        }
        // In another order, and some of them again.
        for index in &order {
            if !all.is_empty() {
                replica.take_last(all[index.index(all.len())].change());
            }
        }
        for one in all.iter().rev() {
            replica.take_last(one.change());
        }
        let expected = row.view(SessionKind::P2p, None);
        let full = replica.cells(true);
        let full_row = full.row().unwrap();
        let view = full_row.view(SessionKind::P2p, None);
        prop_assert_eq!(view, expected);
        let text = |view: &View<'_>| view.last.map(|last| last.text.to_owned());
        prop_assert_eq!(text(&view), text(&expected));
        let thin = replica.cells(false);
        let thin_row = thin.row().unwrap();
        let of_thin = Fingerprint::of(&thin_row.view(SessionKind::P2p, None), [0; 8]);
        prop_assert_eq!(of_thin, Fingerprint::of(&view, [0; 8]), "a scan sees what a page shows");
    }

    #[test]
    fn memberships_end_in_the_registers_of_the_rules(
        all in vec(member(), 0..12),
        dissolved in proptest::option::of(0..9_u64),
    ) {
        let (mut replica, mut row) = (Replica::default(), Row::default());
        for one in &all {
            row.take_membership(membership(one));
        }
        for one in all.iter().rev().chain(&all) {
            replica.take_membership(membership(one));
        }
        let end = dissolved.map(|time| MessageBody {
            key: MessageKey { time, id: "", rank: RANK_MESSAGE, digest: [9; 8] },
            text: "{}",
        });
        let head = Head { dissolved: end, ..Head::default() };
        let cells = replica.cells(true);
        let read = cells.row().unwrap();
        prop_assert_eq!(&read.notices, &row.notices);
        let seen = |row: &Row<'_>| {
            let view = row.view(SessionKind::Team, Some(&head));
            (view.in_since, view.update_time, view.last.map(|last| last.key.digest))
        };
        prop_assert_eq!(seen(&read), seen(&row));
        let index = member_row(&cells.mem, "").unwrap();
        prop_assert_eq!(seen(&index).0, seen(&row).0, "the team's index says the same");
    }
}

#[test]
fn what_is_conditional_of_a_session_is_read_back() {
    let mut row = Row::default();
    let post = Post { time: 5, message_id: "9".into(), last_msg: "{}".into() };
    row.take_last(LastChange::message(&post));
    let view = row.view(SessionKind::P2p, None);
    let fingerprint = Fingerprint::of(&view, ext_digest("x"));
    assert_ne!(fingerprint, Fingerprint::of(&view, ext_digest("y")), "an ext is seen");
    assert_eq!(row.delete(&view), Moved::Yes);
    let hidden = Fingerprint::of(&row.view(SessionKind::P2p, None), [0; 8]);
    assert_eq!(hidden, Fingerprint::UNSEEN);
    let meta = Meta {
        version: 7,
        fingerprint,
        floor: floor_bytes(row.floor),
        created: Some(3),
        deleted: Some(8),
        ext: ext_digest("x"),
    };
    assert_eq!(Meta::of_bytes(&meta.to_bytes()), Some(meta.clone()));
    assert_eq!(Meta::of_bytes(&Meta::default().to_bytes()), Some(Meta::default()));
    let cells = SessionCells { meta, ..replica_of(&post).cells(true) };
    assert_eq!(cells.row().unwrap().view(SessionKind::P2p, None).last, None, "the floor hides it");
}

fn replica_of(post: &Post) -> Replica {
    let mut replica = Replica::default();
    replica.take_last(LastChange::message(post));
    replica
}
