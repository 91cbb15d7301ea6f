//! The bytes of cells: keys of messages so that larger bytes are greater keys, numbers, texts.

use huihua_store::key::{MessageBody, MessageKey};

/// Marks a body whose text is there, and one whose text is gone for good. At equal keys the larger
/// bytes win, so a text that was taken away never comes back.
const TEXT: u8 = 0;
const NO_TEXT: u8 = 1;

#[derive(Default)]
pub(crate) struct ByteWriter(pub(crate) Vec<u8>);

impl ByteWriter {
    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend(number.to_be_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    /// Byte order is the order of keys.
    pub(crate) fn key(&mut self, key: MessageKey<'_>) {
        self.number(key.time);
        self.0.push(u8::try_from(key.id.len()).expect("an id has at most 64 bytes"));
        self.0.extend(key.id.as_bytes());
        self.0.push(key.rank);
        self.0.extend(key.digest);
    }

    /// To the end of the cell.
    pub(crate) fn last_text(&mut self, text: &str) {
        self.0.push(if text.is_empty() { NO_TEXT } else { TEXT });
        self.0.extend(text.as_bytes());
    }

    /// To the end of the cell.
    pub(crate) fn body(&mut self, body: MessageBody<'_>) {
        self.key(body.key);
        self.last_text(body.text);
    }
}

pub(crate) struct ByteReader<'a>(pub(crate) &'a [u8]);

impl<'a> ByteReader<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.take()? {
            [0] => Some(None),
            [1] => Some(Some(read(self)?)),
            _ => None,
        }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn key(&mut self) -> Option<MessageKey<'a>> {
        let time = self.number()?;
        let [count] = self.take()?;
        let id = std::str::from_utf8(self.bytes(count.into())?).ok()?;
        let [rank] = self.take()?;
        Some(MessageKey { time, id, rank, digest: self.take()? })
    }

    pub(crate) fn last_text(&mut self) -> Option<&'a str> {
        match self.take()? {
            [TEXT] => std::str::from_utf8(std::mem::take(&mut self.0)).ok(),
            [NO_TEXT] if self.0.is_empty() => Some(""),
            _ => None,
        }
    }

    pub(crate) fn body(&mut self) -> Option<MessageBody<'a>> {
        Some(MessageBody { key: self.key()?, text: self.last_text()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body_bytes(body: MessageBody<'_>) -> Vec<u8> {
        let mut out = ByteWriter::default();
        out.body(body);
        out.0
    }

    proptest! {
        /// At equal stamps Cassandra keeps the larger bytes: then that is the greater key.
        #[test]
        fn larger_bytes_are_the_greater_key(
            a in (0..3_u64, "[0-9é]{0,3}", 0..3_u8, any::<[u8; 8]>()),
            b in (0..3_u64, "[0-9é]{0,3}", 0..3_u8, any::<[u8; 8]>()),
        ) {
            let key = |(time, id, rank, digest): &(u64, String, u8, [u8; 8])| {
                let mut out = ByteWriter::default();
                out.key(MessageKey { time: *time, id, rank: *rank, digest: *digest });
                out.0
            };
            let of = |(time, id, rank, digest)| MessageKey { time, id, rank, digest };
            let (x, y) = (key(&a), key(&b));
            let (a, b) = (of((a.0, &*a.1, a.2, a.3)), of((b.0, &*b.1, b.2, b.3)));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(ByteReader(&x).key(), Some(a));
        }
    }

    #[test]
    fn a_text_that_was_taken_away_wins_over_its_copy_and_loses_to_a_greater_key() {
        let key = |id| MessageKey { time: 1, id, rank: 0, digest: [7; 8] };
        let with = body_bytes(MessageBody { key: key("1"), text: "{}" });
        let without = body_bytes(MessageBody { key: key("1"), text: "" });
        let greater = body_bytes(MessageBody { key: key("2"), text: "{}" });
        assert!(with < without && without < greater);
        assert_eq!(ByteReader(&without).body().unwrap().text, "");
        assert_eq!(ByteReader(&with).body().unwrap().text, "{}");
    }
}
