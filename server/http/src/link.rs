//! The door of NIM's Web SDKs: their link protocol over the same doors as `/v1`. What a frame says
//! is in `huihua-nim`.

mod conversation;
mod cursors;
mod door;
mod pushes;
mod socket;
mod user;

pub use self::door::LinkDoor;
pub(crate) use self::door::{LinkRequest, OpenDoor};
