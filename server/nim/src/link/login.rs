//! The login of both generations of SDKs, and how a link ends by the server's will.

use std::fmt;

use huihua_core::{Account, AccountForm, AppKey};

use super::{Answer, Command, Frame, Property, Push, Value};
use crate::{last_msg::CLIENT_TYPE_REST, rest::RequestFault};

/// Tags of the request.
const CLIENT_TYPE: u32 = 3;
const SDK_VERSION: u32 = 6;
const BY_HAND: u32 = 8;
const DEVICE_ID: u32 = 13;
const APP_KEY: u32 = 18;
const ACCOUNT: u32 = 19;
const CUSTOM_TAG: u32 = 38;
const AUTH_TYPE: u32 = 115;
const TOKEN: u32 = 1_000;

/// Limit of a text that the answer repeats, in bytes. NIM's is shorter: 32 for custom tags.
const REPEATED_BYTES_MAX: usize = 256;
/// The first version of 10.x, as tag 6 counts: 9.21.12 is 92112, 10.8.1 is 100801.
const FIRST_NG_VERSION: u64 = 100_000;

/// Which login a client speaks. What the server tells it about its login has the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginForm {
    /// 2/3.
    V1,
    /// 26/3.
    V2,
}

impl LoginForm {
    /// Returns the form of a login, or `None` for any other command.
    pub fn of(command: Command) -> Option<Self> {
        match command {
            Command::Login => Some(Self::V1),
            Command::LoginV2 => Some(Self::V2),
            Command::Logout
            | Command::Heartbeat
            | Command::ServerTime
            | Command::Sync
            | Command::ListSessions
            | Command::GetSession
            | Command::UpdateSession
            | Command::DeleteSessions
            | Command::Unknown => None,
        }
    }
}

/// Which SDK a client is, as far as it reads pushes differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sdk {
    /// `@yxim/nim-web-sdk`, up to 9.x.
    Web,
    /// `nim-web-sdk-ng`, 10.x.
    Ng,
}

/// What a client says of itself. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The form of the request, and of the answer.
    pub form: LoginForm,
    /// The app that it means; the token must be of it.
    pub app_key: AppKey,
    /// The account that it means, as it came; the token decides, see [`Self::is_of`].
    account: Account,
    /// A JWT, or a token of `user/create`.
    pub token: String,
    /// The SDK.
    pub sdk: Sdk,
    /// False when the SDK reconnects by itself.
    pub by_hand: bool,
    /// NIM's number, 16 = web; the client's own word.
    pub client_type: String,
    /// The SDK's name of the device; may be empty.
    pub device_id: String,
    custom_tag: String,
}

impl Login {
    /// Reads the parameters of a login.
    ///
    /// # Errors
    /// [`RequestFault`] names the field that is missing or ill-formed. The SDKs expect 302 then.
    pub fn read(form: LoginForm, frame: &Frame<'_>) -> Result<Self, RequestFault> {
        let mut tags = frame.property()?;
        if tags.number(AUTH_TYPE, "authType")?.unwrap_or(0) != 0 {
            return Err(RequestFault::new("authType", "must be 0: a token"));
        }
        let app_key = AppKey::new(tags.take(APP_KEY));
        let app_key = app_key.map_err(|e| RequestFault::new("appkey", e))?;
        // Only the app's configuration knows the form of its ids.
        let account = AccountForm::Exact.account(tags.take(ACCOUNT));
        let account = account.map_err(|e| RequestFault::new("account", e))?;
        let token = tags.take(TOKEN);
        if token.is_empty() {
            return Err(RequestFault::new("token", "is missing"));
        }
        let version = tags.number(SDK_VERSION, "sdkVersion")?.unwrap_or(0);
        let by_hand = tags.flag(BY_HAND, "appLogin")?.unwrap_or(true);
        Ok(Self {
            form,
            app_key,
            account,
            token,
            sdk: if version < FIRST_NG_VERSION { Sdk::Web } else { Sdk::Ng },
            by_hand,
            client_type: short(&mut tags, CLIENT_TYPE, "clientType")?,
            device_id: short(&mut tags, DEVICE_ID, "deviceId")?,
            custom_tag: short(&mut tags, CUSTOM_TAG, "customTag")?,
        })
    }

    /// Checks whether it means this account, which its token names, in the app's form of ids.
    pub fn is_of(&self, account: &Account, accounts: AccountForm) -> bool {
        accounts.account(self.account.as_str()).is_ok_and(|meant| meant == *account)
    }

    /// Makes the answer to a login that has succeeded. Other links of the account are not listed:
    /// the SDKs show them, and nothing depends on it.
    pub fn answer(&self, link: &LoggedIn<'_>) -> Answer {
        Answer::ok(match self.form {
            LoginForm::V1 => vec![
                Value::Property(
                    Property::default()
                        .with(38, self.custom_tag.as_str())
                        .with(102, link.connection_id)
                        .with(103, link.ip),
                ),
                Value::Properties(Vec::new()),
                Value::Property(Property::default()),
            ],
            LoginForm::V2 => vec![
                Value::Property(
                    Property::default()
                        .with(1, self.device_id.as_str())
                        .with(2, link.connection_id)
                        .with(3, link.ip)
                        .with(4, link.port.to_string())
                        .with(5, self.client_type.as_str())
                        .with(7, link.now_ms.to_string())
                        // The login's kind. Without a 1 the SDK never syncs.
                        .with(12, "1"),
                ),
                Value::Properties(Vec::new()),
            ],
        })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("form", &self.form)
            .field("app_key", &self.app_key)
            .field("account", &self.account)
            .field("sdk", &self.sdk)
            .field("by_hand", &self.by_hand)
            .finish_non_exhaustive()
    }
}

fn short(tags: &mut Property, tag: u32, name: &'static str) -> Result<String, RequestFault> {
    let text = tags.take(tag);
    if text.len() > REPEATED_BYTES_MAX {
        let reason = format_args!("is longer than {REPEATED_BYTES_MAX} bytes");
        return Err(RequestFault::new(name, reason));
    }
    Ok(text)
}

/// What the answer to a login tells of the link.
#[derive(Debug, Clone, Copy)]
pub struct LoggedIn<'a> {
    /// The server's name of the link.
    pub connection_id: &'a str,
    /// The client's address, as the server sees it.
    pub ip: &'a str,
    /// The client's port.
    pub port: u16,
    /// ms since 1970.
    pub now_ms: u64,
}

/// Why the server ends a link that must not come back by itself: an SDK that is kicked logs in
/// again only if the app does. Any other end is a closed socket, after which it reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kick {
    /// The token's time is over.
    TokenExpired,
    /// The app's server gave the account another token.
    TokenReplaced,
    /// The app's server blocked the account.
    Blocked,
}

impl Kick {
    /// NIM's reason "by the server"; the others name another client of the account.
    const BY_SERVER: u32 = 2;

    /// Returns the words for the app's developer.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TokenExpired => "token expired",
            Self::TokenReplaced => "token replaced",
            Self::Blocked => "account blocked",
        }
    }

    /// Makes the push: client type, reason, words, custom client type.
    pub fn push(self, form: LoginForm) -> Push {
        let (sid, cid) = match form {
            LoginForm::V1 => (2, 5),
            LoginForm::V2 => (26, 9),
        };
        let content = Answer::ok(vec![
            Value::Int(CLIENT_TYPE_REST.into()),
            Value::Int(Self::BY_SERVER),
            Value::Text(self.reason().to_owned()),
            Value::Int(0),
        ]);
        Push { sid, cid, content }
    }
}
