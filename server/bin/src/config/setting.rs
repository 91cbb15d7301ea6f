//! One setting with its value and where it comes from, for printing and comparing.

use super::{fault::Place, reader::Found};

/// One setting as it counts.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: toml::Value,
    pub(super) place: Place,
}

pub(super) fn by_default<T>(value: T) -> Found<T> {
    Found { value, place: Place::Default }
}

pub(super) fn setting<T>(
    name: &'static str,
    found: &Found<T>,
    show: impl FnOnce(&T) -> toml::Value,
) -> Setting {
    Setting { name, value: show(&found.value), place: found.place.clone() }
}

pub(super) fn number(count: &usize) -> toml::Value {
    i64::try_from(*count).unwrap_or(i64::MAX).into()
}
