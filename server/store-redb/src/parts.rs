//! Cutting an ingest into transactions, so that other writers get their turn in between.

use huihua_event::Event;

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
