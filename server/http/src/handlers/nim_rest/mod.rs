//! NIM's server API: an app's backend that speaks NIM drives this server unchanged. Every answer
//! has HTTP status 200; `code` says what happened, and `desc` says it in words.

mod accounts;
mod answers;
mod call;
mod error;
mod messages;
mod sessions;
mod teams;

use axum::{Router, http::Uri, routing::any};

pub(super) use self::error::{answer_panic, no_such_call};
use super::context::Context;

/// The prefix of NIM's paths at NIM's own servers.
const PREFIX: &str = "/nimserver";

/// Returns the routes of all calls, with NIM's prefix and without.
pub(super) fn routes() -> Router<Context> {
    let calls = Router::new()
        .route("/history/querySessionList.action", any(sessions::list))
        .route("/msg/sendMsg.action", any(messages::send))
        .route("/msg/sendBatchMsg.action", any(messages::send_batch))
        .route("/msg/recall.action", any(messages::recall))
        .route("/msg/delMsgOneWay.action", any(messages::delete_one_way))
        .route("/msg/delMsg.action", any(messages::delete))
        .route("/msg/delRoamSession.action", any(messages::delete_roaming))
        .route("/superteam/sendMsg.action", any(messages::send_to_super_team))
        .route("/superteam/recallMsg.action", any(messages::recall_in_super_team))
        .route("/team/create.action", any(teams::create))
        .route("/team/add.action", any(teams::add))
        .route("/team/kick.action", any(teams::kick))
        .route("/team/leave.action", any(teams::leave))
        .route("/team/remove.action", any(teams::remove))
        .route("/team/joinTeams.action", any(teams::joined))
        .route("/superteam/create.action", any(teams::create_super))
        .route("/superteam/invite.action", any(teams::invite_super))
        .route("/superteam/kick.action", any(teams::kick_super))
        .route("/superteam/leave.action", any(teams::leave_super))
        .route("/superteam/dismiss.action", any(teams::dismiss_super))
        .route("/user/create.action", any(accounts::create))
        .route("/user/update.action", any(accounts::update))
        .route("/user/refreshToken.action", any(accounts::refresh_token))
        // NIM's SDKs call it, with GET and unsigned, before they choose between two endpoints.
        .route("/health/liveness.action", any(async || answers::done()));
    Router::new().nest(PREFIX, calls.clone()).merge(calls)
}

/// Checks whether an unknown path is answered as NIM would.
pub(super) fn is_nim_path(uri: &Uri) -> bool {
    uri.path().ends_with(".action") || uri.path().split('/').nth(1) == Some(&PREFIX[1..])
}
