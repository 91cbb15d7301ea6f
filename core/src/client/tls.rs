//! Whom the client trusts: the roots of the options and nothing else (ADR 0004), and of the chains
//! that lead to them only those with a pinned key.

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

/// The roots that an app gives itself: each must be one.
pub(super) fn read_roots(roots_der: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for (index, der) in roots_der.iter().enumerate() {
        roots.add(CertificateDer::from(&der[..])).map_err(|_| {
            let reason = format!("number {} is no certificate in DER", index + 1);
            Error::option("root_certificates", reason)
        })?;
    }
    Ok(roots)
}

/// The keys that a server's chain must hold one of.
#[derive(Clone)]
pub(super) struct Pins {
    hashes: Vec<[u8; SHA256_OUTPUT_LEN]>,
    /// A proxy's own TLS is held to the roots only.
    exempt: Option<ServerName<'static>>,
}

impl Pins {
    /// None when no pin is given. `exempt_host`: the one host whose chain need not hold a key.
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

    fn hold(&self, spki_der: &[u8]) -> bool {
        let hash = digest(&SHA256, spki_der);
        self.hashes.iter().any(|pin| pin == hash.as_ref())
    }

    /// Whether a key of this path is pinned: of the server's certificate, of one between, of the
    /// root.
    fn hold_one_of(&self, path: &VerifiedPath<'_>) -> bool {
        self.hold(&path.end_entity().subject_public_key_info())
            || path.intermediate_certificates().any(|it| self.hold(&it.subject_public_key_info()))
            || self.hold(&spki_for_anchor(path.anchor()))
    }
}

/// TLS 1.2 and 1.3 with these roots, ALPN `h2` and `http/1.1`. `roots` are not empty if TLS will
/// be spoken at all.
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
    // Not set by reqwest for a configuration that it did not make.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// None of the keys of a chain that leads to a trusted root is pinned.
#[derive(Debug, thiserror::Error)]
#[error("no pinned key in the certificate chain")]
pub(super) struct NotPinned;

/// Verifies as always, and then asks for a pinned key.
///
/// The key must be in a path from the server's certificate to a root. Looking through all that the
/// server sent would not do: anyone may send a pinned certificate along that signs nothing.
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
        let is_pinned = |path: &VerifiedPath<'_>| match self.pins.hold_one_of(path) {
            true => Ok(()),
            // Tells webpki to look for another path; which error it is nobody reads.
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
