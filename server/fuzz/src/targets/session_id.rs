//! Session ids, as they come in a path or a body.

use huihua_core::{
    ACCOUNT_BYTES_MAX, AccountForm, InvalidId, SessionId, SessionKind, TEAM_ID_BYTES_MAX,
};

use crate::Verdict;

/// What is accepted is what the contract says, is canonical, and stays the same when read again.
pub(super) fn check(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let exact = AccountForm::Exact.session_id(text);
    let nim = AccountForm::Nim.session_id(text);
    assert_eq!(exact.is_ok(), is_session_id(text), "the contract and the reader differ");
    assert_eq!(exact.is_ok(), nim.is_ok(), "a form decides what is an id");
    let (exact, nim) = match (exact, nim) {
        (Ok(exact), Ok(nim)) => (exact, nim),
        (exact, _) => {
            check_refusal(&exact.unwrap_err());
            return Verdict::Refused;
        }
    };
    assert_eq!(exact.to_string(), text, "an id is not its own text");
    for (form, id) in [(AccountForm::Exact, &exact), (AccountForm::Nim, &nim)] {
        assert_eq!(form.session_id(&id.to_string()).as_ref(), Ok(id), "a second reading differs");
        assert_eq!(SessionId::new(id.kind(), id.peer()).as_ref(), Ok(id));
        let json = serde_json::to_string(id).unwrap();
        assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), *id);
    }
    let folds = exact.kind() == SessionKind::P2p;
    let expected = if folds { exact.peer().to_ascii_lowercase() } else { exact.peer().to_owned() };
    assert_eq!(nim.peer(), expected, "NIM's form folds accounts alone, and ASCII alone");
    Verdict::Accepted
}

/// A second, naive reading of the contract.
fn is_session_id(text: &str) -> bool {
    let kinds = [
        ("p2p|", ACCOUNT_BYTES_MAX),
        ("team|", TEAM_ID_BYTES_MAX),
        ("super_team|", TEAM_ID_BYTES_MAX),
    ];
    kinds.iter().any(|(prefix, bytes_max)| {
        text.strip_prefix(prefix).is_some_and(|peer| {
            let fits = !peer.is_empty() && peer.len() <= *bytes_max;
            fits && !peer.contains('|') && !peer.contains(char::is_control)
        })
    })
}

fn check_refusal(refusal: &InvalidId) {
    let text = refusal.to_string();
    let names = ["session id", "account", "team id"];
    assert!(names.iter().any(|name| text.starts_with(name)), "no field in: {text}");
}
