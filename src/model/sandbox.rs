//! The contents of a sandbox: everything that is not named here is not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The program that makes a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Engine {
    /// bubblewrap.
    Bwrap,
    /// podman, without root.
    Podman,
}

impl Engine {
    /// Returns the name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Bwrap => "bwrap",
            Self::Podman => "podman",
        }
    }
}

/// The walls of a session's sandbox: the real paths of where it works, with no link on the way to them. A sandbox can
/// write below them, and so could lead who looks for them again somewhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walls {
    /// The directory.
    pub directory: String,
    /// The root of the checkout it is in, if that may be written from inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<String>,
    /// The directory in which git keeps what is of that checkout alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// The directory in which git keeps what all worktrees share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<String>,
}

impl Walls {
    /// Returns true if a sandbox of a session can write at `path`, a real one, git's own directories
    /// aside.
    pub fn holds(&self, path: &Path) -> bool {
        let top = self.checkout.as_ref().unwrap_or(&self.directory);
        path.starts_with(top) || path.starts_with(&self.directory)
    }

    /// Returns true if a sandbox for `found` has nothing that one with these walls has not: the repository is the same, or
    /// lies in what could be written before.
    pub fn covers(&self, found: &Self) -> bool {
        let in_here = |path: &Option<String>| path.as_ref().is_none_or(|path| self.holds(Path::new(path)));
        let same_git = found.git == self.git && found.common == self.common;
        // A `.git` that leads elsewhere by now is not passed over as if there were none.
        let known_git =
            if found.checkout == self.checkout && self.git.is_some() { found.git.is_some() } else { true };
        self.holds(Path::new(&found.directory))
            && in_here(&found.checkout)
            && (same_git || (known_git && in_here(&found.git) && in_here(&found.common)))
    }
}

/// The abilities of an engine on this machine that not every version of it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// It takes an open file or directory for what is mounted: nobody can put another one in its place meanwhile.
    pub takes_open_files: bool,
    /// It keeps what is inside from making user name spaces.
    pub closes_user_spaces: bool,
}

/// The content of a path in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// The same as outside, to be read.
    Read,
    /// The same as outside, to be read and written.
    Write,
    /// An empty directory, in memory: what is written to it is gone when the sandbox ends.
    Empty,
    /// An empty directory that stays empty. Where there is none outside, there will be.
    Nothing,
    /// An empty file that stays empty. Where there is none outside, there will be.
    NoText,
    /// A symbolic link to this, as it stands outside.
    Link(PathBuf),
}

/// The contents of a sandbox, by path. A path is the same inside as outside. A deeper path covers the one
/// it lies in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounts(BTreeMap<PathBuf, Mount>);

impl Mounts {
    /// Returns no contents at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts something at a path; what was said of that path before no longer counts.
    pub fn put(&mut self, path: impl Into<PathBuf>, mount: Mount) {
        self.0.insert(path.into(), mount);
    }

    /// Lets a path be read, unless it is in there already.
    pub fn let_in(&mut self, path: &Path) {
        if !self.holds(path) {
            self.put(path, Mount::Read);
        }
    }

    /// Adds all of `more`, which go over what is there.
    pub fn extend(&mut self, more: &Self) {
        self.0.extend(more.0.iter().map(|(path, mount)| (path.clone(), mount.clone())));
    }

    /// Returns true if `path`, a path without links, can be read inside with its content from outside.
    pub fn holds(&self, path: &Path) -> bool {
        matches!(self.over(path), Some(Mount::Read | Mount::Write))
    }

    /// Returns true if `path` can be written inside.
    pub fn lets_write(&self, path: &Path) -> bool {
        self.over(path) == Some(&Mount::Write)
    }

    /// Leaves out the links that lie in what is the same as outside: they are there already, or something else is.
    #[must_use]
    pub fn without_known_links(self) -> Self {
        let known = |path: &Path| path.parent().is_some_and(|parent| self.holds(parent));
        let is_kept = |path: &Path, mount: &Mount| !matches!(mount, Mount::Link(_)) || !known(path);
        let kept = self.iter().filter(|(path, mount)| is_kept(path, mount));
        Self(kept.map(|(path, mount)| (path.to_path_buf(), mount.clone())).collect())
    }

    fn over(&self, path: &Path) -> Option<&Mount> {
        path.ancestors().find_map(|above| self.0.get(above))
    }

    /// Returns all contents by path, each before anything that lies in it.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Mount)> {
        self.0.iter().map(|(path, mount)| (path.as_path(), mount))
    }
}

/// A sandbox: what holds it, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// The program that makes it.
    pub engine: Engine,
    /// The path of that program.
    pub program: PathBuf,
    /// The abilities of that program.
    pub abilities: Abilities,
    /// Its contents.
    pub mounts: Mounts,
    /// True if it has the network of this machine; otherwise it has none.
    pub network: bool,
    /// The session's directory, outside: a file in it is locked for as long as anything runs in the sandbox.
    pub root: PathBuf,
    /// True if the program is the session's Claude, beside which there is no second one.
    pub is_claude: bool,
    /// A directory of `cs` outside, where an engine may keep its root.
    pub scratch: PathBuf,
    /// The walls, if the record of the session has none.
    pub unnoted: Option<Walls>,
}

/// The facts of this machine that a sandbox is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The program that makes it.
    pub engine: Engine,
    /// The path of that program.
    pub program: PathBuf,
    /// The abilities of that program.
    pub abilities: Abilities,
    /// The system: its programs and settings, to be read.
    pub system: Mounts,
    /// The user's home directory, empty.
    pub home: Mounts,
    /// The directory the session works in, and what of its repository is needed there.
    pub work: Mounts,
    /// The session's own directories, to be written: its config directory, and that of its login.
    pub own: Mounts,
    /// The paths that the program needs to run, and those that a person let in.
    pub more: Mounts,
    /// True if it has the network of this machine.
    pub network: bool,
    /// The directory in which sandboxes of the profile keep their login; `None` if they need none.
    pub login: Option<PathBuf>,
    /// The walls, if the record of the session has none.
    pub unnoted: Option<Walls>,
    /// Lines that a person should read.
    pub notices: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walls_cover_what_could_be_written_before_and_the_same_repository_and_no_other() {
        let walls = |directory: &str, checkout: &str, git: &str, common: &str| {
            let some = |path: &str| (!path.is_empty()).then(|| path.to_owned());
            Walls {
                directory: directory.into(),
                checkout: some(checkout),
                git: some(git),
                common: some(common),
            }
        };
        let plain = walls("/p/a", "/p", "/p/.git", "/p/.git");
        let tree = walls("/t", "/t", "/r/.git/worktrees/t", "/r/.git");
        let bare = walls("/d", "", "", "");
        for (noted, found, covered) in [
            (&plain, &plain, true),
            (&tree, &tree, true),
            (&bare, &bare, true),
            (&bare, &walls("/d", "/d", "/d/.git", "/d/.git"), true),
            (&bare, &walls("/d", "/", "/.git", "/.git"), false),
            (&bare, &walls("/d", "/d", "/r/.git/worktrees/d", "/r/.git"), false),
            (&plain, &walls("/p/a", "/p/a", "/p/a/.git", "/p/a/.git"), true),
            (&plain, &walls("/p/b", "/p", "/p/.git", "/p/.git"), true),
            (&plain, &walls("/other", "/other", "", ""), false),
            (&plain, &walls("/p/a", "", "", ""), true),
            (&plain, &walls("/p/a", "/p", "", ""), false),
            (&tree, &walls("/t", "/t", "/r/.git/worktrees/u", "/r/.git"), false),
            (&tree, &walls("/t", "/t", "/s/.git/worktrees/t", "/s/.git"), false),
            (&tree, &walls("/t", "/t", "/t/.git", "/t/.git"), true),
            (&tree, &walls("/t", "/t", "", ""), false),
        ] {
            assert_eq!(noted.covers(found), covered, "{noted:?} and {found:?}");
        }
    }

    #[test]
    fn a_link_in_what_is_there_anyway_is_left_out() {
        let mut mounts = Mounts::new();
        mounts.put("/home/me/api", Mount::Write);
        mounts.put("/home/me/api/link", Mount::Link("elsewhere".into()));
        mounts.put("/home/named", Mount::Link("me".into()));
        let mounts = mounts.without_known_links();
        let left: Vec<_> = mounts.iter().map(|(path, _)| path.to_str().expect("UTF-8")).collect();
        assert_eq!(left, ["/home/me/api", "/home/named"]);
    }

    #[test]
    fn what_lies_deeper_goes_over_what_it_lies_in() {
        let mut mounts = Mounts::new();
        mounts.put("/home/me", Mount::Empty);
        mounts.put("/home/me/api", Mount::Write);
        mounts.put("/home/me/api/.git/hooks", Mount::Read);
        mounts.put("/usr", Mount::Read);
        for (path, held, written) in [
            ("/usr/bin/git", true, false),
            ("/home/me", false, false),
            ("/home/me/.ssh", false, false),
            ("/home/me/api/src", true, true),
            ("/home/me/api-2", false, false),
            ("/home/me/api/.git/hooks/pre-commit", true, false),
            ("/", false, false),
        ] {
            let path = Path::new(path);
            assert_eq!((mounts.holds(path), mounts.lets_write(path)), (held, written), "{}", path.display());
        }
        mounts.let_in(Path::new("/usr/share"));
        mounts.let_in(Path::new("/home/me/notes"));
        let order: Vec<_> = mounts.iter().map(|(path, _)| path.to_str().expect("UTF-8")).collect();
        let expected = ["/home/me", "/home/me/api", "/home/me/api/.git/hooks", "/home/me/notes", "/usr"];
        assert_eq!(order, expected);
    }
}
