//! Stands before every request to the console, and asks `access.rs` whether it may pass.

use axum::{
    extract::{Request, State as AxumState},
    http::header,
    middleware::Next,
    response::Response,
};

use super::{
    access::{Looker, is_address, refuse_foreign_pages},
    state::State,
};
use crate::{
    addresses::counted,
    auth::{PeerAddress, bearer},
    error::Error,
    handlers::input,
};

/// Refuses requests by a name that is not of an address: another's name that is made to lead here
/// (DNS rebinding) would make its pages look like ours.
pub(super) async fn refuse_foreign_hosts(request: Request, next: Next) -> Result<Response, Error> {
    let host = input::header(request.headers(), header::HOST.as_str()).unwrap_or("");
    if !is_address(host) {
        return Err(Error::ForeignOrigin {
            detail: "the console is opened by an IP address or as localhost, not by another name: \
                     use the address in your browser's address bar, or an ssh tunnel",
        });
    }
    Ok(next.run(request).await)
}

/// Lets requests through that carry an operator's token, and that no page of another origin sends.
pub(super) async fn let_in_operators(
    AxumState(state): AxumState<State>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    refuse_foreign_pages(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let Some(PeerAddress(address)) = parts.extensions.get().copied() else {
        // Only the listener gives one.
        return Err(Error::Panic);
    };
    let token = bearer(&parts, "the console's token")?;
    let operator = state.access.operator(token, counted(address), state.context.clock.now_ms())?;
    parts.extensions.insert(Looker { name: operator.name.clone(), address });
    Ok(next.run(Request::from_parts(parts, body)).await)
}
