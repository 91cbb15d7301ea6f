//! One `[[app]]` table: the app's key, how it writes its account ids, and its secrets.

use huihua_core::{AccountForm, AppKey};
use huihua_http::app::{App, Secret};

use super::{
    fault::Place,
    reader::{Fields, Found, Reader},
};

/// Shortest token key and ingest key, in bytes: HS256 is as strong as its key.
const KEY_BYTES_MIN: usize = 32;
/// Most token keys of an app that are valid at once: the old and the new one of a rotation.
const TOKEN_KEYS_MAX: usize = 2;

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
    let secret = read_secret(reader, &mut fields, ["secret", "secret_file"], SecretKind::OfNim);
    let token_keys = read_token_keys(reader, &mut fields);
    let ingest_key =
        read_secret(reader, &mut fields, ["ingest_key", "ingest_key_file"], SecretKind::Random);
    let key_field = fields.name("key");
    fields.finish(reader);
    let (key, accounts, secret) = (key?, accounts?, secret?);
    let (token_keys, ingest_key) = (token_keys?, ingest_key?);
    let app = App {
        key: key.value,
        accounts,
        secret: secret.2.clone(),
        token_keys: token_keys.iter().map(|(.., key)| key.clone()).collect(),
        ingest_key: ingest_key.2.clone(),
    };
    let secrets = token_keys.into_iter().chain([secret, ingest_key]).collect();
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

/// Reads a secret that stands in the file or in a file of its own.
fn read_secret(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    [name, file_name]: [&'static str; 2],
    kind: SecretKind,
) -> Option<(String, Place, Secret)> {
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
    checked(reader, field, text, place, kind)
}

/// Reads the keys of tokens, which stand in the file or in files of their own.
fn read_token_keys(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
) -> Option<Vec<(String, Place, Secret)>> {
    let faults = reader.faults.len();
    let here = fields.texts(reader, "token_keys");
    let files = fields.texts(reader, "token_key_files");
    let (place, texts) = match (here, files) {
        (Some(here), None) => (here.place, here.value),
        (None, Some(files)) => {
            let mut texts = Vec::new();
            for (field, file) in files.value {
                let place = file.place.clone();
                let Some(value) = reader.secret_file(file, &field) else { continue };
                texts.push((field, Found { value, place }));
            }
            (files.place, texts)
        }
        (Some(here), Some(_)) => {
            let reason = "cannot be combined with token_key_files: keep one of the two";
            reader.fault(here.place, fields.name("token_keys"), reason);
            return None;
        }
        (None, None) => {
            if reader.faults.len() == faults {
                let reason = "is missing: write a list of one key, or name its file in \
                              token_key_files. It must hold one key, or two while you rotate them";
                fields.miss("token_keys", reason);
            }
            return None;
        }
    };
    let mut keys = Vec::new();
    for (field, Found { value, place }) in texts {
        keys.extend(checked(reader, field, value, place, SecretKind::Random));
    }
    if reader.faults.len() == faults && !(1..=TOKEN_KEYS_MAX).contains(&keys.len()) {
        let reason = "must hold one key, or two while you rotate them";
        reader.fault(place, fields.name("token_keys"), reason);
    }
    (reader.faults.len() == faults).then_some(keys)
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
