//! The user's own table of bindings, `bindings.toml`, and beside it `bindings.paths`: the hook of a shell
//! reads this to know, without starting a process, whether its directory is bound.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;
use uuid::Uuid;

use super::Store;
use super::locking::lock;
use super::records::version_of;
use crate::model::{Failure, Kind, Name, Place, Result, Target};
use crate::os;

const VERSION: u32 = 1;

/// The line of `bindings.paths` that says that some remote is bound.
const SOME_REMOTE: &str = "*";

/// One binding of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The bound directory or remotes.
    pub place: Place,
    /// The profile or session it is bound to.
    pub target: Target,
}

/// `bindings.toml`, as it stands on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    #[serde(default, rename = "binding", skip_serializing_if = "Vec::is_empty")]
    bindings: Vec<Spanned<Line>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
}

impl Store {
    fn bindings_path(&self) -> PathBuf {
        self.root().join("bindings.toml")
    }

    /// Returns the path of the file for the shells' hooks: a line for each bound directory, its path as
    /// it is, and the line `*` if some remote is bound. Without bindings there is no such file. After a
    /// command that was cut short it can have a line too many, and never one too few.
    pub fn bound_paths_path(&self) -> PathBuf {
        self.root().join("bindings.paths")
    }

    /// Returns true if that file lacks a directory, or the remotes, of some binding. Reads both files.
    pub fn hooks_miss_bindings(&self) -> Result<bool> {
        let bindings = self.bindings()?;
        let path = self.bound_paths_path();
        let there = os::read_optional(&path).map_err(|error| Failure::io("read", &path, &error))?;
        let there = String::from_utf8_lossy(&there.unwrap_or_default()).into_owned();
        let lines: BTreeSet<&str> = there.lines().collect();
        Ok(!paths(&bindings).is_subset(&lines))
    }

    /// Writes the file for the hooks of the shells from the table.
    pub fn show_hooks_bindings(&self) -> Result<()> {
        let _lock = lock(&self.root().join("lock"), "the bindings")?;
        self.write_paths(&paths(&self.bindings()?))
    }

    /// Reads every binding, in the order they were made in.
    pub fn bindings(&self) -> Result<Vec<Binding>> {
        let path = self.bindings_path();
        match os::read_optional(&path).map_err(|error| Failure::io("read", &path, &error))? {
            Some(bytes) => parse(&bytes, &path),
            None => Ok(Vec::new()),
        }
    }

    /// Binds `place` to `target`, and returns what it was bound to before.
    pub fn bind(&self, place: &Place, target: &Target) -> Result<Option<Target>> {
        self.ensure()?;
        self.change_bindings(|bindings| {
            if let Some(binding) = bindings.iter_mut().find(|binding| binding.place == *place) {
                return Some(std::mem::replace(&mut binding.target, target.clone()));
            }
            bindings.push(Binding { place: place.clone(), target: target.clone() });
            None
        })
    }

    /// Removes the binding of `place`, and returns its target; `None` if there was no such binding.
    pub fn unbind(&self, place: &Place) -> Result<Option<Target>> {
        if !self.bindings()?.iter().any(|binding| binding.place == *place) {
            return Ok(None);
        }
        self.change_bindings(|bindings| {
            let at = bindings.iter().position(|binding| binding.place == *place)?;
            Some(bindings.remove(at).target)
        })
    }

    /// Changes the table under its lock. When this returns `Ok` the change is made; when it fails
    /// nothing is.
    fn change_bindings(
        &self,
        change: impl FnOnce(&mut Vec<Binding>) -> Option<Target>,
    ) -> Result<Option<Target>> {
        let _lock = lock(&self.root().join("lock"), "the bindings")?;
        let before = self.bindings()?;
        let mut after = before.clone();
        let was = change(&mut after);
        // Cut short anywhere, the hooks see every directory that is bound: the old ones and the
        // new ones first, and only the new ones when the table has changed.
        let (old, new) = (paths(&before), paths(&after));
        self.write_paths(&old.union(&new).copied().collect())?;
        if after != before {
            let path = self.bindings_path();
            os::replace_file(&path, text(&after)?.as_bytes(), true)
                .map_err(|error| Failure::io("write", &path, &error))?;
        }
        // A line too many costs a shell one look, and is no reason to say that nothing was changed.
        let _ = self.write_paths(&new);
        Ok(was)
    }

    fn write_paths(&self, paths: &BTreeSet<&str>) -> Result<()> {
        let path = self.bound_paths_path();
        let text: String = paths.iter().map(|path| format!("{path}\n")).collect();
        let there = os::read_optional(&path).ok().flatten().unwrap_or_default();
        if there == text.as_bytes() {
            return Ok(());
        }
        let written = if text.is_empty() {
            os::remove_file(&path)
        } else {
            os::replace_file(&path, text.as_bytes(), true)
        };
        written.map_err(|error| Failure::io("write", &path, &error))
    }
}

/// Returns the lines of `bindings.paths`.
fn paths(bindings: &[Binding]) -> BTreeSet<&str> {
    bindings
        .iter()
        .filter_map(|binding| match &binding.place {
            Place::Directory(path) => path.to_str(),
            Place::Remote(_) => Some(SOME_REMOTE),
            Place::File(_) => None,
        })
        .collect()
}

fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Binding>> {
    let damaged = |place: String, why: &str| {
        Failure::of(
            Kind::Damaged,
            format!("the table of bindings is damaged: {}{place}: {why}", path.display()),
        )
        .hint("nothing was changed; correct the file, or put back a copy of it")
    };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged(String::new(), "it is not UTF-8"))?;
    let line = |at: usize| format!(":{}", text[..at.min(text.len())].matches('\n').count() + 1);
    let parsed = toml::from_str::<Table>(text);
    if let Some(version) = version_of(text).filter(|version| *version > VERSION) {
        return Err(Failure::failed(format!(
            "the table of bindings was written by a newer cs (version {version}): {}",
            path.display()
        ))
        .with_kind(Kind::Damaged)
        .hint("update cs"));
    }
    let table = parsed.map_err(|error| {
        let place = error.span().map(|span| line(span.start)).unwrap_or_default();
        damaged(place, error.message().lines().next().unwrap_or("it is no TOML"))
    })?;
    table
        .bindings
        .into_iter()
        .map(|entry| {
            let place = line(entry.span().start);
            binding(entry.into_inner()).map_err(|why| damaged(place, &why))
        })
        .collect()
}

fn binding(line: Line) -> Result<Binding, String> {
    let place = match (line.path, line.remote) {
        (Some(path), None) if !path.is_absolute() => {
            return Err(format!("'{}' is not an absolute path", path.display()));
        }
        // The hooks read a path a line.
        (Some(path), None) if path.to_string_lossy().chars().any(char::is_control) => {
            return Err(format!("'{}' has control characters", path.display()));
        }
        (Some(path), None) => Place::Directory(path.components().collect()),
        (None, Some(glob)) => Place::remote(&glob).map_err(|why| format!("the remote '{glob}': {why}"))?,
        _ => return Err("a binding has either a path or a remote".into()),
    };
    let target = match (line.profile, line.session) {
        (Some(name), None) => Target::Profile(name.folded()),
        (None, Some(id)) => Target::Session(id),
        _ => return Err("a binding has either a profile or a session".into()),
    };
    Ok(Binding { place, target })
}

fn text(bindings: &[Binding]) -> Result<String> {
    let line = |binding: &Binding| {
        let mut line = Line::default();
        match &binding.place {
            Place::Directory(path) | Place::File(path) => line.path = Some(path.clone()),
            Place::Remote(glob) => line.remote = Some(glob.clone()),
        }
        match &binding.target {
            Target::Profile(name) => line.profile = Some(name.clone()),
            Target::Session(id) => line.session = Some(*id),
        }
        Spanned::new(0..0, line)
    };
    super::records::text(&Table { version: VERSION, bindings: bindings.iter().map(line).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;
    use std::fs;

    fn profile(name: &str) -> Target {
        Target::Profile(Name::suggest(name))
    }

    #[test]
    fn what_is_bound_is_read_as_it_was_written() {
        let (_dir, store) = store();
        let session = Target::Session(Uuid::now_v7());
        for (path, target) in [("/a b/\"it's\" \\x", profile("work")), ("/naïve 日本", session.clone())] {
            let place = Place::Directory(path.into());
            assert_eq!(store.bind(&place, &target), Ok(None));
            assert_eq!(store.bind(&place, &target), Ok(Some(target.clone())), "the same again");
        }
        let remote = Place::remote("github.com/acme/*").expect("a glob");
        assert_eq!(store.bind(&remote, &profile("home")), Ok(None));
        assert_eq!(store.bind(&remote, &session), Ok(Some(profile("home"))), "what it was");
        let bindings = store.bindings().expect("read");
        assert_eq!(bindings.len(), 3);
        assert_eq!(bindings[2], Binding { place: remote.clone(), target: session.clone() });
        let lines = || fs::read_to_string(store.bound_paths_path());
        assert_eq!(lines().ok().as_deref(), Some("*\n/a b/\"it's\" \\x\n/naïve 日本\n"));

        assert_eq!(store.unbind(&remote), Ok(Some(session.clone())));
        assert_eq!(store.unbind(&remote), Ok(None));
        assert_eq!(lines().ok().as_deref(), Some("/a b/\"it's\" \\x\n/naïve 日本\n"));
        for path in ["/naïve 日本", "/a b/\"it's\" \\x"] {
            assert!(store.unbind(&Place::Directory(path.into())).is_ok_and(|was| was.is_some()));
        }
        assert!(!os::exists(&store.bound_paths_path()), "no file where nothing is bound");
        assert_eq!(store.bindings(), Ok(Vec::new()));
    }

    #[test]
    fn lines_that_are_missing_for_the_shells_are_put_back_by_the_next_change() {
        let (_dir, store) = store();
        store.bind(&Place::Directory("/a".into()), &profile("work")).expect("bound");
        fs::remove_file(store.bound_paths_path()).expect("removed");
        store.bind(&Place::Directory("/a".into()), &profile("work")).expect("bound");
        assert_eq!(fs::read_to_string(store.bound_paths_path()).ok().as_deref(), Some("/a\n"));
    }

    #[test]
    fn a_table_that_says_something_it_should_not_is_damaged_at_that_line() {
        let path = Path::new("/data/bindings.toml");
        let failure = |text: &[u8]| parse(text, path).expect_err("damaged").message;
        for (text, said) in [
            ("", "/data/bindings.toml:1: missing field `version`"),
            ("version = 1\n[[binding]]\npth = \"/a\"\n", "/data/bindings.toml:3: unknown field `pth`"),
            ("version = 1\nmood = 1\n", "/data/bindings.toml:2: unknown field `mood`"),
            (
                "version = 1\n\n[[binding]]\npath = \"a\"\nprofile = \"work\"\n",
                ":3: 'a' is not an absolute path",
            ),
            (
                "version = 1\n[[binding]]\npath = \"/a\\n*\"\nprofile = \"work\"\n",
                ":2: '/a\n*' has control characters",
            ),
            ("version = 1\n[[binding]]\npath = \"/a\"\n", ":2: a binding has either a profile or a session"),
            ("version = 1\n[[binding]]\nprofile = \"work\"\n", ":2: a binding has either a path or a remote"),
            ("version = 1\n[[binding]]\nremote = \"[\"\nprofile = \"work\"\n", ":2: the remote '['"),
            ("version = 1\n[[binding]]\npath = \"/a\"\nprofile = \"../x\"\n", ":4: a name "),
            ("version = 1\n[[bind", ":2: "),
            ("version = 9\nmood = 1\n", "was written by a newer cs (version 9)"),
        ] {
            let message = failure(text.as_bytes());
            assert!(message.contains(said), "{text:?}: {message}");
        }
        assert!(failure(b"\xff").contains("not UTF-8"));
        assert_eq!(parse(b"version = 1\n", path), Ok(Vec::new()));
    }
}
