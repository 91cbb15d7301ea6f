//! Forms of NIM's server API, and every reader of their parameters.

use std::collections::BTreeMap;

use huihua_core::AccountForm;
use huihua_event::{Action, OutgoingMessage, TeamKind};
use huihua_nim::rest::{
    Form, RequestFault, accounts, messages, recalls, sessions, team_facts, teams,
};

use super::text::Fields;
use crate::Verdict;

/// When the calls come, ms since 1970.
const NOW: u64 = 1_800_000_000_000;
const KINDS: [TeamKind; 2] = [TeamKind::Normal, TeamKind::Super];

/// A second reader reads the same parameters; the name of a request is that of its parameters, in
/// any order and spelling; what the readers of calls accept is well formed, and what they refuse
/// they refuse by a parameter's name.
pub(super) fn check(input: &[u8]) -> Verdict {
    let Ok(form) = Form::parse(input, AccountForm::Nim) else { return Verdict::Refused };
    let mut parameters = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(input) {
        parameters.entry(name).or_insert(value);
    }
    for (name, value) in &parameters {
        assert_eq!(form.optional(name).unwrap_or(""), value, "two readers differ in {name}");
    }
    let mut again = form_urlencoded::Serializer::new(String::new());
    again.extend_pairs(parameters.iter().rev());
    let again = Form::parse(again.finish().as_bytes(), AccountForm::Nim).expect("it is a form");
    let name = |form: &Form| form.name_request("id", "/path");
    assert_eq!(name(&again), name(&form), "one request has two names");
    let accepted = calls(&form).into_iter().filter(|is_accepted| *is_accepted).count();
    if accepted == 0 { Verdict::Refused } else { Verdict::Accepted }
}

/// Reads the form as every call; tells which accept it.
fn calls(form: &Form) -> Vec<bool> {
    let mut all = vec![
        is_good(accounts::read(form)),
        is_good(sessions::query(form)),
        is_good(recalls::check_one_way(form)),
        is_good(recalls::check_roaming(form)),
        is_good(recalls::check_deletion(form)),
        is_good(team_facts::query(form)),
        is_good(team_facts::super_teams(form)),
        is_good(team_facts::members_query(form)),
        sends(messages::send(form)),
        sends(messages::send_to_super_team(form)),
        acts(recalls::recall(form, NOW)),
        acts(recalls::recall_in_super_team(form, NOW)),
    ];
    let batch = messages::send_batch(form);
    if let Ok(batch) = &batch {
        assert_eq!(batch.accounts.len(), batch.messages.len());
        batch.messages.iter().for_each(check_message);
    }
    all.push(is_good(batch));
    for kind in KINDS {
        all.extend([
            acts(teams::create(form, kind)),
            acts(teams::invite(form, kind)),
            acts(teams::kick(form, kind)),
            acts(teams::leave(form, kind)),
            acts(teams::dismiss(form, kind)),
            acts(teams::change_owner(form, kind)),
        ]);
    }
    all
}

fn sends(message: Result<OutgoingMessage, RequestFault>) -> bool {
    message.iter().for_each(check_message);
    is_good(message)
}

fn acts(action: Result<Action, RequestFault>) -> bool {
    if let Ok(Action::Recall { post, time, .. }) = &action {
        Fields::canonical(&post.last_msg);
        assert!(post.time <= *time, "recalled before it was sent");
    }
    is_good(action)
}

fn check_message(message: &OutgoingMessage) {
    let post = (message.compose)(NOW, u64::MAX);
    let fields = Fields::canonical(&post.last_msg);
    assert_eq!(fields.text(12), Some(post.message_id.as_str()));
}

fn is_good<T>(read: Result<T, RequestFault>) -> bool {
    let Err(fault) = read else { return true };
    let text = fault.to_string();
    let name = text.split(' ').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    assert!(is_name, "no parameter in: {text}");
    false
}
