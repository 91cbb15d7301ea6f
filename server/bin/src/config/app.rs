//! One `[[app]]` table: the app's key, how it writes its account ids, and its secrets.

use huihua_core::{AccountForm, AppKey};
use huihua_http::app::{App, Secret};

use super::{
    fault::Place,
    reader::{Fields, Found, NamedText, Reader},
};

/// Shortest token key and ingest key, in bytes: HS256 is as strong as its key.
const KEY_BYTES_MIN: usize = 32;
/// Most keys of one use that are valid at once: the old and the new one of a rotation.
const KEYS_MAX: usize = 2;

/// An app with the places of its key and its secrets.
pub(super) struct ReadApp {
    pub(super) app: App,
    pub(super) key_field: String,
    pub(super) key_place: Place,
    /// The field of each secret, its place, and the secret.
    pub(super) secrets: Vec<(String, Place, Secret)>,
}

/// A key that must be strong, or a text that NIM's console gives.
#[derive(Clone, Copy)]
enum SecretKind {
    Random,
    OfNim,
}

/// Reads one table; `None` when there is a fault in it.
pub(super) fn read(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<ReadApp> {
    let key = read_key(reader, &mut fields);
    let accounts = read_account_form(reader, &mut fields, key.as_ref().map(|key| &key.value));
    let secret = read_secret(reader, &mut fields);
    let token_keys = read_keys(reader, &mut fields, &TOKEN_KEYS);
    let ingest_keys = read_keys(reader, &mut fields, &INGEST_KEYS);
    let key_field = fields.name("key");
    fields.finish(reader);
    let (key, accounts, secret) = (key?, accounts?, secret?);
    let (token_keys, ingest_keys) = (token_keys?, ingest_keys?);
    let app = App {
        key: key.value,
        accounts,
        secret: secret.2.clone(),
        token_keys: token_keys.iter().map(|(.., key)| key.clone()).collect(),
        ingest_keys: ingest_keys.iter().map(|(.., key)| key.clone()).collect(),
    };
    let secrets = token_keys.into_iter().chain([secret]).chain(ingest_keys).collect();
    Some(ReadApp { app, key_field, key_place: key.place, secrets })
}

fn read_key(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Found<AppKey>> {
    let Some(Found { value, place }) = fields.text(reader, "key") else {
        fields.miss("key", "is missing: take the App Key from NIM's console, or choose a name");
        return None;
    };
    if is_placeholder(&value) {
        let reason = "is the example's placeholder: take the App Key from NIM's console, or choose \
                      a name";
        reader.fault(place, fields.name("key"), reason);
        return None;
    }
    match AppKey::new(value) {
        Ok(value) => Some(Found { value, place }),
        Err(error) => {
            reader.fault(place, fields.name("key"), error.to_string());
            None
        }
    }
}

/// Reads how the app writes its account ids. There is no default: neither form suits every app, and
/// a store keeps the one that it began with.
fn read_account_form(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    key: Option<&AppKey>,
) -> Option<AccountForm> {
    let app = key.map_or_else(|| "the app".to_owned(), |key| format!("app '{key}'"));
    let reason = |fault: &str| {
        format!(
            "{fault}. It says how {app} writes its account ids. Write accounts = \"nim\" if NIM \
             delivers the app's messages or its servers call NIM's API: then ASCII letters are \
             lower-cased, so that Alice_1 and alice_1 are one account. Write accounts = \"exact\" \
             if ids stay as they come: then they are two accounts"
        )
    };
    let faults = reader.faults.len();
    let Some(Found { value, place }) = fields.text(reader, "accounts") else {
        if reader.faults.len() == faults {
            fields.miss("accounts", reason("is missing"));
        }
        return None;
    };
    let form = AccountForm::from_name(&value);
    if form.is_none() {
        reader.fault(place, fields.name("accounts"), reason("must be \"nim\" or \"exact\""));
    }
    form
}

/// Reads NIM's secret, which stands in the file or in a file of its own.
fn read_secret(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
) -> Option<(String, Place, Secret)> {
    let [name, file_name] = ["secret", "secret_file"];
    let faults = reader.faults.len();
    let (here, file) = (fields.text(reader, name), fields.text(reader, file_name));
    let (field, text, place) = match (here, file) {
        (Some(here), None) => (fields.name(name), here.value, here.place),
        (None, Some(file)) => {
            let (field, place) = (fields.name(file_name), file.place.clone());
            (field.clone(), reader.secret_file(file, &field)?, place)
        }
        (Some(here), Some(_)) => {
            let reason = format!("cannot be combined with {file_name}: keep one of the two");
            reader.fault(here.place, fields.name(name), reason);
            return None;
        }
        (None, None) => {
            if reader.faults.len() == faults {
                let reason = format!("is missing: write it here, or name its file in {file_name}");
                fields.miss(name, reason);
            }
            return None;
        }
    };
    checked(reader, field, text, place, SecretKind::OfNim)
}

/// The fields of one or two keys of the same use, as they are named in the file.
struct KeyFields {
    /// A list here, and a list of files.
    lists: [&'static str; 2],
    /// The same for a key alone, where the file may name it so.
    single: Option<[&'static str; 2]>,
    remedy: &'static str,
}

const TOKEN_KEYS: KeyFields = KeyFields {
    lists: ["token_keys", "token_key_files"],
    single: None,
    remedy: "write a list of one key, or name its file in token_key_files. It must hold one key, \
             or two while you rotate them",
};
const INGEST_KEYS: KeyFields = KeyFields {
    lists: ["ingest_keys", "ingest_key_files"],
    single: Some(["ingest_key", "ingest_key_file"]),
    remedy: "write it here, or name its file in ingest_key_file; write two in ingest_keys while \
             you rotate them",
};

/// Reads the keys of one use, of which two are valid while they are rotated. They stand in the file
/// or in files of their own.
fn read_keys(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    names: &KeyFields,
) -> Option<Vec<(String, Place, Secret)>> {
    let faults = reader.faults.len();
    let mut found: Vec<(&'static str, Place, Vec<NamedText>)> = Vec::new();
    for (n, name) in names.single.into_iter().flatten().enumerate() {
        let Some(text) = fields.text(reader, name) else { continue };
        let (field, place) = (fields.name(name), text.place.clone());
        let texts =
            if n == 0 { vec![(field, text)] } else { read_files(reader, vec![(field, text)]) };
        found.push((name, place, texts));
    }
    for (n, name) in names.lists.into_iter().enumerate() {
        let Some(Found { value, place }) = fields.texts(reader, name) else { continue };
        found.push((name, place, if n == 0 { value } else { read_files(reader, value) }));
    }
    let [(name, place, texts)] = found.as_mut_slice() else {
        match found.as_slice() {
            [(name, place, _), (other, ..), ..] => {
                let reason = format!("cannot be combined with {other}: keep one of the two");
                reader.fault(place.clone(), fields.name(name), reason);
            }
            _ if reader.faults.len() == faults => {
                let name = names.single.map_or(names.lists[0], |[name, _]| name);
                fields.miss(name, format!("is missing: {}", names.remedy));
            }
            _ => {}
        }
        return None;
    };
    let mut keys = Vec::new();
    for (field, Found { value, place }) in texts.drain(..) {
        keys.extend(checked(reader, field, value, place, SecretKind::Random));
    }
    if reader.faults.len() == faults && !(1..=KEYS_MAX).contains(&keys.len()) {
        let reason = "must hold one key, or two while you rotate them";
        reader.fault(place.clone(), fields.name(name), reason);
    }
    (reader.faults.len() == faults).then_some(keys)
}

/// Reads each text from the file that it names.
fn read_files(reader: &mut Reader<'_>, files: Vec<NamedText>) -> Vec<NamedText> {
    let mut texts = Vec::new();
    for (field, file) in files {
        let place = file.place.clone();
        let text = reader.secret_file(file, &field);
        texts.extend(text.map(|value| (field, Found { value, place })));
    }
    texts
}

/// Checks a secret's text.
fn checked(
    reader: &mut Reader<'_>,
    field: String,
    text: String,
    place: Place,
    kind: SecretKind,
) -> Option<(String, Place, Secret)> {
    let remedy = match kind {
        SecretKind::Random => {
            format!("run `openssl rand -hex {KEY_BYTES_MIN}` for one of {KEY_BYTES_MIN} bytes")
        }
        SecretKind::OfNim => "take the App Secret from NIM's console".to_owned(),
    };
    let fault = if is_placeholder(&text) {
        Some("is the example's placeholder".to_owned())
    } else if text.is_empty() {
        Some("is empty".to_owned())
    } else if matches!(kind, SecretKind::Random) && text.len() < KEY_BYTES_MIN {
        Some(format!("is shorter than {KEY_BYTES_MIN} bytes"))
    } else {
        None
    };
    match fault {
        Some(fault) => {
            reader.fault(place, field, format!("{fault}: {remedy}"));
            None
        }
        None => Some((field, place, Secret::new(text))),
    }
}

/// Tells whether this is a text of the example file that nobody filled in.
fn is_placeholder(text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>')
}
