//! Roots that have yet to be read: when, by whom, how often; and what comes of none.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    thread::{self, ThreadId},
};

use huihua_core::{
    Code,
    client::{Error, Options, ProviderError, RootProvider, SessionService},
};

use crate::{
    support::{Server, json, options, storm},
    tls::{GOOD, acceptor, authority, root},
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

/// Gives these answers one after the other, the last one again and again.
struct Roots {
    answers: Vec<Result<Vec<Vec<u8>>, &'static str>>,
    asked: AtomicUsize,
    threads: Mutex<Vec<ThreadId>>,
    /// Before its first answer it waits for a word from here.
    gate: Mutex<Option<Receiver<()>>>,
}

impl Roots {
    fn new(answers: Vec<Result<Vec<Vec<u8>>, &'static str>>) -> Arc<Self> {
        let (asked, threads, gate) = Default::default();
        Arc::new(Self { answers, asked, threads, gate })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl RootProvider for Roots {
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, ProviderError> {
        self.threads.lock().unwrap().push(thread::current().id());
        let n = self.asked.fetch_add(1, Ordering::SeqCst);
        let gate = self.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.recv().unwrap();
        }
        Ok(self.answers[n.min(self.answers.len() - 1)].clone()?)
    }
}

fn service(url: String, roots: &Arc<Roots>, change: impl FnOnce(&mut Options)) -> SessionService {
    let mut options = options(url);
    options.root_provider = Some(roots.clone());
    change(&mut options);
    SessionService::new(options).unwrap()
}

fn is_about_roots(error: &Error) -> bool {
    matches!(error, Error::Option { field: "root_certificates", .. })
}

#[tokio::test]
async fn they_are_read_once_by_the_first_call_and_on_another_thread() {
    let authority = authority();
    let server = Server::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    // One that cannot be read is skipped: a platform's store holds such.
    let roots = Roots::new(vec![Ok(vec![b"no certificate".to_vec(), root(&authority)])]);
    let service = service(format!("https://{}", server.address), &roots, |_| ());
    assert_eq!(roots.asked(), 0);
    storm(&service, 20).await;
    assert_eq!(roots.asked(), 1);
    // This test has one thread.
    assert_ne!(roots.threads.lock().unwrap()[0], thread::current().id());
}

#[tokio::test]
async fn the_roots_of_the_option_stand_beside_them() {
    let (authority, platform) = (authority(), authority());
    let server = Server::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    let roots = Roots::new(vec![Ok(vec![root(&platform)])]);
    let url = format!("https://{}", server.address);
    let error = service(url.clone(), &roots, |_| ()).query_my_session("p2p|bob").await.unwrap_err();
    assert!(matches!(error, Error::Failed { code: Code::Connection, .. }), "{error:?}");
    let service = service(url, &roots, |o| o.root_certificates = vec![root(&authority)]);
    service.query_my_session("p2p|bob").await.unwrap();
}

#[tokio::test]
async fn none_at_all_ends_the_call_with_the_options_name_and_the_next_asks_again() {
    let authority = authority();
    let server = Server::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    let roots = Roots::new(vec![
        Ok(vec![]),
        Ok(vec![b"no certificate".to_vec()]),
        Err("the store is locked, and this text is a secret"),
        Ok(vec![root(&authority)]),
    ]);
    let service = service(format!("https://{}", server.address), &roots, |_| ());
    for asked in 1..=3 {
        let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
        assert!(is_about_roots(&error), "{error:?}");
        assert!(!error.may_have_applied() && !error.retryable());
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert_eq!(roots.asked(), asked);
    }
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_store_that_takes_long_is_read_on_for_the_calls_to_come() {
    let authority = authority();
    let server = Server::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    let roots = Roots::new(vec![Ok(vec![root(&authority)])]);
    let (open, gate) = channel();
    *roots.gate.lock().unwrap() = Some(gate);
    let url = format!("https://{}", server.address);
    let service = service(url, &roots, |o| o.call_timeout_ms = 300);
    for _ in 0..2 {
        let error = service.query_my_session("p2p|bob").await.unwrap_err();
        assert!(matches!(error, Error::Failed { code: Code::Timeout, .. }), "{error:?}");
    }
    open.send(()).unwrap();
    // The one reading that was begun serves them; on a busy machine a call may still be too short.
    for _ in 0..50 {
        if service.query_my_session("p2p|bob").await.is_ok() {
            break;
        }
    }
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(roots.asked(), 1);
}

#[tokio::test]
async fn nobody_reads_roots_for_a_server_without_tls() {
    let server = Server::start(|_, _| json(ROW)).await;
    let roots = Roots::new(vec![Err("must not be asked")]);
    service(server.url(), &roots, |_| ()).query_my_session("p2p|bob").await.unwrap();
    assert_eq!(roots.asked(), 0);
}

#[test]
fn a_root_that_the_app_names_must_be_one() {
    let mut options = options("https://127.0.0.1");
    options.root_certificates = vec![root(&authority()), b"no certificate".to_vec()];
    let error = SessionService::new(options).unwrap_err();
    assert!(is_about_roots(&error), "{error:?}");
    assert!(error.to_string().contains("number 2"), "{error}");
}
