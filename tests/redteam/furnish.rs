//! A home directory that has one of everything, and the secrets that nobody may come to see.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::needed;
use crate::support::world::{World, git};

/// The word in every secret. No file that a session may have has it.
pub(crate) const CANARY: &str = "CANARY-OF-";

/// The word in all text that somebody said or wrote where it belongs. Its twin elsewhere has [`CANARY`] for it.
pub(crate) const PLAIN: &str = "HEALTHY-AT";

/// A conversation.
pub(crate) const TALK: &str = "01890000-0000-7000-8000-00000000000a";

/// Returns the conversation of a session.
fn talk_of(name: &str) -> String {
    let number = SESSIONS.iter().position(|(session, _)| *session == name).unwrap();
    format!("01890000-0000-7000-8000-00000000000{number}")
}

/// The sessions, each with its directory below `src`.
pub(crate) const SESSIONS: &[(&str, &str)] = &[
    ("api", "web"),
    ("bare", "web"),
    ("busy", "web"),
    ("homey", "web"),
    ("boxed", "boxed"),
    ("plain", "plain"),
    ("one", "team"),
    ("two", "team"),
    ("tree", "web/.claude/worktrees/tree"),
];

/// Where secrets are, below the home directory, besides the twins of what is planted.
pub(crate) const SECRETS: &[&str] = &[
    ".aws/credentials.json",
    ".ssh/id",
    ".claude/.credentials.json",
    "private/talk.jsonl",
    "private/notes.md",
    "private/projects/-x/01890000-0000-7000-8000-00000000000c.jsonl",
];

/// Makes a world with one of everything.
pub(crate) fn world() -> World {
    let world = World::with_fake_claude();
    recorder(&world);
    let home = world.home();
    world.write(".gitconfig", "[user]\nname = n\nemail = e@example.com\n[init]\ntemplateDir =\n");
    secrets(&world);
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/CLAUDE.md", "be brief");
    world.write(".claude/settings.json", "{}");
    let web = world.project("web");
    let state = json!({
        "hasCompletedOnboarding": true,
        "oauthAccount": {"accountUuid": "1", "emailAddress": "me@example.com"},
        "mcpServers": {"mine": {"command": "true"}},
        "projects": {web.to_str().unwrap(): {"hasTrustDialogAccepted": true}},
    });
    world.write(".claude.json", &state.to_string());
    for project in ["web", "boxed", "plain", "team"] {
        repository(&world, &world.project(project));
    }
    let notes = format!(".claude/projects/{}/memory/MEMORY.md", slug(&world.project("boxed")));
    world.write(&notes, "what was learned");
    for words in [
        &["profile", "create", "work"][..],
        &["profile", "share", "work", "--history", "crew"],
        &["new", "--no-open", "api"],
        &["new", "--no-open", "--bare", "bare"],
        &["new", "--no-open", "busy"],
        &["--isolation", "home", "--no-open", "homey"],
        &["-w", "--no-open", "tree"],
        &["bind", "api"],
    ] {
        world.cs_in(&web, words).ok();
    }
    let isolation = if needed("bwrap").is_some() { "sandbox" } else { "config-dir" };
    for (project, words) in [
        // From the first session on the profile has notes about the project, which a sandbox gets a copy of.
        ("boxed", &["new", "first", "-p", "x"][..]),
        ("boxed", &["--isolation", isolation, "--no-open", "boxed"]),
        ("plain", &["--isolation", "none", "--no-open", "plain"]),
        ("team", &["-P", "work", "--no-open", "one"]),
        ("team", &["-P", "work", "--no-open", "two"]),
        ("web", &["allow"]),
    ] {
        world.cs_in(&world.project(project), words).ok();
    }
    for (name, directory) in SESSIONS {
        if *name != "plain" {
            lived_in(&world, name, &world.home().join("src").join(directory));
        }
    }
    // Started before, so that the next start is one of many.
    for (name, directory) in SESSIONS {
        if *name != "busy" {
            world.cs_in(&home.join("src").join(directory), &[*name, "-p", "x"]).ok();
        }
    }
    world.cs(&["export", "api", "old.tar"]).ok();
    world.cs_in(&web, &["new", "--no-open", "gone"]).ok();
    world.cs(&["rm", "gone"]).ok();
    world
}

/// Makes `claude` what records its start, where it is not in a sandbox: there is nothing to be recorded in.
fn recorder(world: &World) {
    let starts = world.root().join("starts");
    let text = format!(
        "#!/bin/sh\n\
         cd '{0}' 2>/dev/null || exit 0\n\
         n=$(ls | wc -l); mkdir $n || exit 0\n\
         env -0 > $n/env; echo / > $n/cwd; echo $$ > $n/pid\n\
         for a in \"$@\"; do printf '%s\\0' \"$a\"; done > $n/args\n",
        starts.display()
    );
    world.program("claude", &text);
}

fn slug(directory: &Path) -> String {
    claude_cs::claude::slug(directory)
}

fn secrets(world: &World) {
    let key = |name: &str| format!("{CANARY}{name}");
    let stolen = json!({
        "claudeAiOauth": {"accessToken": key("login"), "refreshToken": key("login"), "expiresAt": 1},
        "aws_secret_access_key": key("aws"),
        "mcpServers": {key("server"): {"command": key("command")}},
        "projects": {"/": {"hasTrustDialogAccepted": true, "mcpServers": {key("server"): {"command": key("x")}}}},
        "oauthAccount": {"accountUuid": key("account"), "emailAddress": format!("{CANARY}mail@example.com")},
        "apiKeyHelper": key("helper"), "env": {"ANTHROPIC_BASE_URL": key("url")},
        "state": key("state"), "statusLine": {"type": "command", "command": key("line")},
        "pid": 1, "sessionId": TALK, "status": key("status"), "waitingFor": key("waiting"),
        "plugins": {key("plugin"): [{"installPath": key("path"), "scope": "user"}]}, "version": 2,
    });
    for path in [".aws/credentials.json", ".claude/.credentials.json"] {
        world.write(path, &stolen.to_string());
    }
    world.write(".ssh/id", &format!("{CANARY}key\n"));
    world.write("private/notes.md", &format!("{CANARY}notes\n"));
    let talk = conversation("/", &key("talk"));
    world.write("private/talk.jsonl", &talk);
    world.write("private/projects/-x/01890000-0000-7000-8000-00000000000c.jsonl", &talk);
    for path in SECRETS {
        fs::set_permissions(world.home().join(path), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn repository(world: &World, project: &Path) {
    for (path, text) in [
        (".gitignore", ".env\n.claude/worktrees\n"),
        (".worktreeinclude", ".env\n"),
        (".env", "A=1\n"),
        (".mcp.json", "{\"mcpServers\": {}}"),
        ("CLAUDE.md", "be kind"),
        (".claude/settings.json", "{\"permissions\": {}}"),
        (".claude/settings.local.json", "{}"),
    ] {
        let path = project.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if project.ends_with("web") {
        fs::write(project.join(".cs.toml"), "[env]\nHEALTHY_PORT = \"CS_PORT_1\"\n").unwrap();
    }
    for words in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "one"]] {
        git(world, project, words);
    }
}

/// The lines of a conversation.
fn conversation(directory: &str, said: &str) -> String {
    let answer = json!({
        "type": "assistant", "uuid": "a1", "requestId": "r1", "timestamp": "2026-01-02T03:04:05Z",
        "message": {"id": format!("m-{said}"), "model": said, "usage": {"input_tokens": 10, "output_tokens": 20}},
    });
    let lines = [
        json!({"type": "user", "cwd": directory, "gitBranch": "main", "sessionId": TALK,
            "message": {"role": "user", "content": said}}),
        answer,
        json!({"type": "summary", "summary": said}),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Fills the config directory of a session as Claude does that has worked in it.
fn lived_in(world: &World, name: &str, directory: &Path) {
    let config = world.config_of(name);
    let place = config.join("projects").join(slug(directory));
    let said = format!("{PLAIN}-{name}");
    let talk = conversation(directory.to_str().unwrap(), &said);
    let id = talk_of(name);
    let mut files: Vec<(PathBuf, String)> = vec![
        (place.join(format!("{id}.jsonl")), talk.clone()),
        (place.join(&id).join("subagents/agent-1.jsonl"), talk),
        (place.join(&id).join("tool-results/1.txt"), said.clone()),
    ];
    let own = [
        ("jobs/x/state.json", format!("{{\"state\": \"done\", \"name\": \"{said}\"}}")),
        ("todos/a.json", format!("[\"{said}\"]")),
        ("tasks/a/1.json", format!("[\"{said}\"]")),
        ("plans/a.md", said.clone()),
        ("file-history/a/b", said.clone()),
        ("paste-cache/a.txt", said.clone()),
        ("uploads/a.txt", said.clone()),
        ("backups/.claude.json.backup.1", "{}".into()),
        ("shell-snapshots/a.sh", said.clone()),
        ("cache/a.json", said.clone()),
        ("debug/a.txt", said.clone()),
        ("sessions/4194304.json", format!("{{\"pid\": 4194304, \"status\": \"{said}\"}}")),
    ];
    files.extend(own.map(|(path, text)| (config.join(path), text)));
    if !config.join("history.jsonl").is_symlink() {
        let prompt = json!({"display": said, "sessionId": id, "project": directory, "timestamp": 1});
        files.push((config.join("history.jsonl"), format!("{prompt}\n")));
    }
    if name == "bare" {
        let plugins =
            json!({"version": 2, "plugins": {"p@m": [{"installPath": config.join("plugins/cache/p")}]}});
        files.extend([
            (config.join("settings.json"), format!("{{\"model\": \"{said}\"}}")),
            (config.join("CLAUDE.md"), said.clone()),
            (config.join("skills/own/SKILL.md"), said.clone()),
            (config.join("plugins/installed_plugins.json"), plugins.to_string()),
            (config.join("plugins/known_marketplaces.json"), "{}".into()),
            (config.join("plugins/cache/p/plugin.json"), "{}".into()),
        ]);
    }
    if name == "busy" {
        let pid = std::process::id();
        let text =
            json!({"pid": pid, "sessionId": id, "status": "busy", "waitingFor": said, "cwd": directory});
        files.push((config.join(format!("sessions/{pid}.json")), text.to_string()));
    }
    for (path, text) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The grounds of others, by what they are called here: config directories, projects and worktrees.
pub(crate) fn grounds(world: &World) -> BTreeMap<String, PathBuf> {
    let home = world.home();
    let below = |path: &Path| path.strip_prefix(&home).unwrap().to_path_buf();
    let mut found = BTreeMap::new();
    for (name, directory) in SESSIONS {
        found.insert(format!("src/{directory}"), Path::new("src").join(directory));
        if *name != "plain" {
            found.insert((*name).to_owned(), below(&world.config_of(name)));
        }
    }
    found.insert("home-of-homey".into(), below(&world.root_of("homey").join("home")));
    // Every sandbox may write to the place of their common login.
    found.insert("login-of-sandboxes".into(), below(&world.data().join("profiles/default/sandbox")));
    found.insert("work".into(), below(&world.config_of("work")));
    found.insert("crew".into(), below(&world.data().join("history/crew/projects")));
    found
}
