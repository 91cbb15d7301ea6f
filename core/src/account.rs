//! The account that a token belongs to.

use serde::{Deserialize, Serialize};

/// Describes the owner of a token: the body of `GET /v1/account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountInfo {
    /// The account (NIM: accid).
    pub account: String,
    /// The app key of the account's app.
    pub app_key: String,
    /// Expiry of the token, in ms since 1970.
    pub expires_at: u64,
}
