//! Which keys a settings type knows, asked of the type itself.

use std::iter;

use serde::de::value::MapDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::{DeTable, DeValue};

/// A key that its table does not know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// The key.
    pub key: String,
    /// The keys that the table knows.
    pub known: &'static [&'static str],
}

/// Returns the key of `text` that begins at the byte `at`, if its table, as `T` has it, does not know it.
pub(super) fn unknown_at<'de, T: Deserialize<'de>>(text: &str, at: usize) -> Option<Unknown> {
    let document = DeTable::parse(text).ok()?;
    let mut path = path_to(document.get_ref(), at)?;
    let key = path.pop()?;
    let known = known_at::<T>(&path)?;
    (!known.contains(&key.as_str())).then_some(Unknown { key, known })
}

/// The keys that lead to the one which begins at the byte `at`, with that one.
fn path_to(table: &DeTable<'_>, at: usize) -> Option<Vec<String>> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().to_string();
        if key.span().start == at {
            return Some(vec![name]);
        }
        let DeValue::Table(inner) = value.get_ref() else { return None };
        Some([vec![name], path_to(inner, at)?].concat())
    })
}

/// The keys that `T` knows in the table at `path`; `None` where any will do, or there is no table.
fn known_at<'de, T: Deserialize<'de>>(path: &[String]) -> Option<&'static [&'static str]> {
    match T::deserialize(Question { path }) {
        Err(Answer(known)) => known,
        Ok(_) => None,
    }
}

/// A deserializer that has nothing in it but the way to a table, and fails with the keys of that.
struct Question<'a> {
    path: &'a [String],
}

#[derive(Debug)]
struct Answer(Option<&'static [&'static str]>);

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Answer {}

impl de::Error for Answer {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(None)
    }
}

impl<'de> Deserializer<'de> for Question<'_> {
    type Error = Answer;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer(None))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Answer> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Answer> {
        let Some((key, path)) = self.path.split_first() else { return Err(Answer(Some(fields))) };
        visitor.visit_map(MapDeserializer::new(iter::once((key.as_str(), Question { path }))))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Answer> for Question<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, RepositoryFile};
    use super::*;

    fn unknown<'de, T: Deserialize<'de>>(text: &str, key: &str) -> Option<&'static [&'static str]> {
        let found = unknown_at::<T>(text, text.find(key).expect("it is there"))?;
        assert_eq!(found.key, key);
        Some(found.known)
    }

    #[test]
    fn each_table_knows_its_own_keys_however_it_is_written() {
        let first = |text, key| unknown::<Config>(text, key).map(|known| known[0]);
        for text in ["[isolation]\nmethd = 1", "isolation.methd = 1", "isolation = { methd = 1 }"] {
            assert_eq!(first(text, "methd"), Some("method"), "{text}");
        }
        assert_eq!(first("clude = 1", "clude"), Some("default_profile"));
        assert_eq!(first("[ports]\nfrist = 1", "frist"), Some("first"), "read as another type");
        assert_eq!(first("[share]\nskils = \"link\"", "skils"), Some("skills"), "renamed keys");
        assert_eq!(first("[nowhere]\nmethd = 1", "nowhere"), Some("default_profile"));
        assert_eq!(unknown::<RepositoryFile>("profil = 1", "profil"), Some(&["profile", "env"][..]));
    }

    #[test]
    fn what_is_known_or_free_or_no_key_is_not_unknown() {
        for (text, key) in [
            ("[isolation]\nmethod = 1", "method"),
            ("[env]\nANY = 1", "ANY"),
            ("[share]\nCLAUDE.md = 1", "md"),
            ("[nowhere]\nmethd = 1", "methd"),
            ("claude = \"clude\"", "clude"),
            ("clude = ", "clude"),
        ] {
            assert_eq!(unknown::<Config>(text, key), None, "{text}");
        }
    }
}
