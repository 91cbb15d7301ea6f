//! NIM's server API: an app's backend that speaks NIM drives this server unchanged. Every answer
//! has HTTP status 200; `code` says what happened, and `desc` says it in words.

mod accounts;
mod answers;
mod call;
mod error;
mod messages;
mod path;
mod sessions;
mod team_facts;
mod teams;

use axum::{http::Uri, response::Response, routing::any};

use self::path::{PREFIX, call_path};
pub(super) use self::{error::answer_panic, path::is_call};
use super::routes::{Caller, Route};

/// How the paths of version 2 start, with those of 2.1.
const PATHS_OF_VERSION_2: &str = "/im/v2";

/// Returns the routes of all calls, with NIM's prefix and without.
pub(super) fn routes() -> impl Iterator<Item = Route> {
    let calls = [
        ("/history/querySessionList.action", any(sessions::list)),
        ("/msg/sendMsg.action", any(messages::send)),
        ("/msg/sendBatchMsg.action", any(messages::send_batch)),
        ("/msg/recall.action", any(messages::recall)),
        ("/msg/delMsgOneWay.action", any(messages::delete_one_way)),
        ("/msg/delMsg.action", any(messages::delete)),
        ("/msg/delRoamSession.action", any(messages::delete_roaming)),
        ("/superteam/sendMsg.action", any(messages::send_to_super_team)),
        ("/superteam/recallMsg.action", any(messages::recall_in_super_team)),
        ("/team/create.action", any(teams::create)),
        ("/team/add.action", any(teams::add)),
        ("/team/kick.action", any(teams::kick)),
        ("/team/leave.action", any(teams::leave)),
        ("/team/remove.action", any(teams::remove)),
        ("/team/changeOwner.action", any(teams::change_owner)),
        ("/team/joinTeams.action", any(teams::joined)),
        ("/team/query.action", any(team_facts::query)),
        ("/team/queryDetail.action", any(team_facts::query_detail)),
        ("/superteam/create.action", any(teams::create_super)),
        ("/superteam/invite.action", any(teams::invite_super)),
        ("/superteam/kick.action", any(teams::kick_super)),
        ("/superteam/leave.action", any(teams::leave_super)),
        ("/superteam/changeOwner.action", any(teams::change_super_owner)),
        ("/superteam/dismiss.action", any(teams::dismiss_super)),
        ("/superteam/getTinfos.action", any(team_facts::super_teams)),
        ("/superteam/getTlists.action", any(team_facts::super_team_members)),
        ("/superteam/joinTeams.action", any(team_facts::joined_super_teams)),
        ("/user/create.action", any(accounts::create)),
        ("/user/update.action", any(accounts::update)),
        ("/user/refreshToken.action", any(accounts::refresh_token)),
        ("/user/block.action", any(accounts::block)),
        ("/user/unblock.action", any(accounts::unblock)),
    ];
    let signed = calls.map(|(path, handler)| (Caller::SignedCall, path, handler));
    // NIM's SDKs call it, with GET and unsigned, before they choose between two endpoints.
    let liveness = any(async || answers::done());
    let all = signed.into_iter().chain([(Caller::Anybody, "/health/liveness.action", liveness)]);
    all.flat_map(|(caller, path, handler)| {
        [String::new(), PREFIX.to_owned()]
            .map(|prefix| Route::new(caller, "POST", prefix + path, handler.clone()))
    })
}

/// Answers an unknown path as NIM would; `None` if it is no path of NIM's.
pub(super) fn answer_unknown(uri: &Uri) -> Option<Response> {
    let path = uri.path();
    if call_path(uri).starts_with(PATHS_OF_VERSION_2) {
        return Some(error::no_version_2());
    }
    is_call(path).then(error::no_such_call)
}
