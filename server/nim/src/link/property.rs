//! A property: texts under numbered tags, the only shape in which the session service and the login
//! carry their fields.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use huihua_core::DELETE_IDS_MAX;
use serde::{Deserialize, Serialize, de};
use serde_json::value::RawValue;

use crate::rest::RequestFault;

/// Limit of the tags of a property. A login has about 30: each costs ten times its bytes in memory.
pub const TAGS_MAX: usize = 128;
/// Limit of the properties of a parameter: one more than a delete may name, which its reader then
/// refuses by its name.
pub const ITEMS_MAX: usize = DELETE_IDS_MAX + 1;

/// Holds texts under numbered tags. `Debug` shows the tags alone.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Property(BTreeMap<u32, String>);

impl Property {
    /// Adds a text under a tag, in place of an earlier one.
    #[must_use]
    pub fn with(mut self, tag: u32, text: impl Into<String>) -> Self {
        self.0.insert(tag, text.into());
        self
    }

    /// Returns the text under the tag.
    pub fn get(&self, tag: u32) -> Option<&str> {
        self.0.get(&tag).map(String::as_str)
    }

    /// Returns the text under the tag. An empty one counts as absent.
    pub(super) fn text(&self, tag: u32) -> Option<&str> {
        self.get(tag).filter(|text| !text.is_empty())
    }

    /// Takes the text under the tag out; absent, it is empty.
    pub(super) fn take(&mut self, tag: u32) -> String {
        self.0.remove(&tag).unwrap_or_default()
    }

    /// Reads the number under the tag. An empty text counts as absent.
    pub(super) fn number(&self, tag: u32, name: &'static str) -> Result<Option<u64>, RequestFault> {
        let read = |text: &str| {
            text.parse().map_err(|_| RequestFault::new(name, "must be a whole number, 0 or more"))
        };
        self.text(tag).map(read).transpose()
    }

    /// Reads the flag under the tag: 0, 1, true or false.
    pub(super) fn flag(&self, tag: u32, name: &'static str) -> Result<Option<bool>, RequestFault> {
        match self.text(tag) {
            None => Ok(None),
            Some("1" | "true") => Ok(Some(true)),
            Some("0" | "false") => Ok(Some(false)),
            Some(_) => Err(RequestFault::new(name, "must be 0 or 1")),
        }
    }

    /// Returns the tags and their texts, by ascending tag.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, &str)> {
        self.0.iter().map(|(tag, text)| (*tag, text.as_str()))
    }

    /// Puts a text that was read in its place, up to the limit of tags.
    pub(super) fn insert(&mut self, tag: u32, text: String) -> Result<(), TooMany> {
        self.0.insert(tag, text);
        if self.0.len() > TAGS_MAX { Err(TooMany) } else { Ok(()) }
    }
}

/// Reports more tags or properties than allowed.
#[derive(Debug, thiserror::Error)]
#[error("more than {TAGS_MAX} tags, or more than {ITEMS_MAX} properties")]
pub(super) struct TooMany;

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Property").field(&self.0.keys()).finish()
    }
}

/// Reads the object of a text frame: a value may be a text, a number, a flag, or JSON of its own,
/// whose source text counts. `null` and a tag that is no number are left out.
impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(PropertyVisitor)
    }
}

struct PropertyVisitor;

impl<'de> de::Visitor<'de> for PropertyVisitor {
    type Value = Property;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tags")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Property, A::Error> {
        let mut property = Property::default();
        while let Some((tag, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            let Ok(tag) = tag.parse() else { continue };
            let text = match value.get() {
                "null" => continue,
                text if text.starts_with('"') => {
                    serde_json::from_str(text).map_err(de::Error::custom)?
                }
                text => text.to_owned(),
            };
            property.insert(tag, text).map_err(de::Error::custom)?;
        }
        Ok(property)
    }
}
