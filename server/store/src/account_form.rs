//! The form of account ids that a store remembers for each app: chosen once, never changed, since
//! ids of the other form would not find their lists. Engines find the facts; the rule is here.

use std::fmt;

use huihua_core::{Account, AccountForm, AppKey};

/// Most account ids with capitals that an engine counts: enough to say that there are many.
pub const CAPITALS_COUNTED_MAX: usize = 1_000;

/// Returns the number of a form, as it is stored: listed once, never reused.
pub const fn form_number(form: AccountForm) -> u64 {
    match form {
        AccountForm::Nim => 1,
        AccountForm::Exact => 2,
    }
}

/// Returns the form of a number; `None` when no form has it.
pub fn form_of(number: u64) -> Option<AccountForm> {
    AccountForm::ALL.into_iter().find(|form| form_number(*form) == number)
}

/// The account ids of an app with an ASCII capital letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapitalAccounts {
    /// How many there are, at most [`CAPITALS_COUNTED_MAX`].
    pub count: usize,
    /// One of them.
    pub example: Account,
}

impl fmt::Display for CapitalAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = if self.count == CAPITALS_COUNTED_MAX { "at least " } else { "" };
        let ids = if self.count == 1 { "id" } else { "ids" };
        write!(
            f,
            "{many}{} account {ids} with capital letters, such as '{}'",
            self.count, self.example
        )
    }
}

/// Why an app cannot have the form of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountFormRefusal {
    /// The store remembers the other form.
    #[error(
        "the store of app '{app}' was begun with accounts = \"{}\", but the configuration says \
         accounts = \"{}\": accounts would not find their lists. Write accounts = \"{}\" for this \
         app again, or give it an empty data folder",
        remembered.as_str(), configured.as_str(), remembered.as_str()
    )]
    OtherForm {
        /// The app.
        app: AppKey,
        /// What the store remembers.
        remembered: AccountForm,
        /// What the configuration says.
        configured: AccountForm,
    },
    /// The store is older than the key `accounts`, and holds ids that "nim" would not find again.
    #[error(
        "app '{app}' cannot have accounts = \"nim\": its store holds {capitals}, which would not \
         be found any more. Write accounts = \"exact\" for this app, or give it an empty data folder"
    )]
    Capitals {
        /// The app.
        app: AppKey,
        /// What the store holds.
        capitals: CapitalAccounts,
    },
}

/// Decides whether an app may have this form. `remembered` is what the store knows; an app without
/// a remembered form wrote every id as it came, so `find_capitals` looks for ids that `Nim` would
/// not find again.
///
/// # Errors
/// [`AccountFormRefusal`] if it may not; the engine's error if it cannot look.
pub fn check_account_form<E>(
    app: &AppKey,
    configured: AccountForm,
    remembered: Option<AccountForm>,
    find_capitals: impl FnOnce() -> Result<Option<CapitalAccounts>, E>,
) -> Result<Result<(), AccountFormRefusal>, E> {
    let app = || app.clone();
    Ok(match (remembered, configured) {
        (Some(remembered), _) if remembered == configured => Ok(()),
        (Some(remembered), _) => {
            Err(AccountFormRefusal::OtherForm { app: app(), remembered, configured })
        }
        (None, AccountForm::Exact) => Ok(()),
        (None, AccountForm::Nim) => match find_capitals()? {
            None => Ok(()),
            Some(capitals) => Err(AccountFormRefusal::Capitals { app: app(), capitals }),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_forms_never_change() {
        assert_eq!([AccountForm::Nim, AccountForm::Exact].map(form_number), [1, 2]);
        assert_eq!([1, 2].map(form_of), [AccountForm::Nim, AccountForm::Exact].map(Some));
        assert_eq!((form_of(0), form_of(3)), (None, None));
    }
}
