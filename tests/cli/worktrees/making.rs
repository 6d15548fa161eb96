//! `cs -w`: a worktree and a session are made together, or neither is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{branch, commit, head, held_by, lock, record, refused, repository, tree, world};
use crate::scenery::{TALK, is_root, session_names, talk};
use crate::support::skipped;
use crate::support::tmux::Tmux;
use crate::support::world::{World, git, listing, ran};

#[test]
fn a_session_gets_a_worktree_and_a_branch_of_its_own_where_claude_puts_them() {
    let world = world();
    let repo = repository(&world, "api");
    fs::write(repo.join("README"), "not committed\n").unwrap();
    let before = listing(&repo);
    let ran = world.cs_in(&repo, &["-w", "feat", "-p", "hi"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(0), ""),
        "nothing is said where nothing is to be known"
    );

    let root = tree(&repo, "feat");
    let start = world.last_start();
    assert_eq!((start.cwd.as_path(), start.flag("-p")), (root.as_path(), Some("hi")));
    assert_eq!(branch(&world, &root), "worktree-feat");
    assert_eq!(head(&world, &root), head(&world, &repo));
    assert_eq!(fs::read_to_string(root.join("README")).unwrap(), "one\n");
    assert_eq!(
        fs::metadata(root.join("README")).unwrap().permissions().mode() & 0o777,
        0o644,
        "as git makes it"
    );
    assert_eq!(lock(&world, &root), Some(held_by(&world, "feat")));
    assert_eq!(
        record(&world, "feat"),
        json!({
            "directory": root,
            "worktree": {"root": root, "repository": repo, "branch": "worktree-feat", "onto": "main"},
        })
    );
    // Nothing else of the repository is different, and git shows nothing new.
    let mut after = listing(&repo);
    after.retain(|path, _| {
        !path.starts_with(".claude")
            && !path.starts_with(".git/worktrees")
            && !path.ends_with("worktree-feat")
    });
    let (exclude, was) = (Path::new(".git/info/exclude"), before.clone());
    assert_ne!(after.get(exclude), was.get(exclude));
    for path in [exclude, Path::new(".git/index")] {
        after.remove(path);
    }
    assert_eq!(
        after,
        was.into_iter().filter(|(path, _)| path != exclude && path != Path::new(".git/index")).collect()
    );
    assert_eq!(git(&world, &repo, &["status", "--porcelain"]), " M README");
    let text = fs::read_to_string(repo.join(".git/info/exclude")).unwrap();
    assert!(text.ends_with("\n/.claude/worktrees/\n"), "{text}");

    // Again, with and without the option, from here and from anywhere.
    for (directory, words) in
        [(&repo, &["-w", "feat", "x"][..]), (&root, &["-w", "feat", "x"]), (&world.home(), &["feat", "x"])]
    {
        world.cs_in(directory, words).ok();
        assert_eq!(world.last_start().cwd, root);
    }
    assert_eq!(session_names(&world), ["feat"]);
    assert_eq!(fs::read_to_string(repo.join(".git/info/exclude")).unwrap(), text, "the line is there once");
    let said = refused(&world, &repo, &["new", "-w", "feat"], 5);
    assert!(said.contains("already a session 'feat'"), "{said}");
}

#[test]
fn it_begins_where_one_stands_or_where_one_says() {
    let world = world();
    let repo = repository(&world, "api");
    let first = head(&world, &repo);
    git(&world, &repo, &["tag", "v1"]);
    git(&world, &repo, &["checkout", "-q", "-b", "topic"]);
    let second = commit(&world, &repo, "two");

    let made = |words: &[&str], from: &Path| {
        let words = [&["-w", "--no-open"], words].concat();
        let said = world.cs_in(from, &words);
        assert_eq!(said.code, Some(0), "{said:?}");
        let name = words.last().unwrap();
        let root = tree(&repo, name);
        let worktree = record(&world, name)["worktree"].clone();
        (head(&world, &root), branch(&world, &root), worktree["onto"].clone())
    };
    assert_eq!(made(&["a"], &repo), (second.clone(), "worktree-a".into(), json!("topic")));
    assert_eq!(made(&["--from", "main", "b"], &repo), (first.clone(), "worktree-b".into(), json!("main")));
    assert_eq!(made(&["--from", "v1", "c"], &repo), (first.clone(), "worktree-c".into(), Value::Null));
    assert_eq!(made(&["--branch", "fix/x", "d"], &repo), (second, "fix/x".into(), json!("topic")));
    // From inside of another worktree: from its commit, beside it and not in it.
    let third = commit(&world, &tree(&repo, "a"), "three");
    assert_eq!(
        made(&["e"], &tree(&repo, "a").join("app")),
        (third, "worktree-e".into(), json!("worktree-a"))
    );
    assert_eq!(
        record(&world, "e")["directory"],
        json!(tree(&repo, "e").join("app")),
        "the same subdirectory"
    );
    // Where there is no such subdirectory, at the root.
    fs::create_dir(repo.join("untracked")).unwrap();
    assert!(made(&["f"], &repo.join("untracked")).1.ends_with("-f"));
    assert_eq!(record(&world, "f")["directory"], json!(tree(&repo, "f")));
    // On no branch there is none to go back to.
    git(&world, &repo, &["checkout", "-q", "--detach", "v1"]);
    assert_eq!(made(&["g"], &repo), (first, "worktree-g".into(), Value::Null));
    // A branch of a remote is not followed: a push would go there.
    assert!(!git(&world, &repo, &["config", "--list"]).contains("branch."));
}

#[test]
fn what_cannot_begin_a_worktree_is_said_and_nothing_is_made() {
    let world = world();
    let repo = repository(&world, "api");
    git(&world, &repo, &["branch", "taken"]);
    git(&world, &repo, &["branch", "worktree-Case"]);
    for (words, code, text) in [
        (&["--from", "nope", "x"][..], 2, "there is no branch, tag or commit 'nope'"),
        (&["--from=--all", "x"], 2, "there is no branch"),
        (&["--branch", "a b", "x"], 2, "'a b' can be no branch of git"),
        (&["--branch=-x", "x"], 2, "can be no branch of git"),
        (&["--branch", "HEAD", "x"], 2, "'HEAD' can be no branch of git"),
        (&["a..b"], 2, "cs -w --branch BRANCH a..b"),
        (&["a.lock"], 2, "can be no branch of git"),
        (&["--branch", "main", "x"], 5, &format!("branch 'main' is checked out in {}", repo.display())),
        (&["--branch", "taken", "--from", "main", "x"], 5, "leave --from out"),
        (&["case"], 5, "there is already a branch 'worktree-Case'"),
        (&["default"], 2, "'default' is a profile"),
    ] {
        let said = refused(&world, &repo, &[&["-w"], words].concat(), code);
        assert!(said.contains(text), "{words:?}: {said}");
    }
    let unborn = world.project("unborn");
    git(&world, &unborn, &["init", "-q"]);
    let said = refused(&world, &unborn, &["-w", "x"], 5);
    assert!(said.contains("no commit yet") && said.contains("git commit --allow-empty"), "{said}");
    let plain = world.project("plain");
    let said = refused(&world, &plain, &["-w", "x"], 5);
    assert!(said.contains("is not in a git repository") && said.contains("git init"), "{said}");
    assert!(said.contains("for a session without a worktree: cs x"), "{said}");
    let said = refused(&world, &plain, &["-w"], 5);
    assert!(said.contains("cs plain"), "{said}");
    let said = refused(&world, &repo, &["--dir", "/", "-w", "x"], 2);
    assert!(said.contains("--dir"), "{said}");
    // The controls: a branch that is there and checked out nowhere is worked on; an odd name gets another branch.
    let ran = world.cs_in(&repo, &["-w", "--no-open", "--branch", "taken", "x"]);
    assert!(ran.stderr.contains("the branch taken was there already"), "{ran:?}");
    assert_eq!(branch(&world, &tree(&repo, "x")), "taken");
    world.cs_in(&repo, &["-w", "--no-open", "--branch", "odd", "a..b"]).ok();
    assert_eq!(branch(&world, &tree(&repo, "a..b")), "odd");
}

#[test]
fn a_repository_that_is_the_home_directory_has_no_place_for_them() {
    let world = world();
    git(&world, &world.home(), &["init", "-q"]);
    git(&world, &world.home(), &["commit", "-q", "--allow-empty", "-m", "dotfiles"]);
    let said = refused(&world, &world.home(), &["-w", "x"], 5);
    assert!(said.contains("would lie in your ~/.claude"), "{said}");
}

#[test]
fn submodules_and_bare_repositories_have_theirs_where_claude_puts_them() {
    let world = world();
    let (up, repo) = (repository(&world, "up"), repository(&world, "super"));
    let add =
        ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", up.to_str().unwrap(), "sub"];
    git(&world, &repo, &add);
    let sub = repo.join("sub");
    world.cs_in(&sub, &["-w", "--no-open", "a"]).ok();
    assert_eq!(branch(&world, &tree(&sub, "a")), "worktree-a");
    // From inside of that one, whose repository only the settings name.
    world.cs_in(&tree(&sub, "a"), &["-w", "--no-open", "b"]).ok();
    assert_eq!(record(&world, "b")["worktree"]["repository"], json!(sub));
    assert_eq!(branch(&world, &tree(&sub, "b")), "worktree-b");
    assert_eq!(git(&world, &sub, &["status", "--porcelain"]), "");
    world.cs_in(&sub, &["-w", "a"]).ok();
    assert_eq!(world.last_start().cwd, tree(&sub, "a"));

    let bare = world.home().join("src/api.git");
    git(&world, &world.home(), &["clone", "-q", "--bare", up.to_str().unwrap(), bare.to_str().unwrap()]);
    let before = fs::read(bare.join("info/exclude")).unwrap();
    world.cs_in(&bare, &["-w", "--no-open", "c"]).ok();
    assert_eq!(
        record(&world, "c")["worktree"],
        json!({"root": tree(&bare, "c"), "repository": bare, "branch": "worktree-c", "onto": "main"})
    );
    assert_eq!(fs::read(bare.join("info/exclude")).unwrap(), before);
    world.cs_in(&tree(&bare, "c"), &["-w", "--no-open", "d"]).ok();
    assert_eq!(record(&world, "d")["worktree"]["onto"], json!("worktree-c"));
    world.cs_in(&bare, &["-w"]).ok();
    assert_eq!(world.last_start().cwd, tree(&bare, "api"), "named after it, without .git");
}

#[test]
fn what_is_in_the_way_stays_untouched() {
    let world = world();
    let outside = world.project("outside");
    for (name, put) in [
        ("a-directory", (|repo, _| fs::create_dir_all(tree(repo, "x/with/things"))) as fn(&Path, &Path) -> _),
        ("a-file", |repo, _| {
            fs::create_dir_all(repo.join(".claude/worktrees"))?;
            fs::write(tree(repo, "x"), "a file\n")
        }),
        ("a-link", |repo, outside| {
            fs::create_dir_all(repo.join(".claude/worktrees"))?;
            symlink(outside, tree(repo, "x"))
        }),
        ("a-dangling-link", |repo, outside| {
            fs::create_dir_all(repo.join(".claude/worktrees"))?;
            symlink(outside.join("none"), tree(repo, "x"))
        }),
        ("claude-leads-out", |repo, outside| symlink(outside, repo.join(".claude"))),
        ("worktrees-leads-out", |repo, outside| {
            fs::create_dir(repo.join(".claude"))?;
            symlink(outside, repo.join(".claude/worktrees"))
        }),
        ("claude-is-a-file", |repo, _| fs::write(repo.join(".claude"), "")),
    ] {
        let repo = repository(&world, name);
        put(&repo, &outside).unwrap();
        let said = refused(&world, &repo, &["-w", "x"], 5);
        assert!(said.contains(repo.join(".claude").to_str().unwrap()), "{name}: {said}");
    }
    // The control: one of git's own that is really there is not in the way.
    let repo = repository(&world, "free");
    fs::create_dir_all(repo.join(".claude/worktrees")).unwrap();
    world.cs_in(&repo, &["-w", "--no-open", "x"]).ok();
}

#[test]
fn git_ignores_them_without_a_change_to_what_is_committed() {
    let world = world();
    let exclude = |repo: &Path| fs::read_to_string(repo.join(".git/info/exclude")).unwrap_or_default();
    // Where it does already, no line is added.
    let repo = repository(&world, "known");
    fs::write(repo.join(".gitignore"), ".claude/\n").unwrap();
    commit(&world, &repo, "ignore");
    let before = exclude(&repo);
    world.cs_in(&repo, &["-w", "--no-open", "a"]).ok();
    assert_eq!(exclude(&repo), before);
    // Where there is no file, and no directory for it.
    let repo = repository(&world, "none");
    fs::remove_dir_all(repo.join(".git/info")).unwrap();
    world.cs_in(&repo, &["-w", "--no-open", "b"]).ok();
    assert_eq!(exclude(&repo), "/.claude/worktrees/\n");
    // Never through a link.
    for (name, link) in [("link", ".git/info/exclude"), ("linked", ".git/info")] {
        let repo = repository(&world, name);
        let outside = world.home().join(format!("outside-{name}"));
        fs::rename(repo.join(link), &outside).unwrap();
        symlink(&outside, repo.join(link)).unwrap();
        let before = listing(&outside);
        let done = world.cs_in(&repo, &["-w", "--no-open", name]);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stderr.contains("git will show .claude/worktrees as new"), "{done:?}");
        assert_eq!(listing(&outside), before);
    }
}

#[test]
fn commands_of_the_users_own_settings_are_shown_and_run_in_a_new_worktree() {
    let world = world();
    let repo = repository(&world, "api");
    fs::write(repo.join(".cs.toml"), "profile = \"default\"\n").unwrap();
    let lines = "[worktree]\non_create = [\"pwd > where; echo out; echo \\\"$CS_SESSION $CLAUDE_CONFIG_DIR\\\" > who; umask >> who\", \
                 \"cat; exit 3\", \"no-such-program-here\", \"touch last\"]\n";
    world.write(".config/cs/config.toml", lines);
    let mut command = world.command(&repo.join("app"), &["-w", "feat", "-p", "hi"]);
    command.stdin(Stdio::piped());
    world.fake_claude("cat > stdin");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"for Claude").unwrap();
    let done = child.wait_with_output().unwrap();
    let (out, said) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success() && out.is_empty(), "{out}{said}");
    let app = tree(&repo, "feat").join("app");
    let read = |name: &str| fs::read_to_string(app.join(name)).unwrap();
    assert_eq!(read("where").trim_end(), app.to_str().unwrap());
    assert_eq!(read("who"), format!("feat {}\n0022\n", world.config_of("feat").display()));
    assert_eq!(read("stdin"), "for Claude", "what is said to Claude is not eaten");
    assert!(app.join("last").exists(), "the rest is run");
    for text in [
        "running: pwd > where;",
        "\nout\n",
        "that failed (exit code 3), and the worktree stays: cat; exit 3",
        "exit code 127",
    ] {
        assert!(said.contains(text), "{text:?} in {said}");
    }
    assert_eq!(world.last_start().cwd, app);
    fs::remove_file(app.join("last")).unwrap();
    world.cs_in(&repo, &["-w", "feat", "-p", "again"]).ok();
    assert!(!app.join("last").exists(), "it is not new any more");
    world.cs_in(&repo, &["-w", "--no-open", "other"]).ok();
    assert!(tree(&repo, "other").join("last").exists(), "without Claude, too");
}

#[test]
fn a_dry_run_shows_all_of_it_and_does_nothing() {
    let world = world();
    let repo = repository(&world, "api");
    fs::write(repo.join(".git/info/exclude"), ".env\n").unwrap();
    fs::write(repo.join(".env"), "x").unwrap();
    fs::write(repo.join(".worktreeinclude"), ".env\n").unwrap();
    world.write(".config/cs/config.toml", "[worktree]\non_create = [\"npm ci\"]\n");
    let before = listing(&world.home());
    let shown = world.cs_in(&repo, &["--dry-run", "-w", "feat"]).ok();
    let json: Value =
        serde_json::from_str(&world.cs_in(&repo, &["--dry-run", "--json", "-w", "feat"]).ok()).unwrap();
    assert_eq!(listing(&world.home()), before);
    let root = tree(&repo, "feat");
    let command = [
        "git",
        "-C",
        repo.to_str().unwrap(),
        "worktree",
        "add",
        "--no-track",
        "-b",
        "worktree-feat",
        root.to_str().unwrap(),
        &head(&world, &repo),
    ];
    for text in [
        &command.join(" "),
        "copy       .env\n",
        "then run   npm ci\n",
        &format!("directory  {}\n", root.display()),
    ] {
        assert!(shown.contains(text), "{text:?} in {shown}");
    }
    assert_eq!(json["directory"], json!(root));
    assert_eq!(
        json["worktree"],
        json!({
            "root": root, "repository": repo, "branch": "worktree-feat", "onto": "main", "there": false,
            "command": command, "copied": [".env"], "on_create": ["npm ci"], "lock": true,
        })
    );
    // What it would remember is the repository's, as when it is made.
    world.cs_in(&repo, &["-w", "feat"]).ok();
    let made: Value =
        serde_json::from_str(&world.cs_in(&repo, &["--dry-run", "--json", "feat"]).ok()).unwrap();
    let memory = |value: &Value| {
        value["command"].to_string().split("autoMemoryDirectory").nth(1).map(|text| text[..120].to_owned())
    };
    assert_eq!(memory(&made), memory(&json));
    let again: Value =
        serde_json::from_str(&world.cs_in(&repo, &["--dry-run", "--json", "-w", "feat"]).ok()).unwrap();
    assert_eq!(again["directory"], json!(root));
}

#[test]
fn what_fails_after_the_worktree_was_made_takes_it_away_again() {
    let world = world();
    let repo = repository(&world, "api");
    world.cs(&["profile", "create", "work"]).ok();
    world.cs_in(&repo, &["bind", "work"]).ok();
    world.write(".config/cs/config.toml", "guard = \"strict\"\n");
    let before = listing(&repo);
    let done = world.cs_in(&repo, &["-P", "default", "-w", "feat"]);
    assert_eq!(done.code, Some(5), "{done:?}");
    let mut after = listing(&repo);
    // That git ignores them may stay, and an entry is left where its log was.
    after.retain(|path, _| {
        before.contains_key(path)
            || path.starts_with(".claude")
            || path.starts_with(".git/worktrees")
            || path.starts_with(".git/refs")
    });
    after.remove(Path::new(".git/info/exclude"));
    let mut expected = before;
    expected.remove(Path::new(".git/info/exclude"));
    after.remove(Path::new(".git/worktrees"));
    assert_eq!(after, expected);
    assert_eq!(session_names(&world), Vec::<String>::new());
    // Without a Claude nothing is begun.
    fs::remove_file(world.bin().join("claude")).unwrap();
    assert_eq!(world.cs_in(&repo, &["-w", "feat"]).code, Some(127));
    assert!(!repo.join(".claude").exists());
    world.fake_claude("");
    world.cs_in(&repo, &["-w", "feat"]).ok();
    assert_eq!(branch(&world, &tree(&repo, "feat")), "worktree-feat", "the control: nothing is in the way");
}

#[test]
fn a_hook_of_git_that_fails_leaves_a_session_and_is_told() {
    let world = world();
    let repo = repository(&world, "api");
    let hook = repo.join(".git/hooks/post-checkout");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\npwd > \"$OLDPWD/hooked\" 2>/dev/null\ntouch hooked\nexit 7\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let done = world.cs_in(&repo, &["-w", "feat"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("a hook of git's failed"), "{done:?}");
    assert!(tree(&repo, "feat").join("hooked").exists(), "a person's own hooks run");
    assert_eq!(world.last_start().cwd, tree(&repo, "feat"));
}

#[test]
fn without_a_name_they_are_named_after_the_repository_and_take_nothing_over() {
    let world = world();
    let repo = repository(&world, "api");
    world.cs_in(&repo.join("app"), &["-w"]).ok();
    assert_eq!(world.last_start().cwd, tree(&repo, "api").join("app"));
    git(&world, &repo, &["worktree", "add", "-q", "-b", "somebodys", tree(&repo, "api-2").to_str().unwrap()]);
    git(&world, &repo, &["branch", "worktree-api-3"]);
    world.cs_in(&tree(&repo, "api"), &["-w", "fix the build"]).ok();
    let start = world.last_start();
    assert_eq!(
        (start.cwd, start.args.last().map(String::as_str)),
        (tree(&repo, "api-4"), Some("fix the build"))
    );
    world.cs_in(&repo, &["open", "-w", "named"]).ok();
    world.cs_in(&repo, &["new", "-w", "newer"]).ok();
    assert_eq!(session_names(&world), ["api", "api-4", "named", "newer"]);
}

#[test]
fn every_kind_of_session_works_in_one() {
    let world = world();
    let repo = repository(&world, "api");
    for (number, words) in
        [&["--ephemeral"][..], &["--bare"], &["--isolation", "none"], &["--isolation", "home"]]
            .iter()
            .enumerate()
    {
        let name = format!("s{number}");
        world.cs_in(&repo, &[words, &["-w", &name, "-p", "x"][..]].concat()).ok();
        assert_eq!(world.last_start().cwd, tree(&repo, &name));
        assert_eq!(record(&world, &name)["worktree"]["root"], json!(tree(&repo, &name)));
    }
}

#[test]
fn a_fork_can_have_a_worktree_of_its_own() {
    let world = world();
    let repo = repository(&world, "api");
    world.cs_in(&repo, &["-w", "feat", "-p", "hi"]).ok();
    let (root, copy) = (tree(&repo, "feat"), tree(&repo, "idea"));
    let work = commit(&world, &root, "work");
    fs::write(root.join("README"), "not yet\n").unwrap();
    talk(&world.config_of("feat"), &root, TALK, "hello");
    let done = world.cs(&["fork", "-w", "feat", "idea", "-p", "go on"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("what is not committed in"), "{done:?}");
    let start = world.last_start();
    assert_eq!((start.cwd.as_path(), start.flag("--resume")), (copy.as_path(), Some(TALK)));
    assert_eq!((head(&world, &copy), branch(&world, &copy)), (work, "worktree-idea".into()));
    assert_eq!(record(&world, "idea")["worktree"]["onto"], json!("worktree-feat"));
    let copied = world.config_of("idea").join("projects").join(claude_cs::claude::slug(&copy));
    assert!(copied.join(format!("{TALK}.jsonl")).exists(), "where Claude looks for it");
    assert_eq!(lock(&world, &copy), Some(held_by(&world, "idea")));
    // Without the option it works beside the other, in a worktree that is not its own.
    world.cs(&["fork", "--no-open", "feat", "beside"]).ok();
    assert_eq!(record(&world, "beside"), json!({"directory": root, "worktree": null}));
    let said = refused(&world, &world.home(), &["fork", "-w", "feat", "idea"], 5);
    assert!(said.contains("already a session 'idea'"), "{said}");
}

#[test]
fn ten_at_once_get_ten_worktrees_and_of_ten_with_one_name_one_does() {
    let world = world();
    let repo = repository(&world, "api");
    let run = |names: Vec<String>| -> Vec<_> {
        let children: Vec<_> = names
            .iter()
            .map(|name| {
                let mut command = world.command(&repo, &["-w", "--no-open", name]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
    };
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    for done in run(names.clone()) {
        assert!(done.status.success(), "{done:?}");
    }
    assert_eq!(session_names(&world), names);
    for name in &names {
        let root = tree(&repo, name);
        assert_eq!(branch(&world, &root), format!("worktree-{name}"));
        assert_eq!(lock(&world, &root), Some(held_by(&world, name)));
    }
    let exclude = fs::read_to_string(repo.join(".git/info/exclude")).unwrap();
    assert_eq!(exclude.matches("/.claude/worktrees/").count(), 1);

    let done = run(vec!["same".to_owned(); 10]);
    assert_eq!(done.iter().filter(|done| done.status.success()).count(), 1, "{done:?}");
    assert!(done.iter().all(|done| matches!(done.status.code(), Some(0 | 5))), "{done:?}");
    assert_eq!(lock(&world, &tree(&repo, "same")), Some(held_by(&world, "same")));
    assert_eq!(git(&world, &tree(&repo, "same"), &["status", "--porcelain"]), "");
}

#[test]
fn a_repository_of_another_user_is_named_with_what_helps() {
    let world = world();
    if !is_root() {
        return skipped("only root can give a repository to another user");
    }
    let repo = repository(&world, "api");
    ran(&mut world.any_command(Path::new("chown"), &world.home(), &["-R", "12345", repo.to_str().unwrap()]))
        .ok();
    let said = refused(&world, &repo, &["-w", "x"], 5);
    assert!(said.contains("belongs to another user"), "{said}");
    assert!(said.contains(&format!("git config --global --add safe.directory {}", repo.display())), "{said}");
    assert_eq!(refused(&world, &repo, &["wt", "list"], 5), said, "the other verbs say the same");
    // The control: who trusts it has what belongs to it.
    for place in [repo.clone(), repo.join(".git")] {
        git(
            &world,
            &world.home(),
            &["config", "--global", "--add", "safe.directory", place.to_str().unwrap()],
        );
    }
    world.cs_in(&repo, &["-w", "--no-open", "x"]).ok();
    world.cs_in(&repo, &["wt", "list"]).ok();
}

#[test]
fn a_person_without_a_repository_chooses() {
    let world = world();
    if !Tmux::available() {
        return;
    }
    let program = World::cs_program();
    let soon = std::time::Duration::from_secs(20);
    for (project, choice, cwd) in
        [("fresh", "1", tree(&world.project("fresh"), "x")), ("plain", "2", world.project("plain"))]
    {
        let name = if choice == "1" { "x" } else { "y" };
        let argv = [program.to_str().unwrap(), "-w", name, "-p", "hi"];
        let tmux = Tmux::start(&argv, &world.project(project), world.environment());
        let screen = tmux.wait_for("what now?", soon);
        assert!(
            screen.contains("is not in a git repository") && screen.contains("1  git init here"),
            "{screen}"
        );
        assert!(screen.contains(&format!("2  a session '{name}' here, without a worktree")), "{screen}");
        tmux.enter(choice);
        assert_eq!(tmux.wait_exit(soon), 0, "{}", tmux.screen());
        assert_eq!(world.last_start().cwd, cwd);
    }
    assert_eq!(session_names(&world), ["x", "y"]);
}

#[test]
fn what_a_file_says_of_a_worktree_is_of_another_machine_and_not_taken_over() {
    let world = world();
    let repo = repository(&world, "api");
    let _ = world.cs_in(&repo, &["new", "-w", "--no-open", "far"]).ok();
    assert!(record(&world, "far")["worktree"].is_object(), "the control");
    let archive = world.home().join("far.tar");
    let _ = world.cs(&["export", "far", archive.to_str().unwrap()]).ok();
    let _ = world.cs(&["rm", "far"]).ok();
    let _ = world.cs(&["trash", "empty", "--yes"]).ok();
    let before = listing(&repo);
    let _ = world.cs(&["import", archive.to_str().unwrap()]).ok();
    assert_eq!(record(&world, "far"), json!({"directory": tree(&repo, "far"), "worktree": null}));
    assert_eq!(listing(&repo), before, "the worktree is as it was");
    // It works there all the same, and goes with it.
    let _ = world.cs_in(&repo, &["wt", "rm", "far"]).ok();
    assert!(!tree(&repo, "far").exists() && session_names(&world).is_empty());
}

/// Counts how often git is run from here on, in the file whose path is returned: a line each.
fn count_git(world: &World) -> PathBuf {
    let path = world.environment().into_iter().find(|(name, _)| name == "PATH").unwrap().1;
    let real = std::env::split_paths(&path).map(|dir| dir.join("git")).find(|git| git.is_file()).unwrap();
    let counted = world.root().join("runs of git");
    world.program(
        "git",
        &format!("#!/bin/sh\necho x >>'{}'\nexec '{}' \"$@\"\n", counted.display(), real.display()),
    );
    fs::write(&counted, "").unwrap();
    counted
}

/// How often git was run since this was asked last.
fn runs(counted: &Path) -> usize {
    let text = fs::read_to_string(counted).unwrap();
    fs::write(counted, "").unwrap();
    text.lines().count()
}

#[test]
fn without_a_name_what_no_other_name_would_help_with_is_refused_at_once() {
    let world = world();
    let repo = repository(&world, "api");
    git(&world, &repo, &["branch", "fix"]);
    git(&world, &repo, &["worktree", "add", "-q", "-b", "away", world.home().join("away").to_str().unwrap()]);
    let unborn = world.project("unborn");
    git(&world, &unborn, &["init", "-q"]);
    let plain = world.project("plain");
    let counted = count_git(&world);
    let taken = "there is already a branch 'fix'";
    for (place, words, code, texts) in [
        (&repo, &["--branch", "fix", "--from", "main"][..], 5, [taken, "leave --from out"]),
        (&repo, &["--branch", "Fix"], 5, [taken, "to work on it: cs -w --branch fix api"]),
        (&repo, &["--branch", "Fix", "--from", "main"], 5, [taken, "--branch fix"]),
        (&repo, &["--branch", "away"], 5, ["branch 'away' is checked out in", "name another branch"]),
        (&repo, &["--branch", "a b"], 2, ["'a b' can be no branch of git", ""]),
        (&repo, &["--from", "nope"], 2, ["there is no branch, tag or commit 'nope'", "git branch --all"]),
        (&unborn, &[], 5, ["there is no commit yet", "git commit --allow-empty"]),
        (&plain, &[], 5, ["is not in a git repository", "git init"]),
    ] {
        for more in [&[][..], &["--dry-run"], &["fix the build"], &["--no-open"]] {
            let said = refused(&world, place, &[&["-w"], words, more].concat(), code);
            assert!(texts.iter().all(|text| said.contains(text)), "{words:?} {more:?}: {said}");
            let runs = runs(&counted);
            assert!((1..=12).contains(&runs), "{words:?} {more:?}: {runs} runs of git");
        }
    }
    // What cannot be written stands in the way of every name.
    world.cs_in(&plain, &["new", "--no-open", "first"]).ok();
    let staging = world.data().join("staging");
    fs::remove_dir(&staging).unwrap();
    fs::write(&staging, "").unwrap();
    for words in [&["-w", "--no-open"][..], &["-w"], &["--no-open"], &["fix the build"]] {
        let said = refused(&world, &repo, words, 1);
        assert!(said.contains(staging.to_str().unwrap()), "{words:?}: {said}");
        assert!(runs(&counted) <= 12, "{words:?}");
    }
    fs::remove_file(&staging).unwrap();
    // The controls: another branch, and this one without --from, are begun and gone on with.
    world.cs_in(&repo, &["-w", "--no-open", "--branch", "other", "--from", "main"]).ok();
    world.cs_in(&repo, &["-w", "--no-open", "--branch", "fix"]).ok();
    assert_eq!(branch(&world, &tree(&repo, "api")), "other");
    assert_eq!(branch(&world, &tree(&repo, "api-2")), "fix");
    assert!(runs(&counted) > 0, "the control: what is run is counted");
}

#[test]
fn names_that_somebody_has_are_passed_over_without_a_git_for_each() {
    let world = world();
    let repo = repository(&world, "api");
    let commit = head(&world, &repo);
    let named = |number| if number == 1 { "api".to_owned() } else { format!("api-{number}") };
    // Branches in files and in one file, directories, and a worktree that is gone and locked.
    let packed: String =
        (1..=150).map(|number| format!("{commit} refs/heads/worktree-{}\n", named(number))).collect();
    fs::write(
        repo.join(".git/packed-refs"),
        format!("# pack-refs with: peeled fully-peeled sorted\n{packed}"),
    )
    .unwrap();
    for number in 151..=200 {
        fs::write(repo.join(".git/refs/heads").join(format!("worktree-{}", named(number))), &commit).unwrap();
    }
    fs::write(repo.join(".git/refs/heads/Worktree-API-201"), &commit).unwrap();
    for number in 202..=250 {
        fs::create_dir_all(tree(&repo, &named(number))).unwrap();
    }
    let gone = tree(&repo, &named(251));
    git(&world, &repo, &["worktree", "add", "-q", "--lock", "-b", "gone", gone.to_str().unwrap()]);
    fs::remove_dir_all(&gone).unwrap();
    let counted = count_git(&world);
    world.cs_in(&repo, &["-w", "--no-open"]).ok();
    let first = runs(&counted);
    assert_eq!(session_names(&world), ["api-252"]);
    // The control: it costs a git more, at most, than where the first name is free.
    let other = repository(&world, "other");
    runs(&counted);
    world.cs_in(&other, &["-w", "--no-open"]).ok();
    let plain = runs(&counted);
    assert_eq!(session_names(&world), ["api-252", "other"]);
    assert!(first <= plain + 1, "{first} runs of git, {plain} where nothing is taken");
}

#[test]
fn names_that_are_all_taken_are_said_soon_and_nothing_is_made() {
    let world = world();
    let repo = repository(&world, "api");
    world.cs(&["new", "--no-open", "other"]).ok();
    let names = world.data().join("names");
    world.cs(&["profile", "create", "api"]).ok();
    let claim = fs::read(names.join("api")).unwrap();
    let profile = world.data().join("profiles");
    for number in 2..10_000 {
        fs::write(names.join(format!("api-{number}")), &claim).unwrap();
        std::os::unix::fs::symlink(profile.join("api"), profile.join(format!("api-{number}"))).unwrap();
    }
    let counted = count_git(&world);
    for words in [&[][..], &["-w"], &["-w", "--dry-run"], &["--dry-run", "fix the build"]] {
        let began = std::time::Instant::now();
        let said = refused(&world, &repo, words, 1);
        assert!(said.contains("all names from 'api' on are taken"), "{said}");
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{words:?}: {:?}", began.elapsed());
        assert!(runs(&counted) <= 1, "{words:?}");
    }
    // The control: the last of them is free again.
    fs::remove_file(names.join("api-9999")).unwrap();
    fs::remove_file(profile.join("api-9999")).unwrap();
    world.cs_in(&repo, &["-w", "--no-open"]).ok();
    assert_eq!(session_names(&world), ["api-9999", "other"]);
}
