//! The form of a call: its parameters, read one by one and refused by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use huihua_core::{Account, AccountForm, TeamId};
use huihua_event::{Team, TeamKind};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{fault::RequestFault, signature::HEADER_BYTES_MAX};

/// The parameters of a call, and the app's form of account ids. An empty one counts as absent;
/// if one is given twice, the first counts. Unknown ones are ignored: NIM's SDKs send many.
pub struct Form(BTreeMap<String, String>, AccountForm);

impl Form {
    /// Reads `application/x-www-form-urlencoded`. `accounts` is the app's form of ids.
    ///
    /// # Errors
    /// If a name or a value is not UTF-8.
    pub fn parse(body: &[u8], accounts: AccountForm) -> Result<Self, RequestFault> {
        let decode = |part: &[u8]| {
            let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
            let text = percent_decode(&spaced).decode_utf8().map(|text| text.into_owned());
            text.map_err(|_| RequestFault::new("body", "must be a form of percent-encoded UTF-8"))
        };
        let mut fields = BTreeMap::new();
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|b| *b == b'=');
            let (name, value) = at.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
            fields.entry(decode(name)?).or_insert(decode(value)?);
        }
        Ok(Self(fields, accounts))
    }

    /// Computes the key of this request under its `RequestId`: 64 hex digits, the same in any order
    /// of its parameters. `None` if the `RequestId` is empty or too long.
    pub fn name_request(&self, request_id: &str, path: &str) -> Option<String> {
        if request_id.is_empty() || request_id.len() > HEADER_BYTES_MAX {
            return None;
        }
        let mut hash = Sha256::new();
        let pairs = self.0.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for part in [request_id, path].into_iter().chain(pairs) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Some(hex::encode(hash.finalize()))
    }

    /// Returns the parameter, if it is given.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Returns the parameter.
    ///
    /// # Errors
    /// If it is missing.
    pub fn text(&self, name: &'static str) -> Result<&str, RequestFault> {
        self.optional(name).ok_or_else(|| RequestFault::new(name, "is missing"))
    }

    /// Returns a text of at most `chars_max` characters; `""` if it is missing.
    ///
    /// # Errors
    /// If it is longer.
    pub fn short(&self, name: &'static str, chars_max: usize) -> Result<&str, RequestFault> {
        let text = self.optional(name).unwrap_or("");
        if text.len() > chars_max && text.chars().count() > chars_max {
            return Err(RequestFault::new(
                name,
                format_args!("is longer than {chars_max} characters"),
            ));
        }
        Ok(text)
    }

    /// Returns a whole number, 0 or more, if it is given.
    ///
    /// # Errors
    /// If it is something else.
    pub fn optional_number(&self, name: &'static str) -> Result<Option<u64>, RequestFault> {
        let Some(text) = self.optional(name) else { return Ok(None) };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number.map(Some).ok_or_else(|| RequestFault::new(name, "must be a whole number"))
    }

    /// Returns a whole number, 0 or more.
    ///
    /// # Errors
    /// If it is missing or something else.
    pub fn number(&self, name: &'static str) -> Result<u64, RequestFault> {
        self.text(name)?;
        self.optional_number(name)?.ok_or_else(|| RequestFault::new(name, "is missing"))
    }

    /// Returns the meaning of a number that must be one of the choices.
    ///
    /// # Errors
    /// If it is missing or none of them.
    pub fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(u64, T)],
    ) -> Result<T, RequestFault> {
        let number = self.number(name)?;
        let chosen = choices.iter().find(|(choice, _)| *choice == number);
        chosen.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<String> = choices.iter().map(|(n, _)| n.to_string()).collect();
            RequestFault::new(name, format_args!("must be one of {}", known.join(", ")))
        })
    }

    /// Returns a yes or no: 1 or 0, true or false; `None` if it is missing.
    ///
    /// # Errors
    /// If it is something else.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, RequestFault> {
        match self.optional(name) {
            None => Ok(None),
            Some("1" | "true") => Ok(Some(true)),
            Some("0" | "false") => Ok(Some(false)),
            Some(_) => Err(RequestFault::new(name, "must be 0 or 1")),
        }
    }

    /// Returns an account.
    ///
    /// # Errors
    /// If it is missing or not an account.
    pub fn account(&self, name: &'static str) -> Result<Account, RequestFault> {
        self.1
            .account(self.text(name)?)
            .map_err(|error| RequestFault::new(name, format_args!("is wrong: {error}")))
    }

    /// Returns a team of this kind.
    ///
    /// # Errors
    /// If it is missing or not a team id.
    pub fn team(&self, name: &'static str, kind: TeamKind) -> Result<Team, RequestFault> {
        let id = TeamId::new(self.text(name)?)
            .map_err(|error| RequestFault::new(name, format_args!("is wrong: {error}")))?;
        Ok(kind.team(id))
    }

    /// Returns the teams of a JSON array of ids, texts or numbers, each once. `count` limits the
    /// array.
    ///
    /// # Errors
    /// If it is missing, not such an array, or of another length.
    pub fn teams(
        &self,
        name: &'static str,
        kind: TeamKind,
        count: RangeInclusive<usize>,
    ) -> Result<Vec<Team>, RequestFault> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum WrittenId {
            Text(String),
            Number(u64),
        }
        let ids: Vec<WrittenId> = json(name, self.text(name)?, "must be a JSON array of team ids")?;
        if !count.contains(&ids.len()) {
            return Err(RequestFault::new(name, format_args!("must hold {count:?} team ids")));
        }
        let mut teams = Vec::with_capacity(ids.len());
        for id in ids {
            let id = match id {
                WrittenId::Text(text) => text,
                WrittenId::Number(number) => number.to_string(),
            };
            let id = TeamId::new(id).map_err(|error| {
                RequestFault::new(name, format_args!("must hold team ids only: {error}"))
            })?;
            let team = kind.team(id);
            if !teams.contains(&team) {
                teams.push(team);
            }
        }
        Ok(teams)
    }

    /// Returns the accounts of a JSON array, each once. `count` limits the array.
    ///
    /// # Errors
    /// If it is missing, not such an array, or of another length.
    pub fn accounts(
        &self,
        name: &'static str,
        count: RangeInclusive<usize>,
    ) -> Result<Vec<Account>, RequestFault> {
        let texts: Vec<String> = json(name, self.text(name)?, "must be a JSON array of strings")?;
        if !count.contains(&texts.len()) {
            return Err(RequestFault::new(name, format_args!("must hold {count:?} accounts")));
        }
        let mut accounts = Vec::with_capacity(texts.len());
        let mut seen = BTreeSet::new();
        for text in texts {
            let account = self.1.account(text).map_err(|error| {
                RequestFault::new(name, format_args!("must hold accounts only: {error}"))
            })?;
            if seen.insert(account.clone()) {
                accounts.push(account);
            }
        }
        Ok(accounts)
    }
}

/// Reads JSON inside a parameter.
pub(super) fn json<T: DeserializeOwned>(
    name: &'static str,
    text: &str,
    form: &str,
) -> Result<T, RequestFault> {
    serde_json::from_str(text).map_err(|_| RequestFault::new(name, form))
}

#[cfg(test)]
impl Form {
    /// Builds a form of these parameters, some of them replaced; `""` removes one.
    pub(super) fn but(of: &[(&str, &str)], with: &[(&str, &str)]) -> Self {
        let pairs = of.iter().chain(with).map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Self(pairs.collect(), AccountForm::Nim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes(), AccountForm::Nim).unwrap()
    }

    #[test]
    fn forms_are_read_as_java_writes_them() {
        let form = form("b=a%2Bb+c&accid=%E5%B0%8F%E6%98%8E&empty=&flag&b=second&%7B=%7C");
        assert_eq!(form.optional("b"), Some("a+b c"));
        assert_eq!(form.account("accid").unwrap().as_str(), "小明");
        assert_eq!((form.optional("empty"), form.optional("flag")), (None, None));
        assert_eq!(form.optional("{"), Some("|"));
        let parse = |body: &[u8]| Form::parse(body, AccountForm::Nim);
        assert!(parse(b"a=%FF").is_err() && parse(b"\xFF=a").is_err());
        assert!(parse(b"").is_ok_and(|form| form.0.is_empty()));
    }

    #[test]
    fn a_wrong_parameter_is_named_and_its_value_is_not() {
        let form =
            form("n=-1&f=yes&a=x%7Cy&l=%5B%22a%22%2C5%5D&none=%5B%5D&big=99999999999999999999");
        let faults = [
            form.optional_number("n").err(),
            form.optional_number("big").err(),
            form.number("gone").err(),
            form.flag("f").err(),
            form.account("a").err(),
            form.accounts("l", 1..=9).err(),
            form.accounts("none", 1..=9).err(),
            form.choice("n", &[(1, ())]).err(),
            form.short("a", 2).err(),
        ];
        for (fault, name) in
            faults.into_iter().zip(["n", "big", "gone", "f", "a", "l", "none", "n", "a"])
        {
            let fault = fault.expect(name);
            assert_eq!(fault.name, name);
            assert!(!fault.to_string().contains("x|y") && !fault.to_string().contains("yes"));
        }
    }

    #[test]
    fn accounts_are_returned_once_each() {
        let form = form("l=%5B%22a%22%2C%22b%22%2C%22a%22%5D");
        let accounts = form.accounts("l", 1..=3).unwrap();
        assert_eq!(accounts.iter().map(Account::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert!(form.accounts("l", 1..=2).is_err());
    }

    #[test]
    fn a_request_has_one_name_in_any_order_of_its_parameters() {
        let name = |text: &str, id: &str, path: &str| form(text).name_request(id, path);
        let first = name("a=1&b=2", "id", "/x");
        assert_eq!(first.as_deref().map(str::len), Some(64));
        assert_eq!(name("b=2&a=1", "id", "/x"), first);
        for other in
            [name("a=1&b=3", "id", "/x"), name("a=1&b=2", "i", "/x"), name("a=1&b=2", "id", "/y")]
        {
            assert_ne!(other, first);
        }
        assert_ne!(name("a=1b", "id", "/x"), name("a1=b", "id", "/x"));
        assert_eq!(name("a=1", "", "/x"), None);
    }
}
