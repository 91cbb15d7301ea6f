//! Messages of NIM's link: frames in both framings, and every reader of their parameters.

use std::fmt::Debug;

use huihua_core::{AccountForm, DELETE_IDS_MAX, EXT_BYTES_MAX, LIMIT_MAX};
use huihua_nim::{
    link::{Command, Frame, Framing, Incoming, Login, LoginForm, sessions},
    rest::RequestFault,
};

use crate::Verdict;

/// A text link and a binary link read the message: neither panics, and what a reader accepts is
/// within the limits of the session service.
pub(super) fn check_text(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    match Framing::Text.read_text(text) {
        Ok(incoming) => check(&incoming),
        Err(_) => Verdict::Refused,
    }
}

/// The seeds are in hex, for a line of text holds no bytes.
pub(super) fn check_binary(input: &[u8]) -> Verdict {
    match Framing::Binary.read_binary(&bytes_of_hex(input)) {
        Ok(incoming) => check(&incoming),
        Err(_) => Verdict::Refused,
    }
}

/// Reads hex digits in pairs and leaves out what is none, so that every input reaches the reader.
fn bytes_of_hex(input: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let digits: Vec<u8> = input.iter().filter_map(digit).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn check(incoming: &Incoming<'_>) -> Verdict {
    let frame = match incoming {
        Incoming::Frame(frame) => frame,
        Incoming::Heartbeat | Incoming::Disconnect | Incoming::Nothing => {
            return Verdict::Accepted;
        }
    };
    check_sessions(frame);
    let is_accepted = match Command::of(frame.header) {
        Command::Login => is_good(Login::read(LoginForm::V1, frame)),
        Command::LoginV2 => is_good(Login::read(LoginForm::V2, frame)),
        Command::ListSessions => is_good(sessions::list(frame)),
        Command::GetSession => is_good(sessions::get(frame, AccountForm::Nim)),
        Command::UpdateSession => is_good(sessions::update(frame, AccountForm::Nim)),
        Command::DeleteSessions => is_good(sessions::delete(frame, AccountForm::Nim)),
        Command::Heartbeat | Command::Logout | Command::ServerTime | Command::Sync => true,
        Command::Unknown => false,
    };
    if is_accepted { Verdict::Accepted } else { Verdict::Refused }
}

/// Each reader reads each frame: a hostile client sends any parameter under any command.
fn check_sessions(frame: &Frame<'_>) {
    if let Ok(option) = sessions::list(frame) {
        assert!((1..=LIMIT_MAX).contains(&option.limit) && option.validate().is_ok());
    }
    for form in AccountForm::ALL {
        if let Ok((id, ext)) = sessions::update(frame, form) {
            assert!(ext.len() <= EXT_BYTES_MAX);
            assert_eq!(sessions::get(frame, form).as_ref(), Ok(&id), "two readers differ");
            assert_eq!(form.session_id(&id.to_string()), Ok(id), "an id is not canonical");
        }
        if let Ok(ids) = sessions::delete(frame, form) {
            assert!((1..=DELETE_IDS_MAX).contains(&ids.len()));
        }
    }
    for form in [LoginForm::V1, LoginForm::V2] {
        if let Ok(login) = Login::read(form, frame) {
            assert!(!login.token.is_empty() && login.device_id.len() <= 256);
        }
    }
}

fn is_good<T: Debug>(read: Result<T, RequestFault>) -> bool {
    let Err(fault) = read else { return true };
    let text = fault.to_string();
    let name = text.split(' ').next().unwrap_or_default();
    assert!(name.bytes().all(|b| b.is_ascii_alphabetic()), "no field in: {text}");
    false
}
