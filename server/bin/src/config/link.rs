//! The door of NIM's Web SDKs: whether it is open, for which pages, and where.

use huihua_http::server::LinkDoor;

use super::{
    reader::{Fields, Found, Reader},
    setting::{Setting, by_default, number, setting},
};

/// Most MiB for what is remembered of cut links: 1 GiB.
const CURSORS_MB_MAX: usize = 1_024;

/// The door as it is read, and what is printed of it.
pub(super) struct ReadLink {
    /// `None`: it is closed.
    pub(super) door: Option<LinkDoor>,
    pub(super) settings: Vec<Setting>,
}

/// Reads the door; a wrong setting is a fault, and counts as its default.
pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> ReadLink {
    let is_open = fields.flag(reader, "link").unwrap_or_else(|| by_default(false));
    let origins = read_origins(reader, fields);
    let address = read_address(reader, fields);
    let default = LinkDoor::default();
    let cursors_mb = fields
        .count(reader, "link_cursors_mb", 1..=CURSORS_MB_MAX)
        .unwrap_or_else(|| by_default(default.cursor_bytes_max >> 20));
    let mut settings = vec![
        setting("link", &is_open, |is_open| (*is_open).into()),
        setting("link_origins", &origins, |origins| origins.clone().into()),
    ];
    // Without it there is nothing to print: a client is told what it wrote itself.
    settings.extend(
        address.as_ref().map(|found| setting("link_address", found, |text| text.clone().into())),
    );
    settings.push(setting("link_cursors_mb", &cursors_mb, number));
    let door = is_open.value.then(|| LinkDoor {
        origins: origins.value,
        address: address.map(|found| found.value),
        cursor_bytes_max: cursors_mb.value << 20,
        ..default
    });
    ReadLink { door, settings }
}

fn read_origins(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Found<Vec<String>> {
    let name = "link_origins";
    let Some(Found { value: texts, place }) = fields.top_texts(reader, name) else {
        return by_default(Vec::new());
    };
    let mut origins = Vec::new();
    for Found { value, place } in texts {
        if is_origin(&value) {
            origins.push(value);
        } else {
            let reason = "must hold origins as browsers write them: a scheme, a host in lower \
                          case, perhaps a port, and no path, like \"https://app.example\"";
            reader.fault(place, fields.name(name), reason);
        }
    }
    Found { value: origins, place }
}

/// Tells whether a browser could send this text as `Origin`.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let is_scheme = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    // A browser leaves out the port of the scheme.
    let is_usual = match scheme {
        "http" => authority.ends_with(":80"),
        "https" => authority.ends_with(":443"),
        _ => false,
    };
    !scheme.is_empty() && scheme.bytes().all(is_scheme) && is_authority(authority) && !is_usual
}

fn read_address(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Found<String>> {
    let name = "link_address";
    let found = fields.text(reader, name)?;
    let has_port = || {
        let port = found.value.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        port.is_some_and(|port| port != 0)
    };
    if is_authority(&found.value) && has_port() {
        return Some(found);
    }
    let reason = "must be the host and the port that clients reach, like \
                  \"sessions.example.com:443\"";
    reader.fault(found.place, fields.name(name), reason);
    None
}

/// Tells whether this is a host, perhaps with a port.
fn is_authority(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}
