//! TLS to the nodes: the driver speaks to ports of loopback, one for each node, and what it says
//! goes on to the node by TLS. The driver's own TLS would bring a second library of cryptography,
//! in C, into every build.
//!
//! A port lives as long as its session. Who may open it may open the node itself: there is nothing
//! in it but TLS that asks for no certificate of ours. The user's password goes over loopback in
//! the clear, where root alone can listen.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rustls::{ClientConfig, pki_types::ServerName};
use scylla::{
    errors::{CustomTranslationError, TranslationError},
    policies::address_translator::{AddressTranslator, UntranslatedPeer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::AbortHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Nodes that are known at one time, and those that were: beyond, it is no cluster of a list.
const PORTS_MAX: usize = 1_000;
/// Connections to one node: the driver opens a handful.
const CONNECTIONS_MAX: usize = 64;
/// How long nothing is accepted after the system refused to, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The port of a node on loopback.
struct Port {
    address: SocketAddr,
    /// Of the node.
    node_port: u16,
    accepts: AbortHandle,
}

/// The ports of all nodes that the driver asked for.
pub(crate) struct Tunnels {
    dialer: Arc<Dialer>,
    /// By the nodes, `host:port` as they were named.
    ports: Mutex<HashMap<String, Port>>,
}

impl Drop for Tunnels {
    fn drop(&mut self) {
        for port in self.ports.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
            port.accepts.abort();
        }
    }
}

/// Opens connections to nodes.
struct Dialer {
    tls: TlsConnector,
    /// How long opening one may take.
    patience: Duration,
}

impl Tunnels {
    pub(crate) fn new(tls: Arc<ClientConfig>, patience: Duration) -> Self {
        let dialer = Arc::new(Dialer { tls: TlsConnector::from(tls), patience });
        Self { dialer, ports: Mutex::default() }
    }

    /// Makes sure that a node can be reached and is who it should be: the driver itself would only
    /// hear of connections that close.
    pub(crate) async fn check(&self, node: &str) -> io::Result<()> {
        self.dialer.dial(node).await.map(drop)
    }

    /// Returns the node's port on loopback.
    pub(crate) async fn port(&self, node: String) -> io::Result<SocketAddr> {
        if let Some(port) = self.ports().get(&node) {
            return Ok(port.address);
        }
        let node_port = node.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let node_port = node_port.ok_or_else(|| io::Error::other("a node without a port"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut ports = self.ports();
        if let Some(port) = ports.get(&node) {
            // Another was first.
            return Ok(port.address);
        }
        if ports.len() >= PORTS_MAX {
            return Err(io::Error::other("too many nodes"));
        }
        let task = tokio::spawn(accept(Arc::clone(&self.dialer), listener, node.clone()));
        ports.insert(node, Port { address, node_port, accepts: task.abort_handle() });
        Ok(address)
    }

    /// Nothing under this lock panics half done.
    fn ports(&self) -> std::sync::MutexGuard<'_, HashMap<String, Port>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AddressTranslator for Tunnels {
    /// The driver takes the port of the node that told it of the others for theirs, which here is
    /// one of loopback.
    async fn translate_address(
        &self,
        peer: &UntranslatedPeer,
    ) -> Result<SocketAddr, TranslationError> {
        let mut node = peer.untranslated_address();
        let of_loopback = |port: &&Port| port.address.port() == node.port();
        let node_port = self.ports().values().find(of_loopback).map(|port| port.node_port);
        node.set_port(node_port.unwrap_or(node.port()));
        let port = self.port(node.to_string()).await;
        port.map_err(|error| TranslationError::Custom(CustomTranslationError::new(error)))
    }
}

impl Dialer {
    async fn dial(&self, node: &str) -> io::Result<TlsStream<TcpStream>> {
        let dial = async {
            let stream = TcpStream::connect(node).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
            self.tls.connect(name, stream).await
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
        timeout(self.patience, dial).await.map_err(late)?
    }
}

/// Takes what connects to a node's port, until it is aborted.
async fn accept(dialer: Arc<Dialer>, listener: TcpListener, node: String) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let node: Arc<str> = node.into();
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (dialer, node) = (Arc::clone(&dialer), Arc::clone(&node));
        // Ends with its connection, which the driver closes.
        tokio::spawn(async move {
            if let Err(error) = carry(&dialer, &node, stream).await {
                tracing::debug!(%node, %error, "a connection to Cassandra ended");
            }
            drop(permit);
        });
    }
}

async fn carry(dialer: &Dialer, node: &str, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut to_node = match dialer.dial(node).await {
        Ok(to_node) => to_node,
        Err(error) => {
            tracing::warn!(%node, %error, "no TLS connection to Cassandra");
            return Err(error);
        }
    };
    tokio::io::copy_bidirectional(&mut stream, &mut to_node).await.map(drop)
}

#[cfg(test)]
mod tests {
    use rustls::{RootCertStore, ServerConfig, crypto::ring};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A node that answers what it hears, with a certificate for its address.
    async fn echo() -> (String, Arc<ClientConfig>) {
        let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = signed.cert.der().clone();
        let key = signed.signing_key.serialize_der().try_into().unwrap();
        let provider = || Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(server));
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let (mut from, mut to) = tokio::io::split(stream);
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (node, Arc::new(client))
    }

    #[tokio::test]
    async fn what_goes_into_a_port_comes_to_its_node_by_tls_and_to_no_other() {
        let patience = Duration::from_secs(5);
        let (node, tls) = echo().await;
        let tunnels = Tunnels::new(tls, patience);
        tunnels.check(&node).await.unwrap();
        let port = tunnels.port(node.clone()).await.unwrap();
        assert_eq!(tunnels.port(node).await.unwrap(), port, "one port for each node");
        let mut stream = TcpStream::connect(port).await.unwrap();
        let said = vec![7; 100_000];
        let mut heard = vec![0; said.len()];
        let (mut from, mut to) = stream.split();
        let (sent, read) = tokio::join!(to.write_all(&said), from.read_exact(&mut heard));
        assert!(sent.is_ok() && read.is_ok() && heard == said);

        // Who has a certificate that the roots do not know gets not a byte.
        let (stranger, _) = echo().await;
        let refused = tunnels.check(&stranger).await.unwrap_err();
        assert!(refused.to_string().contains("certificate"), "{refused}");
        let port = tunnels.port(stranger).await.unwrap();
        let mut stream = TcpStream::connect(port).await.unwrap();
        let _ = stream.write_all(b"secret").await;
        let answer = stream.read(&mut [0; 9]).await;
        assert!(answer.as_ref().map_or(true, |bytes| *bytes == 0), "{answer:?}");

        drop(tunnels);
        tokio::task::yield_now().await;
        let gone = async || TcpStream::connect(port).await.is_err();
        while !gone().await {
            tokio::task::yield_now().await;
        }
    }
}
