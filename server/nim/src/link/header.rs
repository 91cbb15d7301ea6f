//! What both framings begin with: the numbers of a call, and what is no frame at all.

/// Limit of a message from a client, in bytes.
///
/// As for the bodies of clients: the longest calls, an ext of escapes and a deletion of 100 ids,
/// have less than half of it. A WebSocket library that puts fragments together needs the same
/// limit.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Names a command and one call of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// The service.
    pub sid: u8,
    /// The command in the service.
    pub cid: u8,
    /// Chosen by the client, repeated in the answer; 0 in a push. 10.x counts on without end, and
    /// binary frames carry the low 16 bits.
    pub serial: u32,
}

/// Reports a message that is no frame. There is no serial to answer to: the link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The message has more bytes than allowed.
    #[error("a message must not be longer than {FRAME_BYTES_MAX} bytes")]
    TooLong,
    /// The text is no packet of socket.io 0.9.
    #[error("a text message must be a packet of socket.io 0.9, such as 3:::{{…}}")]
    NoPacket,
    /// The packet's text is no frame.
    #[error("a packet must carry a JSON object with SID, CID and SER")]
    NoJson,
    /// The bytes end before the header does.
    #[error("a binary message must begin with length, sid, cid, serial and tag")]
    NoHeader,
    /// A text came over a binary link, or bytes over a text link.
    #[error("the path of the link decides between text and binary messages")]
    WrongFraming,
}
