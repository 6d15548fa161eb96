//! A checkout whose git directory is the one that its repository keeps for it.
//!
//! The `.git` in a worktree is a file that may be written by whoever can write the worktree: another one leads to a
//! repository, with settings and hooks, of their own. So the repository says where it is, and git is told.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::run::{Git, Purpose, Setting, ask, text};
use super::settings::{LIST, Settings, ignoring_submodules, os_string};
use super::{Checkout, Error, Repository};
use crate::model::reason;
use crate::os;

/// The most that a `.gitmodules` may be.
const LARGEST: u64 = 1 << 20;

/// A checkout of a repository.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    /// Its root.
    pub(super) root: PathBuf,
    /// The directory in which git keeps what is of it alone.
    pub(super) git_dir: PathBuf,
    /// The filters that the repository's own settings define, which are not run where nobody asked.
    pub(super) filters: Vec<String>,
    without_filters: Vec<Setting>,
    settings: Settings,
    is_main: bool,
}

impl Repository {
    /// Returns the checkout of this repository at `root`. Fails where that leads to another one, or git would take
    /// another directory for it.
    pub(super) fn pin(&self, root: &Path) -> Result<Pinned, Error> {
        // Git looks whom it belongs to, and says what is wrong with it.
        let words =
            ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", "--show-toplevel"];
        let above = root.parent().unwrap_or(root);
        let asked = Git::at(root, Purpose::Own)?.variable("GIT_CEILING_DIRECTORIES", above).output(&words)?;
        if !asked.status.success() {
            return Err(Error::of(&asked));
        }
        let is_main = root == self.main && !self.bare;
        let own = if is_main {
            Some(self.common.clone())
        } else {
            let checkout = Checkout::of(root).filter(|checkout| checkout.root == root);
            let directories = checkout.and_then(|checkout| checkout.git_directories());
            directories.filter(|(own, common)| *common == self.common && own != common).map(|(own, _)| own)
        };
        let git_dir = own.filter(|own| {
            let answer = asked.stdout.strip_suffix(b"\n").unwrap_or(&asked.stdout);
            let lines: Vec<&[u8]> = answer.split(|byte| *byte == b'\n').collect();
            let is = |line: &[u8], path: &Path| {
                let said = PathBuf::from(os_string(line));
                said == path || os::real_path(&said).is_ok_and(|said| said == path)
            };
            let expected = [own, &self.common, root].map(|path| path.as_os_str().as_encoded_bytes());
            answer == expected.join(&b"\n"[..])
                || matches!(lines[..], [dir, common, top] if is(dir, own) && is(common, &self.common) && is(top, root))
        });
        let git_dir = git_dir.ok_or_else(|| {
            Error::ours(format!(
                "{} is not what the repository in {} has there",
                root.display(),
                self.common.display()
            ))
        })?;
        Pinned::new(root, git_dir, &[root, &self.main, &self.common], is_main)
    }

    /// Returns the settings of this repository, as they are without a checkout.
    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let listed = ask(&self.common, &LIST)?;
        if !listed.status.success() {
            return Err(Error::of(&listed));
        }
        Ok(Settings::parse(&listed.stdout, &[&self.main, &self.common]))
    }
}

impl Pinned {
    /// Returns the checkout at `root` that `git_dir` is for. Settings in a file below one of `places` are not the
    /// person's.
    pub(super) fn new(root: &Path, git_dir: PathBuf, places: &[&Path], is_main: bool) -> Result<Self, Error> {
        let mut pinned = Self {
            root: root.to_path_buf(),
            git_dir,
            filters: Vec::new(),
            without_filters: Vec::new(),
            settings: Settings::default(),
            is_main,
        };
        let listed = pinned.ask(&LIST)?;
        if !listed.status.success() {
            return Err(Error::of(&listed));
        }
        pinned.settings = Settings::parse(&listed.stdout, places);
        (pinned.filters, pinned.without_filters) = pinned.settings.without_own_filters();
        Ok(pinned)
    }

    /// Asks git something about it. No program is run but git itself, and filters of the person's.
    pub(super) fn ask<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Output, Error> {
        let git = Git::at(&self.root, Purpose::Own)?.with(&self.without_filters);
        git.variable("GIT_DIR", &self.git_dir).variable("GIT_WORK_TREE", &self.root).output(words)
    }

    /// Has git do something in it that a person asked for, with hooks and filters of the repository. Returns all that
    /// git says.
    pub(super) fn output<S: AsRef<OsStr>>(&self, words: &[S], more: &[Setting]) -> Result<Output, Error> {
        let mut git = Git::at(&self.root, Purpose::Asked)?.with(more);
        if !self.is_main {
            // The working tree is where it is run; to hooks it says no more than git does.
            git = git.variable("GIT_DIR", &self.git_dir);
        }
        if !self.settings.is_partial() {
            git = git.variable("GIT_NO_LAZY_FETCH", "1");
        }
        let above = self.root.parent().unwrap_or(&self.root);
        git.variable("GIT_CEILING_DIRECTORIES", above).output(words)
    }

    /// As [`Pinned::output`]. Fails with what git says.
    pub(super) fn act<S: AsRef<OsStr>>(&self, words: &[S], more: &[Setting]) -> Result<String, Error> {
        let output = self.output(words, more)?;
        if !output.status.success() {
            return Err(Error::of(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Returns where hooks lie, if any of them lies among the files of the checkout, or of the main one: whoever can
    /// write those wrote them.
    pub(super) fn hooks_in_tree(&self, repository: &Repository) -> Result<Option<PathBuf>, Error> {
        let directory = if self.settings.value("core.hookspath").is_some() {
            // Without what keeps all hooks away, which would be the answer.
            let git = Git::at(&self.root, Purpose::Asked)?.variable("GIT_DIR", &self.git_dir);
            self.root.join(text(git.output(&["rev-parse", "--git-path", "hooks"])?)?)
        } else {
            repository.common.join("hooks")
        };
        let is_in_tree = |path: &Path| {
            let real = os::real_path(path).unwrap_or_else(|_| path.to_path_buf());
            let is_below = |place: &Path| real.starts_with(place);
            (is_below(&self.root) || (!repository.bare && is_below(&repository.main)))
                && !is_below(&repository.common)
        };
        if is_in_tree(&directory) {
            return Ok(Some(directory));
        }
        let names = match os::names_in(&directory, "") {
            Ok(names) => names,
            // Such as /dev/null: there are none.
            Err(error) if error.kind() == ErrorKind::NotADirectory => Vec::new(),
            Err(error) => {
                let (directory, why) = (directory.display(), reason(&error));
                return Err(Error::ours(format!("the hooks in {directory} cannot be read: {why}")));
            }
        };
        let is_one = names.into_iter().any(|name| is_in_tree(&directory.join(name)));
        Ok(is_one.then_some(directory))
    }

    /// Returns the settings with which git looks into no submodule of this checkout, nor of the commits between `one`
    /// and `other`. Fails where they cannot be read.
    pub(super) fn ignoring_submodules(&self, one: &str, other: &str) -> Result<Vec<Setting>, Error> {
        const NAME: &str = ".gitmodules";
        let mut texts = Vec::new();
        let own = self.root.join(NAME);
        let unread = || Error::ours(format!("{} cannot be read", own.display()));
        if os::exists(&own) {
            texts.push(os::read_small(&own, LARGEST).map_err(|_| unread())?.ok_or_else(unread)?);
        }
        let mut blobs: Vec<String> = [one, other].map(|commit| format!("{commit}:{NAME}")).into();
        let between = format!("{one}...{other}");
        let listed = text(self.ask(&["rev-list", "--objects", &between, "--", NAME])?)?;
        let named = listed.lines().filter_map(|line| line.split_once(' '));
        blobs.extend(named.filter(|(_, name)| *name == NAME).map(|(id, _)| id.to_owned()));
        for blob in blobs {
            let found = self.ask(&["cat-file", "blob", &blob])?;
            texts.extend(found.status.success().then_some(found.stdout));
        }
        let mut settings = std::collections::BTreeMap::<OsString, OsString>::new();
        for text in texts {
            let git = Git::at(&self.root, Purpose::Own)?.variable("GIT_DIR", &self.git_dir);
            let listed = git.output_to(&["config", "--file", "-", "--list", "-z"], &text)?;
            if !listed.status.success() {
                return Err(Error::of(&listed));
            }
            settings.extend(ignoring_submodules(&listed.stdout));
        }
        Ok(settings.into_iter().collect())
    }
}
