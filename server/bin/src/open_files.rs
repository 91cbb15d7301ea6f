//! The process's limit of open files: each connection is one. Raised at the start if possible.

use huihua_http::server::LOBBY_CONNECTIONS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files beside connections: the store, the listener, logs, the runtime's own, and the
/// connections that wait for a place.
const OTHER_FILES: u64 = 128 + LOBBY_CONNECTIONS_MAX as u64;

/// The limit leaves no room for even one connection.
#[derive(Debug, thiserror::Error)]
#[error(
    "the limit of open files is {limit}: raise it above {OTHER_FILES} (LimitNOFILE= in systemd, \
     ulimit -Hn in a shell)"
)]
pub(crate) struct LimitTooLow {
    limit: u64,
}

/// Raises the limit for `connections_max` connections. Returns how many it allows: fewer if the
/// hard limit is too low, which is logged.
///
/// # Errors
/// If it allows none.
pub(crate) fn raise_limit(connections_max: usize) -> Result<usize, LimitTooLow> {
    let limit = getrlimit(Resource::Nofile);
    let (soft, mut served) = fit(connections_max as u64, limit.maximum)?;
    // A soft limit above what is needed is the operator's own choice.
    if limit.current.is_some_and(|current| current < soft)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(soft), ..limit })
    {
        tracing::warn!(%error, soft, "the limit of open files cannot be raised");
        (_, served) = fit(served, limit.current)?;
    }
    if served < connections_max as u64 {
        tracing::warn!(
            connections_max,
            served,
            "the limit of open files allows fewer connections than connections_max: raise it \
             (LimitNOFILE= in systemd, ulimit -Hn in a shell), or lower connections_max"
        );
    }
    Ok(usize::try_from(served).expect("no more than connections_max"))
}

/// Computes the limit that is needed, and the connections that it allows. `None`: no limit.
fn fit(connections_max: u64, limit: Option<u64>) -> Result<(u64, u64), LimitTooLow> {
    let limit = limit.unwrap_or(u64::MAX);
    if limit <= OTHER_FILES {
        return Err(LimitTooLow { limit });
    }
    let needed = connections_max.saturating_add(OTHER_FILES).min(limit);
    Ok((needed, needed - OTHER_FILES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_connections_are_served_as_the_hard_limit_allows() {
        let check = |connections, hard| fit(connections, hard).map_err(|e| e.to_string());
        assert_eq!(check(20_000, Some(1 << 19)), Ok((20_384, 20_000)));
        assert_eq!(check(20_000, None), Ok((20_384, 20_000)));
        assert_eq!(check(20_000, Some(20_000)), Ok((20_000, 19_616)));
        assert_eq!(check(20_000, Some(385)), Ok((385, 1)));
        assert!(check(1, Some(384)).unwrap_err().contains("LimitNOFILE"));
    }

    #[test]
    fn a_limit_that_is_high_enough_is_left_alone() {
        let before = getrlimit(Resource::Nofile);
        assert_eq!(raise_limit(1).unwrap(), 1);
        assert_eq!(getrlimit(Resource::Nofile), before);
    }
}
