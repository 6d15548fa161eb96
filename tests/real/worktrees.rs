//! Two sessions of one repository, each in a worktree of its own; and Claude's own `-w` beside ours.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::stage::{SOON, Stage, choose, enter, leave, ready, say};
use crate::support::world::{git, ran};

const TRUST: &str = "Yes, I trust this folder";

fn repository(stage: &Stage) -> PathBuf {
    stage.write(".gitconfig", "[user]\nname = n\nemail = e@example.com\n[init]\ndefaultBranch = main\n");
    let repo = stage.project("repository");
    git(stage, &repo, &["init", "-q"]);
    fs::create_dir(repo.join("app")).unwrap();
    fs::write(repo.join("app/page"), "the first line\n").unwrap();
    fs::write(repo.join(".gitignore"), ".env\n").unwrap();
    git(stage, &repo, &["add", "-A"]);
    git(stage, &repo, &["commit", "-q", "-m", "one"]);
    repo
}

#[test]
fn two_sessions_edit_one_file_at_the_same_time_and_nothing_crosses() {
    let Some(stage) = Stage::with_terminal() else { return };
    let repo = repository(&stage);
    stage.at_home(&[&repo]);
    let open = ["left", "right"].map(|name| {
        let tmux = stage.terminal(&repo, &["-w", name, "--permission-mode", "acceptEdits"]);
        ready(&tmux);
        (name, tmux)
    });
    let file = |name: &str| repo.join(".claude/worktrees").join(name).join("app/page");
    for (name, tmux) in &open {
        enter(tmux, &format!("TOOL:Read {}", json!({"file_path": file(name)})));
    }
    for (_, tmux) in &open {
        tmux.wait_for("● done 1", SOON);
    }
    for (name, tmux) in &open {
        let edit = json!({"file_path": file(name), "old_string": "first", "new_string": name});
        enter(tmux, &format!("TOOL:Edit {edit}"));
    }
    for (_, tmux) in &open {
        tmux.wait_for("● done The file", SOON);
    }
    for (name, tmux) in &open {
        assert_eq!(fs::read_to_string(file(name)).unwrap(), format!("the {name} line\n"));
        leave(tmux);
    }
    assert_eq!(fs::read_to_string(repo.join("app/page")).unwrap(), "the first line\n");
    assert_eq!(git(&stage, &repo, &["status", "--porcelain"]), "");
    for (name, _) in &open {
        let root = repo.join(".claude/worktrees").join(name);
        assert_eq!(git(&stage, &root, &["status", "--porcelain"]), " M app/page");
        assert_eq!(git(&stage, &root, &["rev-parse", "--abbrev-ref", "HEAD"]), format!("worktree-{name}"));
        let own = stage.transcript_of(name);
        assert!(own.contains(file(name).to_str().unwrap()));
        let other = if *name == "left" { "right" } else { "left" };
        assert!(!own.contains(file(other).to_str().unwrap()), "{name} knows nothing of {other}");
    }
    // From anywhere it goes on there, with what was said.
    let _ = stage.cs(&["left", "-p", "RUN:pwd > where", "--allowedTools", "Bash"]).ok();
    let request = stage.request_with("RUN:pwd > where")["messages"].to_string();
    assert!(request.contains("TOOL:Edit"), "{request}");
    let root = repo.join(".claude/worktrees/left");
    assert_eq!(fs::read_to_string(root.join("where")).unwrap().trim_end(), root.to_str().unwrap());
}

#[test]
fn a_worktree_that_claude_made_is_taken_over_and_ours_is_reused_by_claude() {
    let Some(stage) = Stage::set() else { return };
    let repo = repository(&stage);
    let at = |name: &str| repo.join(".claude/worktrees").join(name);
    let head = |name: &str| git(&stage, &at(name), &["rev-parse", "HEAD"]);
    let _ = ran(&mut stage.plain_claude(&repo, &["-w", "claudes", "-p", "SAY:made by Claude"])).ok();
    fs::write(at("claudes").join("work"), "of Claude's\n").unwrap();
    git(&stage, &at("claudes"), &["add", "-A"]);
    git(&stage, &at("claudes"), &["commit", "-q", "-m", "work"]);
    let work = head("claudes");
    let taken = stage.cs_in(&repo, &["-w", "claudes", "-p", "SAY:taken over"]);
    assert!(taken.stderr.contains("the worktree was there already"), "{taken:?}");
    assert_eq!(taken.ok(), "taken over\n");
    assert_eq!(
        (head("claudes"), fs::read_to_string(at("claudes").join("work")).unwrap()),
        (work.clone(), "of Claude's\n".into())
    );
    let request = stage.request_with("SAY:taken over").to_string();
    assert!(request.contains(at("claudes").to_str().unwrap()), "{request}");
    let locked = fs::read_to_string(repo.join(".git/worktrees/claudes/locked")).unwrap();
    assert_eq!(locked.trim_end(), format!("cs session {}", stage.show("claudes")["id"].as_str().unwrap()));

    let _ = stage.cs_in(&repo, &["-w", "ours", "-p", "SAY:made by cs"]).ok();
    fs::write(at("ours").join("work"), "of ours\n").unwrap();
    git(&stage, &at("ours"), &["add", "-A"]);
    git(&stage, &at("ours"), &["commit", "-q", "-m", "work"]);
    let (work, listed) = (head("ours"), git(&stage, &repo, &["worktree", "list", "--porcelain"]));
    let _ = ran(&mut stage.plain_claude(&repo, &["-w", "ours", "-p", "SAY:reused by Claude"])).ok();
    assert_eq!((head("ours"), git(&stage, &repo, &["worktree", "list", "--porcelain"])), (work, listed));
    let request = stage.request_with("SAY:reused by Claude").to_string();
    assert!(request.contains(at("ours").to_str().unwrap()), "{request}");
    // And it is ours as before.
    let _ = stage.cs_in(&repo, &["-w", "ours", "-p", "SAY:and on"]).ok();
    let request = stage.request_with("SAY:and on")["messages"].to_string();
    assert!(request.contains("made by cs") && !request.contains("reused by Claude"), "{request}");
}

#[test]
fn trust_that_was_given_in_one_worktree_holds_in_the_next_and_for_the_repository() {
    let Some(stage) = Stage::with_terminal() else { return };
    let repo = repository(&stage);
    stage.at_home(&[]);
    // Without a person nobody is asked.
    assert_eq!(stage.cs_in(&repo, &["-w", "quiet", "-p", "SAY:no question"]).ok(), "no question\n");
    let first = stage.terminal(&repo, &["-w", "first"]);
    choose(&first, TRUST);
    ready(&first);
    leave(&first);
    for words in [&["-w", "first"][..], &["-w", "second"], &["third"]] {
        let again = stage.terminal(&repo.join("app"), words);
        ready(&again);
        say(&again, "SAY:trusted", "trusted");
        leave(&again);
    }
}

#[test]
fn a_fork_in_a_worktree_of_its_own_goes_on_from_the_same_words() {
    let Some(stage) = Stage::set() else { return };
    let repo = repository(&stage);
    let _ = stage.cs_in(&repo, &["-w", "first", "-p", "SAY:words before the fork"]).ok();
    let _ = stage.cs(&["fork", "-w", "first", "idea", "-p", "SAY:words behind it"]).ok();
    let request = stage.request_with("SAY:words behind it");
    assert!(request["messages"].to_string().contains("words before the fork"), "{request}");
    assert!(request.to_string().contains(repo.join(".claude/worktrees/idea").to_str().unwrap()));
    let _ = stage.cs(&["idea", "-p", "SAY:once more"]).ok();
    let request = stage.request_with("SAY:once more")["messages"].to_string();
    assert!(request.contains("words behind it"), "{request}");
    let _ = stage.cs(&["first", "-p", "SAY:on its own"]).ok();
    let request = stage.request_with("SAY:on its own")["messages"].to_string();
    assert!(request.contains("words before") && !request.contains("words behind"), "{request}");
}

#[test]
fn a_worktree_that_is_made_again_has_its_conversation() {
    let Some(stage) = Stage::set() else { return };
    let repo = repository(&stage);
    let _ = stage.cs_in(&repo, &["-w", "first", "-p", "SAY:before it went"]).ok();
    fs::remove_dir_all(repo.join(".claude/worktrees/first")).unwrap();
    let _ = stage.cs_in(&repo, &["-w", "first", "-p", "SAY:back again"]).ok();
    let request = stage.request_with("SAY:back again")["messages"].to_string();
    assert!(request.contains("before it went"), "{request}");
}
