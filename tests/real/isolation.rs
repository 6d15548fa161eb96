//! The other ways to separate sessions, and the profile that is the user's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::{MAY_RUN, SOON, Stage, leave, ready, say};
use crate::support::claude::transcripts;
use crate::support::needed;
use crate::support::tmux::Tmux;
use crate::support::world::{World, listing, ran};

#[test]
fn a_session_with_a_home_of_its_own_converses_resumes_and_leaves_yours_alone() {
    let Some(stage) = Stage::set() else { return };
    let (project, elsewhere) = (stage.project("api"), stage.project("elsewhere"));
    stage.at_home(&[&project]);
    stage.write(".claude/CLAUDE.md", "The word is swordfish.\n");
    stage.write(".gitconfig", "[user]\n\tname = Tester\n");
    let own = || {
        let mut entries = listing(&stage.home());
        entries.retain(|path, _| path.starts_with(".claude") || path == Path::new(".claude.json"));
        entries
    };
    let before = own();
    let _ = stage.cs_in(&project, &["--isolation", "home", "api", "-p", "SAY:at home"]).ok();
    let run = "RUN:git config user.name; echo $HOME, ${CLAUDE_CONFIG_DIR-unset}";
    let _ = stage.cs_in(&elsewhere, &["api", "-p", run, "--allowedTools", "Bash"]).ok();
    let request = stage.request_with("git config");
    let messages = request["messages"].to_string();
    assert!(messages.contains("at home"), "{messages}");
    let home = stage.config_of("api").parent().unwrap().to_owned();
    assert!(messages.contains(&format!("Tester\\n{}, unset", home.display())), "{messages}");
    assert_eq!(request.to_string().matches("The word is swordfish").count(), 1);
    assert_eq!(stage.transcripts_of("api").len(), 1);
    assert_eq!(own(), before);
}

#[test]
fn in_a_home_of_its_own_claude_commits_as_you_and_shows_its_status_line() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    stage.write(".gitconfig", "[user]\n\tname = Tester\n\temail = t@example.org\n");
    let git = |words: &[&str]| {
        let program = which::which("git").unwrap();
        ran(&mut stage.any_command(&program, &project, words)).ok()
    };
    git(&["init", "-q", "-b", "trunk"]);
    let tmux = stage.terminal(&project, &[&["--isolation", "home", "red"], MAY_RUN].concat());
    ready(&tmux);
    tmux.wait_for("red (default) | ~/src/api on trunk | ", SOON);
    say(&tmux, "RUN:touch a && git add a && git commit -qm first && echo committed", "done committed");
    say(&tmux, &format!("RUN:{} show red | grep ^open", World::cs_program().display()), "done open");
    leave(&tmux);
    assert_eq!(git(&["log", "--format=%an <%ae> %s"]), "Tester <t@example.org> first\n");
    // It is found again from outside, and goes on.
    let tmux = stage.terminal(&stage.home(), &["red"]);
    ready(&tmux);
    tmux.wait_for("done committed", SOON);
    leave(&tmux);
}

#[test]
fn without_isolation_two_sessions_in_one_directory_each_go_on_with_their_own() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    for name in ["red", "blue"] {
        let _ =
            stage.cs_in(&project, &["--isolation", "none", name, "-p", &format!("SAY:the {name} one")]).ok();
    }
    for (name, other) in [("red", "blue"), ("blue", "red"), ("red", "blue")] {
        let word = format!("SAY:{name} again");
        let _ = stage.cs(&[name, "-p", &word]).ok();
        let messages = stage.request_with(&word)["messages"].to_string();
        assert!(messages.contains(&format!("the {name} one")), "{messages}");
        assert!(!messages.contains(&format!("the {other} one")), "{messages}");
    }
    assert_eq!(transcripts(&stage.home().join(".claude")).len(), 2, "both live with the profile");
}

#[test]
fn the_users_own_profile_is_entered_by_taking_variables_away() {
    let Some(mut stage) = Stage::set() else { return };
    let project = stage.project("api");
    let foreign = stage.root().join("foreign");
    stage.world.set("CLAUDE_CONFIG_DIR", &foreign);
    stage.world.set("CLAUDE_SECURESTORAGE_CONFIG_DIR", &foreign);
    let run = "RUN:echo ${CLAUDE_CONFIG_DIR-none} ${CLAUDE_SECURESTORAGE_CONFIG_DIR-none} ${CS_PROFILE-none}";
    let ran = stage.cs_in(&project, &["default", "-p", run, "--allowedTools", "Bash"]);
    assert!(ran.stderr.contains("not using CLAUDE_CONFIG_DIR="), "{ran:?}");
    assert_eq!(ran.ok(), "done none none default\n");
    assert_eq!(transcripts(&stage.home().join(".claude")).len(), 1);
    assert!(stage.home().join(".claude.json").is_file(), "beside the directory, as Claude has it by itself");
    assert!(!foreign.exists());
}

#[test]
fn started_from_inside_another_claude_a_session_still_keeps_its_transcript() {
    let Some(mut stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let inherited = [
        ("CLAUDECODE", "1"),
        ("CLAUDE_CODE_CHILD_SESSION", "1"),
        ("CLAUDE_CODE_SESSION_ID", "11111111-2222-4333-8444-555555555555"),
        ("CLAUDE_CODE_ENTRYPOINT", "cli"),
    ];
    for (name, value) in inherited {
        stage.world.set(name, value);
    }
    // The control: Claude alone, started with these, keeps nothing.
    let mut env = stage.environment();
    env.push(("ANTHROPIC_BASE_URL".to_owned(), stage.api.url()));
    env.push(("ANTHROPIC_AUTH_TOKEN".to_owned(), "a-token".to_owned()));
    let plain = Tmux::start(&[stage.claude.program()], &project, env);
    plain.wait_for("· /effort", SOON);
    say(&plain, "SAY:not kept", "not kept");
    leave(&plain);
    assert_eq!(transcripts(&stage.home().join(".claude")).len(), 0);

    let tmux = stage.terminal(&project, &["api"]);
    ready(&tmux);
    say(&tmux, "SAY:kept", "kept");
    leave(&tmux);
    assert!(stage.transcript_of("api").contains("SAY:kept"));
}

#[test]
fn claude_holds_the_lock_that_tells_from_a_container_that_it_runs_and_what_it_leaves_behind_does_not() {
    let Some(stage) = Stage::set().filter(|_| needed("flock").is_some()) else { return };
    let project = stage.project("api");
    let _ = stage.cs_in(&project, &["new", "--no-open", "plain"]).ok();
    let alive = stage.config_of("plain").parent().unwrap().join("alive");
    let free = || ran(Command::new("flock").arg("-n").args([&alive, Path::new("true")])).code == Some(0);
    let what = format!(
        "flock -n {} true; echo $? > held; setsid nohup sleep 60 > /dev/null 2>&1 & echo $! > left",
        alive.display()
    );
    let prompt = format!("RUN:{what}");
    let _ = stage.cs_in(&project, &[&["plain", "-p", &prompt], MAY_RUN].concat()).ok();
    let said = |name: &str| fs::read_to_string(project.join(name)).unwrap().trim().to_owned();
    assert_eq!(said("held"), "1", "while it runs");
    assert!(Path::new("/proc").join(said("left")).exists(), "the control: that goes on");
    assert!(free(), "and does not have it");
    let _ = ran(Command::new("kill").arg(said("left")));
}
