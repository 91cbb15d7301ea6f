//! NIM's link protocol, as its Web SDKs speak it: frames, the login, the session service, pushes.
//! Pure: a door hands in whole WebSocket messages and sends what this room writes.

mod answer;
mod binary;
mod command;
mod frame;
mod header;
mod login;
mod property;
pub mod sessions;
mod text;

pub use answer::{Answer, Push, Value};
pub use command::Command;
pub use frame::{Frame, Framing, Incoming, Message};
pub use header::{FRAME_BYTES_MAX, FrameFault, Header};
pub use login::{Kick, LoggedIn, Login, LoginForm, Sdk};
pub use property::{ITEMS_MAX, Property, TAGS_MAX};
pub use text::{CONNECTED, handshake};

#[cfg(test)]
mod tests;
