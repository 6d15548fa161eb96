//! Files of the main checkout that git does not keep and a new worktree gets: `.env` and its like, as
//! `.worktreeinclude` names it.
//!
//! `.worktreeinclude` is the repository's, so whoever wrote that chose what it says. What git does not ignore, and
//! whatever leads out of the checkout, is not copied for it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::run::{Git, Purpose, ask};
use super::{Error, Repository};
use crate::os::{self, NotCopied};

/// The most files, and bytes, that are copied.
const MOST_FILES: usize = 2_000;
const MOST_BYTES: u64 = 256 << 20;

/// The files that `.worktreeinclude` names and that may be copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Included {
    /// Paths below the root, in order; never more than are copied.
    pub paths: Vec<PathBuf>,
    /// The number of files beyond these.
    pub more: usize,
}

/// The result of copying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// The number of files that were copied.
    pub files: usize,
    /// The number that were skipped because they are too many, or too large together.
    pub over: usize,
    /// The paths that could not be copied, each with the reason.
    pub failed: Vec<(PathBuf, String)>,
}

impl Repository {
    /// Returns what of the main checkout goes into a new worktree: untracked files that git ignores, and that
    /// the `.worktreeinclude` of the main checkout names. Runs git if there is one. Fails if that cannot be read.
    pub fn included(&self) -> Result<Included, Error> {
        let file = self.main.join(".worktreeinclude");
        let Ok(about) = file.symlink_metadata() else { return Ok(Included::default()) };
        if self.bare {
            return Ok(Included::default());
        }
        if !about.is_file() {
            return Err(Error::ours(format!("{} is a link, or no regular file", file.display())));
        }
        let mut from = std::ffi::OsString::from("--exclude-from=");
        from.push(&file);
        let words = ["ls-files".as_ref(), "-z".as_ref(), "-o".as_ref(), "-i".as_ref(), from.as_os_str()];
        let named = ask(&self.main, &words)?;
        if !named.status.success() {
            return Err(Error::of(&named));
        }
        if named.stdout.is_empty() {
            return Ok(Included::default());
        }
        let ignored = Git::at(&self.main, Purpose::Own)?
            .output_to(&["check-ignore", "-z", "--stdin"], &named.stdout)?;
        // 1: none of them is.
        if !matches!(ignored.status.code(), Some(0 | 1)) {
            return Err(Error::of(&ignored));
        }
        let named: BTreeSet<&[u8]> = named.stdout.split(|byte| *byte == 0).collect();
        let mut paths: Vec<PathBuf> = ignored
            .stdout
            .split(|byte| *byte == 0)
            .filter(|path| !path.is_empty() && named.contains(path))
            .filter_map(path_of)
            .filter(|path| is_fit(path))
            .collect();
        paths.sort();
        let more = paths.len().saturating_sub(MOST_FILES);
        paths.truncate(MOST_FILES);
        Ok(Included { paths, more })
    }

    /// Copies them into the worktree at `root`. What is there already stays; links are neither copied nor
    /// followed.
    pub fn copy(&self, included: &Included, root: &Path) -> Copies {
        let mut copies = Copies { over: included.more, ..Copies::default() };
        let mut left = MOST_BYTES;
        for path in &included.paths {
            match os::copy_between(&self.main, root, path, left) {
                Ok(bytes) => {
                    copies.files += 1;
                    left -= bytes;
                }
                Err(NotCopied::Taken) => {}
                Err(NotCopied::TooLarge) => copies.over += 1,
                Err(why) => copies.failed.push((path.clone(), why.to_string())),
            }
        }
        copies
    }
}

/// Returns true if a path may be copied: it leads down, and to nothing of git's or of another worktree.
fn is_fit(path: &Path) -> bool {
    let parts: Option<Vec<String>> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    let Some(parts) = parts else { return false };
    let text: Vec<&str> = parts.iter().map(String::as_str).collect();
    !matches!(text.as_slice(), [] | [".claude", "worktrees", ..]) && !text.contains(&".git")
}

fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    // A directory: a repository of its own.
    if bytes.ends_with(b"/") {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    {
        std::str::from_utf8(bytes).ok().map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_or_is_gits_is_not_fit() {
        for fit in [".env", "a/b.local", ".github/x", ".claude/settings.local.json", "git/x", "a..b"] {
            assert!(is_fit(Path::new(fit)), "{fit}");
        }
        for unfit in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            ".git/config",
            "sub/.GIT/config",
            ".claude/worktrees/x/.env",
        ] {
            assert!(!is_fit(Path::new(unfit)), "{unfit}");
        }
    }
}
