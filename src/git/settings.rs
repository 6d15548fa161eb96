//! The settings of a repository that name programs, and how to have git run none of them.
//!
//! Where the person's own settings (`~/.gitconfig`, the system's) define a filter, that is theirs: without git-lfs a
//! checkout with large files would seem changed all over. What the repository's settings define is not, though a
//! person may have written it there: it is there for whoever can write them.
//!
//! See docs/decisions/017-git-runs-nothing-it-was-not-asked-for.md

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::run::Setting;
use crate::os;

/// The settings that hold somewhere, in git's order: a later one goes over an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// It stands in a file of the person's, or of the system.
    is_persons: bool,
    /// Its name, as bytes: the middle of it is anything.
    name: Vec<u8>,
    value: Vec<u8>,
}

/// The words that have git print them.
pub(super) const LIST: [&str; 5] = ["config", "--list", "--show-scope", "--show-origin", "-z"];

impl Settings {
    /// Reads what git prints for [`LIST`]. What a file below one of `places` says, which the person's settings may
    /// include, is not the person's.
    pub(super) fn parse(printed: &[u8], places: &[&Path]) -> Self {
        let mut parts = printed.split(|byte| *byte == 0);
        let mut entries = Vec::new();
        while let (Some(scope), Some(origin), Some(setting)) = (parts.next(), parts.next(), parts.next()) {
            let file = origin.strip_prefix(b"file:").map(|file| PathBuf::from(os_string(file)));
            let is_elsewhere = file.is_some_and(|file| {
                let real = os::real_path(&file).unwrap_or_else(|_| file.clone());
                file.is_absolute()
                    && !places.iter().any(|place| real.starts_with(place) || file.starts_with(place))
            });
            let mut halves = setting.splitn(2, |byte| *byte == b'\n');
            let name = halves.next().unwrap_or_default().to_vec();
            // Without a value it is true.
            let value = halves.next().unwrap_or(b"true").to_vec();
            if scope != b"command" {
                let is_persons = matches!(scope, b"system" | b"global") && is_elsewhere;
                entries.push(Entry { is_persons, name, value });
            }
        }
        Self(entries)
    }

    /// Returns the value of `name`, which has no middle part.
    pub(super) fn value(&self, name: &str) -> Option<&[u8]> {
        let of = |entry: &&Entry| entry.name.eq_ignore_ascii_case(name.as_bytes());
        self.0.iter().rev().find(of).map(|entry| entry.value.as_slice())
    }

    /// Returns the middle parts of the settings `section.….key` that `is_meant` takes, with one of `keys`.
    fn middles(&self, section: &str, keys: &[&str], is_meant: impl Fn(&Entry) -> bool) -> BTreeSet<Vec<u8>> {
        let meant = self.0.iter().filter(|entry| is_meant(entry));
        let parts = meant.filter_map(|entry| parts(&entry.name));
        let named = parts.filter(|(first, _, last)| {
            *first == section.as_bytes() && keys.iter().any(|key| key.as_bytes() == *last)
        });
        named.map(|(_, middle, _)| middle.to_vec()).collect()
    }

    /// Returns the filters that the repository's own settings define, and those settings with which git runs only
    /// what the person's say.
    pub(super) fn without_own_filters(&self) -> (Vec<String>, Vec<Setting>) {
        const KEYS: [&str; 4] = ["clean", "smudge", "process", "required"];
        let mut own = self.middles("filter", &KEYS, |entry| !entry.is_persons);
        // git-lfs, which is the person's, would run what the repository names.
        let is_of_lfs = |entry: &Entry| {
            let name = entry.name.to_ascii_lowercase();
            let is_program = name.starts_with(b"lfs.extension.") || name.starts_with(b"lfs.customtransfer.");
            !entry.is_persons && (is_program || name.ends_with(b".standalonetransferagent"))
        };
        let is_misled = self.0.iter().any(is_of_lfs);
        if is_misled {
            own.insert(b"lfs".to_vec());
        }
        let mut settings = Vec::new();
        for driver in &own {
            let is_off = is_misled && driver.as_slice() == b"lfs";
            for key in KEYS {
                let name = [b"filter.", driver.as_slice(), b".", key.as_bytes()].concat();
                let last = |is_persons: bool| {
                    let of = |entry: &&Entry| entry.is_persons == is_persons && entry.name == name;
                    self.0.iter().rev().find(of)
                };
                // An empty `process` would be one: `clean` would not be run.
                if !is_off && last(false).is_none() {
                    continue;
                }
                let none: &[u8] = if key == "required" { b"false" } else { b"" };
                let value = last(true).filter(|_| !is_off).map_or(none, |entry| &entry.value);
                settings.push((os_string(&name), os_string(value)));
            }
        }
        (own.iter().map(|driver| String::from_utf8_lossy(driver).into_owned()).collect(), settings)
    }

    /// Returns the settings with which every merge that a program would have to make is a conflict.
    pub(super) fn without_merge_drivers(&self) -> Vec<Setting> {
        let drivers = self.middles("merge", &["driver"], |_| true);
        let setting = |driver: &Vec<u8>| {
            let name = [b"merge.", driver.as_slice(), b".driver"].concat();
            (os_string(&name), OsString::from("exit 1"))
        };
        drivers.iter().map(setting).collect()
    }

    /// Returns true if objects of the repository may lie elsewhere, and are fetched when they are needed.
    pub(super) fn is_partial(&self) -> bool {
        self.value("extensions.partialclone").is_some()
            || !self.middles("remote", &["promisor", "partialclonefilter"], |_| true).is_empty()
    }
}

/// Returns the settings with which no submodule that a `.gitmodules` names is looked into: there it can ask for that
/// itself. `printed` is what git prints for its list of names (`-z`).
pub(super) fn ignoring_submodules(printed: &[u8]) -> BTreeMap<OsString, OsString> {
    let lines = printed.split(|byte| *byte == 0);
    let names = lines.filter_map(|line| parts(line.split(|byte| *byte == b'\n').next().unwrap_or_default()));
    let submodules = names.filter(|(section, _, _)| *section == b"submodule");
    submodules
        .map(|(_, name, _)| (os_string(&[b"submodule.", name, b".ignore"].concat()), OsString::from("dirty")))
        .collect()
}

/// Returns the parts of a setting's name: before the first dot, after the last, and what is between.
fn parts(name: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = name.iter().position(|byte| *byte == b'.')?;
    let last = name.iter().rposition(|byte| *byte == b'.')?;
    let middle = name.get(first + 1..last)?;
    Some((&name[..first], middle, &name[last + 1..]))
}

/// Returns bytes that git printed as the system has them.
pub(super) fn os_string(bytes: &[u8]) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        OsStr::from_bytes(bytes).to_owned()
    }
    #[cfg(not(unix))]
    {
        let text = String::from_utf8_lossy(bytes);
        OsStr::new(text.as_ref()).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As git prints them: scope, file, name and value.
    fn settings(lines: &[(&str, &str, &str, &str)]) -> Settings {
        let printed: Vec<String> = lines
            .iter()
            .map(|(scope, file, name, value)| format!("{scope}\0file:{file}\0{name}\n{value}\0"))
            .collect();
        Settings::parse(printed.concat().as_bytes(), &[Path::new("/r")])
    }

    fn text(settings: &[Setting]) -> Vec<String> {
        let text = |text: &OsString| text.to_string_lossy().into_owned();
        settings.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect()
    }

    #[test]
    fn a_filter_of_the_repository_is_off_and_the_persons_own_stays() {
        let found = settings(&[
            ("system", "/etc/gitconfig", "filter.lfs.process", "git-lfs filter-process"),
            ("global", "/home/me/.gitconfig", "filter.mine.clean", "mine"),
            ("local", ".git/config", "filter.a=b.c.clean", "planted"),
            ("worktree", ".git/worktrees/x/config.worktree", "filter.mine.clean", "planted"),
            ("local", ".git/config", "filter.mine.required", "true"),
            ("command", "", "filter.x.clean", "ours"),
        ]);
        let (own, over) = found.without_own_filters();
        assert_eq!(own, ["a=b.c", "mine"]);
        assert_eq!(
            text(&over),
            ["filter.a=b.c.clean=", "filter.mine.clean=mine", "filter.mine.required=false"]
        );
        assert_eq!(settings(&[]).without_own_filters(), (vec![], vec![]));
    }

    #[test]
    fn what_the_persons_settings_include_from_the_repository_is_not_the_persons() {
        let lines = [("global", "/r/.gitconfig", "filter.x.clean", "planted")];
        assert_eq!(settings(&lines).without_own_filters().0, ["x"]);
        let elsewhere = [("global", "/home/me/.config/git/more", "filter.x.clean", "mine")];
        assert!(settings(&elsewhere).without_own_filters().0.is_empty(), "the control");
    }

    #[test]
    fn git_lfs_is_off_where_the_repository_names_programs_for_it() {
        let persons = ("global", "/home/me/.gitconfig", "filter.lfs.process", "git-lfs filter-process");
        let planted = ("local", ".git/config", "lfs.extension.x.clean", "planted");
        let (own, over) = settings(&[persons, planted]).without_own_filters();
        assert_eq!(own, ["lfs"]);
        assert!(text(&over).contains(&"filter.lfs.process=".to_owned()), "{over:?}");
        let harmless = ("local", ".git/config", "lfs.url", "https://a.example");
        assert!(settings(&[persons, harmless]).without_own_filters().0.is_empty());
    }

    #[test]
    fn every_merge_driver_is_a_conflict_whoever_defined_it() {
        let found = settings(&[
            ("global", "/home/me/.gitconfig", "merge.ours.driver", "true"),
            ("local", ".git/config", "merge.x.driver", "planted"),
            ("local", ".git/config", "merge.x.name", "a driver"),
            ("local", ".git/config", "merge.ff", "false"),
        ]);
        assert_eq!(
            text(&found.without_merge_drivers()),
            ["merge.ours.driver=exit 1", "merge.x.driver=exit 1"]
        );
    }

    #[test]
    fn a_partial_clone_is_told() {
        assert!(settings(&[("local", ".git/config", "remote.origin.promisor", "true")]).is_partial());
        assert!(!settings(&[("local", ".git/config", "remote.origin.url", "x")]).is_partial());
    }

    #[test]
    fn submodules_are_named_as_gitmodules_names_them() {
        let printed =
            b"submodule.a.b.path\nlib\0submodule.a.b.ignore\nnone\0submodule.c=d.url\n../x\0other.x\ny\0";
        let found: Vec<Setting> = ignoring_submodules(printed).into_iter().collect();
        assert_eq!(text(&found), ["submodule.a.b.ignore=dirty", "submodule.c=d.ignore=dirty"]);
    }
}
