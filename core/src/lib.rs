//! Defines what both ends of Huihua share: ids, sessions, pages, the error table, the URL paths.
//! The feature `client` adds [`client::SessionService`], which makes an app's calls.
//!
//! ```
//! use huihua_core::SessionId;
//!
//! let id: SessionId = "p2p|bob".parse().unwrap();
//! assert_eq!(id.peer(), "bob");
//! assert_eq!(id.to_string(), "p2p|bob");
//! ```

mod account;
mod account_form;
mod error;
mod id;
mod last_msg;
#[cfg(feature = "openapi")]
mod openapi;
mod page;
pub mod paths;
mod recent_contact;
mod session;
mod sync;

#[cfg(feature = "client")]
pub mod client;

pub use account::AccountInfo;
pub use account_form::AccountForm;
pub use error::{Code, CodeRow, Problem};
pub use id::{
    ACCOUNT_BYTES_MAX, APP_KEY_BYTES_MAX, Account, AppKey, InvalidId, SessionId, SessionKind,
    TEAM_ID_BYTES_MAX, TeamId,
};
pub use last_msg::LastMsg;
pub use page::{
    ANSWER_BYTES_MAX, DELETE_IDS_MAX, EXT_BYTES_MAX, InvalidOption, LIMIT_MAX, Page,
    QueryMySessionOption, SYNC_LIMIT_DEFAULT, SYNC_LIMIT_MAX, SYNC_WAIT_MS_MAX,
};
pub use recent_contact::{MessageStub, RecentContact, RevokeMsgNotification};
pub use session::{LastMsgType, RecentSession};
pub use sync::{SessionChange, SyncOption, SyncPage};
