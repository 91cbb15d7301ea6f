//! The certificate of a node, made by the JDK's own tool: it names the node's address and signs
//! itself.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::process;

/// In the folder of the nodes.
pub(super) const KEYSTORE: &str = "keystore.p12";
pub(super) const ROOTS: &str = "roots.pem";
/// It keeps nobody out: the folder lives as long as the node.
pub(super) const PASSWORD: &str = "huihua-tests";
const DAYS: &str = "2";

/// Makes a key with a certificate for 127.0.0.1.
pub(super) fn make(java: &Path, folder: &Path) -> Result<()> {
    let keytool = || {
        let mut command = Command::new(java.with_file_name("keytool"));
        command.arg("-keystore").arg(folder.join(KEYSTORE));
        command.args(["-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", "node"]);
        command
    };
    let mut make = keytool();
    make.args(["-genkeypair", "-keyalg", "EC", "-dname", "CN=node", "-validity", DAYS]);
    process::run(make.args(["-ext", "san=ip:127.0.0.1"])).context("make a node's certificate")?;
    let roots = process::read(keytool().args(["-exportcert", "-rfc"]))?;
    fs::write(folder.join(ROOTS), roots).context("write the roots of a node's certificate")
}
