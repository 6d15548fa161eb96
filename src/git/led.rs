//! Links in git's own directories.
//!
//! Whoever may commit can write there, from inside of a sandbox too. Git, run outside, follows a link in the place of a
//! directory, a log or a message, and writes a text of the session's where that leads: into a start-up file, say.

use std::path::{Path, PathBuf};

use super::run::answer;
use super::{Error, Repository};
use crate::os;

/// What people and programs put links to, and git writes nothing into while it works for `cs`.
const OF_OTHERS: [&str; 6] = ["annex", "hooks", "info", "lfs", "modules", "svn"];

/// What lies deeper in a git directory and is written to by git, the outer before the inner.
const WRITTEN: [&str; 8] = [
    "refs/heads",
    "refs/cs",
    "refs/cs/trash",
    "logs/HEAD",
    "logs/refs",
    "logs/refs/heads",
    "objects/info",
    "objects/pack",
];

impl Repository {
    /// Has git change references, or settings, as `words` say. Refused as by [`Repository::refuse_led_elsewhere`], for
    /// `branches`. Fails with what git says.
    pub(super) fn change(&self, branches: &[&str], words: &[&str]) -> Result<(), Error> {
        self.refuse_led_elsewhere(&self.common, branches)?;
        answer(&self.common, words).map(drop)
    }

    /// Refuses what git is about to write in this repository, in its directory `own` for one checkout and for
    /// `branches`, where a link leads git elsewhere. The links of Google's `repo`, from a git directory to what has
    /// the same name in another one, stay.
    pub(super) fn refuse_led_elsewhere(&self, own: &Path, branches: &[&str]) -> Result<(), Error> {
        let mut places = children(&self.common)?;
        places.extend(WRITTEN.iter().map(|name| self.common.join(name)));
        places.extend(children(&self.common.join("objects"))?);
        // What git knows of each worktree.
        places.extend(children(&self.common.join("worktrees"))?);
        if own != self.common {
            places.extend(children(own)?);
            places.push(own.join("logs/HEAD"));
        }
        for branch in branches {
            for above in Path::new(branch).ancestors().filter(|above| !above.as_os_str().is_empty()) {
                places
                    .extend(["refs/heads", "logs/refs/heads"].map(|room| self.common.join(room).join(above)));
            }
        }
        let led = places.iter().find(|place| leads_elsewhere(place));
        led.map_or(Ok(()), |place| {
            Err(Error::ours(format!("{} is a link, and git would write where it leads", place.display())))
        })
    }
}

/// Returns what is in a directory of git's, but what is of others; nothing where there is no such directory.
fn children(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut entries = match os::entries_of(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let why = crate::model::reason(&error);
            return Err(Error::ours(format!("{} cannot be read: {why}", directory.display())));
        }
    };
    let of_others = |entry: &PathBuf| OF_OTHERS.iter().any(|name| entry.ends_with(name));
    entries.retain(|entry| !of_others(entry));
    entries.sort_unstable();
    Ok(entries)
}

/// Returns true for a link, unless it leads to what has the same name in a git directory that is nobody's `.git`.
fn leads_elsewhere(place: &Path) -> bool {
    if !place.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
        return false;
    }
    let is_gits = |target: &Path| {
        let room = target.parent().filter(|_| target.file_name() == place.file_name());
        room.is_some_and(|room| {
            !room.ends_with(".git")
                && ["HEAD", "objects", "refs"].iter().all(|name| os::exists(&room.join(name)))
        })
    };
    !os::real_path(place).is_ok_and(|target| is_gits(&target))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::run::act;
    use super::*;

    #[test]
    fn a_link_is_refused_wherever_git_writes() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = fs::canonicalize(dir.path()).expect("it exists");
        let (repo, outside) = (base.join("repo"), base.join("outside"));
        for directory in [&repo, &outside] {
            fs::create_dir(directory).expect("made");
        }
        act(&repo, &["init", "-q", "-b", "main"], &[]).expect("a repository");
        let who = ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first"];
        act(&repo, &who, &[]).expect("a commit");
        let tree = base.join("tree");
        act(&repo, &["worktree".as_ref(), "add".as_ref(), "-q".as_ref(), tree.as_os_str()], &[])
            .expect("a worktree");
        let repository = Repository::of(&repo).expect("git answers").expect("a repository");
        let (common, own) = (repo.join(".git"), repo.join(".git/worktrees/tree"));
        let check = || repository.refuse_led_elsewhere(&own, &["feature/x"]);
        assert_eq!(check(), Ok(()), "nothing is a link");

        for (place, is_directory) in [
            (common.join("COMMIT_EDITMSG"), false),
            (own.join("COMMIT_EDITMSG"), false),
            (own.join("logs/HEAD"), false),
            (common.join("packed-refs"), false),
            (common.join("logs/refs/heads/feature"), true),
            (common.join("logs/refs/heads/feature/x"), false),
            (common.join("refs/heads/feature"), true),
            (common.join("worktrees/other"), true),
            (common.join("objects/ab"), true),
            (common.join("refs"), true),
        ] {
            let kept = base.join("kept");
            let was_there = fs::rename(&place, &kept).is_ok();
            let above = place.parent().expect("below the repository");
            let is_new = !above.exists();
            fs::create_dir_all(above).expect("made");
            let target = if is_directory { outside.clone() } else { outside.join("file") };
            symlink(target, &place).expect("linked");
            let why = check().expect_err("refused").to_string();
            assert!(why.starts_with(&format!("{} is a link", place.display())), "{why}");
            fs::remove_file(&place).expect("removed");
            if was_there {
                fs::rename(&kept, &place).expect("put back");
            }
            if is_new {
                fs::remove_dir(above).expect("removed");
            }
            assert_eq!(check(), Ok(()), "{} is no link any more", place.display());
        }
        // What people link.
        fs::remove_dir_all(common.join("hooks")).expect("removed");
        symlink(&outside, common.join("hooks")).expect("linked");
        assert_eq!(check(), Ok(()));
        // As `repo` does it.
        let kept = base.join("kept.git");
        act(&base, &["init", "-q", "--bare", "kept.git"], &[]).expect("a repository");
        fs::remove_dir_all(common.join("objects")).expect("removed");
        symlink(kept.join("objects"), common.join("objects")).expect("linked");
        assert_eq!(check(), Ok(()));
    }
}
