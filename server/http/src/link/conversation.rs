//! One link's conversation, without its socket: what a client sends, and what it is answered.

use std::{sync::Arc, time::Instant};

use huihua_core::Code;
use huihua_nim::link::{
    Answer, Command, Frame, FrameFault, Framing, Header, Incoming, Kick, LoggedIn, Login,
    LoginForm, Message, sessions,
};
use huihua_nim::rest::RequestFault;
use huihua_store::Attempt;

use super::{
    cursors::{Delivery, DeviceCursors},
    pushes::{Pushes, Told},
    user::User,
};
use crate::{
    addresses::{AnswerBytes, Peer},
    admin::metrics::LinkCommand,
    answer_notes::RequestId,
    auth::{AuthenticatedCaller, PeerAddress, TokenDoor},
    error::Error,
    handlers::Context,
    limits::ANSWER_BYTES_COUNTED,
};

/// Most messages before a login: the SDKs send one or two.
const MESSAGES_BEFORE_LOGIN_MAX: u32 = 16;

/// Who is at the other end, as its client is told.
#[derive(Debug, Clone)]
pub(super) struct LinkPeer {
    /// As it is counted, unless it may be a proxy.
    pub(super) address: Option<PeerAddress>,
    /// As its client is told.
    pub(super) ip: String,
    /// As its client is told.
    pub(super) port: u16,
}

/// A link.
pub(super) struct Conversation {
    pub(super) context: Context,
    pub(super) cursors: Arc<DeviceCursors>,
    pub(super) framing: Framing,
    pub(super) client: LinkPeer,
    /// What its messages hold room of.
    pub(super) peer: Arc<Peer>,
    /// The server's name of the link.
    pub(super) id: String,
    pub(super) messages_before_login: u32,
    pub(super) user: Option<Arc<User>>,
    /// Until its socket takes it.
    pub(super) logged_in: Option<Box<LoggedInLink>>,
}

/// What begins with a login.
pub(super) struct LoggedInLink {
    pub(super) pushes: Pushes,
    pub(super) delivery: Delivery,
}

/// What follows from a message of the client.
#[derive(Default)]
pub(super) struct Reply {
    pub(super) message: Option<Message>,
    /// Held until the message is sent.
    pub(super) room: Option<AnswerBytes>,
    /// The link ends after it.
    pub(super) ends: bool,
    /// The client wants it to end.
    pub(super) is_goodbye: bool,
}

/// An answer, and what follows it.
struct Served {
    answer: Answer,
    ends: bool,
}

impl Reply {
    fn end() -> Self {
        Self { ends: true, ..Self::default() }
    }
}

impl Served {
    fn ends(answer: Answer) -> Self {
        Self { answer, ends: true }
    }
}

impl From<Answer> for Served {
    fn from(answer: Answer) -> Self {
        Self { answer, ends: false }
    }
}

impl Conversation {
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// Returns what begins with the login, once.
    pub(super) fn take_login(&mut self) -> Option<Box<LoggedInLink>> {
        self.logged_in.take()
    }

    /// Takes a text message.
    pub(super) async fn take_text(&mut self, message: &str) -> Reply {
        self.take(self.framing.read_text(message)).await
    }

    /// Takes a binary message.
    pub(super) async fn take_binary(&mut self, message: &[u8]) -> Reply {
        self.take(self.framing.read_binary(message)).await
    }

    /// Takes a message of WebSocket itself.
    pub(super) fn take_control(&mut self) -> Reply {
        match self.count() {
            Ok(()) => Reply::default(),
            Err(_) => Reply::end(),
        }
    }

    /// Takes room for a message that is to be sent, as for any answer.
    ///
    /// # Errors
    /// [`Error::Overloaded`].
    pub(super) fn room_for(&self, message: &Message) -> Result<Option<AnswerBytes>, Error> {
        match message.bytes() {
            0..=ANSWER_BYTES_COUNTED => Ok(None),
            bytes => AnswerBytes::take(&self.peer, bytes).map(Some),
        }
    }

    async fn take(&mut self, incoming: Result<Incoming<'_>, FrameFault>) -> Reply {
        let counted = self.count();
        match (incoming, counted) {
            (Ok(Incoming::Frame(frame)), counted) => self.answer_observed(&frame, counted).await,
            (Ok(Incoming::Disconnect), _) => Reply { is_goodbye: true, ..Reply::end() },
            (Ok(_), Err(_)) => Reply::end(),
            (Ok(Incoming::Heartbeat), Ok(())) => {
                Reply { message: self.framing.heartbeat(), ..Reply::default() }
            }
            (Ok(Incoming::Nothing), Ok(())) => Reply::default(),
            (Err(fault), _) => {
                tracing::debug!(%fault, "a link ended: a message was no frame");
                self.context.metrics.count_refusal("no frame");
                Reply::end()
            }
        }
    }

    /// Counts a message as a request of its account; before the login there may be a few.
    fn count(&mut self) -> Result<(), Error> {
        if let Some(user) = &self.user {
            return self.context.rates.count_request(&user.caller.owner);
        }
        self.messages_before_login += 1;
        if self.messages_before_login <= MESSAGES_BEFORE_LOGIN_MAX {
            return Ok(());
        }
        Err(Error::Unauthorized { detail: "a link must begin with a login".to_owned() })
    }

    /// Answers, and then counts and logs it as a request of HTTP would be.
    #[expect(clippy::disallowed_methods, reason = "how long an answer takes, for the operator")]
    async fn answer_observed(&mut self, frame: &Frame<'_>, counted: Result<(), Error>) -> Reply {
        let since = Instant::now();
        let command = Command::of(frame.header);
        let served = match counted {
            Ok(()) => self.answer(command, frame).await,
            Err(error) => {
                let ends = self.user.is_none();
                Ok(Served { answer: self.refusal(&error), ends })
            }
        };
        let (code, reply) = match served {
            Ok(served) => self.reply(frame.header, served),
            Err(ended) => (Code::Unauthorized.number(), self.end(&ended)),
        };
        let metrics = &self.context.metrics;
        let took = since.elapsed();
        metrics.count_link_command(&LinkCommand { command: command.name(), code, took });
        if metrics.is_access_logged() {
            let RequestId(request_id) = RequestId::draw();
            let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            let (route, link) = (command.name(), &self.id);
            tracing::info!(
                target: "access", method = "LINK", route, status = code, took_us, request_id, link,
                "answered"
            );
        }
        Reply { is_goodbye: command == Command::Logout, ..reply }
    }

    async fn answer(&mut self, command: Command, frame: &Frame<'_>) -> Result<Served, Ended> {
        let answer = match command {
            Command::Login | Command::LoginV2 => return Ok(self.log_in(command, frame).await),
            Command::Logout => return Ok(Served::ends(Answer::ok(Vec::new()))),
            Command::Heartbeat => Ok(Answer::ok(Vec::new())),
            Command::ServerTime | Command::Sync => Ok(Answer::time(self.context.clock.now_ms())),
            Command::ListSessions
            | Command::GetSession
            | Command::UpdateSession
            | Command::DeleteSessions => {
                let user = self.check_user().await?;
                serve(&self.context, user, command, frame).await
            }
            Command::Unknown => Ok(Answer::refused(Code::NotFound)),
        };
        Ok(answer.unwrap_or_else(|error| self.refusal(&error)).into())
    }

    async fn log_in(&mut self, command: Command, frame: &Frame<'_>) -> Served {
        let Some(form) = LoginForm::of(command).filter(|_| self.user.is_none()) else {
            return Served::ends(Answer::refused(Code::Forbidden));
        };
        match self.begin(form, frame).await {
            Ok(login) => login
                .answer(&LoggedIn {
                    connection_id: &self.id,
                    ip: &self.client.ip,
                    port: self.client.port,
                    now_ms: self.context.clock.now_ms(),
                })
                .into(),
            Err(error) => Served::ends(self.refusal(&error)),
        }
    }

    /// Logs in, and begins the pushes before the answer: nothing is missed that comes after it.
    async fn begin(&mut self, form: LoginForm, frame: &Frame<'_>) -> Result<Login, Error> {
        let (login, caller) = self.authenticate(form, frame).await?;
        let owner = caller.owner.clone();
        // First what may fail: a login that is refused takes no cursor that another one may need.
        let wait_place = self.context.live.place(&owner)?;
        let reconnects = !login.by_hand && !login.device_id.is_empty();
        let (place, resumed) = self.cursors.begin(&owner, &login.device_id, reconnects);
        let user = Arc::new(User { caller, form, sdk: login.sdk });
        let told = Told { framing: self.framing, user: Arc::clone(&user) };
        let pushes = Pushes::new(self.context.clone(), told, wait_place, resumed).await?;
        let delivery = Delivery::new(place, pushes.cursor());
        self.logged_in = Some(Box::new(LoggedInLink { pushes, delivery }));
        self.user = Some(user);
        Ok(login)
    }

    /// The token decides the account; the client must mean the same one.
    async fn authenticate(
        &self,
        form: LoginForm,
        frame: &Frame<'_>,
    ) -> Result<(Login, AuthenticatedCaller), Error> {
        let refused = |detail: String| Error::Unauthorized { detail };
        let login = Login::read(form, frame).map_err(|fault| refused(fault.to_string()))?;
        let tokens = self.context.apps.verifier();
        let door = TokenDoor {
            tokens: &tokens,
            store: &*self.context.store,
            rates: &self.context.rates,
            address: self.client.address,
        };
        let caller = door.caller(&login.token, self.context.clock.now_s()).await?;
        if caller.owner.app != login.app_key {
            return Err(refused("the token is of another app than appkey".to_owned()));
        }
        if !login.is_of(&caller.owner.account, caller.accounts) {
            return Err(refused("the token is of another account than account".to_owned()));
        }
        Ok((login, caller))
    }

    /// Checks the token again, as a request of `/v1` would.
    async fn check_user(&self) -> Result<&User, Ended> {
        let Some(user) = &self.user else { return Err(Ended::NeverLoggedIn) };
        user.check(&self.context).await.map_err(|kick| Ended::Kicked(kick, user.form))?;
        Ok(user)
    }

    fn end(&self, ended: &Ended) -> Reply {
        match ended {
            Ended::NeverLoggedIn => Reply::end(),
            Ended::Kicked(kick, form) => {
                let message = Some(self.framing.push(&kick.push(*form)));
                Reply { message, ..Reply::end() }
            }
        }
    }

    fn refusal(&self, error: &Error) -> Answer {
        let (code, retry_after_s) = error.refuse();
        match retry_after_s {
            Some(seconds) if code == Code::TooFrequent => Answer::too_frequent(seconds.into()),
            Some(_) | None => Answer::refused(code),
        }
    }

    /// Writes an answer; returns its code too, which is another one if there is no room for it.
    fn reply(&self, header: Header, served: Served) -> (u16, Reply) {
        let Served { mut answer, ends } = served;
        let mut message = self.framing.answer(header, &answer);
        let room = self.room_for(&message).unwrap_or_else(|error| {
            answer = self.refusal(&error);
            message = self.framing.answer(header, &answer);
            None
        });
        (answer.code, Reply { message: Some(message), room, ends, is_goodbye: false })
    }
}

/// Why a link ends instead of an answer.
enum Ended {
    /// A client that has not logged in asks for what only a user may have.
    NeverLoggedIn,
    Kicked(Kick, LoginForm),
}

/// Serves a command of the session service.
async fn serve(
    context: &Context,
    user: &User,
    command: Command,
    frame: &Frame<'_>,
) -> Result<Answer, Error> {
    let AuthenticatedCaller { owner, accounts, .. } = &user.caller;
    // The protocol has no word for a retried call: each write is one of its own.
    let attempt = || Attempt { now: context.clock.now_ms(), key: None };
    match command {
        Command::ListSessions => {
            let option = sessions::list(frame).map_err(invalid)?;
            Ok(sessions::page(context.store.list_page(owner, &option).await?))
        }
        Command::GetSession => {
            let id = sessions::get(frame, *accounts).map_err(invalid)?;
            let found = context.store.get_session(owner, &id).await?;
            let detail = || "there is no such session in the list".to_owned();
            Ok(sessions::found(found.ok_or_else(|| Error::NotFound { detail: detail() })?))
        }
        Command::UpdateSession => {
            let (id, ext) = sessions::update(frame, *accounts).map_err(invalid)?;
            context.store.update(owner, &id, ext, &attempt()).await?;
            Ok(Answer::ok(Vec::new()))
        }
        Command::DeleteSessions => {
            let ids = sessions::delete(frame, *accounts).map_err(invalid)?;
            context.store.delete(owner, ids, &attempt()).await?;
            Ok(Answer::ok(Vec::new()))
        }
        Command::Login
        | Command::LoginV2
        | Command::Logout
        | Command::Heartbeat
        | Command::ServerTime
        | Command::Sync
        | Command::Unknown => Ok(Answer::refused(Code::NotFound)),
    }
}

fn invalid(fault: RequestFault) -> Error {
    Error::Invalid { detail: fault.to_string() }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{
        addresses::Addresses,
        auth,
        clock::Clock,
        handlers::tests::{app, context},
        limits::{Limits, RateLimits},
    };

    /// As at every other door. The links of an integration test come from this machine, where all
    /// of them may be a proxy's.
    #[tokio::test]
    async fn wrong_tokens_of_one_address_have_a_rate_and_right_ones_log_in_all_the_same() {
        let two = NonZeroU32::new(2).unwrap();
        let context = context(RateLimits { wrong_credentials_per_s: two, ..RateLimits::default() });
        let cursors = Arc::new(DeviceCursors::new(1 << 20, Clock::default()));
        let code = async |address: Option<&str>, token: &str| {
            let ip = address.unwrap_or("127.0.0.1").to_owned();
            let addresses = Arc::new(Addresses::new(Limits::default()));
            let peer = Arc::new(addresses.connect(ip.parse().unwrap(), 0).unwrap());
            let address = address.map(|address| PeerAddress(address.parse().unwrap()));
            let mut conversation = Conversation {
                context: context.clone(),
                cursors: Arc::clone(&cursors),
                framing: Framing::Text,
                client: LinkPeer { address, ip, port: 0 },
                peer,
                id: String::new(),
                messages_before_login: 0,
                user: None,
                logged_in: None,
            };
            let tags = format!(r#"{{"18":"k","19":"amy","1000":"{token}"}}"#);
            let frame = format!(r#"3:::{{"SID":2,"CID":3,"SER":1,"Q":[{{"v":{tags}}}]}}"#);
            let reply = conversation.take_text(&frame).await;
            assert_eq!(reply.ends, conversation.take_login().is_none());
            let Some(Message::Text(text)) = reply.message else { panic!("no answer") };
            let answer: serde_json::Value = serde_json::from_str(&text["3:::".len()..]).unwrap();
            (answer["code"].as_u64().unwrap(), answer["r"][0].clone())
        };
        let mut wrong = 0;
        let refused = loop {
            match code(Some("192.0.2.1"), "wrong").await {
                (302, _) => wrong += 1,
                other => break other,
            }
            assert!(wrong < 10_000, "no rate");
        };
        assert!(wrong >= 20, "ten seconds' worth come at once, not {wrong}");
        assert_eq!(refused, (416, 1.into()), "when it may come again");
        let (account, now) = ("amy".parse().unwrap(), Clock::default().now_s());
        let right = auth::sign(&app(), &account, now, 60).unwrap();
        assert_eq!(code(Some("192.0.2.1"), &right).await.0, 200);
        assert_eq!(code(Some("192.0.2.2"), "wrong").await.0, 302, "another address");
        for _ in 0..30 {
            assert_eq!(code(None, "wrong").await.0, 302, "a proxy of this machine");
        }
    }
}
