//! NIM's server API: an app's backend that speaks NIM drives this server unchanged. Every answer
//! has HTTP status 200; `code` says what happened, and `desc` says it in words.

mod accounts;
mod answers;
mod call;
mod error;
mod messages;
mod sessions;
mod team_facts;
mod teams;

use axum::{Router, http::Uri, response::Response, routing::any};

pub(super) use self::error::answer_panic;
use super::context::Context;

/// The prefix of NIM's paths at NIM's own servers.
const PREFIX: &str = "/nimserver";

/// How the paths of version 2 start, with those of 2.1.
const PATHS_OF_VERSION_2: &str = "/im/v2";

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
        .route("/team/changeOwner.action", any(teams::change_owner))
        .route("/team/joinTeams.action", any(teams::joined))
        .route("/team/query.action", any(team_facts::query))
        .route("/team/queryDetail.action", any(team_facts::query_detail))
        .route("/superteam/create.action", any(teams::create_super))
        .route("/superteam/invite.action", any(teams::invite_super))
        .route("/superteam/kick.action", any(teams::kick_super))
        .route("/superteam/leave.action", any(teams::leave_super))
        .route("/superteam/changeOwner.action", any(teams::change_super_owner))
        .route("/superteam/dismiss.action", any(teams::dismiss_super))
        .route("/superteam/getTinfos.action", any(team_facts::super_teams))
        .route("/superteam/getTlists.action", any(team_facts::super_team_members))
        .route("/superteam/joinTeams.action", any(team_facts::joined_super_teams))
        .route("/user/create.action", any(accounts::create))
        .route("/user/update.action", any(accounts::update))
        .route("/user/refreshToken.action", any(accounts::refresh_token))
        .route("/user/block.action", any(accounts::block))
        .route("/user/unblock.action", any(accounts::unblock))
        // NIM's SDKs call it, with GET and unsigned, before they choose between two endpoints.
        .route("/health/liveness.action", any(async || answers::done()));
    Router::new().nest(PREFIX, calls.clone()).merge(calls)
}

/// Checks whether the path is one of a call, known or not.
pub(super) fn is_call(path: &str) -> bool {
    path.ends_with(".action") || path.split('/').nth(1) == Some(&PREFIX[1..])
}

/// Answers an unknown path as NIM would; `None` if it is no path of NIM's.
pub(super) fn answer_unknown(uri: &Uri) -> Option<Response> {
    let path = uri.path();
    if path.strip_prefix(PREFIX).unwrap_or(path).starts_with(PATHS_OF_VERSION_2) {
        return Some(error::no_version_2());
    }
    is_call(path).then(error::no_such_call)
}
