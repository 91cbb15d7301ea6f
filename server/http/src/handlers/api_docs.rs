//! The description of this API: an OpenAPI document of our own calls, one of NIM's, and a page that
//! shows both. They hold nothing of any app, and are the same at every server of a version.

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{answers::json_text, docs_page};

/// Our own calls. A test makes it of the handlers.
const OWN: &str = include_str!("../../../../api/openapi.json");
/// The calls of NIM's server API. A test makes it of what the tests try.
const NIM: &str = include_str!("../../../../api/openapi-nim.json");

/// The page, made when it is first asked for.
static PAGE: LazyLock<Bytes> = LazyLock::new(|| docs_page::page(OWN, NIM).into());

/// Returns this document: the clients' calls, the servers' and the operators'.
#[cfg_attr(test, utoipa::path(
    get, path = huihua_core::paths::OPENAPI, operation_id = "getOpenapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
))]
pub(super) async fn openapi() -> Response {
    json_text(OWN)
}

/// Returns the document of NIM's server API.
#[cfg_attr(test, utoipa::path(
    get, path = huihua_core::paths::OPENAPI_NIM, operation_id = "getOpenapiOfNim",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
))]
pub(super) async fn openapi_nim() -> Response {
    json_text(NIM)
}

/// Returns a page that shows both documents, without a script and without another host.
#[cfg_attr(test, utoipa::path(
    get, path = huihua_core::paths::DOCS, operation_id = "getDocs",
    responses((status = 200, description = "HTML", body = String, content_type = "text/html")),
))]
pub(super) async fn docs() -> Response {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(policy);
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, "text/html; charset=utf-8"),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
    ];
    (headers, PAGE.clone()).into_response()
}

/// Lets the page have its own style and nothing else: no script, no frame, no other host.
fn policy() -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(docs_page::STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is a header's value")
}
