//! Text frames: packets of socket.io 0.9, whose messages are JSON.

use std::fmt;

use serde::{Deserialize, Serialize, de};
use serde_json::value::RawValue;

use super::{Answer, FrameFault, Header, ITEMS_MAX, Property, Value, property::TooMany};
use crate::rest::RequestFault;

/// What the server says first.
pub const CONNECTED: &str = "1::";
/// socket.io's heartbeat, the same in both directions.
pub(super) const HEARTBEAT: &str = "2::";
/// A message of socket.io without an id, for the root endpoint.
const MESSAGE: &str = "3:::";

/// Writes the answer of the handshake, `/socket.io/1/`: the link's id, after how many seconds the
/// client misses a heartbeat and gives up a silent link, and the only transport.
pub fn handshake(link_id: &str) -> String {
    format!("{link_id}:60:60:websocket")
}

/// A packet of a client.
pub(super) enum Packet<'a> {
    Frame(Header, Parameters<'a>),
    Heartbeat,
    Disconnect,
    Nothing,
}

/// Reads a packet: `type:id:endpoint:data`. Id and endpoint do not matter: nothing uses them.
pub(super) fn read(message: &str) -> Result<Packet<'_>, FrameFault> {
    let mut parts = message.splitn(4, ':');
    let (kind, id, endpoint) = (parts.next(), parts.next(), parts.next());
    let (Some(kind), Some(_), Some(_)) = (kind, id, endpoint) else {
        return Err(FrameFault::NoPacket);
    };
    match kind {
        "0" => Ok(Packet::Disconnect),
        "2" => Ok(Packet::Heartbeat),
        "3" | "4" => read_frame(parts.next().unwrap_or_default()),
        // Connect, event, ack, error and noop.
        "1" | "5" | "6" | "7" | "8" => Ok(Packet::Nothing),
        _ => Err(FrameFault::NoPacket),
    }
}

/// The frame of a client. Other fields are ignored.
#[derive(Deserialize)]
struct Up<'a> {
    #[serde(rename = "SID")]
    sid: u8,
    #[serde(rename = "CID")]
    cid: u8,
    #[serde(rename = "SER", default)]
    serial: u32,
    #[serde(rename = "Q", borrow, default)]
    parameters: Option<&'a RawValue>,
}

fn read_frame(json: &str) -> Result<Packet<'_>, FrameFault> {
    let up: Up<'_> = serde_json::from_str(json).map_err(|_| FrameFault::NoJson)?;
    let header = Header { sid: up.sid, cid: up.cid, serial: up.serial };
    let parameters = Parameters(up.parameters.map_or("[]", RawValue::get));
    Ok(Packet::Frame(header, parameters))
}

/// `[{"t":type,"v":value},…]`, not read yet. The type adds nothing to what the command says.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a>(&'a str);

impl Parameters<'_> {
    pub(super) fn property(self) -> Result<Property, RequestFault> {
        let first: First<Property> = self.read("must hold an object of tags")?;
        Ok(first.0.unwrap_or_default())
    }

    pub(super) fn properties(self) -> Result<Vec<Property>, RequestFault> {
        let first: First<Items> = self.read("must hold a list of at most 100 objects of tags")?;
        Ok(first.0.map(|items| items.0).unwrap_or_default())
    }

    fn read<'a, T: Deserialize<'a>>(self, reason: &'static str) -> Result<T, RequestFault>
    where
        Self: 'a,
    {
        // The parser's own message may show the text.
        serde_json::from_str(self.0).map_err(|_| RequestFault::new("Q", reason))
    }
}

/// A parameter, or one item of it.
#[derive(Deserialize)]
struct Item<T> {
    v: T,
}

/// The first parameter. The others are checked to be JSON, but take no memory.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of parameters")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<First<T>, A::Error> {
                let first = seq.next_element::<Item<T>>()?.map(|item| item.v);
                while seq.next_element::<de::IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        d.deserialize_seq(Visitor(std::marker::PhantomData))
    }
}

/// The properties of an `ArrayMable`, up to their limit.
struct Items(Vec<Property>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of properties")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<Item<Property>>()? {
                    if items.len() == ITEMS_MAX {
                        return Err(de::Error::custom(TooMany));
                    }
                    items.push(item.v);
                }
                Ok(Items(items))
            }
        }
        d.deserialize_seq(Visitor)
    }
}

/// The frame of the server.
#[derive(Serialize)]
struct Down<'a> {
    sid: u8,
    cid: u8,
    ser: u32,
    code: u16,
    /// Never absent: 9.x reads its first item of a refusal 416.
    r: &'a [Value],
}

pub(super) fn write(header: Header, answer: &Answer) -> String {
    let Header { sid, cid, serial } = header;
    let down = Down { sid, cid, ser: serial, code: answer.code, r: &answer.values };
    let mut bytes = MESSAGE.as_bytes().to_vec();
    serde_json::to_writer(&mut bytes, &down).expect("its keys are texts, and memory takes all");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}
