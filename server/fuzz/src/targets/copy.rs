//! Bodies of NIM's message copies.

use huihua_core::AccountForm;
use huihua_nim::copy::{self, Malformed};

use super::event;
use crate::Verdict;

/// Every field that a refusal may name.
const FIELDS: [&str; 17] = [
    "eventType",
    "convType",
    "msgType",
    "fromAccount",
    "from",
    "to",
    "msgidServer",
    "msgTimestamp",
    "msgidClient",
    "msgId",
    "sendTime",
    "deleteTime",
    "clientId",
    "modifyTime",
    "modifyAccountId",
    "the body",
    "the message",
];

/// Events are well formed in each form of ids; both forms accept the same copies; a refusal names
/// its field and shows nothing of the copy.
pub(super) fn check(input: &[u8]) -> Verdict {
    let [nim, exact] = [AccountForm::Nim, AccountForm::Exact].map(|form| {
        let read = copy::decode(input, form);
        read.iter().flatten().for_each(|one| event::check(one, form));
        assert_eq!(copy::decode(input, form), read, "a second reading differs");
        read
    });
    match (nim, exact) {
        (Ok(nim), Ok(exact)) => {
            assert_eq!(nim.len(), exact.len(), "a form decides what a copy holds");
            assert!(nim.len() <= 2, "a message and what it changes");
            let is_check = copy::is_address_check(input);
            assert!(!is_check || nim.is_empty(), "the address check moves a list");
            if nim.is_empty() { Verdict::Refused } else { Verdict::Accepted }
        }
        (Err(nim), Err(exact)) => {
            assert_eq!(nim, exact, "a form decides why a copy is refused");
            check_refusal(&nim);
            Verdict::Refused
        }
        (nim, exact) => panic!("a form decides whether a copy is read: {nim:?}, {exact:?}"),
    }
}

fn check_refusal(refusal: &Malformed) {
    let text = refusal.to_string();
    let named = FIELDS.iter().any(|field| text.starts_with(&format!("{field} is ")));
    assert!(named, "no field in: {text}");
}
