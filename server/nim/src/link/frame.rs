//! A frame in both framings: a header that names a command, and parameters that only the command's
//! reader understands.

use std::fmt;

use super::{Answer, FRAME_BYTES_MAX, FrameFault, Header, Property, Push, binary, text};
use crate::rest::RequestFault;

/// How a link writes its frames. The path of the WebSocket decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// `/socket.io/1/websocket/{sid}`: text messages of socket.io 0.9 that carry JSON.
    Text,
    /// `/websocket`: binary messages, little endian.
    Binary,
}

/// A frame of a client. `Debug` never shows its parameters.
#[derive(Clone)]
pub struct Frame<'a> {
    /// What it calls.
    pub header: Header,
    parameters: Parameters<'a>,
}

/// The parameters of a frame, not read yet: their types depend on the command.
#[derive(Clone)]
enum Parameters<'a> {
    Text(text::Parameters<'a>),
    Binary(&'a [u8]),
}

/// What a message of a client says.
#[derive(Debug, Clone)]
pub enum Incoming<'a> {
    /// It calls a command.
    Frame(Frame<'a>),
    /// socket.io's own heartbeat: the answer is [`Framing::heartbeat`].
    Heartbeat,
    /// socket.io's goodbye: the link ends.
    Disconnect,
    /// A packet of socket.io without a meaning here.
    Nothing,
}

/// A message for a client.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A WebSocket text message.
    Text(String),
    /// A WebSocket binary message.
    Binary(Vec<u8>),
}

impl Framing {
    /// Reads a text message.
    ///
    /// # Errors
    /// [`FrameFault`] if it is no frame of this framing.
    pub fn read_text(self, message: &str) -> Result<Incoming<'_>, FrameFault> {
        check_length(message.len())?;
        match self {
            Self::Text => Ok(match text::read(message)? {
                text::Packet::Frame(header, parameters) => {
                    Incoming::Frame(Frame { header, parameters: Parameters::Text(parameters) })
                }
                text::Packet::Heartbeat => Incoming::Heartbeat,
                text::Packet::Disconnect => Incoming::Disconnect,
                text::Packet::Nothing => Incoming::Nothing,
            }),
            Self::Binary => Err(FrameFault::WrongFraming),
        }
    }

    /// Reads a binary message.
    ///
    /// # Errors
    /// [`FrameFault`] if it is no frame of this framing.
    pub fn read_binary(self, message: &[u8]) -> Result<Incoming<'_>, FrameFault> {
        check_length(message.len())?;
        match self {
            Self::Text => Err(FrameFault::WrongFraming),
            Self::Binary => {
                let (header, parameters) = binary::read(message)?;
                Ok(Incoming::Frame(Frame { header, parameters: Parameters::Binary(parameters) }))
            }
        }
    }

    /// Writes the answer to the frame with this header.
    pub fn answer(self, header: Header, answer: &Answer) -> Message {
        match self {
            Self::Text => Message::Text(text::write(header, answer)),
            Self::Binary => Message::Binary(binary::write(header, answer)),
        }
    }

    /// Writes a push.
    pub fn push(self, push: &Push) -> Message {
        let header = Header { sid: push.sid, cid: push.cid, serial: 0 };
        self.answer(header, &push.content)
    }

    /// Writes the answer to [`Incoming::Heartbeat`].
    pub fn heartbeat(self) -> Option<Message> {
        match self {
            Self::Text => Some(Message::Text(text::HEARTBEAT.to_owned())),
            Self::Binary => None,
        }
    }
}

fn check_length(bytes: usize) -> Result<(), FrameFault> {
    if bytes > FRAME_BYTES_MAX { Err(FrameFault::TooLong) } else { Ok(()) }
}

impl Frame<'_> {
    /// Reads the first parameter as a property; absent, it is empty. What follows it is ignored:
    /// later SDKs may send more.
    pub(super) fn property(&self) -> Result<Property, RequestFault> {
        match self.parameters {
            Parameters::Text(parameters) => parameters.property(),
            Parameters::Binary(bytes) => binary::property(bytes),
        }
    }

    /// Reads the first parameter as properties.
    pub(super) fn properties(&self) -> Result<Vec<Property>, RequestFault> {
        match self.parameters {
            Parameters::Text(parameters) => parameters.properties(),
            Parameters::Binary(bytes) => binary::properties(bytes),
        }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Message {
    /// Returns the length, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Text(_) => "Text",
            Self::Binary(_) => "Binary",
        };
        write!(f, "{name}({} bytes)", self.bytes())
    }
}
