//! How an app writes its account ids, and the one place where a text becomes an account in that
//! form. Every door of a server takes ids through it; what is not an account id stays as it is.

use crate::{Account, InvalidId, SessionId, SessionKind};

/// How an app writes its account ids: the key `accounts` of its configuration.
///
/// ```
/// use huihua_core::AccountForm;
///
/// assert_eq!(AccountForm::Nim.account("Alice_1").unwrap().as_str(), "alice_1");
/// assert_eq!(AccountForm::Exact.account("Alice_1").unwrap().as_str(), "Alice_1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountForm {
    /// ASCII letters are lower-cased, as NIM does: `Alice_1` and `alice_1` are one account.
    Nim,
    /// Ids stay as they come: `Alice_1` and `alice_1` are two accounts.
    Exact,
}

impl AccountForm {
    /// Every form.
    pub const ALL: [AccountForm; 2] = [Self::Nim, Self::Exact];

    /// Returns the form's name in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nim => "nim",
            Self::Exact => "exact",
        }
    }

    /// Returns the form of this name, or `None` for any other text.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == name)
    }

    /// Reads an account id that comes in from outside.
    ///
    /// # Errors
    /// [`InvalidId`] says which rule the text breaks.
    pub fn account(self, text: impl Into<String>) -> Result<Account, InvalidId> {
        let mut text = text.into();
        match self {
            Self::Nim => text.make_ascii_lowercase(),
            Self::Exact => {}
        }
        Account::new(text)
    }

    /// Reads a session id that comes in from outside: its account, if it has one, in this form.
    /// Team ids stay as they are.
    ///
    /// # Errors
    /// [`InvalidId`] says which rule the text breaks.
    pub fn session_id(self, text: &str) -> Result<SessionId, InvalidId> {
        let id: SessionId = text.parse()?;
        match id.kind() {
            SessionKind::P2p => Ok(SessionId::p2p(&self.account(id.peer())?)),
            SessionKind::Team | SessionKind::SuperTeam => Ok(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ascii_letters_of_accounts_are_lower_cased() {
        for (text, nim) in [
            ("Alice_1", "alice_1"),
            ("ALICE@X.ORG", "alice@x.org"),
            ("Älf", "Älf"),
            ("İstanbul", "İstanbul"),
            ("\u{212a}elvin", "\u{212a}elvin"),
            ("小明A", "小明a"),
        ] {
            assert_eq!(AccountForm::Nim.account(text).unwrap().as_str(), nim);
            assert_eq!(AccountForm::Exact.account(text).unwrap().as_str(), text);
            let session = |form: AccountForm| form.session_id(&format!("p2p|{text}")).unwrap();
            assert_eq!(session(AccountForm::Nim).peer(), nim);
            assert_eq!(session(AccountForm::Exact).peer(), text);
        }
        for team in ["team|Room_A", "super_team|Room_A"] {
            assert_eq!(AccountForm::Nim.session_id(team).unwrap().to_string(), team);
        }
    }

    #[test]
    fn both_forms_refuse_the_same_texts() {
        let long = "A".repeat(129);
        for text in ["", "a|B", "A\0", &long] {
            let refusals = AccountForm::ALL.map(|form| form.account(text).unwrap_err());
            assert_eq!(refusals[0], refusals[1]);
            let id = format!("p2p|{text}");
            assert!(AccountForm::ALL.iter().all(|form| form.session_id(&id).is_err()), "{id}");
        }
        assert!(AccountForm::Nim.session_id("P2P|amy").is_err(), "a kind is no account");
    }
}
