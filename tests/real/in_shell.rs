//! `claude`, typed into a shell that uses a session or stands where one is bound.

use std::fs;
use std::path::Path;

use crate::stage::Stage;
use crate::support::claude::transcripts;
use crate::support::needed;
use crate::support::world::{Ran, World, listing, ran};

/// Runs `lines` in the shell `name` after our line. `cs` and the shim are found on the `PATH`.
fn in_shell(stage: &Stage, name: &str, directory: &Path, lines: &str) -> Option<Ran> {
    let shell = needed(name)?;
    let cs = stage.bin().join("cs");
    if !cs.exists() {
        std::os::unix::fs::symlink(World::cs_program(), cs).unwrap();
    }
    let (line, flags): (_, &[&str]) = match name {
        "fish" => ("cs init fish | source".to_owned(), &["--no-config"]),
        "zsh" => ("eval \"$(cs init zsh)\"".to_owned(), &["-f"]),
        _ => (format!("eval \"$(cs init {name})\""), &["--norc"]),
    };
    let script = stage.write("script", &format!("{line}\n{lines}\n"));
    let arguments = [flags, &[script.to_str().unwrap()]].concat();
    Some(ran(&mut stage.any_command(&shell, directory, &arguments)))
}

#[test]
fn claude_in_a_shell_that_uses_a_session_goes_on_in_it_and_leaves_yours_alone() {
    let Some(stage) = Stage::set() else { return };
    let (project, elsewhere) = (stage.project("api"), stage.project("elsewhere"));
    stage.at_home(&[&project]);
    stage.write(".claude/CLAUDE.md", "The word is swordfish.\n");
    let own = || {
        let mut entries = listing(&stage.home());
        entries.retain(|path, _| path.starts_with(".claude") || path == Path::new(".claude.json"));
        entries
    };
    let before = own();
    for shell in ["bash", "zsh", "fish"] {
        let name = format!("api-{shell}");
        let _ = stage.cs_in(&project, &["--no-open", &name]);
        let lines = format!(
            "cs use {name}\nclaude -p 'SAY:first in {shell}'\ncd {}\n\
             claude -p 'RUN:echo then in {shell}: $(pwd)' --allowedTools Bash\ncs off",
            elsewhere.display()
        );
        let Some(ran) = in_shell(&stage, shell, &project, &lines) else { continue };
        let said = ran.stderr.clone();
        let printed = ran.ok();
        assert!(printed.contains(&format!("first in {shell}")), "{printed}\n{said}");
        // By name, from anywhere: the same conversation.
        let _ = stage.cs(&[&name, "-p", &format!("SAY:last in {shell}")]).ok();
        let messages = stage.request_with(&format!("SAY:last in {shell}"))["messages"].to_string();
        // Where the person is, not where the session was made.
        for part in [format!("first in {shell}"), format!("then in {shell}: {}", elsewhere.display())] {
            assert!(messages.contains(&part), "{part}: {messages}");
        }
        let request = stage.request_with(&format!("SAY:first in {shell}")).to_string();
        assert_eq!(request.matches("The word is swordfish").count(), 1, "{shell}");
    }
    assert_eq!(before, own());
    // The control: without anything in use it is the person's own Claude.
    let line =
        format!("ANTHROPIC_BASE_URL={} ANTHROPIC_AUTH_TOKEN=a-token claude -p 'SAY:my own'", stage.api.url());
    if let Some(ran) = in_shell(&stage, "bash", &project, &line) {
        let _ = ran.ok();
        assert_eq!(transcripts(&stage.home().join(".claude")).len(), 1);
    }
}

#[test]
fn two_shells_that_use_two_sessions_at_once_never_see_each_other() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    for name in ["red", "blue"] {
        let _ = stage.cs_in(&project, &["--no-open", name]);
    }
    std::thread::scope(|scope| {
        for name in ["red", "blue"] {
            let stage = &stage;
            let project = &project;
            scope.spawn(move || {
                let cs = World::cs_program();
                let script = format!(
                    "eval \"$('{}' init bash)\"; cs use {name}; claude -p 'SAY:{name} one'; claude -p 'SAY:{name} two'",
                    cs.display()
                );
                let _ = ran(&mut stage.any_command(Path::new("/bin/bash"), project, &["-c", &script])).ok();
            });
        }
    });
    for (name, other) in [("red", "blue"), ("blue", "red")] {
        let transcript = stage.transcript_of(name);
        assert!(
            transcript.contains(&format!("{name} two")) && !transcript.contains(&format!("SAY:{other}")),
            "{transcript}"
        );
    }
}

#[test]
fn where_a_profile_is_bound_claude_works_in_its_directory() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("work");
    let _ = stage.cs(&["profile", "create", "work"]);
    let _ = stage.cs_in(&project, &["bind", "work"]).ok();
    let Some(ran) = in_shell(&stage, "bash", &project, "claude -p 'SAY:at work'") else { return };
    let _ = ran.ok();
    assert_eq!(transcripts(&stage.config_of("work")).len(), 1);
    assert!(!stage.home().join(".claude/projects").exists());
}

#[test]
fn a_claude_that_a_session_starts_through_the_shim_is_not_refused() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let _ = stage.cs(&["shim", "install"]).ok();
    let shim = stage.data().join("shim");
    let path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", shim.display(), stage.bin().display());
    let run = "RUN:claude -p 'SAY:a child' </dev/null";
    let mut command = stage.command(&project, &["api", "-p", run, "--allowedTools", "Bash"]);
    let _ = ran(command.env("PATH", path)).ok();
    let child = stage.request_with("SAY:a child");
    assert!(child["messages"].to_string().contains("a child"));
    let messages = stage.request_with("RUN:claude")["messages"].to_string();
    assert!(!messages.contains("is open in another terminal"), "{messages}");
    assert!(!stage.home().join(".claude/projects").exists(), "it stayed in the session");
    assert!(fs::read_dir(stage.config_of("api").join("projects")).unwrap().next().is_some());
}
