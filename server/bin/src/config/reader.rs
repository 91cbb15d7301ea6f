//! Reading a TOML file with its lines: fields are taken out of their tables, what is left over is
//! unknown, and every fault is collected. A setting may come from the environment or from the
//! command line instead of the file.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Place};

/// What variables of the environment start with.
const VARIABLE_PREFIX: &str = "HUIHUA_";
/// Longest file of a secret, in bytes: far more than any key.
const SECRET_FILE_BYTES_MAX: u64 = 4_096;
/// Most changes of a letter between a misspelt name and the one that is suggested.
const EDITS_MAX: usize = 3;

/// What wins over the file. The settings of apps are in the file alone: keys do not belong on a
/// command line, which every process of the machine can read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// By the name of the setting: the flag, and its value.
    pub(crate) flags: BTreeMap<String, (String, String)>,
    /// Variables by their name.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Overrides {
    /// Takes those variables of this process whose names may be ours.
    pub(crate) fn of_environment() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(VARIABLE_PREFIX))?;
            // What is no UTF-8 is no valid value either, and its fault shows the place only.
            Some((name, value.to_string_lossy().into_owned()))
        });
        Self { environment: variables.collect(), flags: BTreeMap::new() }
    }
}

/// A value with its place.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// An item of a list of texts, with the name of its field.
pub(super) type NamedText = (String, Found<String>);

/// One file while it is read.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    overrides: &'a Overrides,
    pub(super) faults: Vec<Fault>,
    /// What is no fault, but dangerous.
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str, overrides: &'a Overrides) -> Self {
        Self { path, text, overrides, faults: Vec::new(), warnings: Vec::new() }
    }

    /// Parses the text. One that is not TOML is no table: its faults are all that is said.
    pub(super) fn parse(&mut self) -> Option<Fields<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            // Only the message: the error's own Display quotes the line, which may hold a secret.
            let reason = error.message().to_owned();
            self.faults.push(Fault { place: self.line(at), field: String::new(), reason });
        }
        let place = Place::File(self.file());
        errors.is_empty().then(|| Fields::new(table.into_inner(), "", place))
    }

    pub(super) fn file(&self) -> String {
        self.path.display().to_string()
    }

    fn line(&self, at: usize) -> Place {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        Place::Line(self.file(), before.iter().filter(|byte| **byte == b'\n').count() + 1)
    }

    pub(super) fn fault(
        &mut self,
        place: Place,
        field: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.faults.push(Fault { place, field: field.into(), reason: reason.into() });
    }

    /// Returns the path of a file that is named here; a relative one starts at this file's folder.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    /// Reads a secret from its file; a relative path starts at the configuration's folder.
    pub(super) fn secret_file(&mut self, found: Found<String>, field: &str) -> Option<String> {
        let path = self.beside(&found.value);
        let read = std::fs::metadata(&path).and_then(|meta| {
            if meta.len() > SECRET_FILE_BYTES_MAX {
                return Err(std::io::Error::other("it is far longer than a secret"));
            }
            std::fs::read_to_string(&path)
        });
        self.warn_of_readers(&path);
        match read {
            // An editor ends the last line; a secret has none.
            Ok(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) => {
                let reason = format!("cannot read {}: {error}", path.display());
                self.fault(found.place, field, reason);
                None
            }
        }
    }

    /// Warns of a file with secrets that every user of the machine can read.
    pub(super) fn warn_of_readers(&mut self, path: &Path) {
        let mode = std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o007 != 0 {
            let path = path.display();
            let warning = format!("{path} holds secrets and others can read it: chmod 600 {path}");
            self.warnings.push(warning);
        }
    }
}

/// The fields of a table. Reading one takes it out, so the rest is unknown.
pub(super) struct Fields<'i> {
    table: DeTable<'i>,
    prefix: String,
    place: Place,
    known: Vec<&'static str>,
    /// Faults of fields that are missing: one that is only misspelt is not missing.
    missing: Vec<(&'static str, Fault)>,
}

/// A value of the file, or a text from elsewhere.
enum Raw<'i> {
    Toml(DeValue<'i>),
    Text(String),
}

impl<'i> Fields<'i> {
    pub(super) fn new(table: DeTable<'i>, prefix: &str, place: Place) -> Self {
        Self { table, prefix: prefix.to_owned(), place, known: Vec::new(), missing: Vec::new() }
    }

    /// The full name of a field.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Takes a value out. Those of the top table may come from elsewhere.
    fn take(&mut self, reader: &Reader<'_>, name: &'static str) -> Option<Found<Raw<'i>>> {
        self.known.push(name);
        let in_file = self.table.remove(name).map(|value| {
            let place = reader.line(value.span().start);
            Found { value: Raw::Toml(value.into_inner()), place }
        });
        if !self.prefix.is_empty() {
            return in_file;
        }
        let variable = format!("{VARIABLE_PREFIX}{}", name.to_ascii_uppercase());
        let flag = reader.overrides.flags.get(name);
        let flag = flag.map(|(flag, value)| (value, Place::Flag(flag.clone())));
        let in_environment = || {
            let value = reader.overrides.environment.get(&variable)?;
            Some((value, Place::Environment(variable.clone())))
        };
        let elsewhere = flag.or_else(in_environment);
        let elsewhere =
            elsewhere.map(|(value, place)| Found { value: Raw::Text(value.clone()), place });
        elsewhere.or(in_file)
    }

    pub(super) fn text(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Found<String>> {
        let Found { value, place } = self.take(reader, name)?;
        match value {
            Raw::Text(text) => Some(Found { value: text, place }),
            Raw::Toml(DeValue::String(text)) => Some(Found { value: text.into_owned(), place }),
            Raw::Toml(_) => {
                reader.fault(place, self.name(name), "must be a string");
                None
            }
        }
    }

    pub(super) fn count(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        range: RangeInclusive<usize>,
    ) -> Option<Found<usize>> {
        let Found { value, place } = self.take(reader, name)?;
        let count = match value {
            Raw::Text(text) => text.parse::<usize>().ok(),
            Raw::Toml(DeValue::Integer(integer)) => {
                usize::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            Raw::Toml(_) => None,
        };
        let count = count.filter(|count| range.contains(count));
        if count.is_none() {
            let reason = format!("must be a whole number, {}..={}", range.start(), range.end());
            reader.fault(place.clone(), self.name(name), reason);
        }
        count.map(|value| Found { value, place })
    }

    pub(super) fn flag(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Found<bool>> {
        let Found { value, place } = self.take(reader, name)?;
        let flag = match &value {
            Raw::Text(text) => text.parse::<bool>().ok(),
            Raw::Toml(DeValue::Boolean(flag)) => Some(*flag),
            Raw::Toml(_) => None,
        };
        if flag.is_none() {
            reader.fault(place.clone(), self.name(name), "must be true or false");
        }
        flag.map(|value| Found { value, place })
    }

    /// Takes a list of texts; one that is no text is a fault, and left out.
    pub(super) fn texts(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Found<Vec<NamedText>>> {
        let Found { value, place } = self.list(reader, name)?;
        let mut texts = Vec::new();
        for (n, (item, place)) in value.into_iter().enumerate() {
            let field = self.name(&format!("{name}[{n}]"));
            match item {
                DeValue::String(text) => {
                    texts.push((field, Found { value: text.into_owned(), place }));
                }
                _ => reader.fault(place, field, "must be a string"),
            }
        }
        Some(Found { value: texts, place })
    }

    /// Takes a list of texts of the top table. From elsewhere than the file they come with commas
    /// between them.
    pub(super) fn top_texts(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Found<Vec<Found<String>>>> {
        let Found { value, place } = self.take(reader, name)?;
        let items = match value {
            Raw::Text(text) => {
                let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                let found = |text: &str| Found { value: text.to_owned(), place: place.clone() };
                texts.map(found).collect()
            }
            Raw::Toml(DeValue::Array(items)) => {
                let mut texts = Vec::new();
                for item in items {
                    let place = reader.line(item.span().start);
                    match item.into_inner() {
                        DeValue::String(text) => {
                            texts.push(Found { value: text.into_owned(), place });
                        }
                        _ => reader.fault(place, self.name(name), "must be a list of strings"),
                    }
                }
                texts
            }
            Raw::Toml(_) => {
                reader.fault(place, self.name(name), "must be a list of strings");
                return None;
            }
        };
        Some(Found { value: items, place })
    }

    /// Takes a list of names, as [`Self::top_texts`] takes texts.
    pub(super) fn names(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Found<Vec<String>>> {
        let Found { value, place } = self.top_texts(reader, name)?;
        Some(Found { value: value.into_iter().map(|found| found.value).collect(), place })
    }

    /// Takes a field of which nothing can be said.
    pub(super) fn skip(&mut self, name: &'static str) {
        self.known.push(name);
        self.table.remove(name);
    }

    /// Refuses a field that has no place beside another setting.
    pub(super) fn refuse(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        reason: impl Into<String>,
    ) {
        if let Some(Found { place, .. }) = self.take(reader, name) {
            reader.fault(place, self.name(name), reason);
        }
    }

    /// Takes a list of tables.
    pub(super) fn tables(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Vec<Fields<'i>>> {
        let items = self.list(reader, name)?.value;
        let mut tables = Vec::new();
        for (n, (item, place)) in items.into_iter().enumerate() {
            let field = format!("{name}[{n}]");
            match item {
                DeValue::Table(table) => {
                    tables.push(Fields::new(table, &format!("{field}."), place));
                }
                _ => {
                    reader.fault(place, field, format!("must be a table: start it with [[{name}]]"))
                }
            }
        }
        Some(tables)
    }

    fn list(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Found<Vec<(DeValue<'i>, Place)>>> {
        self.known.push(name);
        let value = self.table.remove(name)?;
        let place = reader.line(value.span().start);
        let DeValue::Array(items) = value.into_inner() else {
            reader.fault(place, self.name(name), "must be a list");
            return None;
        };
        let items = items.into_iter().map(|item| {
            let place = reader.line(item.span().start);
            (item.into_inner(), place)
        });
        Some(Found { value: items.collect(), place })
    }

    /// Notes a field that must be there.
    pub(super) fn miss(&mut self, name: &'static str, reason: impl Into<String>) {
        let fault =
            Fault { place: self.place.clone(), field: self.name(name), reason: reason.into() };
        self.missing.push((name, fault));
    }

    /// Reports fields that are unknown or missing. An unknown one that resembles a missing one is
    /// that one, misspelt.
    pub(super) fn finish(mut self, reader: &mut Reader<'_>) {
        for (name, value) in &self.table {
            let unknown = name.get_ref().as_ref();
            let place = reader.line(name.span().start);
            let field = self.name(unknown);
            let is_missing =
                |known: &str| self.missing.iter().any(|(missing, _)| *missing == known);
            let closest = self.known.iter().map(|known| {
                (strsim::damerau_levenshtein(known, unknown), !is_missing(known), *known)
            });
            let closest = closest.min().filter(|(edits, _, known)| {
                *edits <= EDITS_MAX && *edits * 2 < known.len() && !value.get_ref().is_table()
            });
            let reason = match closest {
                Some((_, _, known)) => {
                    self.missing.retain(|(missing, _)| *missing != known);
                    format!("is unknown: did you mean {known}?")
                }
                None => "is unknown: config.default.toml lists every key".to_owned(),
            };
            reader.fault(place, field, reason);
        }
        if self.prefix.is_empty() {
            let unknown = reader.overrides.flags.iter();
            let unknown = unknown.filter(|(name, _)| !self.known.contains(&name.as_str()));
            for (name, (flag, _)) in unknown {
                let reason =
                    "is unknown: config.default.toml lists every key; apps are in the file";
                reader.faults.push(Fault {
                    place: Place::Flag(flag.clone()),
                    field: name.clone(),
                    reason: reason.to_owned(),
                });
            }
        }
        // Other variables of the environment are none of ours: an orchestrator makes some with our
        // prefix for a service of our name.
        reader.faults.extend(self.missing.into_iter().map(|(_, fault)| fault));
    }
}

/// Returns the folder that the path is in, `.` for a bare name.
pub(crate) fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
