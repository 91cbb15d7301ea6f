//! Binary frames, little endian: length, sid, cid, serial, tag, perhaps a code, then values whose
//! types only the command tells.

use super::{Answer, FrameFault, Header, ITEMS_MAX, Property, Value};
use crate::rest::RequestFault;

/// The bit of the header's tag that says: a code follows.
const HAS_CODE: u8 = 2;
/// The code that a frame without a code has.
const OK: u16 = 200;
/// The SDKs read no longer numbers than these.
const VARINT_BYTES_MAX: u32 = 5;

/// Reads a header; the parameters are left. The client sends 0 for the length, and never a code.
pub(super) fn read(message: &[u8]) -> Result<(Header, &[u8]), FrameFault> {
    let mut reader = Reader(message);
    let header = reader.header().ok_or(FrameFault::NoHeader)?;
    Ok((header, reader.0))
}

pub(super) fn property(bytes: &[u8]) -> Result<Property, RequestFault> {
    if bytes.is_empty() {
        return Ok(Property::default());
    }
    let fault = || RequestFault::new("body", "must hold a property: its length, tags and texts");
    Reader(bytes).property().ok_or_else(fault)
}

pub(super) fn properties(bytes: &[u8]) -> Result<Vec<Property>, RequestFault> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let fault = || RequestFault::new("body", "must hold at most 100 properties");
    Reader(bytes).properties().ok_or_else(fault)
}

/// The bytes that are left. Every method returns `None` where they end too early.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn header(&mut self) -> Option<Header> {
        self.varint()?;
        let [sid, cid] = self.array()?;
        let serial = u16::from_le_bytes(self.array()?).into();
        let [tag] = self.array()?;
        if tag & HAS_CODE != 0 {
            self.array::<2>()?;
        }
        Some(Header { sid, cid, serial })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u64;
        for n in 0..VARINT_BYTES_MAX {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    /// An array's length says nothing about memory: what it announces is read one by one.
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let bytes = self.length()?;
        let (text, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn property(&mut self) -> Option<Property> {
        let mut property = Property::default();
        for _ in 0..self.length()? {
            let tag = self.varint()?;
            property.insert(tag, self.text()?.to_owned()).ok()?;
        }
        Some(property)
    }

    fn properties(&mut self) -> Option<Vec<Property>> {
        let length = self.length()?;
        if length > ITEMS_MAX {
            return None;
        }
        (0..length).map(|_| self.property()).collect()
    }
}

/// Writes a frame. A refusal has no values: the SDKs read none.
pub(super) fn write(header: Header, answer: &Answer) -> Vec<u8> {
    let mut rest = vec![header.sid, header.cid];
    rest.extend(&header.serial.to_le_bytes()[..2]);
    if answer.code == OK {
        rest.push(0);
        answer.values.iter().for_each(|value| put_value(&mut rest, value));
    } else {
        rest.push(HAS_CODE);
        rest.extend(answer.code.to_le_bytes());
    }
    let mut frame = Vec::with_capacity(rest.len() + VARINT_BYTES_MAX as usize);
    put_length(&mut frame, rest.len());
    frame.extend(rest);
    frame
}

fn put_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Int(number) => bytes.extend(number.to_le_bytes()),
        Value::Long(number) => bytes.extend(number.to_le_bytes()),
        Value::Text(text) => put_text(bytes, text),
        Value::Property(property) => put_property(bytes, property),
        Value::Properties(properties) => {
            put_length(bytes, properties.len());
            properties.iter().for_each(|property| put_property(bytes, property));
        }
    }
}

fn put_property(bytes: &mut Vec<u8>, property: &Property) {
    let pairs = property.iter();
    put_length(bytes, pairs.len());
    for (tag, text) in pairs {
        put_varint(bytes, tag);
        put_text(bytes, text);
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    put_varint(bytes, u32::try_from(length).expect("an answer is far shorter than 4 GiB"));
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u32) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}
