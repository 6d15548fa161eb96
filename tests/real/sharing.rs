//! What the sessions of a profile have in common.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::stage::{Stage, count};
use crate::support::world::{listing, ran};

const SKILL: &str = "---\nname: gardening\ndescription: the-skill-mark about roses\n---\nWater them.\n";
const AGENT: &str = "---\nname: gardener\ndescription: the-agent-mark for roses\n---\nYou are a gardener.\n";
const COMMAND: &str = "---\ndescription: greet\n---\nSAY:the-command-mark $ARGUMENTS\n";
const SETTINGS: &str = "{\"env\": {\"FROM_SETTINGS\": \"the-setting-mark\"}}\n";

#[test]
fn skills_agents_commands_and_settings_of_a_profile_are_seen_by_all_its_sessions() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    stage.write(".claude/skills/gardening/SKILL.md", SKILL);
    stage.write(".claude/agents/gardener.md", AGENT);
    stage.write(".claude/commands/greet.md", COMMAND);
    stage.write(".claude/settings.json", SETTINGS);
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let before = listing(&stage.home().join(".claude"));

    let sees = |options: &[&str], name: &str| {
        let open = |prompt: &str| {
            let all = [options, &[name, "-p", prompt, "--allowedTools", "Bash"]].concat();
            stage.cs_in(&project, &all)
        };
        let setting = open("RUN:echo $FROM_SETTINGS").ok();
        let body = stage.api.conversation().pop().unwrap().to_string();
        let command = stage.cs_in(&project, &[name, "-p", "/greet friend"]).stdout;
        [
            setting.contains("the-setting-mark"),
            command.contains("the-command-mark friend"),
            body.contains("the-skill-mark"),
            body.contains("the-agent-mark"),
        ]
    };
    assert_eq!(sees(&[], "red"), [true; 4], "setting, command, skill, agent");
    assert_eq!(sees(&[], "blue"), [true; 4], "setting, command, skill, agent");
    assert_eq!(sees(&["-P", "work"], "green"), [true; 4], "a profile that has them from the user's own");
    // The control: one that shares nothing sees nothing.
    assert_eq!(sees(&["--bare"], "grey"), [false; 4], "setting, command, skill, agent");
    assert_eq!(listing(&stage.home().join(".claude")), before);
}

/// How often the user's memory file, the profile's, and the user's rule stand in the request of `ran`.
fn counts(body: &Value) -> [usize; 3] {
    let text = body.to_string();
    ["the-base-mark", "the-profile-mark", "the-rule-mark"].map(|mark| count(&text, mark))
}

#[test]
fn a_memory_file_and_rules_are_loaded_exactly_once_wherever_the_directory_is() {
    let Some(stage) = Stage::set() else { return };
    let below_home = stage.project("api");
    let outside = stage.root().join("outside");
    fs::create_dir(&outside).unwrap();
    stage.write(".claude/CLAUDE.md", "the-base-mark\n");
    stage.write(".claude/rules/roses.md", "the-rule-mark\n");
    let token = stage.write("token", "a-token\n");
    fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let _ = stage.cs(&["profile", "create", "linked"]).ok();
    let _ = stage.cs(&["profile", "create", "--bare", "own"]).ok();
    fs::write(stage.config_of("own").join("CLAUDE.md"), "the-profile-mark\n").unwrap();
    let _ = stage.cs(&["profile", "create", "half"]).ok();
    let half = stage.config_of("half").join("CLAUDE.md");
    fs::remove_file(&half).unwrap();
    fs::write(&half, "the-profile-mark\n").unwrap();

    let mut wrong = Vec::new();
    for (place, directory) in [("below", &below_home), ("outside", &outside)] {
        for (profile, expected) in
            [("default", [1, 0, 1]), ("linked", [1, 0, 1]), ("own", [0, 1, 0]), ("half", [0, 1, 1])]
        {
            let (name, prompt) = (format!("{profile}-{place}"), format!("SAY:{profile} {place}"));
            let _ = stage.cs_in(directory, &["-P", profile, &name, "-p", &prompt]).ok();
            let found = counts(&stage.request_with(&prompt));
            if found != expected {
                wrong.push(format!("a session of {profile} {place}: {found:?}, not {expected:?}"));
            }
            let prompt = format!("SAY:itself {profile} {place}");
            let _ = stage.cs_in(directory, &[profile, "-p", &prompt]).ok();
            let found = counts(&stage.request_with(&prompt));
            // Run as itself, a profile gets a person's arguments and no others, so that nothing keeps the user's own
            // file out below the home directory; a bare one keeps it out by settings of its own.
            let expected = if (profile, place) == ("half", "below") { [1, 1, 1] } else { expected };
            if found != expected {
                wrong.push(format!("profile {profile} itself {place}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert_eq!(wrong, [] as [String; 0]);

    // The control: without cs, a config directory of its own does not keep the user's memory out below the home.
    let mut plain = stage.plain_claude(&below_home, &["-p", "SAY:plain"]);
    let _ = ran(plain.env("CLAUDE_CONFIG_DIR", stage.root().join("plain"))).ok();
    assert_eq!(counts(&stage.request_with("SAY:plain")), [1, 0, 1]);
}

#[test]
fn what_claude_learns_about_a_project_is_known_to_the_other_sessions_of_the_profile_there() {
    let Some(stage) = Stage::set() else { return };
    let (project, other) = (stage.project("api"), stage.project("other"));
    stage.write(".claude/settings.json", "{}\n");
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let before = listing(&stage.home().join(".claude"));
    for profile in ["default", "work"] {
        let [learner, knower, stranger] =
            ["learner", "knower", "stranger"].map(|name| format!("{profile}-{name}"));
        // Claude is told in every request where to keep what it learns.
        let _ = stage.cs_in(&project, &["-P", profile, &learner, "-p", &format!("SAY:{learner}")]).ok();
        let request = stage.request_with(&learner).to_string();
        let at = request.find("/memory/").unwrap_or_else(|| panic!("no memory directory in {request}"));
        let start = request[..at].rfind(|c: char| " `\"'\n".contains(c)).unwrap() + 1;
        let end = at + request[at..].find(|c: char| "`\"'\\ ".contains(c)).unwrap();
        let directory = PathBuf::from(request[start..end].trim_end_matches('/'));
        assert!(
            directory.starts_with(stage.data().join("profiles").join(profile)),
            "{}",
            directory.display()
        );

        let content = format!("- {profile} roses need water\\n");
        let file = directory.join("MEMORY.md");
        let write = format!("TOOL:Write {{\"file_path\":\"{}\",\"content\":\"{content}\"}}", file.display());
        let _ = stage.cs(&[&learner, "-p", &write, "--allowedTools", "Write"]).ok();
        assert!(file.is_file());

        let mark = format!("{profile} roses need water");
        let _ = stage.cs_in(&project, &["-P", profile, &knower, "-p", &format!("SAY:{knower}")]).ok();
        assert_eq!(count(&stage.request_with(&knower).to_string(), &mark), 1);
        // The control: it is about this project, and no other.
        let _ = stage.cs_in(&other, &["-P", profile, &stranger, "-p", &format!("SAY:{stranger}")]).ok();
        assert_eq!(count(&stage.request_with(&stranger).to_string(), &mark), 0);
    }
    let known = stage.request_with("work-knower").to_string();
    assert!(!known.contains("default roses"), "one profile does not know what another has learnt");
    assert_eq!(listing(&stage.home().join(".claude")), before);
}
