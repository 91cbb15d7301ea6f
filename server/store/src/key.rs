//! The key of a message: the total order in which the newest wins, the same in every engine.

use std::cmp::Ordering;

use huihua_event::Post;
use sha2::{Digest, Sha256};

/// Rank of a message.
pub const RANK_MESSAGE: u8 = 0;
/// Rank of a recall: it outranks the message whose key it has.
pub const RANK_RECALL: u8 = 1;
/// Rank of a floor: it outranks everything at its key.
pub const RANK_FLOOR: u8 = 255;

/// `(time, id, rank, digest)`; ids compare by length, then bytes, which is numeric for decimal ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageKey<'a> {
    /// ms since 1970.
    pub time: u64,
    /// Message id, at most 64 bytes.
    pub id: &'a str,
    /// Message, recall or floor.
    pub rank: u8,
    /// First 8 bytes of SHA-256 of the body: two bodies under one id have one winner.
    pub digest: [u8; 8],
}

impl Ord for MessageKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.id.len(), self.id, self.rank, self.digest).cmp(&(
            other.time,
            other.id.len(),
            other.id,
            other.rank,
            other.digest,
        ))
    }
}

impl PartialOrd for MessageKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> MessageKey<'a> {
    /// The implied floor of one who is in since `time`: below every message of that time.
    pub fn since(time: u64) -> MessageKey<'static> {
        MessageKey { time, id: "", rank: RANK_MESSAGE, digest: [0; 8] }
    }

    /// The floor that hides everything up to and including this key.
    pub fn floor(self) -> MessageKey<'a> {
        MessageKey { rank: RANK_FLOOR, digest: [0; 8], ..self }
    }
}

/// Returns the first 8 bytes of a text's SHA-256.
pub(crate) fn digest(text: &str) -> [u8; 8] {
    Sha256::digest(text)[..8].try_into().expect("SHA-256 has more than 8 bytes")
}

/// A last message: key and `lastMsg` text. Compared by its key, which the text's digest ends: a
/// text dropped by the sweep still outranks a late copy of itself.
#[derive(Clone, Copy)]
pub struct MessageBody<'a> {
    /// Its place in the order.
    pub key: MessageKey<'a>,
    /// Compact JSON.
    pub text: &'a str,
}

impl PartialEq for MessageBody<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for MessageBody<'_> {}

impl Ord for MessageBody<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for MessageBody<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> MessageBody<'a> {
    /// The body of a post, as a message or as a recall.
    pub fn of(post: &'a Post, rank: u8) -> Self {
        let digest = digest(&post.last_msg);
        let key = MessageKey { time: post.time, id: &post.message_id, rank, digest };
        Self { key, text: &post.last_msg }
    }

    /// Whether it is the notice of a recall.
    pub fn is_recall(&self) -> bool {
        self.key.rank == RANK_RECALL
    }
}

impl std::fmt::Debug for MessageBody<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageBody({:?}, {} bytes)", self.key, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_by_time_then_numerically_by_id_then_rank_then_digest() {
        let key = |time, id, rank, digest| MessageKey { time, id, rank, digest: [digest; 8] };
        let ordered = [
            MessageKey::since(1),
            key(1, "9", 0, 5),
            key(1, "9", 1, 0),
            key(1, "9", 1, 0).floor(),
            key(1, "10", 0, 1),
            key(1, "10", 0, 2),
            key(1, "9007199254740993", 0, 0),
            key(1, "9007199254740994", 0, 0),
            MessageKey::since(2),
            key(2, "1", 0, 0),
        ];
        assert!(ordered.is_sorted());
        assert!(ordered.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
