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

/// Register writes of one ingest that are one transaction; a larger one is done in parts. 500 p2p
/// messages fit.
const PART_REGISTERS_MAX: usize = 1_024;
/// Accounts that one part of a larger event names: a few milliseconds of the writer's time.
const PIECE_ACCOUNTS_MAX: usize = 256;

/// Cuts events into parts, each event with its place among all. An event of very many accounts goes
/// in pieces, each a part of its own.
pub(crate) fn parts(events: Vec<Event>) -> Vec<Vec<(Event, usize)>> {
    let (mut parts, mut part, mut registers) = (Vec::new(), Vec::new(), 0);
    for (at, event) in events.into_iter().enumerate() {
        let pieces = event.pieces(PIECE_ACCOUNTS_MAX);
        let is_large = pieces.len() > 1;
        for piece in pieces {
            let weight = piece.registers();
            if !part.is_empty() && (is_large || registers + weight > PART_REGISTERS_MAX) {
                parts.push(std::mem::take(&mut part));
                registers = 0;
            }
            registers += weight;
            part.push((piece, at));
        }
        if is_large {
            parts.push(std::mem::take(&mut part));
            registers = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
