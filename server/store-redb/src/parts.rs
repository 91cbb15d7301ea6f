//! What a write holds while it waits, and cutting an ingest into transactions, so that other
//! writers get their turn in between.

use huihua_event::{Action, Event};

/// Bytes of an account id, a message id, and what holds them, at most about.
const ID_BYTES: usize = 200;
/// Bytes of a message that is not made yet.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Counts the bytes that an event holds while it waits, about.
pub(crate) fn event_bytes(event: &Event) -> usize {
    let texts = match event {
        Event::Message { post, .. } | Event::Recall { post, .. } => post.last_msg.len(),
        Event::Edit { edit, .. } => edit.fields.len(),
        Event::Join { .. } | Event::Leave { .. } | Event::Dissolve { .. } => 0,
    };
    texts + event.registers() * ID_BYTES
}

/// Counts the bytes that an action holds while it waits, at most.
pub(crate) fn action_bytes(action: &Action) -> usize {
    let messages = if let Action::Send(messages) = action { messages.len() } else { 1 };
    messages * MESSAGE_BYTES_MAX + action.registers() * ID_BYTES
}

/// Register writes of one job of an ingest; a larger one is done in several, which are one
/// transaction unless apps compete. This is what an app puts at most into one turn: 32 p2p
/// messages.
const PART_REGISTERS_MAX: usize = 64;
/// Register writes of one group; a larger ingest is done in several. 500 p2p messages fit.
const GROUP_REGISTERS_MAX: usize = 1_024;
/// Accounts that one part of a larger event names: a few milliseconds of the writer's time.
const PIECE_ACCOUNTS_MAX: usize = 256;

/// Events of one job, each with its place among all.
pub(crate) type Part = Vec<(Event, usize)>;

/// Cuts events into parts. Those of one group wait together, and are one transaction unless apps
/// compete; groups wait one after the other. An event of very many accounts goes in pieces, each a
/// group of its own: its app's other writes get their turn in between.
pub(crate) fn parts(events: Vec<Event>) -> Vec<Vec<Part>> {
    let mut groups = Groups::default();
    for (at, event) in events.into_iter().enumerate() {
        let pieces = event.pieces(PIECE_ACCOUNTS_MAX);
        if pieces.len() > 1 {
            groups.end_group();
            groups.done.extend(pieces.into_iter().map(|piece| vec![vec![(piece, at)]]));
            continue;
        }
        pieces.into_iter().for_each(|event| groups.push(event, at));
    }
    groups.end_group();
    groups.done
}

#[derive(Default)]
struct Groups {
    done: Vec<Vec<Part>>,
    group: Vec<Part>,
    group_registers: usize,
    part: Part,
    part_registers: usize,
}

impl Groups {
    fn push(&mut self, event: Event, at: usize) {
        let registers = event.registers();
        if self.group_registers + registers > GROUP_REGISTERS_MAX {
            self.end_group();
        } else if self.part_registers + registers > PART_REGISTERS_MAX {
            self.end_part();
        }
        self.part.push((event, at));
        self.part_registers += registers;
        self.group_registers += registers;
    }

    fn end_part(&mut self) {
        if !self.part.is_empty() {
            self.group.push(std::mem::take(&mut self.part));
        }
        self.part_registers = 0;
    }

    fn end_group(&mut self) {
        self.end_part();
        if !self.group.is_empty() {
            self.done.push(std::mem::take(&mut self.group));
        }
        self.group_registers = 0;
    }
}
