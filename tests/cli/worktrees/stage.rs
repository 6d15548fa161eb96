//! A repository with worktrees, which `cs wt` is about.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scenery::state;
use crate::support::world::{Ran, World, git};

/// A world with a repository in which there is one commit on `main`.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) repo: PathBuf,
}

impl Stage {
    pub(super) fn new() -> Self {
        let world = super::world();
        let repo = world.project("repo");
        let stage = Self { world, repo };
        let global = ["config", "--global", "protocol.file.allow", "always"];
        stage.git(&stage.repo, &global);
        stage.git(&stage.repo, &["init", "-q"]);
        fs::write(stage.repo.join("file"), "one\n").unwrap();
        fs::write(stage.repo.join("other"), "one\n").unwrap();
        fs::write(stage.repo.join(".gitignore"), ".claude/\n.env\nnode_modules\n").unwrap();
        stage.commit(&stage.repo, "first");
        stage
    }

    pub(super) fn git(&self, place: &Path, words: &[&str]) -> String {
        git(&self.world, place, words)
    }

    pub(super) fn commit(&self, place: &Path, subject: &str) {
        super::commit(&self.world, place, subject);
    }

    /// Where the worktree `name` is.
    pub(super) fn tree(&self, name: &str) -> PathBuf {
        super::tree(&self.repo, name)
    }

    /// Makes the worktree `name` on the branch `worktree-NAME`, as Claude does.
    pub(super) fn add(&self, name: &str) -> PathBuf {
        let tree = self.tree(name);
        let branch = format!("worktree-{name}");
        self.git(&self.repo, &["worktree", "add", "-q", "-b", &branch, tree.to_str().unwrap()]);
        tree
    }

    /// The same, with a session of that name which has it in its record and a lock on it.
    pub(super) fn with_session(&self, name: &str) -> PathBuf {
        let tree = self.add(name);
        self.world.cs_in(&tree, &["new", "--no-open", name]).ok();
        self.record(name, &tree, Some("main"));
        tree
    }

    /// Writes into the record of a session that it was made for a worktree, and locks that.
    pub(super) fn record(&self, name: &str, tree: &Path, onto: Option<&str>) {
        let id = self.world.id_of(name);
        let path = self.world.data().join("sessions").join(&id).join("session.toml");
        let onto = onto.map(|onto| format!("onto = \"{onto}\"\n")).unwrap_or_default();
        let branch = self.git(tree, &["branch", "--show-current"]);
        let text = format!(
            "{}\n[worktree]\nroot = \"{}\"\nrepository = \"{}\"\nbranch = \"{branch}\"\n{onto}",
            fs::read_to_string(&path).unwrap(),
            tree.display(),
            self.repo.display(),
        );
        fs::write(path, text).unwrap();
        let reason = format!("cs session {id}");
        self.git(&self.repo, &["worktree", "lock", "--reason", &reason, tree.to_str().unwrap()]);
    }

    /// One commit more in `place`.
    pub(super) fn work(&self, place: &Path, file: &str, text: &str) {
        fs::write(place.join(file), text).unwrap();
        self.commit(place, &format!("change {file}"));
    }

    pub(super) fn cs(&self, words: &[&str]) -> Ran {
        self.world.cs_in(&self.repo, words)
    }

    /// The worktree `name`, as `cs wt list --json` has it.
    pub(super) fn listed(&self, name: &str) -> Value {
        let list: Value = serde_json::from_str(&self.cs(&["wt", "list", "--json"]).ok()).unwrap();
        let trees = list["worktrees"].as_array().unwrap();
        trees.iter().find(|tree| tree["name"] == name).cloned().unwrap_or_default()
    }

    /// All references but those of what is in the trash.
    pub(super) fn refs(&self) -> Vec<String> {
        let text = self.git(&self.repo, &["for-each-ref", "--format=%(refname) %(objectname)"]);
        text.lines().filter(|line| !line.starts_with("refs/cs/")).map(str::to_owned).collect()
    }

    /// What is kept for the trash.
    pub(super) fn kept(&self) -> Vec<String> {
        let text = self.git(&self.repo, &["for-each-ref", "--format=%(refname)", "refs/cs"]);
        text.lines().map(str::to_owned).collect()
    }

    /// All that somebody could miss of a worktree: its files, and what git says of it.
    pub(super) fn all_of(&self, tree: &Path) -> Value {
        // Notes the times of the files, which a look at it does anyway.
        self.git(tree, &["status"]);
        serde_json::json!({
            "files": state(tree),
            "status": self.git(tree, &["status", "--porcelain=v2", "--branch", "--ignored"]),
            "staged": self.git(tree, &["diff", "--cached"]),
            "log": self.git(tree, &["reflog", "HEAD"]),
            "refs": self.refs(),
            "listed": self.git(&self.repo, &["worktree", "list", "--porcelain"]),
        })
    }

    /// Everything below the home directory, but for objects: git makes some to see whether a merge would
    /// add anything.
    pub(super) fn everything(&self) -> std::collections::BTreeMap<PathBuf, String> {
        let mut found = state(&self.world.home());
        found.retain(|path, _| !path.components().any(|part| part.as_os_str() == "objects"));
        found
    }
}
