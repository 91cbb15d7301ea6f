//! Where the server listens, and how what it says there is kept from others: TLS, or an address
//! that only this machine reaches, or the operator's word that something in front sees to it.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use huihua_http::tls::TlsFiles;

use super::{
    fault::Place,
    reader::{Fields, Found, Reader},
    setting::{Setting, by_default, number, setting},
};

/// Address to listen on when nobody names one.
const LISTEN_DEFAULT: &str = "127.0.0.1:8480";
/// Address of the operator's listener when nobody names one: it asks for no token, so only this
/// machine reaches it.
const ADMIN_LISTEN_DEFAULT: &str = "127.0.0.1:8481";
/// Value of `admin_listen` without a listener.
const ADMIN_OFF: &str = "off";
/// Longest time that a browser may be told to use TLS alone, in seconds: two years, which the lists
/// that come with browsers recommend.
const STRICT_S_MAX: usize = 63_072_000;

/// The listeners as they are read, and what is printed of them.
pub(super) struct ReadListeners {
    pub(super) listen: Found<SocketAddr>,
    pub(super) tls: Option<TlsFiles>,
    pub(super) strict_s: Option<NonZeroU32>,
    pub(super) admin_listen: Option<SocketAddr>,
    /// All but `listen`.
    pub(super) settings: Vec<Setting>,
}

/// Reads both listeners; a wrong setting is a fault, and counts as its default.
pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> ReadListeners {
    let listen = read_address(reader, fields, "listen")
        .unwrap_or_else(|| by_default(LISTEN_DEFAULT.parse().expect("it is an address")));
    let files = read_files(reader, fields);
    let is_insecure = fields.flag(reader, "insecure_listen").unwrap_or_else(|| by_default(false));
    if files.is_none() && !is_insecure.value && !is_loopback(listen.value.ip()) {
        let reason = format!(
            "other machines reach {}, and without TLS everybody on the way reads tokens and \
             messages: name a certificate in tls_certificate and its key in tls_key; or, if a \
             proxy in front of this server terminates TLS, write insecure_listen = true \
             (dev: --insecure-listen)",
            listen.value
        );
        reader.fault(listen.place.clone(), "listen", reason);
    }
    let admin_listen = read_admin_address(reader, fields);
    let is_admin_insecure =
        fields.flag(reader, "insecure_admin_listen").unwrap_or_else(|| by_default(false));
    if let Some(address) = admin_listen.value
        && !is_admin_insecure.value
        && !is_loopback(address.ip())
    {
        let reason = format!(
            "other machines reach {address}, and this listener has neither tokens nor TLS: choose \
             an address such as {ADMIN_LISTEN_DEFAULT}, or \"{ADMIN_OFF}\"; or, if only your \
             monitoring reaches it, write insecure_admin_listen = true"
        );
        reader.fault(admin_listen.place.clone(), "admin_listen", reason);
    }
    let strict_s = fields.count(reader, "hsts_max_age_s", 0..=STRICT_S_MAX);
    let strict_s = strict_s.unwrap_or_else(|| by_default(0));
    let mut settings = Vec::new();
    for (name, file) in ["tls_certificate", "tls_key"].into_iter().zip(files.iter().flatten()) {
        settings.push(setting(name, file, |file| file.display().to_string().into()));
    }
    settings.extend([
        setting("insecure_listen", &is_insecure, |is_insecure| (*is_insecure).into()),
        setting("hsts_max_age_s", &strict_s, number),
        setting("admin_listen", &admin_listen, |address| {
            address.map_or(ADMIN_OFF.to_owned(), |address| address.to_string()).into()
        }),
        setting("insecure_admin_listen", &is_admin_insecure, |is_insecure| (*is_insecure).into()),
    ]);
    ReadListeners {
        listen,
        tls: files
            .map(|[certificate, key]| TlsFiles { certificate: certificate.value, key: key.value }),
        strict_s: u32::try_from(strict_s.value).ok().and_then(NonZeroU32::new),
        admin_listen: admin_listen.value,
        settings,
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Reads the names of the certificate's file and of its key's.
fn read_files(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<[Found<PathBuf>; 2]> {
    let faults = reader.faults.len();
    let [certificate, key] = ["tls_certificate", "tls_key"].map(|name| fields.text(reader, name));
    let alone = |other: &str| format!("cannot be used alone: name the file of {other} too");
    let mut fault = |place: Place, name: &str, other: &str| {
        // One that is no text has its own fault.
        if reader.faults.len() == faults {
            reader.fault(place, name, alone(other));
        }
    };
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(certificate), None) => {
            fault(certificate.place, "tls_certificate", "its private key in tls_key");
            return None;
        }
        (None, Some(key)) => {
            fault(key.place, "tls_key", "its certificate in tls_certificate");
            return None;
        }
        (None, None) => return None,
    };
    let files = [certificate, key].map(|Found { value, place }| {
        let value = reader.beside(&value);
        Found { value, place }
    });
    reader.warn_of_readers(&files[1].value);
    Some(files)
}

fn read_admin_address(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
) -> Found<Option<SocketAddr>> {
    let default = || by_default(Some(ADMIN_LISTEN_DEFAULT.parse().expect("it is an address")));
    let Some(Found { value, place }) = fields.text(reader, "admin_listen") else {
        return default();
    };
    if value == ADMIN_OFF {
        return Found { value: None, place };
    }
    match value.parse() {
        Ok(address) => Found { value: Some(address), place },
        Err(_) => {
            let reason = "must be an IP address and a port, like \"127.0.0.1:8481\", or \"off\"";
            reader.fault(place, fields.name("admin_listen"), reason);
            default()
        }
    }
}

fn read_address(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Option<Found<SocketAddr>> {
    let Found { value, place } = fields.text(reader, name)?;
    match value.parse() {
        Ok(value) => Some(Found { value, place }),
        Err(_) => {
            let reason = "must be an IP address and a port, like \"0.0.0.0:8480\"";
            reader.fault(place, fields.name(name), reason);
            None
        }
    }
}
