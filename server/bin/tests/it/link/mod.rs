//! NIM's link protocol, spoken by a small client over real sockets, in both framings. What the SDKs
//! write and read is in the tests of `huihua-nim`; `cargo xtask test --only web-sdk` runs the SDKs.

mod commands;
mod limits;
mod logins;
mod process;
mod pushes;
mod tls;

use futures_util::{SinkExt as _, StreamExt as _};
use huihua_http::{
    clock::Clock,
    server::{Limits, LinkDoor},
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::support::{TestServer, WAIT_MAX};

const PAGE: &str = "https://app.example";
/// Versions of tag 6, of both generations.
const OLD: u32 = 92_112;
const NEW: u32 = 100_801;

/// How a link writes its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Text,
    Binary,
}

const BOTH: [Framing; 2] = [Framing::Text, Framing::Binary];

async fn start() -> TestServer {
    start_with(Limits::default()).await
}

async fn start_with(limits: Limits) -> TestServer {
    start_in(TempDir::new().unwrap(), limits).await
}

async fn start_in(folder: TempDir, limits: Limits) -> TestServer {
    start_as(folder, limits, Clock::default(), LinkDoor::default()).await
}

async fn start_as(folder: TempDir, limits: Limits, clock: Clock, door: LinkDoor) -> TestServer {
    let door = LinkDoor { origins: vec![PAGE.to_owned()], ..door };
    let change = |server: huihua_http::server::Server| Ok(server.with_link(door));
    TestServer::start_as(folder, limits, clock, change).await
}

/// The head of the answer to a request for a WebSocket, and its connection.
async fn ask(address: &str, path: &str, more: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    (ask_over(&mut stream, address, path, more).await, stream)
}

/// The same, over this connection.
async fn ask_over<S>(stream: &mut S, address: &str, path: &str, more: &str) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(WAIT_MAX, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn path(framing: Framing) -> &'static str {
    match framing {
        Framing::Text => "/socket.io/1/websocket/7f",
        Framing::Binary => "/websocket",
    }
}

/// A link, by a client that knows the protocol alone.
struct Link<S = TcpStream> {
    socket: WebSocketStream<S>,
    framing: Framing,
    serial: u16,
}

/// What a command carries.
enum Parameter {
    Nothing,
    Tags(Value),
    List(Vec<Value>),
}

impl Link {
    async fn open(address: &str, framing: Framing) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address, framing).await
    }

    /// An account's link to a server of the test, whose form of login is the old one.
    async fn logged_in(server: &TestServer, framing: Framing, account: &str, version: u32) -> Self {
        let mut link = Self::open(server.http.address(), framing).await;
        let tags = login(&server.token("a", account), "a", account, version);
        let answer = link.call(2, 3, Parameter::Tags(tags)).await;
        assert_eq!(answer["code"], 200, "{answer}");
        link
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// A link over this connection.
    async fn over(mut stream: S, address: &str, framing: Framing) -> Self {
        let head = ask_over(&mut stream, address, path(framing), "").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        let mut link = Self { socket, framing, serial: 0 };
        if framing == Framing::Text {
            assert_eq!(link.next().await, Some(json!("1::")));
        }
        link
    }

    /// The next message, a frame as the text framing writes it; `None` when the link has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(WAIT_MAX, self.socket.next()).await.expect("no message comes") {
                Some(Ok(Message::Text(text))) => {
                    return Some(match text.strip_prefix("3:::") {
                        Some(frame) => serde_json::from_str(frame).unwrap(),
                        None => json!(text.as_str()),
                    });
                }
                Some(Ok(Message::Binary(bytes))) => return Some(read_binary(&bytes)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn frame(&mut self) -> Value {
        self.next().await.expect("the link has ended")
    }

    async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends a command; returns its serial.
    async fn send(&mut self, sid: u8, cid: u8, parameter: &Parameter) -> u16 {
        self.serial += 1;
        let message = match self.framing {
            Framing::Text => Message::text(write_text(sid, cid, self.serial, parameter)),
            Framing::Binary => Message::binary(write_binary(sid, cid, self.serial, parameter)),
        };
        self.socket.send(message).await.unwrap();
        self.serial
    }

    /// Sends a command and returns its answer; pushes that come before it are not looked at.
    async fn call(&mut self, sid: u8, cid: u8, parameter: Parameter) -> Value {
        let serial = self.send(sid, cid, &parameter).await;
        loop {
            let answer = self.frame().await;
            if answer["ser"] == 0 {
                continue;
            }
            let numbers = [&answer["sid"], &answer["cid"], &answer["ser"]];
            assert_eq!(numbers, [&json!(sid), &json!(cid), &json!(serial)], "{answer}");
            return answer;
        }
    }

    async fn tags(&mut self, cid: u8, tags: Value) -> Value {
        self.call(7, cid, Parameter::Tags(tags)).await
    }

    async fn heartbeat(&mut self) -> Value {
        self.call(1, 2, Parameter::Nothing).await["code"].clone()
    }

    /// The row of the next frame, which must be a push.
    async fn pushed(&mut self) -> Value {
        let push = self.frame().await;
        assert_eq!((&push["sid"], &push["cid"], &push["ser"]), (&json!(7), &json!(121), &json!(0)));
        push["r"][0].clone()
    }

    /// Closes the socket without a word.
    async fn cut(self) {
        drop(self.socket);
    }
}

/// The tags of a login, as the SDKs send them.
fn login(token: &str, app: &str, account: &str, version: u32) -> Value {
    json!({"3": 16, "6": version, "8": 1, "18": app, "19": account, "1000": token})
}

/// A login of this device that the SDK makes by itself.
fn again(server: &TestServer, account: &str, device: &str) -> Value {
    let mut tags = login(&server.token("a", account), "a", account, NEW);
    (tags["8"], tags["13"]) = (json!(0), json!(device));
    tags
}

/// Ids of the rows of an answer to a list.
fn ids(page: &Value) -> Vec<String> {
    let rows = page["r"][1].as_array().unwrap().iter();
    rows.map(|row| row["1"].as_str().unwrap().to_owned()).collect()
}

fn write_text(sid: u8, cid: u8, serial: u16, parameter: &Parameter) -> String {
    let property = |tags: &Value| json!({"t": "Property", "v": tags});
    let parameters = match parameter {
        Parameter::Nothing => json!([]),
        Parameter::Tags(tags) => json!([property(tags)]),
        Parameter::List(items) => {
            json!([{"t": "ArrayMable", "v": items.iter().map(property).collect::<Vec<_>>()}])
        }
    };
    format!("3:::{}", json!({"SID": sid, "CID": cid, "SER": serial, "Q": parameters}))
}

fn write_binary(sid: u8, cid: u8, serial: u16, parameter: &Parameter) -> Vec<u8> {
    let [low, high] = serial.to_le_bytes();
    let mut bytes = vec![0, sid, cid, low, high, 0];
    match parameter {
        Parameter::Nothing => {}
        Parameter::Tags(tags) => put_tags(&mut bytes, tags),
        Parameter::List(items) => {
            put_varint(&mut bytes, items.len());
            items.iter().for_each(|tags| put_tags(&mut bytes, tags));
        }
    }
    bytes
}

fn put_tags(bytes: &mut Vec<u8>, tags: &Value) {
    let tags = tags.as_object().unwrap();
    put_varint(bytes, tags.len());
    for (tag, value) in tags {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        put_varint(bytes, tag.parse().unwrap());
        put_varint(bytes, text.len());
        bytes.extend(text.as_bytes());
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
}

/// What is left of a binary frame.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn number(&mut self, bytes: usize) -> u64 {
        let (number, rest) = self.0.split_at(bytes);
        self.0 = rest;
        number.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    fn varint(&mut self) -> usize {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = usize::try_from(self.number(1)).unwrap();
            number |= (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    fn text(&mut self) -> String {
        let length = self.varint();
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8(text.to_vec()).unwrap()
    }

    fn tags(&mut self) -> Value {
        let count = self.varint();
        (0..count)
            .map(|_| (self.varint().to_string(), self.text().into()))
            .collect::<Map<_, _>>()
            .into()
    }

    fn list(&mut self) -> Value {
        let count = self.varint();
        (0..count).map(|_| self.tags()).collect::<Vec<_>>().into()
    }
}

/// Reads a frame of the server; its command says of which types its values are.
fn read_binary(message: &[u8]) -> Value {
    let mut bytes = Bytes(message);
    let length = bytes.varint();
    assert_eq!(length, bytes.0.len(), "the frame's own length");
    let (sid, cid, serial) = (bytes.number(1), bytes.number(1), bytes.number(2));
    let code = if bytes.number(1) & 2 == 0 { 200 } else { bytes.number(2) };
    let values = match (sid, cid) {
        _ if code != 200 => vec![],
        (2, 3) => vec![bytes.tags(), bytes.list(), bytes.tags()],
        (26, 3) | (7, 19) => vec![bytes.tags(), bytes.list()],
        (6, 23) | (5, 1) | (27, 1) => vec![bytes.number(8).into()],
        (7, 20 | 121) => vec![bytes.tags()],
        (2, 5) | (26, 9) => vec![
            bytes.number(4).into(),
            bytes.number(4).into(),
            bytes.text().into(),
            bytes.number(4).into(),
        ],
        _ => vec![],
    };
    assert!(bytes.0.is_empty(), "{} bytes are left of {sid}/{cid}", bytes.0.len());
    json!({"sid": sid, "cid": cid, "ser": serial, "code": code, "r": values})
}
