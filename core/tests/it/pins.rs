//! Certificate pins: a key of the verified chain must be pinned; other certificates do not count.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use huihua_core::{
    Code,
    client::{Error, Options, SessionService},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{pki_types::CertificateDer, version},
};

use crate::{
    support::{ScriptedServer, json, options},
    tls::{Authority, GOOD, TestCertificate, accepting, authority, certificate, root},
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

/// As `openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary`.
fn pin(key: &KeyPair) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info());
    format!("sha256/{}", STANDARD.encode(hash))
}

fn spare() -> String {
    pin(&KeyPair::generate().unwrap())
}

/// Makes an intermediate authority.
fn intermediate(above: &Authority) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the one between");
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), above).unwrap()
}

struct Chain {
    root: Authority,
    between: Authority,
    leaf_pin: String,
    leaf: (CertificateDer<'static>, KeyPair),
}

fn chain() -> Chain {
    let root = authority();
    let between = intermediate(&root);
    let leaf = certificate(&between, &GOOD);
    Chain { root, leaf_pin: pin(&leaf.1), leaf, between }
}

async fn start(acceptor: TlsAcceptor) -> ScriptedServer {
    ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor)).await
}

fn client(server: &ScriptedServer, authority: &Authority, pins: &[String]) -> SessionService {
    let mut options = options(format!("https://{}", server.address));
    options.root_certificates = vec![root(authority)];
    options.certificate_pins = pins.to_vec();
    SessionService::new(options).unwrap()
}

async fn assert_refused(service: &SessionService, server: &ScriptedServer) {
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    let Error::Failed { code: Code::Connection, detail, may_have_applied: false, .. } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(detail, "no key of the server's certificate chain is pinned");
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn one_pinned_key_in_the_chain_is_enough() {
    for version in [&version::TLS12, &version::TLS13] {
        let Chain { root, between, leaf_pin, leaf: (leaf, key) } = chain();
        let shown = TestCertificate { version, ..GOOD };
        let server = start(accepting(vec![leaf, between.der().clone()], key, &shown)).await;
        let good = [
            vec![leaf_pin.clone()],
            vec![pin(between.key())],
            vec![pin(root.key())],
            vec![spare(), leaf_pin, spare()],
        ];
        for pins in good {
            client(&server, &root, &pins).query_my_session("p2p|bob").await.unwrap();
        }
        assert_eq!(server.seen().len(), 4);
    }
}

#[tokio::test]
async fn a_chain_without_a_pinned_key_is_415_and_no_request_is_sent() {
    let Chain { root, between, leaf: (leaf, key), .. } = chain();
    let server = start(accepting(vec![leaf, between.der().clone()], key, &GOOD)).await;
    assert_refused(&client(&server, &root, &[spare(), spare()]), &server).await;
}

/// An attacker with a certificate of a trusted authority can also send the pinned one.
#[tokio::test]
async fn a_pinned_certificate_that_signs_nothing_is_not_enough() {
    let Chain { root, between, leaf: (pinned, _), leaf_pin } = chain();
    let (stranger, key) = certificate(&root, &GOOD);
    let sent = vec![stranger, between.der().clone(), pinned];
    let server = start(accepting(sent, key, &GOOD)).await;
    for pins in [[pin(between.key())], [leaf_pin]] {
        assert_refused(&client(&server, &root, &pins), &server).await;
    }
}

#[tokio::test]
async fn a_pin_does_not_replace_a_trusted_root() {
    let trusted = authority();
    let Chain { between, leaf_pin, leaf: (leaf, key), .. } = chain();
    let server = start(accepting(vec![leaf, between.der().clone()], key, &GOOD)).await;
    let service = client(&server, &trusted, &[leaf_pin]);
    let error = service.query_my_session("p2p|bob").await.unwrap_err();
    assert!(error.to_string().contains("none of the trusted roots"), "{error}");
}

#[test]
fn a_malformed_pin_is_an_invalid_option() {
    let refusal = |url: &str, pins: &[&str]| {
        let options = Options {
            root_certificates: vec![root(&authority())],
            certificate_pins: pins.iter().map(|pin| (*pin).to_owned()).collect(),
            ..options(url)
        };
        SessionService::new(options).map_err(|error| error.to_string())
    };
    let good = spare();
    refusal("https://127.0.0.1", &[&good]).unwrap();
    let (bare, short) = (&good[7..], format!("sha256/{}", STANDARD.encode([0; 31])));
    for bad in ["", "sha256/", "sha256/?", "sha1/AAAA", bare, &short, &format!("{good} ")] {
        let error = refusal("https://127.0.0.1", &[&good, bad]).unwrap_err();
        assert!(error.starts_with("option certificate_pins: number 2"), "{error}");
    }
    // They would have no effect.
    let error = refusal("http://127.0.0.1", &[&good]).unwrap_err();
    assert!(error.starts_with("option certificate_pins: require an https server URL"), "{error}");
}
