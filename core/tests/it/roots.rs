//! Roots of a provider: when, on which thread and how often they are read, and calls without any.

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
    support::{ScriptedServer, json, options, storm},
    tls::{GOOD, acceptor, authority, root},
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

/// Returns these results in turn, the last one repeated.
struct Roots {
    answers: Vec<Result<Vec<Vec<u8>>, &'static str>>,
    asked: AtomicUsize,
    threads: Mutex<Vec<ThreadId>>,
    /// Blocks the first result until a message arrives here.
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
async fn the_first_call_reads_the_roots_once_on_another_thread() {
    let authority = authority();
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    // A malformed root is skipped: a platform's store may hold one.
    let roots = Roots::new(vec![Ok(vec![b"no certificate".to_vec(), root(&authority)])]);
    let service = service(format!("https://{}", server.address), &roots, |_| ());
    assert_eq!(roots.asked(), 0);
    storm(&service, 20).await;
    assert_eq!(roots.asked(), 1);
    // This test has one thread.
    assert_ne!(roots.threads.lock().unwrap()[0], thread::current().id());
}

#[tokio::test]
async fn the_options_roots_are_trusted_beside_the_providers() {
    let (authority, platform) = (authority(), authority());
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
    let roots = Roots::new(vec![Ok(vec![root(&platform)])]);
    let url = format!("https://{}", server.address);
    let error = service(url.clone(), &roots, |_| ()).query_my_session("p2p|bob").await.unwrap_err();
    assert!(matches!(error, Error::Failed { code: Code::Connection, .. }), "{error:?}");
    let service = service(url, &roots, |o| o.root_certificates = vec![root(&authority)]);
    service.query_my_session("p2p|bob").await.unwrap();
}

#[tokio::test]
async fn a_call_without_roots_names_the_option_and_the_next_call_reads_again() {
    let authority = authority();
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
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
async fn a_slow_store_is_read_to_its_end_for_later_calls() {
    let authority = authority();
    let server =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority, &GOOD))).await;
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
async fn roots_are_not_read_for_a_server_without_tls() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let roots = Roots::new(vec![Err("must not be asked")]);
    service(server.url(), &roots, |_| ()).query_my_session("p2p|bob").await.unwrap();
    assert_eq!(roots.asked(), 0);
}

#[test]
fn a_root_of_the_option_must_be_a_certificate() {
    let mut options = options("https://127.0.0.1");
    options.root_certificates = vec![root(&authority()), b"no certificate".to_vec()];
    let error = SessionService::new(options).unwrap_err();
    assert!(is_about_roots(&error), "{error:?}");
    assert!(error.to_string().contains("number 2"), "{error}");
}
