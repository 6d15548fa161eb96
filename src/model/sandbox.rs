//! What a sandbox lets in: everything that is not named here is not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What holds a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Engine {
    /// bubblewrap.
    Bwrap,
    /// podman, without root.
    Podman,
}

impl Engine {
    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Bwrap => "bwrap",
            Self::Podman => "podman",
        }
    }
}

/// What is at a path in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// What is there outside, to be read.
    Read,
    /// What is there outside, to be read and written.
    Write,
    /// An empty directory, in memory: what is written to it is gone when the sandbox ends.
    Empty,
    /// A symbolic link to this, as it stands outside.
    Link(PathBuf),
}

/// What is in a sandbox, by path. A path is the same inside as outside. What lies deeper goes over
/// what it lies in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounts(BTreeMap<PathBuf, Mount>);

impl Mounts {
    /// Nothing at all.
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

    /// Whether what is at `path` outside, a path without links, can be read inside.
    pub fn holds(&self, path: &Path) -> bool {
        matches!(self.over(path), Some(Mount::Read | Mount::Write))
    }

    /// Whether it can be written.
    pub fn lets_write(&self, path: &Path) -> bool {
        self.over(path) == Some(&Mount::Write)
    }

    fn over(&self, path: &Path) -> Option<&Mount> {
        path.ancestors().find_map(|above| self.0.get(above))
    }

    /// Everything in it; what lies in something comes after that.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Mount)> {
        self.0.iter().map(|(path, mount)| (path.as_path(), mount))
    }
}

/// A sandbox: what holds it, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// What holds it.
    pub engine: Engine,
    /// Where the program of that is.
    pub program: PathBuf,
    /// What is in it.
    pub mounts: Mounts,
    /// Whether it has the network of this machine; otherwise it has none.
    pub network: bool,
    /// A file of `cs` outside, on which there is a lock for as long as anything runs in it. `None` where
    /// what is run is not the session's Claude.
    pub held: Option<PathBuf>,
    /// A directory of `cs` outside, where an engine may keep its root.
    pub scratch: PathBuf,
}

/// What a sandbox is made from, as it was found on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// What holds it.
    pub engine: Engine,
    /// Where the program of that is.
    pub program: PathBuf,
    /// The system: its programs and settings, to be read.
    pub system: Mounts,
    /// The user's home directory, empty.
    pub home: Mounts,
    /// The directory the session works in, and what of its repository is needed there.
    pub work: Mounts,
    /// What is the session's own, to be written: its config directory, and where its login is.
    pub own: Mounts,
    /// What is needed to run what is to be run, and what a person let in.
    pub more: Mounts,
    /// Whether it has the network of this machine.
    pub network: bool,
    /// Where sandboxes of the profile keep their login; `None` where they need none.
    pub login: Option<PathBuf>,
    /// What a person should know.
    pub notices: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

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
