//! Stowed worktrees: removed with their session, they can come back with it.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The record of a worktree that lies with its session (`worktree/worktree.toml`): its old path, and its
/// state in git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StowedWorktree {
    /// The layout of this record.
    pub version: u32,
    /// Its old path: absolute, links resolved.
    pub root: String,
    /// The git directory that the worktrees of its repository share.
    pub repository: String,
    /// The name of its directory there, in `worktrees/`.
    pub entry: String,
    /// The branch that was checked out in it; `None` if it was on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that was checked out in it; `None` before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The upstream of the branch: the remote, and the name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<(String, String)>,
}

impl StowedWorktree {
    /// The layout that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// Returns its old path.
    pub fn root(&self) -> &Path {
        Path::new(&self.root)
    }

    /// Returns the git directory that the worktrees of its repository share.
    pub fn repository(&self) -> &Path {
        Path::new(&self.repository)
    }

    /// Returns the branch if it is a worktree's own: `worktree-NAME`, as Claude Code and `cs` call the
    /// one they make for the directory NAME (2.1.329). Any other branch is a person's, and stays when the
    /// worktree goes.
    pub fn own_branch(&self) -> Option<&str> {
        own_branch(self.root(), self.branch.as_deref())
    }
}

/// Returns `branch` if it is the worktree's own, for the worktree at `root`.
pub fn own_branch<'b>(root: &Path, branch: Option<&'b str>) -> Option<&'b str> {
    let name = root.file_name()?.to_str()?;
    branch.filter(|branch| branch.strip_prefix("worktree-") == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_branch_named_like_the_directory_is_the_worktrees_own() {
        let root = Path::new("/r/.claude/worktrees/fix+it");
        assert_eq!(own_branch(root, Some("worktree-fix+it")), Some("worktree-fix+it"));
        for other in ["main", "fix+it", "worktree-fix", "worktree-", "x/worktree-fix+it"] {
            assert_eq!(own_branch(root, Some(other)), None, "{other}");
        }
        assert_eq!(own_branch(root, None), None);
    }
}
