//! Who has logged in over a link, and whether the token still opens the list.

use huihua_nim::link::{Kick, LoginForm, Sdk};

use crate::{auth::AuthenticatedCaller, error::Error, handlers::Context};

/// Who has logged in.
pub(crate) struct User {
    pub(crate) caller: AuthenticatedCaller,
    pub(crate) form: LoginForm,
    pub(crate) sdk: Sdk,
}

impl User {
    /// Checks that the token still opens the list. What the store cannot tell now, the command will
    /// find out.
    pub(crate) async fn check(&self, context: &Context) -> Result<(), Kick> {
        if self.caller.accepted_until() < context.clock.now_ms() {
            return Err(Kick::TokenExpired);
        }
        match self.caller.check_still_valid(&*context.store).await {
            Err(Error::Blocked) => Err(Kick::Blocked),
            Err(Error::Unauthorized { .. }) => Err(Kick::TokenReplaced),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
