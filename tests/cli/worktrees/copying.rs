//! `.worktreeinclude`: what git ignores and a new worktree gets a copy of.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{commit, repository, tree, world};
use crate::support::world::{git, listing, ran};

#[test]
fn what_worktreeinclude_names_is_copied_and_nothing_that_leads_elsewhere() {
    let world = world();
    let repo = repository(&world, "api");
    let secret = world.write("secret", "outside\n");
    fs::write(
        repo.join(".gitignore"),
        ".env*\n*.local\nlinks\nlink*\nfifo*\nnested/\nnode_modules/\n/wide\n",
    )
    .unwrap();
    fs::write(repo.join("tracked.env"), "tracked\n").unwrap();
    let patterns = "# what it needs\n.env*\n*.local\n/etc/passwd\n../../../secret\n!../secret\nlinks/**\nlink*\nfifo*\n\
                    nested\n.git/**\n**/config\n.claude/worktrees/**\nvisible\ntracked.env\nREADME\nwide\n";
    fs::write(repo.join(".worktreeinclude"), patterns).unwrap();
    let put = |path: &str, text: &str, mode: u32| {
        let path = repo.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    put("tracked.env", "changed, and tracked\n", 0o644);
    commit(&world, &repo, "ignore");
    // Good ones.
    put(".env", "A=1\n", 0o600);
    put("app/.env.test", "B=2\n", 0o640);
    put("app/new/run.local", "#!/bin/sh\n", 0o755);
    put("wide", "w", 0o4777);
    put(".claude/settings.local", "{}\n", 0o644);
    // Beside each a hostile one.
    put("visible", "git does not ignore it\n", 0o644);
    symlink(&secret, repo.join("link-file")).unwrap();
    symlink(&secret, repo.join("app/.env.link")).unwrap();
    symlink(world.home(), repo.join("links")).unwrap();
    put("nested/inner.local", "x\n", 0o644);
    git(&world, &repo.join("nested"), &["init", "-q"]);
    assert!(ran(&mut world.any_command(Path::new("mkfifo"), &repo, &["fifo.local"])).ok().is_empty());
    // The branch has something at the place of one of them.
    git(&world, &repo, &["checkout", "-q", "-b", "has-env"]);
    fs::write(repo.join(".env.kept"), "of the branch\n").unwrap();
    git(&world, &repo, &["add", "-f", ".env.kept"]);
    git(&world, &repo, &["commit", "-q", "-m", "env"]);
    git(&world, &repo, &["checkout", "-q", "main"]);
    put(".env.kept", "of the checkout\n", 0o600);
    fs::create_dir_all(tree(&repo, "old")).unwrap();
    fs::write(tree(&repo, "old").join(".env"), "of another worktree\n").unwrap();

    let before = listing(&world.home());
    let ran = world.cs_in(&repo, &["-w", "--no-open", "--from", "has-env", "x"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("copied 5 files that git ignores (.worktreeinclude)"), "{ran:?}");
    let root = tree(&repo, "x");
    let new: Vec<(String, u32)> = listing(&root)
        .into_keys()
        .filter(|path| root.join(path).is_file() && !path.starts_with(".git"))
        .map(|path| {
            let mode = fs::metadata(root.join(&path)).unwrap().permissions().mode() & 0o7777;
            (path.display().to_string(), mode)
        })
        .filter(|(path, _)| {
            !["README", "app/web/page", ".worktreeinclude", "tracked.env"].contains(&path.as_str())
        })
        .collect();
    let expected = [
        (".claude/settings.local", 0o644),
        (".env", 0o600),
        (".env.kept", 0o644),
        (".gitignore", 0o644),
        ("app/.env.test", 0o640),
        ("app/new/run.local", 0o755),
        ("wide", 0o777),
    ];
    let expected: Vec<_> = expected.iter().map(|(path, mode)| ((*path).to_owned(), *mode)).collect();
    assert_eq!(
        new.into_iter().filter(|(path, _)| path != ".gitignore").collect::<Vec<_>>(),
        expected.into_iter().filter(|(path, _)| path != ".gitignore").collect::<Vec<_>>()
    );
    assert_eq!(fs::read_to_string(root.join(".env.kept")).unwrap(), "of the branch\n");
    assert!(listing(&root).values().all(|entry| !entry.starts_with("link") && entry != "special"));
    assert_eq!(git(&world, &root, &["status", "--porcelain"]), "");
    // Outside of the worktree and of what is ours nothing is different.
    let mut after = listing(&world.home());
    after.retain(|path, _| before.contains_key(path));
    let same = |path: &Path| path.starts_with("src/api/.git") || path.starts_with(".local");
    assert_eq!(
        after.into_iter().filter(|(path, _)| !same(path)).collect::<Vec<_>>(),
        before.into_iter().filter(|(path, _)| !same(path)).collect::<Vec<_>>()
    );
}

#[test]
fn a_worktreeinclude_that_is_no_file_is_told_and_copies_are_bounded() {
    let world = world();
    for (name, make) in [
        ("fifo", "mkfifo .worktreeinclude"),
        ("link", "ln -s ../secret .worktreeinclude"),
        ("directory", "mkdir .worktreeinclude"),
    ] {
        let repo = repository(&world, name);
        fs::write(repo.join(".git/info/exclude"), ".env\n").unwrap();
        fs::write(repo.join(".env"), "x").unwrap();
        world.write("src/secret", ".env\n");
        ran(&mut world.any_command(Path::new("sh"), &repo, &["-c", make])).ok();
        let done = world.cs_in(&repo, &["-w", "--no-open", name]);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stderr.contains("nothing is copied into the worktree"), "{done:?}");
        assert!(!tree(&repo, name).join(".env").exists());
    }
    let repo = repository(&world, "many");
    fs::write(repo.join(".git/info/exclude"), "data/\n/large\n").unwrap();
    fs::write(repo.join(".worktreeinclude"), "data/*\nlarge\n").unwrap();
    fs::create_dir(repo.join("data")).unwrap();
    for number in 0..2_001 {
        fs::write(repo.join(format!("data/{number:04}")), "").unwrap();
    }
    let done = world.cs_in(&repo, &["-w", "--no-open", "x"]);
    assert!(done.stderr.contains("copied 2000 files"), "{done:?}");
    assert!(done.stderr.contains("not copied: 1 file more, which are too many or too large"), "{done:?}");
    fs::remove_dir_all(repo.join("data")).unwrap();
    fs::File::create(repo.join("large")).unwrap().set_len((256 << 20) + 1).unwrap();
    let done = world.cs_in(&repo, &["-w", "--no-open", "y"]);
    assert!(done.stderr.contains("not copied: 1 file more"), "{done:?}");
    assert!(!tree(&repo, "y").join("large").exists());
}
