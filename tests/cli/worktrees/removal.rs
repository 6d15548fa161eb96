//! What goes, comes back whole; and what must not go, stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use super::stage::Stage;
use crate::faults::copy;
use crate::scenery::{Running, cs, granted, may_mount, session_names, state, until, waiting_claude};
use crate::support::may_trace;
use crate::support::world::ran;

/// Puts into a worktree all that there can be.
fn furnish(stage: &Stage, tree: &Path) {
    stage.work(tree, "mine", "committed\n");
    fs::write(tree.join("file"), "changed\n").unwrap();
    fs::write(tree.join("staged"), "staged\n").unwrap();
    stage.git(tree, &["add", "staged"]);
    fs::remove_file(tree.join("other")).unwrap();
    fs::write(tree.join("new"), "new\n").unwrap();
    fs::set_permissions(tree.join("new"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::write(tree.join(".env"), "SECRET=1\n").unwrap();
    fs::set_permissions(tree.join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir_all(tree.join("node_modules/a/empty")).unwrap();
    fs::write(tree.join("node_modules/a/x"), "x\n").unwrap();
    symlink("../a/x", tree.join("node_modules/link")).unwrap();
    symlink(stage.world.home().join("victim"), tree.join("outside")).unwrap();
    stage.git(tree, &["init", "-q", "nested"]);
    fs::write(tree.join("nested/precious"), "in a repository of its own\n").unwrap();
}

#[test]
fn all_of_a_worktree_comes_back_as_it_was() {
    let stage = Stage::new();
    stage.world.write("victim/file", "precious");
    let victim = stage.world.home().join("victim");
    let tree = stage.with_session("x");
    furnish(&stage, &tree);
    let (before, outside) = (stage.all_of(&tree), state(&victim));

    let untouched = stage.everything();
    let said = stage.cs(&["wt", "rm", "x"]).fails(5);
    assert!(said.contains("not all is committed: 3 changed, 3 new"), "{said}");
    assert!(said.contains("cs wt rm --force x"), "{said}");
    assert_eq!(stage.everything(), untouched);

    let said = stage.cs(&["wt", "rm", "--force", "x"]);
    assert!(said.stderr.contains("to undo: cs restore x"), "{said:?}");
    said.ok();
    assert!(!tree.exists());
    assert_eq!(session_names(&stage.world), [] as [&str; 0]);
    assert_eq!(stage.git(&stage.repo, &["worktree", "list"]).lines().count(), 1);
    assert!(!stage.refs().iter().any(|name| name.contains("worktree-x")));
    assert_eq!(stage.kept().len(), 2, "the commit, and the changes");
    assert_eq!(state(&victim), outside);
    // Git's own cleaning takes nothing of it away.
    stage.git(&stage.repo, &["reflog", "expire", "--expire=now", "--all"]);
    stage.git(&stage.repo, &["gc", "-q", "--prune=now"]);

    stage.world.cs(&["restore", "x"]).ok();
    assert_eq!(stage.all_of(&tree), before);
    assert_eq!(stage.kept(), [] as [&str; 0]);
    assert!(!stage.world.root_of("x").join("worktree").exists());
    stage.git(&tree, &["fsck"]);
    assert_eq!(state(&victim), outside);
}

#[test]
fn a_clean_worktree_goes_without_being_forced_and_without_a_session_it_gets_one() {
    let stage = Stage::new();
    let tree = stage.add("x");
    fs::write(tree.join(".env"), "SECRET=1\n").unwrap();
    let before = stage.all_of(&tree);
    stage.cs(&["wt", "rm", "worktree-x"]).ok();
    assert!(!tree.exists());
    stage.world.cs(&["restore", "x"]).ok();
    let after = stage.all_of(&tree);
    assert_eq!((&after["files"], &after["status"]), (&before["files"], &before["status"]));
    assert_eq!(session_names(&stage.world), ["x"]);
    assert_eq!(stage.world.show("x")["worktree"]["branch"], "worktree-x");
}

/// What is in the way of a worktree: what makes it so, what is said, and what takes it away again.
type Case = (&'static str, fn(&Stage, &Path), &'static str, fn(&Stage, &Path));

const IN_THE_WAY: &[Case] = &[
    (
        "somebody else's lock",
        |stage, tree| {
            stage.git(&stage.repo, &["worktree", "unlock", tree.to_str().unwrap()]);
            stage.git(&stage.repo, &["worktree", "lock", "--reason", "demo", tree.to_str().unwrap()]);
        },
        "it is locked: demo",
        |stage, tree| _ = stage.git(&stage.repo, &["worktree", "unlock", tree.to_str().unwrap()]),
    ),
    (
        "another session's lock",
        |stage, tree| {
            stage.world.cs(&["new", "--no-open", "far"]).ok();
            let reason = format!("cs session {}", stage.world.id_of("far"));
            stage.git(&stage.repo, &["worktree", "unlock", tree.to_str().unwrap()]);
            stage.git(&stage.repo, &["worktree", "lock", "--reason", &reason, tree.to_str().unwrap()]);
        },
        "it is locked: cs session",
        |stage, _| _ = stage.world.cs(&["rm", "far"]).ok(),
    ),
    (
        "a worktree in it",
        |stage, tree| {
            let inner = tree.join("node_modules/inner");
            stage.git(&stage.repo, &["worktree", "add", "-q", inner.to_str().unwrap()]);
        },
        "another worktree lies in it",
        |stage, tree| {
            let inner = tree.join("node_modules/inner");
            stage.git(&stage.repo, &["worktree", "remove", inner.to_str().unwrap()]);
        },
    ),
    (
        "a rebase",
        |stage, tree| {
            stage.work(tree, "file", "theirs\n");
            stage.work(&stage.repo, "file", "ours\n");
            let rebase = ran(&mut stage.world.any_command(Path::new("git"), tree, &["rebase", "main"]));
            assert_ne!(rebase.code, Some(0));
        },
        "a rebase is not finished in it",
        |stage, tree| _ = stage.git(tree, &["rebase", "--abort"]),
    ),
    (
        "the directory of a profile",
        |stage, tree| {
            fs::create_dir(tree.join("node_modules")).unwrap();
            stage.world.cs(&["profile", "adopt", "odd", tree.join("node_modules").to_str().unwrap()]).ok();
        },
        "it contains the config directory of profile 'odd'",
        |stage, _| _ = stage.world.cs(&["profile", "remove", "--force", "odd"]).ok(),
    ),
];

#[test]
fn what_is_in_the_way_cannot_be_forced() {
    for (what, make, why, unmake) in IN_THE_WAY {
        let stage = Stage::new();
        let tree = stage.with_session("x");
        make(&stage, &tree);
        stage.git(&tree, &["status"]);
        let before = stage.everything();
        for words in [&["wt", "rm", "x"][..], &["wt", "rm", "--force", "x"]] {
            let said = stage.cs(words).fails(5);
            assert!(said.contains(why), "{what}: {said}");
            assert_eq!(stage.everything(), before, "{what}");
        }
        unmake(&stage, &tree);
        stage.cs(&["wt", "rm", "--force", "x"]).ok();
        assert!(!tree.exists(), "the control: {what}");
    }
}

#[test]
fn one_that_is_in_use_stays() {
    let stage = Stage::new();
    waiting_claude(&stage.world);
    let tree = stage.with_session("x");
    let open = Running::start(&stage.world, &tree, &["x"]);
    let said = stage.cs(&["wt", "rm", "--force", "x"]).fails(5);
    assert!(said.contains("session 'x' works in it: it is open (pid"), "{said}");
    for words in [&["wt", "finish", "x"][..], &["wt", "finish", "x", "--squash"]] {
        assert_eq!(stage.cs(words).code, Some(5));
    }
    drop(open);
    // A shell, or an editor, that knows nothing of cs.
    fs::create_dir(tree.join("sub")).unwrap();
    let mut other = Command::new("sleep").arg("60").current_dir(tree.join("sub")).spawn().unwrap();
    let said = stage.cs(&["wt", "rm", "--force", "x"]).fails(5);
    assert!(said.contains(&format!("sleep works in it (pid {})", other.id())), "{said}");
    other.kill().unwrap();
    other.wait().unwrap();
    let said = stage.world.cs_in(&tree.join("sub"), &["wt", "rm", "--force", "x"]).fails(5);
    assert!(said.contains("you are in it"), "{said}");
    assert!(said.contains(&format!("cd {}", stage.repo.display())), "{said}");
    assert!(tree.join("sub").exists());
    until("it may go", || stage.cs(&["wt", "rm", "--force", "x"]).code == Some(0));
    assert!(!tree.exists());
}

#[test]
fn the_main_checkout_and_what_is_no_worktree_are_not_removed() {
    let stage = Stage::new();
    stage.add("x");
    let before = stage.everything();
    for (name, code, why) in [
        ("repo", 5, "is the main checkout"),
        ("main", 5, "is the main checkout"),
        (stage.repo.to_str().unwrap(), 5, "is the main checkout"),
        (".", 5, "is the main checkout"),
        ("y", 4, "there is no worktree 'y'"),
        ("../..", 4, "there is no worktree"),
    ] {
        let said = stage.cs(&["wt", "rm", "--force", "x", name]).fails(code);
        assert!(said.contains(why), "{name}: {said}");
        assert_eq!(stage.everything(), before, "{name}: a mistyped name moves nothing");
    }
    let said = stage.world.cs(&["wt", "rm", "--force", "x"]).fails(4);
    assert!(said.contains("there is no worktree 'x'"), "outside of the repository: {said}");
}

#[test]
fn commits_that_are_nowhere_else_stay_and_those_that_are_pushed_do_not_hold_it() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    stage.work(&tree, "file", "two\n");
    let said = stage.cs(&["wt", "rm", "x"]).fails(5);
    assert!(said.contains("1 commit is nowhere else, not in main"), "{said}");
    let remote = stage.world.home().join("remote.git");
    stage.git(&stage.repo, &["init", "-q", "--bare", remote.to_str().unwrap()]);
    stage.git(&stage.repo, &["remote", "add", "origin", remote.to_str().unwrap()]);
    stage.git(&tree, &["push", "-q", "-u", "origin", "worktree-x"]);
    stage.cs(&["wt", "rm", "x"]).ok();
    assert!(!tree.exists());
    let settings = stage.git(&stage.repo, &["config", "--list"]);
    assert!(!settings.contains("branch.worktree-x"), "{settings}");
    stage.world.cs(&["restore", "x"]).ok();
    let settings = stage.git(&stage.repo, &["config", "--list"]);
    assert!(settings.contains("branch.worktree-x.merge=refs/heads/worktree-x"), "{settings}");
    assert_eq!(stage.git(&tree, &["status", "-sb"]), "## worktree-x...origin/worktree-x");
}

#[test]
fn a_branch_that_is_not_the_worktrees_own_stays() {
    let stage = Stage::new();
    let tree = stage.tree("x");
    stage.git(&stage.repo, &["worktree", "add", "-q", "-b", "feature", tree.to_str().unwrap()]);
    let refs = stage.refs();
    let said = stage.cs(&["wt", "rm", "x"]);
    assert!(said.stderr.contains("branch 'feature' stays"), "{said:?}");
    assert_eq!(stage.refs(), refs);
    stage.world.cs(&["restore", "x"]).ok();
    assert_eq!(stage.git(&tree, &["branch", "--show-current"]), "feature");
}

#[test]
fn what_was_taken_meanwhile_is_not_overwritten() {
    // Its path.
    let stage = Stage::new();
    let tree = stage.with_session("x");
    furnish(&stage, &tree);
    let before = stage.all_of(&tree);
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("mine"), "somebody's\n").unwrap();
    let said = stage.world.cs(&["restore", "x"]).fails(5);
    assert!(said.contains("session 'x' is back"), "{said}");
    assert!(said.contains(&format!("is not back: something else is at {}", tree.display())), "{said}");
    assert_eq!(fs::read_to_string(tree.join("mine")).unwrap(), "somebody's\n");
    assert_eq!(session_names(&stage.world), ["x"]);
    fs::remove_dir_all(&tree).unwrap();
    stage.world.cs(&["restore", "x"]).ok();
    assert_eq!(stage.all_of(&tree), before);

    // Its branch, and its place among git's worktrees.
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    let other = stage.world.home().join("elsewhere/x");
    stage.git(&stage.repo, &["worktree", "add", "-q", "-b", "worktree-x", other.to_str().unwrap()]);
    let theirs = stage.all_of(&other)["files"].clone();
    let said = stage.world.cs(&["restore", "x"]);
    assert!(said.stderr.contains("its branch worktree-x is checked out in"), "{said:?}");
    said.ok();
    assert_eq!(stage.all_of(&other)["files"], theirs);
    assert_eq!(stage.git(&tree, &["branch", "--show-current"]), "");
    assert_eq!(stage.git(&tree, &["log", "-1", "--format=%s"]), "change mine");
    assert_eq!(fs::read_to_string(tree.join("new")).unwrap(), "new\n");
    assert_eq!(stage.git(&tree, &["status", "--porcelain"]).lines().count(), 6);

    // Its repository.
    stage.cs(&["wt", "rm", "--force", "x"]).fails(5);
    stage.git(&stage.repo, &["worktree", "remove", "--force", other.to_str().unwrap()]);
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    fs::remove_dir_all(&stage.repo).unwrap();
    let said = stage.world.cs(&["restore", "x"]).fails(5);
    assert!(said.contains("its repository is gone"), "{said}");
    let files = stage.world.root_of("x").join("worktree/files");
    assert!(said.contains(files.to_str().unwrap()), "{said}");
    assert_eq!(fs::read_to_string(files.join("new")).unwrap(), "new\n");
}

#[test]
fn removing_only_the_session_leaves_the_worktree_and_unlocks_it() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    let all = |stage: &Stage| {
        let mut all = stage.all_of(&tree);
        all.as_object_mut().unwrap().remove("listed");
        all
    };
    let before = all(&stage);
    assert!(stage.listed("x")["locked"].is_string());
    let said = stage.world.cs(&["rm", "x"]);
    assert!(said.stderr.contains(&format!("to remove it: cs wt rm {}", tree.display())), "{said:?}");
    assert_eq!(all(&stage), before);
    assert!(stage.listed("x")["locked"].is_null());
    stage.world.cs(&["restore", "x"]).ok();
    assert_eq!(stage.listed("x")["locked"], format!("cs session {}", stage.world.id_of("x")));
    // One that somebody else has locked is not unlocked.
    stage.git(&stage.repo, &["worktree", "unlock", tree.to_str().unwrap()]);
    stage.git(&stage.repo, &["worktree", "lock", "--reason", "demo", tree.to_str().unwrap()]);
    stage.world.cs(&["rm", "x"]).ok();
    assert_eq!(stage.listed("x")["locked"], "demo");
    stage.git(&stage.repo, &["worktree", "unlock", tree.to_str().unwrap()]);
    stage.world.cs(&["wt", "rm", tree.to_str().unwrap()]).ok();
    stage.world.cs(&["restore", "x"]).ok();
    assert_eq!(all(&stage)["files"], before["files"], "of two of one name the last comes back");
}

#[test]
fn cleaning_up_and_an_ephemeral_end_leave_the_worktree_unlocked() {
    let stage = Stage::new();
    for name in ["x", "y"] {
        let tree = stage.add(name);
        let words: &[&str] = if name == "x" { &["--ephemeral", "x"] } else { &["new", "--no-open", "y"] };
        stage.world.cs_in(&tree, words).ok();
        stage.record(name, &tree, Some("main"));
    }
    let before = (state(&stage.tree("x")), state(&stage.tree("y")));
    // The next launch of anything tidies up what a killed Claude left.
    let said = stage.world.cs(&["z"]);
    assert!(said.stderr.contains("moved ephemeral session 'x'"), "{said:?}");
    assert!(said.stderr.contains("its worktree stays"), "{said:?}");
    stage.world.write(".config/cs/config.toml", "[cleanup]\nolder_than = \"0d\"\n");
    let said = stage.world.cs(&["cleanup", "--yes", "y"]);
    assert!(said.stderr.contains("its worktree stays"), "{said:?}");
    assert_eq!((state(&stage.tree("x")), state(&stage.tree("y"))), before);
    for name in ["x", "y"] {
        assert!(stage.listed(name)["locked"].is_null(), "{name}");
    }
}

#[test]
fn with_the_trash_what_was_kept_for_it_goes() {
    let stage = Stage::new();
    for name in ["x", "y"] {
        let tree = stage.with_session(name);
        stage.work(&tree, name, "two\n");
        stage.cs(&["wt", "rm", "--force", name]).ok();
    }
    assert_eq!(stage.kept().len(), 2);
    stage.world.cs(&["trash", "empty", "--yes", "x"]).ok();
    assert_eq!(stage.kept().len(), 1);
    stage.world.cs(&["restore", "y"]).ok();
    assert_eq!(fs::read_to_string(stage.tree("y").join("y")).unwrap(), "two\n");
    assert_eq!(stage.kept().len(), 0);
}

#[test]
fn to_another_file_system_it_is_copied_with_all_that_it_is() {
    let mut stage = Stage::new();
    let memory = tempfile::tempdir_in("/dev/shm");
    if !granted(memory.is_ok(), "there is no other file system in /dev/shm") {
        return;
    }
    let memory = memory.unwrap();
    stage.world.set("CS_HOME", memory.path().join("data"));
    let tree = stage.add("x");
    furnish(&stage, &tree);
    let before = stage.all_of(&tree);
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    assert!(!tree.exists());
    assert_eq!(fs::read_dir(tree.parent().unwrap()).unwrap().count(), 0, "nothing is left beside it");
    stage.world.cs(&["restore", "x"]).ok();
    let mut after = stage.all_of(&tree);
    // It has a session now, which has it locked.
    after["listed"] = before["listed"].clone();
    assert_eq!(after, before);
    // What cannot be copied keeps it where it is.
    let _socket = std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap();
    let before = state(&tree);
    let said = stage.cs(&["wt", "rm", "--force", "x"]).fails(1);
    assert!(said.contains("socket is neither a file nor"), "{said}");
    assert_eq!(state(&tree), before);
    assert_eq!(stage.kept(), [] as [&str; 0]);
    let place = memory.path().join("data/sessions").join(stage.world.id_of("x")).join("worktree");
    assert!(!place.exists(), "nothing is noted of what was not done");
    fs::remove_file(tree.join("socket")).unwrap();
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    stage.world.cs(&["restore", "x"]).ok();
}

#[test]
fn what_is_mounted_in_it_is_not_moved() {
    if !may_mount() {
        return;
    }
    let stage = Stage::new();
    stage.world.write("victim/file", "precious");
    let victim = stage.world.home().join("victim");
    let tree = stage.with_session("x");
    let inner = tree.join("node_modules/deep");
    fs::create_dir_all(&inner).unwrap();
    let (before, outside) = (stage.everything(), state(&victim));
    let script = "mount --bind \"$1\" \"$2\" || exit 99; shift 2; \"$@\"";
    let words = [
        "-m",
        "sh",
        "-c",
        script,
        "sh",
        victim.to_str().unwrap(),
        inner.to_str().unwrap(),
        &cs(),
        "wt",
        "rm",
    ];
    let words = [&words[..], &["--force", "x"]].concat();
    let done = ran(&mut stage.world.any_command(Path::new("/usr/bin/unshare"), &stage.repo, &words));
    assert_eq!(done.code, Some(5), "{done:?}");
    assert!(done.stderr.contains("is a mount point"), "{done:?}");
    assert_eq!((stage.everything(), state(&victim)), (before, outside));
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    assert!(!tree.exists(), "the control");
}

#[test]
fn a_submodule_comes_back_with_its_own_commits() {
    let stage = Stage::new();
    let library = stage.world.project("library");
    stage.git(&library, &["init", "-q"]);
    stage.work(&library, "lib", "one\n");
    stage.git(&stage.repo, &["submodule", "--quiet", "add", library.to_str().unwrap(), "lib"]);
    stage.commit(&stage.repo, "with a library");
    let tree = stage.with_session("x");
    stage.git(&tree, &["submodule", "--quiet", "update", "--init"]);
    stage.cs(&["wt", "rm", "x"]).ok();
    stage.world.cs(&["restore", "x"]).ok();
    stage.work(&tree.join("lib"), "lib", "two\n");
    let before = (stage.all_of(&tree), stage.git(&tree.join("lib"), &["log", "--oneline"]));
    stage.cs(&["wt", "rm", "x"]).fails(5);
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    stage.world.cs(&["restore", "x"]).ok();
    assert_eq!((stage.all_of(&tree), stage.git(&tree.join("lib"), &["log", "--oneline"])), before);
}

#[test]
fn bare_repositories_and_worktrees_on_no_branch_are_as_good() {
    let mut stage = Stage::new();
    let bare = stage.world.home().join("bare.git");
    stage.git(&stage.repo, &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    stage.repo = bare;
    let tree = stage.world.home().join("trees/x");
    stage.git(&stage.repo, &["worktree", "add", "-q", "--detach", tree.to_str().unwrap()]);
    stage.work(&tree, "file", "two\n");
    let before = stage.all_of(&tree);
    let said = stage.cs(&["wt", "rm", "x"]).fails(5);
    assert!(said.contains("1 commit is nowhere else, not in main"), "{said}");
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    stage.world.cs(&["restore", "x"]).ok();
    let mut after = stage.all_of(&tree);
    after["listed"] = before["listed"].clone();
    assert_eq!(after, before);
    stage.cs(&["wt", "finish", "x", "--merge"]).ok();
    assert_eq!(stage.git(&stage.repo, &["show", "main:file"]), "two");
    assert!(!tree.exists());
}

#[test]
fn a_session_in_a_worktree_of_a_bare_repository_is_cleaned_up_once_its_work_is_merged() {
    let mut stage = Stage::new();
    let bare = stage.world.home().join("bare.git");
    stage.git(&stage.repo, &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    stage.repo = bare;
    let tree = stage.world.home().join("trees/x");
    stage.git(&stage.repo, &["worktree", "add", "-q", "-b", "x", tree.to_str().unwrap()]);
    stage.world.cs_in(&tree, &["new", "--no-open", "x"]).ok();
    stage.work(&tree, "file", "two\n");
    let done = stage.world.cs(&["cleanup", "--yes", "--older-than", "0d", "x"]);
    assert!(done.stderr.contains("its branch x is not merged"), "{done:?}");
    stage.git(&stage.repo, &["update-ref", "refs/heads/main", "x"]);
    stage.world.cs(&["cleanup", "--yes", "--older-than", "0d", "x"]).ok();
    assert_eq!(session_names(&stage.world), [] as [&str; 0]);
    assert!(tree.exists());
}

#[test]
fn one_whose_directory_is_gone_is_forgotten() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    stage.work(&tree, "file", "two\n");
    let refs = stage.refs();
    fs::remove_dir_all(&tree).unwrap();
    let said = stage.cs(&["wt", "rm", "x"]);
    assert!(said.stderr.contains("whose directory was gone"), "{said:?}");
    assert!(said.stderr.contains("branch 'worktree-x' stays"), "{said:?}");
    assert_eq!(stage.refs(), refs, "its commits are still on its branch");
    assert_eq!(stage.git(&stage.repo, &["worktree", "list"]).lines().count(), 1);
    assert_eq!(session_names(&stage.world), [] as [&str; 0]);
}

#[test]
fn every_session_in_it_goes_along() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    fs::create_dir(tree.join("sub")).unwrap();
    stage.world.cs_in(&tree.join("sub"), &["new", "--no-open", "helper"]).ok();
    stage.world.cs_in(&stage.repo, &["new", "--no-open", "main-one"]).ok();
    let said = stage.cs(&["wt", "rm", "helper"]);
    assert!(said.stderr.contains("with sessions 'x', 'helper'"), "{said:?}");
    assert!(said.stderr.contains("to undo: cs restore x"), "{said:?}");
    assert_eq!(session_names(&stage.world), ["main-one"]);
    stage.world.cs(&["restore", "x"]).ok();
    stage.world.cs(&["restore", "helper"]).ok();
    assert!(tree.join("sub").is_dir());
}

/// The calls that change files.
const CALLS: &str = "rename,renameat,renameat2,mkdir,mkdirat,rmdir,unlink,unlinkat,link,linkat,fsync,write";

/// The calls of `cs` itself, of those in `calls`, at which it may be killed, by name and number.
pub(super) fn points(stage: &Stage, words: &[&str], calls: &str) -> Vec<(String, usize)> {
    let trace = stage.world.root().join("trace");
    let filter = format!("trace={calls}");
    let program = cs();
    let words = [&["-qq", "-o", trace.to_str().unwrap(), "-e", &filter, &program], words].concat();
    ran(&mut stage.world.any_command(Path::new("/usr/bin/strace"), &stage.repo, &words)).ok();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let text = fs::read_to_string(trace).unwrap();
    let names = text.lines().filter_map(|line| line.split_once('(').map(|(name, _)| name.to_owned()));
    names
        .map(|name| {
            let number = seen.entry(name.clone()).or_default();
            *number += 1;
            (name, *number)
        })
        .collect()
}

pub(super) fn killed(stage: &Stage, words: &[&str], call: &str, number: usize) -> Option<i32> {
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let filter = format!("trace={call}");
    let program = cs();
    let words = [&["-qq", "-o", "/dev/null", "-e", &filter, "-e", &inject, &program], words].concat();
    let mut command = stage.world.any_command(Path::new("/usr/bin/strace"), &stage.repo, &words);
    ran(command.stdin(Stdio::null())).signal
}

/// Kills `words` at each of its calls, finishes with each of `ends`, and compares with what each comes to
/// without a kill.
fn sweep(stage: &Stage, words: &[&str], ends: &[(&[&str], bool)]) {
    let tree = stage.tree("x");
    let saved = stage.world.root().join("saved");
    copy(&stage.world.home(), &saved);
    let reset = || {
        fs::remove_dir_all(stage.world.home()).unwrap();
        copy(&saved, &stage.world.home());
    };
    let view = || {
        let there = tree.exists();
        let mut all = if there { stage.all_of(&tree) } else { serde_json::json!({"refs": stage.refs()}) };
        all["sessions"] = session_names(&stage.world).into();
        all["kept"] = stage.kept().into();
        all
    };
    let points = points(stage, words, CALLS);
    assert!(points.len() > 8, "{points:?}");
    for (end, is_there) in ends {
        reset();
        let first = stage.cs(words);
        assert_eq!(first.code, Some(0), "{first:?}");
        let _ = stage.cs(end);
        let wanted = view();
        assert_eq!(tree.exists(), *is_there, "{words:?}, then {end:?}");
        for (call, number) in &points {
            let what = format!("{words:?} killed at {call} {number}, then {end:?}");
            reset();
            assert_eq!(killed(stage, words, call, *number), Some(9), "{what}");
            let ended = stage.cs(end);
            assert!(matches!(ended.code, Some(0 | 4)), "{what}: {ended:?}");
            let mut after = view();
            if *is_there && ended.code == Some(4) {
                // Nothing had begun, or all was done.
                let _ = (stage.cs(words), stage.cs(end));
                after = view();
            }
            assert_eq!(after, wanted, "{what}: {ended:?}");
        }
    }
}

#[test]
fn killed_anywhere_a_removal_is_finished_or_taken_back() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new();
    let tree = stage.with_session("x");
    furnish(&stage, &tree);
    stage.git(&tree, &["status"]);
    let remove: &[&str] = &["wt", "rm", "--force", "x"];
    sweep(&stage, remove, &[(remove, false), (&["restore", "x"], true)]);
}

#[test]
fn killed_anywhere_a_return_is_finished() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new();
    let tree = stage.with_session("x");
    furnish(&stage, &tree);
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    sweep(&stage, &["restore", "x"], &[(&["restore", "x"], true)]);
}
