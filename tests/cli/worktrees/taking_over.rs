//! `cs -w` where there is a worktree already, or was one: it is taken over or made again, if it is nobody else's.

use std::fs;

use serde_json::json;

use super::{branch, commit, head, held_by, lock, record, refused, repository, tree, world};
use crate::scenery::{TALK, talk};
use crate::support::tmux::Tmux;
use crate::support::world::{World, git};

#[test]
fn a_worktree_that_is_there_is_taken_over() {
    let world = world();
    let repo = repository(&world, "api");
    // As `claude -w` of 2.1.329 leaves it, and as somebody makes it by hand.
    for (name, branch) in [("claudes", "worktree-claudes"), ("hand", "by-hand"), ("theirs", "theirs")] {
        git(&world, &repo, &["worktree", "add", "-q", "-b", branch, tree(&repo, name).to_str().unwrap()]);
    }
    let ended = "claude session claudes (pid 4194304 start 12)";
    git(&world, &repo, &["worktree", "lock", "--reason", ended, tree(&repo, "claudes").to_str().unwrap()]);
    git(
        &world,
        &repo,
        &["worktree", "lock", "--reason", "on a stick", tree(&repo, "theirs").to_str().unwrap()],
    );
    fs::write(tree(&repo, "hand").join("work"), "mine\n").unwrap();
    world.write(".config/cs/config.toml", "[worktree]\non_create = [\"touch created\"]\n");

    for (name, branch, holder) in [
        ("claudes", "worktree-claudes", None),
        ("hand", "by-hand", None),
        ("theirs", "theirs", Some("on a stick".to_owned())),
    ] {
        let root = tree(&repo, name);
        let ran = world.cs_in(&repo, &["-w", name, "-p", "hi"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stderr.contains(&format!("the worktree was there already: {}", root.display())),
            "{ran:?}"
        );
        assert_eq!(world.last_start().cwd, root);
        assert_eq!(
            record(&world, name)["worktree"],
            json!({"root": root, "repository": repo, "branch": branch, "onto": "main"})
        );
        assert_eq!(lock(&world, &root), Some(holder.unwrap_or_else(|| held_by(&world, name))));
        assert!(!root.join("created").exists(), "nothing was made");
    }
    assert_eq!(fs::read_to_string(tree(&repo, "hand").join("work")).unwrap(), "mine\n");
    world.cs_in(&repo, &["-w", "--no-open", "fresh"]).ok();
    assert!(tree(&repo, "fresh").join("created").exists(), "the control");

    // From inside of it, its work goes to the main checkout's branch.
    git(&world, &repo, &["worktree", "add", "-q", "-b", "inside", tree(&repo, "inside").to_str().unwrap()]);
    world.cs_in(&tree(&repo, "inside").join("app"), &["-w", "--no-open", "inside"]).ok();
    let record = record(&world, "inside");
    assert_eq!(record["worktree"]["onto"], json!("main"));
    assert_eq!(record["directory"], json!(tree(&repo, "inside").join("app")));
}

#[test]
fn a_worktree_that_is_somebody_elses_is_not() {
    let world = world();
    let repo = repository(&world, "api");
    let add = |name: &str| {
        git(&world, &repo, &["worktree", "add", "-q", "-b", name, tree(&repo, name).to_str().unwrap()]);
    };
    let lock_for = |name: &str, why: &str| {
        git(&world, &repo, &["worktree", "lock", "--reason", why, tree(&repo, name).to_str().unwrap()]);
    };
    add("busy");
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let begun = stat.rsplit_once(')').map_or("", |(_, rest)| rest.split_ascii_whitespace().nth(19).unwrap());
    lock_for("busy", &format!("claude session busy (pid {} start {begun})", std::process::id()));
    add("making");
    lock_for("making", "initializing");
    add("other");
    world.cs_in(&repo, &["-w", "--no-open", "renamed"]).ok();
    world.cs(&["rename", "renamed", "server"]).ok();
    for (words, text) in [
        (&["busy"][..], "Claude is open in the worktree"),
        (&["making"], "git is making the worktree"),
        (&["renamed"], "belongs to session 'server'"),
        (&["--branch", "main", "other"], "has branch 'other' checked out, not 'main'"),
        (&["--from", "main", "other"], "leave --from out"),
        (&["OTHER"], "to take that one: cs -w other"),
    ] {
        let said = refused(&world, &repo, &[&["-w"], words].concat(), 5);
        assert!(said.contains(text), "{words:?}: {said}");
    }
    world.cs_in(&repo, &["-w", "--no-open", "--branch", "other", "other"]).ok();
    for (session, words, text) in [
        ("other", &["--branch", "main", "other"][..], "has branch 'other' checked out"),
        ("other", &["--from", "main", "other"], "has its worktree already"),
    ] {
        let said = refused(&world, &repo, &[&["-w"], words].concat(), 5);
        assert!(said.contains(text), "{session}: {said}");
    }

    let elsewhere = repository(&world, "elsewhere");
    let said = refused(&world, &elsewhere, &["-w", "other"], 5);
    assert!(said.contains("of another repository") && said.contains("cs other"), "{said}");
    world.cs_in(&repo, &["new", "--no-open", "plain"]).ok();
    let said = refused(&world, &repo, &["-w", "plain"], 5);
    assert!(said.contains("has no worktree of its own") && said.contains("cs -w plain-2"), "{said}");
}

#[test]
fn a_worktree_that_is_gone_is_made_again_from_its_branch() {
    let world = world();
    let repo = repository(&world, "api");
    let root = tree(&repo, "feat");
    world.cs_in(&repo.join("app"), &["-w", "feat", "-p", "hi"]).ok();
    let conversation = talk(&world.config_of("feat"), &root.join("app"), TALK, "hello");
    let work = commit(&world, &root, "work");
    fs::remove_dir_all(&root).unwrap();

    let said = refused(&world, &world.home(), &["feat"], 5);
    assert!(said.contains(&format!("the worktree of session 'feat' is gone: {}", root.display())), "{said}");
    assert!(said.contains(&format!("cd {} && cs -w feat", repo.display())), "{said}");
    let ran = world.cs_in(&repo, &["-w", "feat", "-p", "on"]);
    assert!(ran.stderr.contains("made the worktree of 'feat' again, from worktree-feat"), "{ran:?}");
    let start = world.last_start();
    assert_eq!((start.cwd, head(&world, &root)), (root.join("app"), work.clone()));
    assert_eq!(start.args.iter().filter(|word| word.contains(TALK)).count(), 1, "the same conversation");
    assert!(conversation.exists());
    assert_eq!(lock(&world, &root), Some(held_by(&world, "feat")));

    // A person is asked.
    fs::remove_dir_all(&root).unwrap();
    if Tmux::available() {
        let program = World::cs_program();
        let argv = [program.to_str().unwrap(), "feat", "-p", "again"];
        let tmux = Tmux::start(&argv, &world.home(), world.environment());
        let screen = tmux.wait_for("what now?", std::time::Duration::from_secs(20));
        assert!(screen.contains("1  make the worktree again, from worktree-feat"), "{screen}");
        tmux.enter("1");
        assert_eq!(tmux.wait_exit(std::time::Duration::from_secs(20)), 0);
        assert_eq!((world.last_start().cwd, head(&world, &root)), (root.join("app"), work.clone()));
        fs::remove_dir_all(&root).unwrap();
    }

    // Not where somebody else has the branch, or it is gone.
    let aside = world.home().join("src/aside");
    git(&world, &repo, &["worktree", "add", "-q", aside.to_str().unwrap(), "--detach"]);
    git(&world, &aside, &["checkout", "-q", "--ignore-other-worktrees", "worktree-feat"]);
    let said = refused(&world, &repo, &["-w", "feat"], 5);
    assert!(said.contains(&format!("is checked out in {}", aside.display())), "{said}");
    git(&world, &aside, &["checkout", "-q", "--detach"]);
    git(&world, &repo, &["update-ref", "-d", "refs/heads/worktree-feat"]);
    let said = refused(&world, &repo, &["-w", "feat"], 5);
    assert!(said.contains("the branch of session 'feat' is gone: worktree-feat"), "{said}");
    git(&world, &repo, &["branch", "worktree-feat", &work]);
    world.cs_in(&repo, &["-w", "feat"]).ok();
    assert_eq!(head(&world, &root), work);
}

#[test]
fn one_that_is_gone_without_a_session_is_made_again_unless_somebody_locked_it() {
    let world = world();
    let repo = repository(&world, "api");
    for name in ["gone", "stick"] {
        git(
            &world,
            &repo,
            &[
                "worktree",
                "add",
                "-q",
                "-b",
                &format!("worktree-{name}"),
                tree(&repo, name).to_str().unwrap(),
            ],
        );
    }
    git(
        &world,
        &repo,
        &["worktree", "lock", "--reason", "on a stick", tree(&repo, "stick").to_str().unwrap()],
    );
    for name in ["gone", "stick"] {
        fs::remove_dir_all(tree(&repo, name)).unwrap();
    }
    let said = refused(&world, &repo, &["-w", "stick"], 5);
    assert!(said.contains("gone, and locked (on a stick)"), "{said}");
    world.cs_in(&repo, &["-w", "--no-open", "gone"]).ok();
    assert_eq!(branch(&world, &tree(&repo, "gone")), "worktree-gone");
    // What another branch lost is only looked at where it is in the way.
    assert_eq!(lock(&world, &tree(&repo, "gone")), Some(held_by(&world, "gone")));
}

#[test]
fn a_worktree_without_its_session_is_taken_over_by_the_next() {
    let world = world();
    let repo = repository(&world, "api");
    world.cs_in(&repo, &["-w", "--no-open", "feat"]).ok();
    // As a kill after git's part leaves it.
    git(&world, &repo, &["worktree", "unlock", tree(&repo, "feat").to_str().unwrap()]);
    fs::remove_dir_all(world.data()).unwrap();
    let done = world.cs_in(&repo, &["-w", "feat"]);
    assert!(done.stderr.contains("the worktree was there already"), "{done:?}");
    assert_eq!(lock(&world, &tree(&repo, "feat")), Some(held_by(&world, "feat")));
}
