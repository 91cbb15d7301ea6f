//! The conformance suite of engines, over the traits alone: its answers equal those of the naive
//! model. One line, `conformance_tests!(make)`, gives an engine every test.

pub mod account_data;
pub mod account_forms;
pub mod amendments;
pub mod answer_size;
pub mod cases;
pub mod directory;
pub mod fire;
pub mod inspecting;
pub mod items;
mod model;
pub mod nim_clients;
pub mod outside;
pub mod paging;
pub mod reopening;
pub mod scenario;
pub mod stories;
pub mod support;
mod walk;
pub mod writes;

/// Defines every test of the suite for one engine, each a `#[test]` of its own.
///
/// The argument is a `fn() -> Opener`: it makes an empty place, and the [`support::Opener`] opens
/// the engine there, again and again. Stories in a run: `HUIHUA_STORIES` (200); walks under fire:
/// `HUIHUA_WALKS` (2,000). With `ignore`, for an engine that needs another process, none runs
/// unless it is asked for by `--ignored`, and the reason says how.
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::each_conformance_test!(define $make);
    };
    ($make:expr, ignore = $reason:literal) => {
        $crate::each_conformance_test!(define $make, $reason);
    };
}

/// The list of the tests, once.
#[doc(hidden)]
#[macro_export]
macro_rules! each_conformance_test {
    (names) => {
        $crate::each_conformance_test!(list names [])
    };
    (define $make:expr) => {
        $crate::each_conformance_test!(list define [#[test] => $make]);
    };
    (define $make:expr, $reason:literal) => {
        $crate::each_conformance_test!(list define [#[test] #[ignore = $reason] => $make]);
    };
    (list $what:ident $how:tt) => {
        $crate::each_conformance_test! {
            with $what $how
            account_data::everything_of_an_account_is_exported_and_nothing_of_others,
            account_data::an_erased_account_is_gone_and_others_keep_their_messages,
            account_data::the_next_message_to_an_erased_account_begins_a_new_list,
            account_data::a_large_account_is_erased_in_steps_that_may_end_anywhere,
            account_forms::the_account_form_of_each_app_is_remembered_and_the_other_refused,
            account_forms::a_store_from_before_takes_nim_only_if_no_account_has_a_capital,
            account_forms::of_many_accounts_with_capitals_one_is_named_and_the_others_are_counted,
            account_forms::a_remembered_choice_costs_no_look_at_the_ids,
            stories::lists_equal_the_model_and_syncs_repair_them,
            stories::any_order_and_any_repetition_give_the_same_list,
            paging::first_pages_equal_the_model,
            paging::by_time_alone_nothing_sticks_and_nothing_is_lost,
            paging::tokens_of_another_account_or_garbage_are_stale,
            answer_size::no_page_is_larger_than_4_mib_and_a_walk_by_token_loses_nothing,
            answer_size::no_sync_is_larger_than_4_mib_and_syncs_lose_nothing,
            answer_size::within_4_mib_ties_never_stick_a_client_that_pages_by_time,
            outside::nothing_from_outside_the_time_in_a_team_is_shown,
            nim_clients::nim_clients_never_stick_and_lose_nothing_unchanged,
            fire::lists_are_exact_under_fire,
            inspecting::what_is_explained_is_what_is_shown,
            inspecting::looking_at_a_session_changes_nothing,
            cases::a_clock_that_jumps_back_an_hour_breaks_no_order_and_no_version,
            cases::a_deleted_session_stays_deleted_after_its_tombstone_is_swept,
            cases::a_hundred_deletions_at_once_all_come_in_pages_of_fifty,
            amendments::of_edits_in_any_order_the_latest_shows_and_the_time_stays,
            amendments::a_recall_outranks_every_edit_before_after_and_among_them,
            amendments::a_recall_with_another_time_takes_the_text_away_at_the_messages_time,
            amendments::a_resend_with_a_later_time_is_recalled_too,
            amendments::what_waits_gives_no_version_no_hint_and_no_session,
            amendments::beyond_eight_waiting_amendments_the_oldest_by_its_own_time_is_dropped,
            amendments::what_shows_is_not_dropped_by_a_crowd_that_waits,
            amendments::the_recall_of_a_deleted_message_does_not_bring_its_session_back,
            directory::messages_show_under_the_ids_and_times_of_the_answer,
            directory::teams_are_created_changed_and_ended,
            directory::a_team_that_only_events_named_is_there,
            directory::a_token_opens_one_account_of_one_app_until_the_next,
            directory::a_further_attempt_gets_the_first_result_and_does_nothing,
            directory::a_further_attempt_after_a_restart_gets_the_first_result_and_ids_go_on,
            directory::members_come_in_order_of_their_bytes_and_in_pages,
            directory::members_have_the_times_at_which_they_came_in,
            directory::a_team_is_found_by_its_id_until_its_end_and_again_after_it,
            directory::a_blocked_account_is_blocked_in_its_app_until_it_is_unblocked,
            directory::an_owner_gives_its_team_away_and_may_go,
            directory::an_action_behind_the_clock_is_refused_and_changes_nothing,
            reopening::what_was_answered_is_there_after_the_store_is_opened_again,
            reopening::a_walk_goes_on_after_the_store_is_opened_again,
            reopening::a_sync_from_the_beginning_in_pages_ends_after_the_store_is_opened_again,
            reopening::a_retried_delete_does_not_hide_a_message_that_came_in_between,
            items::a_copy_has_every_list_of_any_story_and_goes_on_like_its_original,
            items::a_copy_has_the_directory_and_gives_no_id_again,
            writes::a_join_in_parts_has_one_outcome_and_lets_everybody_in,
            writes::hints_name_the_lists_that_changed_and_no_others,
            writes::a_retried_update_gets_its_first_result_and_its_key_serves_no_other_call,
            writes::an_event_too_far_ahead_of_the_clock_is_rejected_alone,
            writes::after_closing_nothing_is_written_and_nothing_is_read,
            writes::sessions_by_ext_alone_are_limited_and_deleting_makes_room
        }
    };
    (with names [] $($file:ident::$test:ident),*) => {
        [$(stringify!($test)),*]
    };
    (with define $how:tt $($file:ident::$test:ident),*) => {
        $($crate::each_conformance_test!(one $how $file::$test);)*
    };
    (one [$(#[$attribute:meta])+ => $make:expr] $file:ident::$test:ident) => {
        $(#[$attribute])+
        fn $test() {
            $crate::suite::$file::$test(&$make);
        }
    };
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Every public function of this folder that takes a [`super::support::Make`] is a test of the
    /// list.
    #[test]
    fn no_test_of_the_suite_is_left_out_of_the_list() {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        let folder = Path::new(&folder).join("src/suite");
        let mut defined = Vec::new();
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let names = text.lines().filter_map(|line| line.strip_prefix("pub fn "));
            let names = names.filter_map(|line| line.strip_suffix("(make: Make<'_>) {"));
            defined.extend(names.map(str::to_owned));
        }
        defined.sort();
        let mut listed = crate::each_conformance_test!(names);
        listed.sort();
        assert_eq!(defined, listed);
        assert!(listed.len() >= 27, "{}", listed.len());
    }
}
