//! Recalls and deletions of NIM's server API: their parameters, and the last message of a recall.

use huihua_core::SessionKind;
use huihua_event::{Action, MESSAGE_ID_BYTES_MAX, Post};

use super::{
    fault::RequestFault,
    form::Form,
    messages::{place, scene_and_peer},
};
use crate::last_msg::LastRecall;

/// Reads `msg/recall`: recalls a message between two accounts or in a team. `now`: ms since 1970.
///
/// # Errors
/// The parameter that is wrong.
pub fn recall(form: &Form, now: u64) -> Result<Action, RequestFault> {
    let kinds = [(7, SessionKind::P2p), (8, SessionKind::Team)];
    recall_in(form, form.choice("type", &kinds)?, now)
}

/// Reads `superteam/recallMsg`: recalls a message in a super team. `now`: ms since 1970.
///
/// # Errors
/// The parameter that is wrong.
pub fn recall_in_super_team(form: &Form, now: u64) -> Result<Action, RequestFault> {
    recall_in(form, SessionKind::SuperTeam, now)
}

fn recall_in(form: &Form, kind: SessionKind, now: u64) -> Result<Action, RequestFault> {
    let (message_id, message_time) = recalled(form)?;
    let operator = form.account("from")?;
    let place = place(form, &operator, kind)?;
    let (scene, to) = scene_and_peer(&place);
    // The server's clock may be a little behind the clock that gave the message its time.
    let time = now.max(message_time);
    let last_msg = LastRecall {
        time,
        scene,
        to: &to,
        operator: operator.as_str(),
        ps: form.optional("msg").unwrap_or(""),
        attach: form.optional("attach").unwrap_or(""),
        client_id: "",
        server_id: message_id,
        message_time,
        from_nick: "",
    };
    let last_msg = last_msg.to_fitting_json().expect("without ps and attach it is short");
    let post = Post { time: message_time, message_id: message_id.to_owned(), last_msg };
    Ok(Action::Recall { place, post, time })
}

/// Reads the id and the time of the message.
fn recalled(form: &Form) -> Result<(&str, u64), RequestFault> {
    let id = form.text("deleteMsgid")?;
    if id.len() > MESSAGE_ID_BYTES_MAX || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RequestFault::new("deleteMsgid", "must be a decimal number"));
    }
    Ok((id, form.number("timetag")?))
}

/// Checks `msg/delMsgOneWay`, which hides a message from one account. It changes no list. Returns
/// the time of the message, ms since 1970.
///
/// # Errors
/// The parameter that is wrong.
pub fn check_one_way(form: &Form) -> Result<u64, RequestFault> {
    let (_, message_time) = recalled(form)?;
    let from = form.account("from")?;
    let kinds = [(13, SessionKind::P2p), (14, SessionKind::Team)];
    place(form, &from, form.choice("type", &kinds)?)?;
    Ok(message_time)
}

/// Checks `msg/delRoamSession`, which empties NIM's history and changes no list.
///
/// # Errors
/// The parameter that is wrong.
pub fn check_roaming(form: &Form) -> Result<(), RequestFault> {
    let from = form.account("from")?;
    let kinds = [(1, SessionKind::P2p), (2, SessionKind::Team), (3, SessionKind::SuperTeam)];
    place(form, &from, form.choice("type", &kinds)?).map(drop)
}

/// Checks `msg/delMsg`, which changes no list.
///
/// # Errors
/// The parameter that is wrong.
pub fn check_deletion(form: &Form) -> Result<(), RequestFault> {
    form.account("from")?;
    form.text("to").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    const RECALL: [(&str, &str); 6] = [
        ("deleteMsgid", "9007199254740993123"),
        ("timetag", "1699999999000"),
        ("type", "7"),
        ("from", "amy"),
        ("to", "bob"),
        ("msg", "oops"),
    ];

    fn fault<T>(result: Result<T, RequestFault>) -> Option<&'static str> {
        result.err().map(|fault| fault.name)
    }

    #[test]
    fn a_recall_has_the_key_of_its_message() {
        let Ok(Action::Recall { post, time, .. }) = recall(&Form::but(&RECALL, &[]), NOW) else {
            panic!()
        };
        assert_eq!((post.time, post.message_id.as_str()), (1_699_999_999_000, RECALL[0].1));
        assert_eq!(time, NOW);
        assert_eq!(
            post.last_msg,
            concat!(
                r#"{"0":1700000000000,"1":7,"2":"bob","3":"amy","4":"oops","#,
                r#""11":"9007199254740993123","14":1699999999000,"16":"amy"}"#
            )
        );
        for (name, wrong) in [
            ("deleteMsgid", ""),
            ("deleteMsgid", "x1"),
            ("timetag", ""),
            ("timetag", "-1"),
            ("type", ""),
            ("type", "13"),
            ("from", ""),
            ("to", ""),
        ] {
            let form = Form::but(&RECALL, &[(name, wrong)]);
            assert_eq!(fault(recall(&form, NOW)), Some(name), "{wrong}");
        }
        for (wrong, one_way) in [("7", Some("type")), ("13", None), ("14", None)] {
            let form = Form::but(&RECALL, &[("type", wrong)]);
            assert_eq!(fault(check_one_way(&form)), one_way);
        }
    }
}
