//! Which requests become links: the paths of both framings, WebSocket's handshake, the origins.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::http::{HeaderMap, Method, Request, Uri, Version, header, uri::Authority};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use huihua_nim::link::Framing;
use sha1::{Digest as _, Sha1};
use tokio::sync::watch;

use super::{
    conversation::{Conversation, LinkPeer},
    cursors::DeviceCursors,
    socket::{self, LinkWaits},
};
use crate::{
    addresses::{BodyBytes, Peer},
    admin::metrics::{AnsweredRequest, OpenGauge},
    answer_notes::RequestId,
    auth::PeerAddress,
    clock::Clock,
    handlers::Context,
    peer_stream::PeerStream,
};

/// The path of binary links.
const BINARY: &str = "/websocket";
/// The beginning of the path of text links; the rest is the name that the handshake gave.
const TEXT: &str = "/socket.io/1/websocket/";
/// RFC 6455: what is appended to a client's key.
const ACCEPT_SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A key is 16 bytes in base64.
const KEY_CHARS: usize = 24;

/// What is remembered of cut links when nobody names a number, in bytes: some 30,000 links.
const CURSOR_BYTES_DEFAULT: usize = 8 << 20;

/// The door of NIM's Web SDKs, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkDoor {
    /// The origins whose pages may open links, such as `https://app.example`. A client without an
    /// origin is no browser, and is let in.
    pub origins: Vec<String>,
    /// `host:port` of this server as clients see it; `None`: as they wrote it in `Host`.
    pub address: Option<String>,
    /// What is remembered of how far links have come, in bytes.
    pub cursor_bytes_max: usize,
    /// Longest wait for a client to log in.
    pub login_wait: Duration,
    /// Longest silence of a client.
    pub silence: Duration,
}

impl Default for LinkDoor {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            address: None,
            cursor_bytes_max: CURSOR_BYTES_DEFAULT,
            // The SDKs do it at once.
            login_wait: Duration::from_secs(30),
            // A client sends a heartbeat every 30 s, and comes back if a link ended too early.
            silence: Duration::from_secs(90),
        }
    }
}

/// The door while it is open.
pub(crate) struct OpenDoor {
    settings: LinkDoor,
    cursors: Arc<DeviceCursors>,
}

impl OpenDoor {
    pub(crate) fn new(settings: LinkDoor, clock: Clock) -> Self {
        let cursors = Arc::new(DeviceCursors::new(settings.cursor_bytes_max, clock));
        Self { settings, cursors }
    }

    /// Checks the origin of a request.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let known = &self.settings.origins;
        origins.all(|origin| known.iter().any(|known| origin == known.as_str()))
    }

    /// Returns where the links are: as it is configured, or as the client wrote this server's name,
    /// which is in the address of a request of HTTP/2.
    pub(crate) fn address<'a>(&'a self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let host = || headers.get(header::HOST)?.to_str().ok();
        let written = || uri.authority().map(Authority::as_str).or_else(host);
        self.settings.address.as_deref().or_else(written)
    }

    /// Returns the link that this request begins; `None` if it is any other request, or is refused:
    /// then it is answered as a path that is not there.
    pub(crate) fn link<B>(&self, request: &Request<B>, context: &Context) -> Option<LinkRequest> {
        let path = request.uri().path();
        let framing = match path {
            BINARY => Framing::Binary,
            _ if path.starts_with(TEXT) => Framing::Text,
            _ => return None,
        };
        let headers = request.headers();
        let is_http = request.method() == Method::GET && request.version() == Version::HTTP_11;
        let is_upgrade = names(headers, header::UPGRADE, "websocket")
            && names(headers, header::CONNECTION, "upgrade")
            && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        let key = headers.get(header::SEC_WEBSOCKET_KEY)?.to_str().ok()?;
        if !is_http || !is_upgrade || key.len() != KEY_CHARS || !self.allows(headers) {
            return None;
        }
        let address: Option<PeerAddress> = request.extensions().get().copied();
        // Behind a proxy it is not known, and nothing depends on it.
        let ip = address.map_or_else(String::new, |PeerAddress(address)| address.to_string());
        let client = LinkPeer { address, ip, port: 0 };
        let (context, cursors) = (context.clone(), Arc::clone(&self.cursors));
        let LinkDoor { login_wait, silence, .. } = self.settings;
        let waits = LinkWaits { login: login_wait, silence };
        Some(LinkRequest { accept: accept(key), context, cursors, framing, client, waits })
    }
}

/// Checks whether a header names this option, in any case.
fn names(headers: &HeaderMap, name: header::HeaderName, option: &str) -> bool {
    let mut texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.any(|text| text.split(',').any(|one| one.trim().eq_ignore_ascii_case(option)))
}

/// Computes what proves to a client that a server of WebSockets answers.
fn accept(key: &str) -> String {
    BASE64_STANDARD.encode(Sha1::new().chain_update(key).chain_update(ACCEPT_SALT).finalize())
}

/// A link that is to be opened.
pub(crate) struct LinkRequest {
    accept: String,
    context: Context,
    cursors: Arc<DeviceCursors>,
    framing: Framing,
    client: LinkPeer,
    waits: LinkWaits,
}

impl LinkRequest {
    /// Opens the link and serves it until it ends. `room` is for its messages before the login. In
    /// a box from the first: else each connection had room for it.
    pub(crate) fn serve(
        self,
        stream: PeerStream,
        read_ahead: Vec<u8>,
        room: BodyBytes,
        peer: Arc<Peer>,
        stopping: watch::Receiver<bool>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let Self { accept, context, cursors, framing, client, waits } = self;
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {accept}\r\n\r\n",
        );
        let route = match framing {
            Framing::Text => "/socket.io/1/websocket/{id}",
            Framing::Binary => BINARY,
        };
        let (method, status, took) = ("GET", 101, Duration::ZERO);
        context.metrics.count_request(&AnsweredRequest { route, method, status, took });
        let counted: OpenGauge = context.metrics.count_link();
        let RequestId(id) = RequestId::draw();
        if context.metrics.is_access_logged() {
            let link = &id;
            tracing::info!(target: "access", method, route, status, link, "a link is open");
        }
        let conversation = Box::new(Conversation {
            context,
            cursors,
            framing,
            client,
            peer,
            id,
            messages_before_login: 0,
            user: None,
            logged_in: None,
        });
        let opening = socket::open(stream, head, read_ahead);
        Box::pin(async move {
            socket::serve(opening, conversation, room, waits, stopping).await;
            drop(counted);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_page_of_another_origin_is_not_let_in() {
        let origins = vec!["https://a.example".to_owned()];
        let settings = LinkDoor { origins, ..LinkDoor::default() };
        let door = OpenDoor::new(settings, Clock::default());
        let headers = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            headers
        };
        assert!(door.allows(&headers("https://a.example")) && door.allows(&HeaderMap::new()));
        for other in ["https://b.example", "http://a.example", "https://a.example:444", "null"] {
            assert!(!door.allows(&headers(other)), "{other}");
        }
    }
}
