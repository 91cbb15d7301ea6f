//! TLS configuration: the client trusts only the roots of the options (ADR 0004) and, with pins,
//! only chains that hold a pinned key.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring as ring_provider},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version,
};
use webpki::{EndEntityCert, VerifiedPath, spki_for_anchor};

use super::Error;

/// Reads the roots of the option. Each must be a certificate.
pub(super) fn read_roots(roots_der: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for (index, der) in roots_der.iter().enumerate() {
        roots.add(CertificateDer::from(&der[..])).map_err(|_| {
            let reason = format!("number {} is not a certificate in DER", index + 1);
            Error::option("root_certificates", reason)
        })?;
    }
    Ok(roots)
}

/// Holds the keys of which a server's chain must contain one.
#[derive(Clone)]
pub(super) struct Pins {
    hashes: Vec<[u8; SHA256_OUTPUT_LEN]>,
    /// The proxy, whose own TLS needs only a trusted root.
    exempt: Option<ServerName<'static>>,
}

impl Pins {
    /// Parses the pins; returns `None` if there are none. The chain of `exempt_host` needs no key.
    pub(super) fn read(pins: &[String], exempt_host: Option<&str>) -> Result<Option<Self>, Error> {
        let hashes = pins.iter().enumerate().map(|(index, text)| {
            let hash = text.strip_prefix("sha256/").and_then(|hash| STANDARD.decode(hash).ok());
            hash.and_then(|hash| hash.try_into().ok()).ok_or_else(|| {
                let what = "sha256/ and the base64 of 32 bytes";
                Error::option("certificate_pins", format!("number {} is not {what}", index + 1))
            })
        });
        let hashes: Vec<_> = hashes.collect::<Result<_, _>>()?;
        let exempt = exempt_host.and_then(|host| ServerName::try_from(host.to_owned()).ok());
        Ok((!hashes.is_empty()).then_some(Self { hashes, exempt }))
    }

    fn contain(&self, spki_der: &[u8]) -> bool {
        let hash = digest(&SHA256, spki_der);
        self.hashes.iter().any(|pin| pin == hash.as_ref())
    }

    /// Returns whether a key of this path is pinned: that of the server's certificate, of an
    /// intermediate one, or of the root.
    fn match_path(&self, path: &VerifiedPath<'_>) -> bool {
        self.contain(&path.end_entity().subject_public_key_info())
            || path
                .intermediate_certificates()
                .any(|it| self.contain(&it.subject_public_key_info()))
            || self.contain(&spki_for_anchor(path.anchor()))
    }
}

/// Makes a configuration for TLS 1.2 and 1.3 with ALPN `h2` and `http/1.1`.
///
/// `roots` must not be empty if TLS will be used.
pub(super) fn config(roots: RootCertStore, pins: Option<Pins>) -> ClientConfig {
    let provider = Arc::new(ring_provider::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .expect("ring serves TLS 1.2 and 1.3");
    let mut config = match pins {
        None => builder.with_root_certificates(roots).with_no_client_auth(),
        Some(pins) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(PinVerifier::new(roots, pins, provider)))
            .with_no_client_auth(),
    };
    // reqwest does not set it in a configuration that it did not make.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Reports a trusted chain without a pinned key.
#[derive(Debug, thiserror::Error)]
#[error("no pinned key in the certificate chain")]
pub(super) struct NotPinned;

/// Verifies a chain as usual, then requires a pinned key.
///
/// The key must be in a path from the server's certificate to a root. Searching all certificates
/// that the server sent would be unsafe: a server can add a pinned one that signs nothing.
struct PinVerifier {
    usual: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    pins: Pins,
    provider: Arc<CryptoProvider>,
}

impl PinVerifier {
    fn new(roots: RootCertStore, pins: Pins, provider: Arc<CryptoProvider>) -> Self {
        let roots = Arc::new(roots);
        let usual = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .expect("there are roots, and no revocation lists that could be wrong");
        Self { usual, roots, pins, provider }
    }

    fn find_pinned_path(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let certificate = EndEntityCert::try_from(end_entity)?;
        let is_pinned = |path: &VerifiedPath<'_>| match self.pins.match_path(path) {
            true => Ok(()),
            // Makes webpki try another path; nothing reads the error.
            false => Err(webpki::Error::UnknownIssuer),
        };
        certificate
            .verify_for_usage(
                self.provider.signature_verification_algorithms.all,
                &self.roots.roots,
                intermediates,
                now,
                webpki::KeyUsage::server_auth(),
                None,
                Some(&is_pinned),
            )
            .map(drop)
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        if self.pins.exempt.as_ref() == Some(server_name) {
            return Ok(verified);
        }
        match self.find_pinned_path(end_entity, intermediates, now) {
            Ok(()) => Ok(verified),
            Err(_) => Err(CertificateError::Other(OtherError(Arc::new(NotPinned))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

impl fmt::Debug for PinVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinVerifier").finish_non_exhaustive()
    }
}
