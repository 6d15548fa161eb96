//! `cs doctor`: a healthy world has nothing, and each thing that is broken is found as itself.
//!
//! Split as the command is. Each kind of finding is a [`cases::Case`] of the file of its room, tried by
//! [`cases::each`]; what takes more than one thing broken has a test of its own.

mod cases;
mod finding;
mod fix;
mod live;
mod machine;
mod ports;
mod profiles;
mod program;
mod render;
mod sessions;
mod store;
mod surroundings;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::scenery::{TALK, state, talk};
use super::support::world::{World, git, ran};

/// A Claude that honours both variables, as `claude auth status` shows, and else ends at once.
const HONEST: &str = r#"
config="${CLAUDE_CONFIG_DIR:-$HOME/.claude}"
login="${CLAUDE_SECURESTORAGE_CONFIG_DIR-$config}"
[ -n "$login" ] || login="$HOME/.claude"
case "$1 $2" in
"--version "*) echo "2.1.329 (Claude Code)"; exit ;;
"auth status")
    mkdir -p "$config"; echo '{}' > "$config/.claude.json"
    if [ -e "$login/.credentials.json" ]; then echo '{"loggedIn": true}'; exit; fi
    echo '{"loggedIn": false}'; exit 1 ;;
esac
"#;

/// A world in which nothing is wrong, with one of everything.
fn healthy() -> World {
    let world = World::new();
    world.fake_claude(HONEST);
    let private = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let secret = |path: &str, text: &str| private(&world.write(path, text));
    secret(".claude/.credentials.json", "{}");
    secret(
        ".claude.json",
        r#"{"hasCompletedOnboarding": true, "oauthAccount": {"accountUuid": "u-1", "emailAddress": "me@example.com"}}"#,
    );
    world.write(".claude/settings.json", "{\"theme\": \"dark\"}");
    world.write(".claude/CLAUDE.md", "be brief\n");
    world.write(".claude/skills/hello/SKILL.md", "hello\n");
    secret(".claude-old/.credentials.json", "{}");
    world.write(".claude-old/settings.json", "{\"claudeMdExcludes\": [\"/x/**\"]}");
    secret("token", "a-token\n");
    let old = world.home().join(".claude-old");
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["profile", "adopt", "old", old.to_str().unwrap()]).ok();
    let token = world.home().join("token");
    let words = ["profile", "create", "gw", "--base-url", "http://127.0.0.1:9", "--token-file"];
    world.cs(&[&words[..], &[token.to_str().unwrap()]].concat()).ok();
    let work = world.config_of("work");
    fs::write(work.join(".credentials.json"), "{}").unwrap();
    private(&work.join(".credentials.json"));
    for (project, words) in [
        ("api", &["api"][..]),
        ("job", &["-P", "work", "job"]),
        ("homely", &["-P", "work", "--isolation", "home", "homely"]),
        ("loose", &["--isolation", "none", "loose"]),
        ("bare", &["--bare", "bare"]),
        ("remote", &["-P", "gw", "remote"]),
        ("gone", &["gone"]),
    ] {
        world.cs_in(&world.project(project), words).ok();
    }
    world.cs_in(&world.project("api"), &["new", "--no-open", "unused"]).ok();
    world.cs_in(&world.project("api"), &["new", "--no-open", "--ephemeral", "short"]).ok();
    let words = ["profile", "create", "mate", "--inherit", "old", "--base-url", "http://127.0.0.1:9"];
    world.cs(&[&words[..], &["--token-command", "echo a-token"]].concat()).ok();
    world.cs_in(&world.project("group"), &["-P", "work", "shared"]).ok();
    world.cs(&["profile", "share", "shared", "--history", "team"]).ok();
    talk(&world.config_of("api"), &world.project("api"), TALK, "hello");
    world.cs(&["rm", "gone"]).ok();
    let bound = world.project("bound");
    world.cs(&["bind", "work", "--dir", bound.to_str().unwrap()]).ok();
    let file = world.write("src/bound/.cs.toml", "profile = \"work\"\n");
    world.cs(&["allow", file.to_str().unwrap()]).ok();
    world.cs(&["shim", "install"]).ok();
    // What it finds out about Claude is remembered from here on.
    world.cs(&["doctor"]).ok();
    world
}

/// What `cs doctor ARGUMENTS --json` says.
fn examined(world: &World, arguments: &[&str]) -> (i32, Value) {
    let done = world.cs(&[&["doctor", "--json"], arguments].concat());
    assert_eq!(done.stderr, "", "{arguments:?}: {}", done.stdout);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["exit"], json!(done.code), "it says how it ends");
    (done.code.unwrap(), report)
}

/// Id and subject of each finding.
fn found(report: &Value) -> Vec<(String, Option<String>)> {
    let findings = report["findings"].as_array().unwrap();
    let name = |finding: &Value| finding["of"]["name"].as_str().map(str::to_owned);
    findings.iter().map(|finding| (finding["id"].as_str().unwrap().to_owned(), name(finding))).collect()
}

/// Everything in a world that `cs` could have changed.
fn everything(world: &World) -> BTreeMap<PathBuf, String> {
    let mut found = state(&world.home());
    // The lock of those who repair names.
    found.retain(|path, _| !path.ends_with(".repair"));
    found
}

/// Puts the home directory back as it was in `saved`.
fn put_back(world: &World, saved: &Path) {
    fs::remove_dir_all(world.home()).unwrap();
    let _ = ran(Command::new("cp").arg("-a").args([saved, &world.home()])).ok();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn aged(path: &Path, hours: u64) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600);
    fs::File::open(path).unwrap().set_modified(then).unwrap();
}

/// Changes the text of a file.
fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{}: {text}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Makes a worktree with a session `tree` that it was made for, in which all is well.
fn worktree(world: &World) -> PathBuf {
    let main = world.project("main");
    git(world, &main, &["init", "-q"]);
    git(world, &main, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let tree = main.join(".claude/worktrees/tree");
    git(world, &main, &["worktree", "add", "-q", "-b", "worktree-tree", tree.to_str().unwrap()]);
    world.cs_in(&tree, &["new", "--no-open", "tree"]).ok();
    let record = world.root_of("tree").join("session.toml");
    let text = format!(
        "{}\n[worktree]\nroot = \"{}\"\nrepository = \"{}\"\nbranch = \"worktree-tree\"\n",
        fs::read_to_string(&record).unwrap(),
        tree.display(),
        main.display()
    );
    fs::write(record, text).unwrap();
    git(world, &main, &["worktree", "lock", tree.to_str().unwrap()]);
    let (code, report) = examined(world, &[]);
    assert_eq!((code, found(&report)), (0, vec![]), "the control: {report:#}");
    tree
}

fn lock(path: &Path, hours: u64) {
    fs::create_dir(path).unwrap();
    aged(path, hours);
}
