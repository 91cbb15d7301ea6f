//! The connection to a cluster: where it is, who we are, how long we wait.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use huihua_store::Error;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
pub use scylla::client::session::Session;
use scylla::{
    client::{execution_profile::ExecutionProfile, session_builder::SessionBuilder},
    policies::{
        load_balancing::DefaultPolicy, speculative_execution::SimpleSpeculativeExecutionPolicy,
    },
    statement::{Consistency, SerialConsistency},
};

use crate::failure::unavailable;

/// How long one statement may take with the driver's own retries, by default. Below the 15 s after
/// which a client gives a call up, so that it hears of it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection to one node may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A node that answers nothing for so long is left alone until it answers again: a machine that
/// hangs closes no connection.
const KEEPALIVE: Duration = Duration::from_secs(3);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without an answer a further node is asked, if the statement may be sent twice.
const NEXT_NODE_AFTER: Duration = Duration::from_secs(1);
/// How many further nodes: with three copies all that there are.
const NEXT_NODES_MAX: usize = 2;

/// Where a cluster is, and who we are. `Debug` does not show the password.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Some nodes, `host:port` each: the others are learnt from them.
    pub nodes: Vec<String>,
    /// Name and password, if the cluster wants them.
    pub user: Option<(String, String)>,
    /// The data centre that this server is in: it alone is asked, and the consistency is its own.
    pub data_centre: Option<String>,
    /// How long one statement may take.
    pub request_timeout: Duration,
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("nodes", &self.nodes)
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .field("data_centre", &self.data_centre)
            .field("request_timeout", &self.request_timeout)
            .finish()
    }
}

/// How nodes prove who they are: by certificates of these roots, each for its node's IP address,
/// which is all that a driver learns of most nodes. The crypto is ring's, as everywhere here.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// Why roots are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system does not give the file.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is something else in it.
    #[error("{} holds no certificates in PEM that can be roots", path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// Takes the roots of a file in PEM.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn of_roots(path: &Path) -> Result<Self, TlsError> {
        let read = |source| TlsError::Read { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(read)?;
        let content = || TlsError::Content { path: path.to_owned() };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|_| content())?;
            roots.add(certificate).map_err(|_| content())?;
        }
        if roots.is_empty() {
            return Err(content());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// Connects to a cluster, by TLS if there is one.
///
/// # Errors
/// [`Error::Unavailable`] when no node answers, when the cluster does not know the user, or has no
/// such data centre.
pub async fn connect(options: &ConnectOptions, tls: Option<&Tls>) -> Result<Arc<Session>, Error> {
    let mut policy = DefaultPolicy::builder().token_aware(true);
    if let Some(name) = &options.data_centre {
        // LOCAL_QUORUM of another data centre would be another quorum: rather none than that.
        policy = policy.prefer_datacenter(name.clone()).permit_dc_failover(false);
    }
    let next_node = SimpleSpeculativeExecutionPolicy {
        max_retry_count: NEXT_NODES_MAX,
        retry_interval: NEXT_NODE_AFTER,
    };
    // What `statements.rs` says for each comes first; this is for statements of the schema.
    let profile = ExecutionProfile::builder()
        .load_balancing_policy(policy.build())
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(options.request_timeout))
        .speculative_execution_policy(Some(Arc::new(next_node)))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.nodes)
        .connection_timeout(CONNECT_TIMEOUT)
        .keepalive_interval(KEEPALIVE)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .default_execution_profile_handle(profile.into_handle());
    if let Some((name, password)) = &options.user {
        builder = builder.user(name, password);
    }
    if let Some(Tls(config)) = tls {
        builder = builder.tls_context(Some(Arc::clone(config)));
    }
    let session = builder.build().await.map(Arc::new).map_err(unavailable)?;
    if let Some(name) = &options.data_centre {
        check_data_centre(&session, name)?;
    }
    Ok(session)
}

/// A misspelt data centre would leave every statement without a node, one time-out after another.
fn check_data_centre(session: &Session, name: &str) -> Result<(), Error> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let known: BTreeSet<&str> = nodes.filter_map(|node| node.datacenter.as_deref()).collect();
    if known.contains(name) {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    Err(unavailable(format!(
        "it has no data centre '{name}', but these: {} (cassandra_data_centre)",
        known.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let user = Some(("huihua".to_owned(), "s3cret".to_owned()));
        let (nodes, data_centre) = (vec!["a:9042".to_owned()], Some("dc1".to_owned()));
        let options = ConnectOptions { nodes, user, data_centre, request_timeout: REQUEST_TIMEOUT };
        let shown = format!("{options:?}");
        assert!(shown.contains("huihua") && shown.contains("dc1") && !shown.contains("s3cret"));
    }
}
