//! `cs wt finish`: the work comes home, or everything is as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::removal::{killed, points};
use super::stage::Stage;
use crate::faults::copy;
use crate::scenery::state;
use crate::support::may_trace;

/// A worktree with two commits, while `main` has gone on by one.
fn apart() -> Stage {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    stage.work(&tree, "mine", "one\n");
    stage.work(&tree, "mine", "two\n");
    stage.work(&stage.repo, "theirs", "one\n");
    stage
}

fn subjects(stage: &Stage, branch: &str) -> Vec<String> {
    let words = ["log", "--topo-order", "--format=%s", branch];
    stage.git(&stage.repo, &words).lines().map(str::to_owned).collect()
}

/// Work in the main checkout that nobody has committed: all of it has to be there afterwards.
fn unsaved(stage: &Stage) -> impl Fn(&Stage) -> (String, String, String) + use<> {
    fs::write(stage.repo.join("file"), "precious\n").unwrap();
    fs::write(stage.repo.join("staged"), "precious\n").unwrap();
    stage.git(&stage.repo, &["add", "staged"]);
    fs::write(stage.repo.join("new"), "precious\n").unwrap();
    |stage| {
        (
            stage.git(&stage.repo, &["status", "--porcelain"]),
            stage.git(&stage.repo, &["diff"]),
            stage.git(&stage.repo, &["diff", "--cached"]),
        )
    }
}

#[test]
fn without_being_told_how_nothing_is_brought_anywhere() {
    let stage = apart();
    let before = stage.everything();
    let done = stage.cs(&["wt", "finish", "x"]);
    assert_eq!(done.code, Some(5), "{done:?}");
    assert!(done.stdout.contains("on worktree-x, for main: 2 ahead, 1 behind"), "{done:?}");
    assert!(done.stdout.contains("  change mine\n"), "{done:?}");
    assert!(done.stderr.contains("cs wt finish x --merge"), "{done:?}");
    assert_eq!(stage.everything(), before);
    fs::write(stage.tree("x").join("new"), "x\n").unwrap();
    for words in [&["wt", "finish", "x"][..], &["wt", "finish", "x", "--merge"]] {
        let done = stage.cs(words);
        assert!(done.code == Some(5) && done.stderr.contains("not all is committed: 1 new"), "{done:?}");
        assert!(done.stdout.contains("not committed: 1 new"), "{done:?}");
    }
    fs::remove_file(stage.tree("x").join("new")).unwrap();
    stage.git(&stage.repo, &["merge", "-q", "--no-edit", "worktree-x"]);
    let done = stage.cs(&["wt", "finish", "x"]);
    assert!(done.stdout.contains("all merged"), "{done:?}");
    done.ok();
    assert!(!stage.tree("x").exists());
    assert!(!stage.refs().iter().any(|name| name.contains("worktree-x")));
}

#[test]
fn each_way_brings_all_of_it_home_and_touches_nothing_that_is_not_committed() {
    for (how, wanted) in [
        (
            "--merge",
            &["Merge branch 'worktree-x'", "change theirs", "change mine", "change mine", "first"][..],
        ),
        ("--rebase", &["change mine", "change mine", "change theirs", "first"]),
        ("--squash", &["change mine", "change theirs", "first"]),
    ] {
        let stage = apart();
        let look = unsaved(&stage);
        let before = look(&stage);
        let refs = stage.refs();
        let dry = stage.cs(&["wt", "finish", "x", how, "--dry-run"]);
        assert!(dry.stderr.contains("would remove worktree 'x'"), "{dry:?}");
        assert_eq!(stage.refs(), refs);
        let done = stage.cs(&["wt", "finish", "x", how]);
        assert_eq!(done.code, Some(0), "{how}: {done:?}");
        let mut found = subjects(&stage, "main");
        let mut wanted: Vec<String> = wanted.iter().map(|subject| (*subject).to_owned()).collect();
        assert_eq!(found[0], wanted[0], "{how}");
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{how}");
        assert_eq!(fs::read_to_string(stage.repo.join("mine")).unwrap(), "two\n", "{how}");
        assert_eq!(look(&stage), before, "{how}");
        assert!(!stage.tree("x").exists(), "{how}");
        // And it can be had back.
        stage.world.cs(&["restore", "x"]).ok();
        assert_eq!(stage.git(&stage.tree("x"), &["status", "--porcelain"]), "", "{how}");
        assert_eq!(stage.git(&stage.tree("x"), &["branch", "--show-current"]), "worktree-x", "{how}");
    }
}

#[test]
fn a_conflict_leaves_everything_as_it_was() {
    for how in ["--merge", "--rebase", "--squash"] {
        let stage = Stage::new();
        let tree = stage.with_session("x");
        stage.work(&tree, "early", "x\n");
        stage.work(&tree, "file", "mine\n");
        stage.work(&stage.repo, "file", "theirs\n");
        let look = unsaved(&stage);
        fs::write(stage.repo.join("file"), "theirs, and more\n").unwrap();
        let all = |stage: &Stage| {
            let mut all = stage.all_of(&tree);
            // A rebase that is given up is in it.
            all.as_object_mut().unwrap().remove("log");
            (all, look(stage))
        };
        let before = all(&stage);
        let done = stage.cs(&["wt", "finish", "x", how]);
        assert_eq!(done.code, Some(5), "{how}: {done:?}");
        assert!(done.stderr.contains("worktree 'x' and main conflict in file"), "{how}: {done:?}");
        assert!(done.stderr.contains("nothing was changed"), "{how}: {done:?}");
        assert_eq!(all(&stage), before, "{how}");
    }
}

#[test]
fn what_is_in_the_way_at_home_is_not_overwritten() {
    // Changed there; not tracked there; ignored there.
    for (file, text, ignored) in
        [("file", "precious\n", false), ("mine", "precious\n", false), (".env", "S=1\n", true)]
    {
        for how in ["--merge", "--rebase", "--squash"] {
            let stage = Stage::new();
            let tree = stage.with_session("x");
            fs::write(tree.join(file), "from the worktree\n").unwrap();
            stage.git(&tree, &["add", "-f", file]);
            stage.git(&tree, &["commit", "-qm", "mine"]);
            stage.work(&stage.repo, "theirs", "one\n");
            fs::write(stage.repo.join(file), text).unwrap();
            let all = |stage: &Stage| {
                let mut all = stage.all_of(&tree);
                all.as_object_mut().unwrap().remove("log");
                (all, stage.git(&stage.repo, &["status", "--porcelain"]))
            };
            let before = all(&stage);
            let done = stage.cs(&["wt", "finish", "x", how]);
            assert_eq!(done.code, Some(5), "{file} {how}: {done:?}");
            assert!(
                done.stderr.contains("has changes in the way in") && done.stderr.contains(file),
                "{done:?}"
            );
            assert_eq!(fs::read_to_string(stage.repo.join(file)).unwrap(), text, "{file} {how}");
            assert_eq!(all(&stage), before, "{file} {how}");
            // The control.
            if ignored || file == "mine" {
                fs::remove_file(stage.repo.join(file)).unwrap();
            } else {
                stage.git(&stage.repo, &["checkout", "-q", file]);
            }
            stage.cs(&["wt", "finish", "x", how]).ok();
            assert_eq!(fs::read_to_string(stage.repo.join(file)).unwrap(), "from the worktree\n");
        }
    }
}

#[test]
fn what_git_does_not_track_in_the_worktree_is_not_overwritten() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    stage.work(&tree, "mine", "one\n");
    fs::write(tree.join(".env"), "SECRET=1\n").unwrap();
    fs::write(stage.repo.join(".env"), "theirs\n").unwrap();
    stage.git(&stage.repo, &["add", "-f", ".env"]);
    stage.git(&stage.repo, &["commit", "-qm", "theirs"]);
    let before = stage.all_of(&tree);
    for how in ["--merge", "--rebase", "--squash"] {
        let done = stage.cs(&["wt", "finish", "x", how]);
        assert_eq!(done.code, Some(5), "{done:?}");
        assert!(done.stderr.contains("would be overwritten: .env"), "{done:?}");
        assert_eq!(stage.all_of(&tree), before);
    }
}

fn hook(stage: &Stage, name: &str, script: &str) {
    let path = stage.repo.join(".git/hooks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_hooks_of_the_repository_run_and_may_refuse() {
    let stage = apart();
    hook(&stage, "commit-msg", "echo 'Signed-off-by: hook' >> \"$1\"");
    hook(&stage, "pre-commit", "echo left > left-by-hook; test ! -e ../../../refuse");
    fs::write(stage.repo.join("refuse"), "").unwrap();
    let tree = stage.tree("x");
    let before = (stage.refs(), stage.git(&tree, &["log", "--oneline", "-1"]));
    let done = stage.cs(&["wt", "finish", "x", "--squash"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!((stage.refs(), stage.git(&tree, &["log", "--oneline", "-1"])), before);
    assert_eq!(stage.git(&tree, &["branch", "--show-current"]), "worktree-x");
    fs::remove_file(stage.repo.join("refuse")).unwrap();
    fs::remove_file(tree.join("left-by-hook")).unwrap();
    let words = ["wt", "finish", "x", "--squash", "-m", "all of it", "--keep"];
    stage.cs(&words).ok();
    let message = stage.git(&stage.repo, &["log", "-1", "--format=%B", "main"]);
    assert!(message.starts_with("all of it") && message.contains("Signed-off-by: hook"), "{message}");
    assert!(tree.exists(), "it was to be kept");
}

#[test]
fn the_message_of_one_commit_names_all_that_are_in_it() {
    let stage = apart();
    stage.cs(&["wt", "finish", "x", "--squash"]).ok();
    let message = stage.git(&stage.repo, &["log", "-1", "--format=%B", "main"]);
    assert_eq!(message, "change mine\n\n* change mine\n* change mine");
    let said = stage.cs(&["wt", "finish", "y", "--rebase", "-m", "x"]).fails(2);
    assert!(said.contains("--message goes with --squash or --merge"), "{said}");
}

#[test]
fn a_branch_that_is_checked_out_nowhere_is_moved_on_alone() {
    for how in ["--merge", "--rebase", "--squash"] {
        let stage = apart();
        stage.git(&stage.repo, &["branch", "release"]);
        let main = state(&stage.repo.join("theirs"));
        let words = ["wt", "finish", "x", how, "--onto", "release"];
        let done = stage.cs(&words);
        assert_eq!(done.code, Some(0), "{how}: {done:?}");
        assert_eq!(stage.git(&stage.repo, &["show", "release:mine"]), "two", "{how}");
        assert_eq!(stage.git(&stage.repo, &["status", "--porcelain"]), "", "{how}");
        assert!(!stage.repo.join("mine").exists(), "{how}: what is checked out is another branch");
        assert_eq!(state(&stage.repo.join("theirs")), main);
    }
    let stage = apart();
    stage.cs(&["wt", "finish", "x", "--merge", "--onto", "nowhere"]).fails(4);
}

#[test]
fn from_inside_the_work_is_brought_home_and_the_worktree_stays() {
    let stage = apart();
    let tree = stage.tree("x");
    let done = stage.world.cs_in(&tree, &["wt", "finish", "--rebase"]);
    assert!(done.stderr.contains("the worktree stays, as you are in it"), "{done:?}");
    done.ok();
    assert_eq!(fs::read_to_string(stage.repo.join("mine")).unwrap(), "two\n");
    assert!(tree.exists());
    let said = stage.cs(&["wt", "finish", "--merge"]).fails(2);
    assert!(said.contains("you are in no worktree"), "{said}");
    stage.cs(&["wt", "rm", "x"]).ok();
}

#[test]
fn nothing_to_bring_is_said_and_the_worktree_goes() {
    let stage = Stage::new();
    stage.with_session("x");
    let refs = stage.git(&stage.repo, &["rev-parse", "main"]);
    let done = stage.cs(&["wt", "finish", "x", "--squash"]);
    assert!(done.stderr.contains("nothing to bring"), "{done:?}");
    assert_eq!(stage.git(&stage.repo, &["rev-parse", "main"]), refs);
    assert!(!Path::new(&stage.tree("x")).exists());
}

/// Waits until no git is at work in the repository any more: one that `cs` had started goes on alone.
fn quiet(stage: &Stage) {
    let works = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let place = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
        place.filter(|place| place.starts_with(stage.world.home())).count() > 0
    };
    while works() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The calls of `cs` while a git is at work, and those that change something without one.
const WHILE: &str = "wait4,waitid,rename,renameat2,unlink,rmdir";

#[test]
fn killed_anywhere_it_is_finished_by_the_next() {
    if !may_trace() {
        return;
    }
    for (how, step) in [("--squash", 1), ("--merge", 7), ("--rebase", 7)] {
        let stage = apart();
        let tree = stage.tree("x");
        let saved = stage.world.root().join("saved");
        copy(&stage.world.home(), &saved);
        let words = ["wt", "finish", "x", how];
        let points = points(&stage, &words, WHILE);
        assert!(points.len() > 30, "{points:?}");
        let wanted = subjects(&stage, "main");
        let (mut resumed, mut half) = (0, 0);
        for (call, number) in points.iter().step_by(step) {
            let what = format!("{how} killed at {call} {number}");
            fs::remove_dir_all(stage.world.home()).unwrap();
            copy(&saved, &stage.world.home());
            assert_eq!(killed(&stage, &words, call, *number), Some(9), "{what}");
            quiet(&stage);
            let mut again = stage.cs(&words);
            if again.stderr.contains("a rebase is not finished in it") {
                stage.git(&tree, &["rebase", "--abort"]);
                again = stage.cs(&words);
            }
            resumed += usize::from(again.stderr.contains("an earlier finish was ended"));
            half += usize::from(again.stdout.is_empty() && again.code == Some(0));
            // All was done.
            let is_done = again.code == Some(4) && again.stderr.contains("is in the trash, with its session");
            assert!(again.code == Some(0) || is_done, "{what}: {again:?}");
            assert_eq!(subjects(&stage, "main"), wanted, "{what}: {again:?}");
            assert_eq!(fs::read_to_string(stage.repo.join("mine")).unwrap(), "two\n", "{what}");
            assert!(!tree.exists(), "{what}: {again:?}");
            let own = stage.git(&stage.repo, &["branch", "--list", "worktree-x"]);
            assert_eq!(own, "", "{what}: {again:?}");
            assert_eq!(stage.git(&stage.repo, &["status", "--porcelain"]), "", "{what}");
        }
        assert!(half > 0, "the control: it was killed when half of the worktree was taken away");
        assert!(
            resumed > 0 || how == "--rebase",
            "the control: it was killed when the worktree was on no branch"
        );
    }
}

#[test]
fn what_was_changed_after_a_finish_was_killed_is_not_given_up() {
    let stage = apart();
    let tree = stage.tree("x");
    let branch = stage.git(&tree, &["rev-parse", "worktree-x"]);
    // As it is left between its steps.
    let note = stage.repo.join(".git/worktrees/x/cs-finish");
    fs::write(&note, format!("worktree-x\n{}\n", stage.git(&stage.repo, &["rev-parse", "main"]))).unwrap();
    stage.git(&tree, &["checkout", "-q", "--detach", "main"]);
    fs::write(tree.join("file"), "precious\n").unwrap();
    for words in
        [&["wt", "finish", "x", "--squash"][..], &["wt", "finish", "x"], &["wt", "rm", "--force", "x"]]
    {
        let done = stage.cs(words);
        assert_eq!(done.code, Some(5), "{words:?}: {done:?}");
        assert_eq!(fs::read_to_string(tree.join("file")).unwrap(), "precious\n");
    }
    let said = stage.cs(&["wt", "finish", "x", "--squash"]).stderr;
    assert!(said.contains("switch -f worktree-x"), "{said}");
    assert!(stage.cs(&["wt"]).ok().contains("in a finish"));
    stage.git(&tree, &["checkout", "-q", "file"]);
    let dry = stage.cs(&["wt", "finish", "x", "--squash", "--dry-run"]);
    assert_eq!((dry.code, note.exists()), (Some(5), true), "{dry:?}");
    let done = stage.cs(&["wt", "finish", "x", "--squash", "--keep"]);
    assert!(done.stderr.contains("the worktree is on worktree-x again"), "{done:?}");
    done.ok();
    assert_eq!(stage.git(&tree, &["rev-parse", "HEAD"]), branch);
    assert_eq!(fs::read_to_string(stage.repo.join("mine")).unwrap(), "two\n");
    assert!(!note.exists());
}

#[test]
fn a_removal_that_was_not_a_finish_is_not_taken_for_one() {
    let stage = apart();
    let words = ["wt", "rm", "--force", "x"];
    if !may_trace() {
        return;
    }
    let mut seen = 0;
    let saved = stage.world.root().join("saved");
    copy(&stage.world.home(), &saved);
    for (call, number) in points(&stage, &words, "renameat2,rename") {
        fs::remove_dir_all(stage.world.home()).unwrap();
        copy(&saved, &stage.world.home());
        killed(&stage, &words, &call, number);
        let main = stage.git(&stage.repo, &["rev-parse", "main"]);
        if !stage.tree("x").exists() {
            let done = stage.cs(&["wt", "finish", "x", "--squash"]);
            assert!(matches!(done.code, Some(4 | 5)), "{done:?}");
            assert!(done.stderr.contains("cs restore x"), "{done:?}");
            seen += usize::from(done.code == Some(5));
        }
        assert_eq!(stage.git(&stage.repo, &["rev-parse", "main"]), main);
    }
    assert!(seen > 0, "the control: it was killed in the middle");
}
