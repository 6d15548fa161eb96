//! The changes that `cs use` made to a shell, and the way back.
//!
//! See docs/decisions/006-one-variable-undoes-what-a-shell-uses.md

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use super::{Name, VarName};

/// A whole environment.
pub type Environment = BTreeMap<OsString, OsString>;

/// The one who put a session's or profile's variables into a shell: a person, or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsedBy {
    /// A person, by `cs use`. It stays until a person changes it.
    Person,
    /// The directory, which is bound: by the place of this text ([`super::Place::text`]). It ends
    /// where the directory is left.
    Directory(String),
}

/// The state of a shell that uses a session or profile: one exported variable, so that it survives
/// `exec zsh` and a shell started from this one can put everything back too.
///
/// It holds, of each variable that was changed, what it was: a value, the empty one, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The one who did it.
    pub by: UsedBy,
    /// The process id of the shell it was done in.
    pub shell: u32,
    /// The session or profile in use.
    pub name: Name,
    /// The one before, for `cs use -`.
    pub previous: Option<Name>,
    before: BTreeMap<VarName, Option<OsString>>,
}

/// The first field: how the rest is written.
const VERSION: &str = "1";

impl Saved {
    /// The variable it is kept in.
    pub const VARIABLE: &str = "CS_SAVED";

    /// Returns the state of a shell whose environment was `before` and becomes `after`.
    pub fn new(
        by: UsedBy,
        shell: u32,
        name: Name,
        previous: Option<Name>,
        before: &Environment,
        after: &Environment,
    ) -> Self {
        let before = difference(after, before);
        Self { by, shell, name, previous, before }
    }

    /// Returns `environment`, the shell's, with everything put back as it was before.
    pub fn undone(&self, environment: &Environment) -> Environment {
        let mut before = environment.clone();
        before.remove(OsStr::new(Self::VARIABLE));
        for (name, value) in &self.before {
            let name = OsStr::new(name.as_str());
            match value {
                Some(value) => before.insert(name.to_owned(), value.clone()),
                None => before.remove(name),
            };
        }
        before
    }

    /// Returns the text of the variable: printable ASCII without blanks and quotes.
    pub fn text(&self) -> String {
        let by = match &self.by {
            UsedBy::Person => "use".to_owned(),
            UsedBy::Directory(place) => format!("bind={}", encoded(OsStr::new(place))),
        };
        let previous = self.previous.as_ref().map_or("", Name::as_str);
        let mut text = format!("{VERSION};{by};{};{};{previous}", self.shell, self.name);
        for (name, value) in &self.before {
            text.push(';');
            text.push_str(name.as_str());
            if let Some(value) = value {
                text.push('=');
                text.push_str(&encoded(value));
            }
        }
        text
    }

    /// Reads the text of the variable; `None` if [`Saved::text`] did not make it.
    pub fn parse(text: &OsStr) -> Option<Self> {
        let mut fields = text.to_str()?.split(';');
        if fields.next()? != VERSION {
            return None;
        }
        let by = match fields.next()? {
            "use" => UsedBy::Person,
            by => UsedBy::Directory(decoded(by.strip_prefix("bind=")?)?.into_string().ok()?),
        };
        let shell = fields.next()?.parse().ok()?;
        let name = Name::of_profile(fields.next()?).ok()?;
        let previous = match fields.next()? {
            "" => None,
            previous => Some(Name::of_profile(previous).ok()?),
        };
        let mut before = BTreeMap::new();
        for field in fields {
            let (name, value) = match field.split_once('=') {
                Some((name, value)) => (name, Some(decoded(value)?)),
                None => (field, None),
            };
            before.insert(VarName::new(name).ok()?, value);
        }
        Some(Self { by, shell, name, previous, before })
    }
}

/// The state that a shell keeps for `cs` beside its environment, in a variable that is not exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The session or profile that was used before `cs off`, for `cs use -`.
    pub previous: Option<Name>,
    /// The bound place in which a person said `cs off`: nothing is used there until it is left.
    pub off: Option<String>,
    /// The place about which a message was given: it is given once, until the place is left.
    pub told: Option<String>,
}

impl Memory {
    /// The variable it is handed to the program in, for the call only.
    pub const VARIABLE: &str = "CS_MEMORY";

    /// Returns the text that a shell keeps. It has a `;` exactly if something ends with the directory, so
    /// a shell that leaves one knows whether to ask.
    pub fn text(&self) -> String {
        let mut text = self.previous.as_ref().map_or(String::new(), |name| name.as_str().to_owned());
        for (key, place) in [("off", &self.off), ("told", &self.told)] {
            if let Some(place) = place {
                let _ = write!(text, ";{key}={}", encoded(OsStr::new(place)));
            }
        }
        text
    }

    /// Reads the text; what makes no sense in it is forgotten.
    pub fn parse(text: &OsStr) -> Self {
        let mut memory = Self::default();
        let mut fields = text.to_str().unwrap_or_default().split(';');
        memory.previous = fields.next().and_then(|name| Name::of_profile(name).ok());
        for (key, place) in fields.filter_map(|field| field.split_once('=')) {
            let place = decoded(place).and_then(|place| place.into_string().ok());
            match key {
                "off" => memory.off = place,
                "told" => memory.told = place,
                _ => {}
            }
        }
        memory
    }
}

/// Returns the changes that make the environment `from` into `to`: the new value of each variable that
/// differs, or `None` to unset it. Variables whose names no shell can write are left out: `cs` changes
/// none of them.
pub fn difference(from: &Environment, to: &Environment) -> BTreeMap<VarName, Option<OsString>> {
    let names = from.keys().chain(to.keys());
    names
        .filter(|name| from.get(*name) != to.get(*name))
        .filter_map(|name| Some((VarName::new(name.to_str()?).ok()?, to.get(name).cloned())))
        .collect()
}

/// Returns the text with everything but letters, digits, `_`, `-`, `.` and `/` as `%XX`.
fn encoded(text: &OsStr) -> String {
    let mut encoded = String::new();
    for &byte in text.as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"_-./".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decoded(text: &str) -> Option<OsString> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(rest.next()?)? << 4 | digit(rest.next()?)?
            }
            byte => byte,
        });
    }
    if bytes.contains(&0) {
        return None;
    }
    #[cfg(unix)]
    let text = Some(std::os::unix::ffi::OsStringExt::from_vec(bytes));
    #[cfg(not(unix))]
    let text = String::from_utf8(bytes).ok().map(OsString::from);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn name(text: &str) -> Name {
        Name::of_profile(text).expect("a name")
    }

    fn saved(before: &Environment, after: &Environment) -> Saved {
        Saved::new(UsedBy::Person, 42, name("api"), Some(name("default")), before, after)
    }

    #[test]
    fn undoing_puts_back_a_value_the_empty_one_and_nothing() {
        let before =
            environment(&[("VALUE", "it's; 100%=x\ny"), ("EMPTY", ""), ("SAME", "s"), ("%odd", "o")]);
        let after = environment(&[("VALUE", "2"), ("NEW", "n"), ("SAME", "s"), ("%odd", "o")]);
        let saved = saved(&before, &after);
        let mut shell = after.clone();
        shell.insert(Saved::VARIABLE.into(), saved.text().into());
        shell.insert("LATER".into(), "l".into());
        let read = Saved::parse(OsStr::new(&saved.text())).expect("it was just written");
        assert_eq!(read, saved);
        let mut expected = before.clone();
        expected.insert("LATER".into(), "l".into());
        assert_eq!(read.undone(&shell), expected);
    }

    #[test]
    fn its_text_needs_no_quotes_in_any_shell() {
        let before = environment(&[("A", "$(rm -rf /)`'\"\\ \u{e9};%")]);
        let mut saved = saved(&before, &Environment::new());
        saved.by = UsedBy::Directory("/it's a place;=%/\u{e9}".into());
        let text = saved.text();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./;=%".contains(&b)), "{text}");
        assert_eq!(Saved::parse(OsStr::new(&text)), Some(saved));
    }

    #[test]
    #[cfg(unix)]
    fn a_value_that_is_no_text_survives() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec((1..=255).collect());
        let before = Environment::from([("A".into(), odd)]);
        let saved = saved(&before, &Environment::new());
        let read = Saved::parse(OsStr::new(&saved.text())).expect("it was just written");
        assert_eq!(read.undone(&Environment::new()), before);
    }

    #[test]
    fn a_text_that_somebody_changed_is_no_state() {
        let good = saved(&environment(&[("A", "x y")]), &Environment::new()).text();
        assert!(Saved::parse(OsStr::new(&good)).is_some());
        for bad in [
            "",
            "1",
            "2;use;42;api;",
            "1;other;42;api;",
            "1;use;x;api;",
            "1;use;42;../api;",
            "1;use;42;api;;A-B=1",
            "1;use;42;api;;A=%0",
            "1;use;42;api;;A=%zz",
            "1;use;42;api;;A=%00",
        ] {
            assert_eq!(Saved::parse(OsStr::new(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_memory_is_read_as_it_was_written_and_nonsense_forgotten() {
        let memory =
            Memory { previous: Some(name("api")), off: Some("/a b".into()), told: Some("/c;d".into()) };
        assert_eq!(Memory::parse(OsStr::new(&memory.text())), memory);
        assert_eq!(Memory::default().text(), "");
        assert!(!Memory { previous: Some(name("api")), ..Memory::default() }.text().contains(';'));
        assert_eq!(Memory::parse(OsStr::new("../x;y;z=%")), Memory::default());
    }
}
