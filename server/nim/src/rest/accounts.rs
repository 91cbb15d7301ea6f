//! Accounts and their tokens in NIM's server API.

use huihua_core::Account;
use serde::Serialize;

use super::{answer::to_json, fault::RequestFault, form::Form};

/// Longest name of an account, in characters, as NIM allows.
const NAME_CHARS_MAX: usize = 64;
/// Longest token that an app may choose, in characters, as NIM allows.
pub const TOKEN_CHARS_MAX: usize = 128;

/// What a call asks for an account. No `Debug`: it holds a token.
pub struct AccountRequest {
    /// The account.
    pub account: Account,
    /// Its name; `""` when none is given.
    pub name: String,
    /// Its token, when the app chose one.
    pub token: Option<String>,
}

/// Reads `user/create`, `user/update` and `user/refreshToken`.
///
/// # Errors
/// The parameter that is wrong.
pub fn read(form: &Form) -> Result<AccountRequest, RequestFault> {
    let token = form.short("token", TOKEN_CHARS_MAX)?;
    if token.trim() != token || !token.bytes().all(|b| matches!(b, b' '..=b'~')) {
        // Clients send it as an HTTP header, which carries nothing else.
        return Err(RequestFault::new(
            "token",
            "must be printable ASCII without spaces at its ends",
        ));
    }
    Ok(AccountRequest {
        account: form.account("accid")?,
        name: form.short("name", NAME_CHARS_MAX)?.to_owned(),
        token: (!token.is_empty()).then(|| token.to_owned()),
    })
}

/// Writes the answer that holds an account's token.
pub fn token_answer(account: &Account, name: &str, token: &str) -> String {
    #[derive(Serialize)]
    struct TokenBody<'a> {
        code: u16,
        info: TokenInfo<'a>,
    }
    #[derive(Serialize)]
    struct TokenInfo<'a> {
        accid: &'a str,
        name: &'a str,
        token: &'a str,
    }
    to_json(&TokenBody { code: 200, info: TokenInfo { accid: account.as_str(), name, token } })
}

#[cfg(test)]
mod tests {
    use huihua_core::AccountForm;

    use super::*;

    #[test]
    fn accounts_are_read_and_answered() {
        let read = |text: &str| read(&Form::parse(text.as_bytes(), AccountForm::Nim).unwrap());
        let asked = read("name=A+B&accid=amy&gender=1").unwrap();
        assert_eq!((asked.account.as_str(), asked.name.as_str()), ("amy", "A B"));
        assert_eq!(asked.token, None);
        assert_eq!(read("accid=amy&token=t").unwrap().token.as_deref(), Some("t"));
        let long = format!("accid=amy&token={}", "t".repeat(129));
        for wrong in [
            "token=t",
            "accid=",
            "accid=a%7Cb",
            &long,
            "accid=a&token=a%0Ab",
            "accid=a&token=%E5%B0%8F",
            "accid=a&token=+a",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            token_answer(&asked.account, "A", "t"),
            r#"{"code":200,"info":{"accid":"amy","name":"A","token":"t"}}"#
        );
    }
}
