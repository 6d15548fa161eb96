//! What a session puts in the place of a file that git reads or writes: a FIFO, which would be waited for, and a link,
//! which would have git write where it leads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::support::world::ran;

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

#[test]
fn a_git_that_waits_for_a_fifo_is_ended_and_says_so() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    fs::create_dir_all(tree.join("deep/er")).unwrap();
    fs::write(tree.join("deep/er/file"), "one\n").unwrap();
    stage.commit(&tree, "deep");
    let ignored = tree.join("deep/er/.gitignore");
    fifo(&ignored);
    let started = Instant::now();
    let listed = stage.listed("x");
    let why =
        "git status did nothing for 5 seconds, and was ended: perhaps a FIFO stands where it reads a file";
    assert_eq!(listed["error"], why);
    assert!(stage.cs(&["wt", "rm", "x"]).fails(1).contains(why));
    assert!(stage.cs(&["wt", "finish", "x", "--squash"]).fails(1).contains(why));
    assert!(started.elapsed() < Duration::from_secs(90), "each of them waits once");
    assert!(tree.join("deep/er/file").exists());
    // The control: it is the FIFO that is waited for.
    fs::remove_file(&ignored).unwrap();
    stage.cs(&["wt", "finish", "x", "--squash"]).ok();
}

#[test]
fn git_writes_nothing_where_a_link_in_its_own_directories_leads() {
    for place in [
        "COMMIT_EDITMSG",
        "worktrees/x/COMMIT_EDITMSG",
        "worktrees/x/logs/HEAD",
        "logs/refs/heads/main",
        "logs/refs/heads/worktree-other",
    ] {
        let stage = Stage::new();
        let tree = stage.with_session("x");
        stage.work(&tree, "file", "two\n");
        let start_up = stage.world.root().join("start-up");
        fs::write(&start_up, "# mine\n").unwrap();
        let link = stage.repo.join(".git").join(place);
        let _ = fs::remove_file(&link);
        symlink(&start_up, &link).unwrap();
        let before = stage.refs();
        let is_for_a_new_one = place.ends_with("other");
        let words: &[&str] = if is_for_a_new_one {
            &["-w", "--no-open", "other"]
        } else {
            &["wt", "finish", "x", "--squash", "-m", "touch x"]
        };
        let done = stage.cs(words);
        let said = &done.stderr;
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(said.contains(&format!("{place} is a link, and git would write where it leads")), "{said}");
        assert_eq!(fs::read_to_string(&start_up).unwrap(), "# mine\n", "{place}");
        assert_eq!(stage.refs(), before, "{place}");
        // The control: git itself does write there.
        let (at, words): (&Path, &[&str]) = match place {
            "COMMIT_EDITMSG" | "logs/refs/heads/main" => {
                (&stage.repo, &["commit", "-q", "--allow-empty", "-m", "x"])
            }
            "logs/refs/heads/worktree-other" => (&stage.repo, &["branch", "worktree-other"]),
            _ => (&tree, &["commit", "-q", "--allow-empty", "-m", "x"]),
        };
        let _ = ran(&mut stage.world.any_command(Path::new("git"), at, words));
        assert_ne!(fs::read_to_string(&start_up).unwrap(), "# mine\n", "the control: {place}");
        // Without the link it is done.
        fs::remove_file(&link).unwrap();
        if !is_for_a_new_one {
            stage.cs(&["wt", "finish", "x", "--squash", "-m", "touch x"]).ok();
        }
    }
}

#[test]
fn what_was_cut_short_is_not_gone_on_with_through_a_link() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    stage.work(&tree, "file", "two\n");
    let own = stage.repo.join(".git/worktrees/x");
    // As `wt finish` leaves it when it is killed, and as anybody in the worktree can write it.
    let main = stage.git(&stage.repo, &["rev-parse", "main"]);
    stage.git(&tree, &["checkout", "-q", "--detach", "main"]);
    fs::write(own.join("cs-finish"), format!("worktree-x\n{main}\n")).unwrap();
    let start_up = stage.world.root().join("start-up");
    fs::write(&start_up, "# mine\n").unwrap();
    fs::remove_file(own.join("logs/HEAD")).unwrap();
    symlink(&start_up, own.join("logs/HEAD")).unwrap();
    let done = stage.cs(&["wt", "finish", "x", "--squash", "-m", "touch x"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("logs/HEAD is a link, and git would write where it leads"), "{done:?}");
    assert_eq!(fs::read_to_string(&start_up).unwrap(), "# mine\n");
    // The control: git itself does write there.
    stage.git(&tree, &["checkout", "-q", "worktree-x"]);
    assert_ne!(fs::read_to_string(&start_up).unwrap(), "# mine\n");
    stage.git(&tree, &["checkout", "-q", "--detach", "main"]);
    fs::remove_file(own.join("logs/HEAD")).unwrap();
    stage.cs(&["wt", "finish", "x", "--squash", "-m", "touch x"]).ok();
}

#[test]
fn what_was_kept_is_not_let_go_of_through_a_link() {
    let stage = Stage::new();
    stage.with_session("x");
    stage.cs(&["wt", "rm", "x"]).ok();
    assert!(!stage.kept().is_empty());
    stage.git(&stage.repo, &["pack-refs", "--all"]);
    let (packed, outside) = (stage.repo.join(".git/packed-refs"), stage.world.root().join("packed"));
    fs::rename(&packed, &outside).unwrap();
    symlink(&outside, &packed).unwrap();
    let before = fs::read_to_string(&outside).unwrap();
    let done = stage.cs(&["trash", "empty", "--yes"]);
    assert_eq!(fs::read_to_string(&outside).unwrap(), before, "{done:?}");
    assert!(done.stderr.contains("packed-refs is a link, and git would write where it leads"), "{done:?}");
    // The control: git itself does write there.
    let kept = stage.kept();
    stage.git(&stage.repo, &["update-ref", "-d", &kept[0]]);
    assert_ne!(fs::read_to_string(&outside).unwrap(), before);
}
