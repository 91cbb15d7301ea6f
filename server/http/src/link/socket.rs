//! A link's WebSocket: messages in, answers and pushes out, one at a time.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use huihua_nim::link::{CONNECTED, FRAME_BYTES_MAX, Framing, Message};
use tokio::{
    io::AsyncWriteExt as _,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    conversation::{Conversation, LoggedInLink, Reply},
    pushes::Next,
};
use crate::{addresses::BodyBytes, peer_stream::PeerStream};

/// Longest wait for a client to take the goodbye.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);
/// What is read of the socket at a time, kept as long as the link: most messages are shorter.
const READ_BYTES: usize = 512;

pub(super) type Socket = WebSocketStream<PeerStream>;

/// How long the server waits for a client, see [`super::LinkDoor`].
#[derive(Clone, Copy)]
pub(super) struct LinkWaits {
    pub(super) login: Duration,
    pub(super) silence: Duration,
}

/// A link whose request is answered. Its parts are in boxes, or each future that hands them on had
/// room for them as long as the link lasts.
struct OpenLink {
    socket: Box<Socket>,
    conversation: Box<Conversation>,
    waits: LinkWaits,
    stopping: watch::Receiver<bool>,
}

/// Serves a link until it ends; `room` is for what it sends before its login.
pub(super) async fn serve(
    opening: Opening,
    conversation: Box<Conversation>,
    room: BodyBytes,
    waits: LinkWaits,
    stopping: watch::Receiver<bool>,
) {
    let Some(socket) = opening.await else { return };
    let mut link = OpenLink { socket, conversation, waits, stopping };
    let logged_in = Box::pin(link.log_in()).await;
    drop(room);
    if let Some(logged_in) = logged_in {
        link.talk(logged_in).await;
    }
    // However the link ended, there is nobody to tell that the goodbye did not arrive.
    let _ = timeout(GOODBYE_WAIT, Socket::close(&mut link.socket, None)).await;
}

/// A link that is being accepted.
pub(super) type Opening = Pin<Box<dyn Future<Output = Option<Box<Socket>>> + Send>>;

/// Accepts a link with this head.
pub(super) fn open(mut stream: PeerStream, head: String, read_ahead: Vec<u8>) -> Opening {
    Box::pin(async move {
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            // A message is written whole: more would only be kept.
            .write_buffer_size(0)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let socket = Socket::from_partially_read(stream, read_ahead, Role::Server, Some(config));
        Some(Box::new(socket.await))
    })
}

/// What a step of a link leads to.
enum Step {
    GoesOn,
    /// The client has confirmed what was pushed before the last ping.
    Confirmed,
    /// The client has said goodbye, and does not come back by itself.
    SaidGoodbye,
    /// The socket is gone, or must be closed.
    Ends,
}

impl OpenLink {
    /// Answers until somebody has logged in; `None` when the link ends before.
    async fn log_in(&mut self) -> Option<Box<LoggedInLink>> {
        if self.conversation.framing() == Framing::Text {
            self.send(Message::Text(CONNECTED.to_owned())).await?;
        }
        let mut login_wait = pin!(sleep(self.waits.login));
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message?.ok()?,
                () = &mut login_wait => return None,
                () = stopped(&mut self.stopping) => return None,
            };
            match self.answer(message).await {
                Step::Ends | Step::SaidGoodbye => return None,
                Step::GoesOn | Step::Confirmed => {}
            }
            if let Some(logged_in) = self.conversation.take_login() {
                return Some(logged_in);
            }
        }
    }

    /// Answers and pushes until the link ends. What is taken is answered whole, also while the
    /// server stops.
    async fn talk(&mut self, mut logged_in: Box<LoggedInLink>) {
        let LoggedInLink { pushes, delivery } = &mut *logged_in;
        let mut silence = Box::pin(sleep(self.waits.silence));
        // Once the server stops, no push waits any more: without the check this would spin.
        while !*self.stopping.borrow() {
            let next = {
                let mut next = pin!(pushes.next());
                loop {
                    let message = tokio::select! {
                        next = &mut next => break next,
                        message = self.socket.next() => message,
                        () = &mut silence => return,
                        () = stopped(&mut self.stopping) => return,
                    };
                    let Some(Ok(message)) = message else { return };
                    silence = Box::pin(sleep(self.waits.silence));
                    match Box::pin(self.answer(message)).await {
                        Step::GoesOn => {}
                        Step::Confirmed if delivery.take_pong() => {
                            if self.ping().await.is_none() {
                                return;
                            }
                        }
                        Step::Confirmed => {}
                        Step::SaidGoodbye => return delivery.forget(),
                        Step::Ends => return,
                    }
                }
            };
            match next {
                Next::Messages(messages) if messages.is_empty() => {}
                Next::Messages(messages) => {
                    for message in messages {
                        if Box::pin(self.push(message)).await.is_none() {
                            return;
                        }
                    }
                    if delivery.note_sent(pushes.cursor()) && self.ping().await.is_none() {
                        return;
                    }
                }
                Next::Kick(message) => {
                    let _ = self.send(message).await;
                    return delivery.forget();
                }
                Next::End => return,
            }
        }
    }

    /// Answers a message of the client.
    async fn answer(&mut self, message: tungstenite::Message) -> Step {
        let reply = match message {
            tungstenite::Message::Text(text) => self.conversation.take_text(&text).await,
            tungstenite::Message::Binary(bytes) => self.conversation.take_binary(&bytes).await,
            tungstenite::Message::Close(_) => return Step::Ends,
            // The library answers a ping.
            tungstenite::Message::Ping(_) | tungstenite::Message::Frame(_) => {
                self.conversation.take_control()
            }
            tungstenite::Message::Pong(_) => {
                let reply = self.conversation.take_control();
                return if reply.ends { Step::Ends } else { Step::Confirmed };
            }
        };
        let Reply { message, room, ends, is_goodbye } = reply;
        if let Some(message) = message
            && self.send(message).await.is_none()
        {
            return Step::Ends;
        }
        drop(room);
        match (is_goodbye, ends) {
            (true, _) => Step::SaidGoodbye,
            (false, true) => Step::Ends,
            (false, false) => Step::GoesOn,
        }
    }

    /// Sends a push, if there is room for it.
    async fn push(&mut self, message: Message) -> Option<()> {
        let room = self.conversation.room_for(&message);
        let room = room.inspect_err(|error| _ = error.refuse()).ok()?;
        let sent = self.send(message).await;
        drop(room);
        sent
    }

    async fn send(&mut self, message: Message) -> Option<()> {
        let message = match message {
            Message::Text(text) => tungstenite::Message::text(text),
            Message::Binary(bytes) => tungstenite::Message::binary(bytes),
        };
        self.socket.send(message).await.ok()
    }

    async fn ping(&mut self) -> Option<()> {
        let ping = tungstenite::Message::Ping(tungstenite::Bytes::new());
        self.socket.send(ping).await.ok()
    }
}

/// Ends when the server stops. The SDKs come back by themselves, to whoever serves then.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that the server is gone altogether.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}
