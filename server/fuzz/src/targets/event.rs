//! What every event must be, whichever door it came through.

use huihua_core::{Account, AccountForm};
use huihua_event::{Event, MESSAGE_ID_BYTES_MAX, Place, Post};

use super::text::Fields;

/// Most accounts that one event names.
const ACCOUNTS_MAX: usize = 10_000;

/// Checks ids, limits and texts of an event of an app with this form of ids.
pub(super) fn check(event: &Event, form: AccountForm) {
    match event {
        Event::Message { place, post, audience, .. } => {
            check_place(place, form);
            check_post(post);
            check_accounts(audience, form);
            assert!(!post.message_id.is_empty());
        }
        Event::Recall { place, post, time, one_way } => {
            check_place(place, form);
            check_post(post);
            assert!(!post.message_id.is_empty() && !one_way);
            assert!(post.time <= *time, "recalled before it was sent");
        }
        Event::Edit { place, edit } => {
            check_place(place, form);
            check_message_id(&edit.message_id);
            assert!(!edit.message_id.is_empty());
            let fields = Fields::canonical(&edit.fields);
            let known = [9, 10, 15, 41, 62, 63];
            assert!(fields.0.iter().all(|(key, _)| known.contains(key)), "an edit of other keys");
        }
        Event::Join { accounts, inviter, .. } => {
            check_accounts(accounts, form);
            check_accounts(inviter.as_slice(), form);
        }
        Event::Leave { accounts, notice, .. } => {
            check_accounts(accounts, form);
            check_post(notice);
        }
        Event::Dissolve { notice, .. } => check_post(notice),
    }
}

fn check_place(place: &Place, form: AccountForm) {
    match place {
        Place::P2p { from, to } | Place::Undelivered { from, to } => {
            check_accounts(&[from.clone(), to.clone()], form);
        }
        Place::Team(_) => {}
    }
}

fn check_accounts(accounts: &[Account], form: AccountForm) {
    assert!(accounts.len() <= ACCOUNTS_MAX + 1, "{} accounts", accounts.len());
    for account in accounts {
        assert_eq!(form.account(account.as_str()).as_ref(), Ok(account), "not in its app's form");
    }
}

fn check_post(post: &Post) {
    check_message_id(&post.message_id);
    Fields::canonical(&post.last_msg);
}

fn check_message_id(id: &str) {
    assert!(id.len() <= MESSAGE_ID_BYTES_MAX, "an id of {} bytes", id.len());
    assert!(!id.contains(char::is_control), "a control character in an id");
}
