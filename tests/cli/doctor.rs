//! `cs doctor`: a healthy world has nothing, and each thing that is broken is found as itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::scenery::{OTHER_TALK, Running, TALK, Transcript, has, is_root, may_mount, state, talk, until};
use super::support::snapshots::assert_snapshot;
use super::support::tmux::Tmux;
use super::support::world::{Ran, World, ran};

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

#[test]
fn a_healthy_world_has_nothing_and_says_what_was_looked_at() {
    let world = healthy();
    let before = everything(&world);
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (0, vec![]), "{report:#}");
    assert_eq!(report["could_not_check"], json!([]));
    assert!(report["checked"].as_array().unwrap().len() >= 5, "{report:#}");
    for name in ["api", "job", "homely", "loose", "bare", "remote", "unused", "work", "old", "gw", "default"]
    {
        let (code, report) = examined(&world, &[name]);
        assert_eq!((code, found(&report)), (0, vec![]), "{name}: {report:#}");
    }
    let fixed = world.cs(&["doctor", "--fix"]);
    assert_eq!(fixed.code, Some(0), "{}", fixed.stdout);
    assert_eq!(everything(&world), before, "looking, and repairing nothing, changes nothing");
    assert_snapshot!(Transcript::new(&world).cs(&["doctor"]).cs(&["doctor", "api"]).text());
    let nobody = world.cs(&["doctor", "nobody"]).fails(4);
    assert!(nobody.contains("there is no session or profile 'nobody'"), "{nobody}");
}

/// One thing that is broken.
struct Case {
    id: &'static str,
    /// What it is found about; the machine where it is empty.
    of: &'static str,
    /// How `cs doctor` ends: 1 for a problem, 0 for advice.
    code: i32,
    /// `--fix` mends it, so that all is as it was.
    safe: bool,
    breaks: fn(&mut World),
}

const fn problem(id: &'static str, of: &'static str, breaks: fn(&mut World)) -> Case {
    Case { id, of, code: 1, safe: false, breaks }
}

const fn advice(id: &'static str, of: &'static str, breaks: fn(&mut World)) -> Case {
    Case { id, of, code: 0, safe: false, breaks }
}

const fn mended(mut case: Case) -> Case {
    case.safe = true;
    case
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

fn root_of(world: &World, name: &str) -> PathBuf {
    let id = world.show(name)["id"].as_str().unwrap().to_owned();
    world.data().join("sessions").join(id)
}

fn script(world: &World, text: &str) {
    world.program("claude", &format!("#!/bin/sh\n{text}\n{HONEST}"));
}

const CLAUDE: &[Case] = &[
    problem("claude-missing", "", |world| fs::remove_file(world.bin().join("claude")).unwrap()),
    problem("claude-missing", "", |world| {
        world.write(".config/cs/config.toml", "claude = \"/nowhere/claude\"\n");
    }),
    problem("claude-not-executable", "", |world| mode(&world.bin().join("claude"), 0o644)),
    problem("config-dir-ignored", "", |world| script(world, "unset CLAUDE_CONFIG_DIR")),
    problem("login-dir-ignored", "", |world| script(world, "unset CLAUDE_SECURESTORAGE_CONFIG_DIR")),
    problem("path-writable", "", |world| {
        let shared = world.home().join("shared");
        fs::create_dir(&shared).unwrap();
        mode(&shared, 0o777);
        world.set("PATH", format!("{}:{}:/usr/bin:/bin", shared.display(), world.bin().display()));
    }),
    problem("sandbox-impossible", "", |world| {
        world.write(".config/cs/config.toml", "[isolation]\nmethod = \"sandbox\"\n");
        world.program(
            "bwrap",
            "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n",
        );
    }),
    advice("path-relative", "", |world| {
        world.set("PATH", format!(".:{}:/usr/bin:/bin", world.bin().display()));
    }),
];

const SESSIONS: &[Case] = &[
    problem("directory-gone", "job", |world| fs::remove_dir(world.project("job")).unwrap()),
    advice("directory-is-home", "bare", |world| {
        let record = root_of(world, "bare").join("session.toml");
        edit(&record, world.project("bare").to_str().unwrap(), world.home().to_str().unwrap());
    }),
    problem("config-missing", "job", |world| fs::remove_dir_all(world.config_of("job")).unwrap()),
    problem("config-is-link", "job", |world| {
        let config = world.config_of("job");
        fs::rename(&config, world.home().join("moved")).unwrap();
        symlink(world.home().join("moved"), config).unwrap();
    }),
    mended(advice("link-missing", "api", |world| {
        fs::remove_file(world.config_of("api").join("skills")).unwrap();
    })),
    mended(advice("link-missing", "homely", |world| {
        fs::remove_file(world.config_of("homely").join("settings.json")).unwrap();
    })),
    mended(advice("link-missing", "work", |world| {
        fs::remove_file(world.config_of("work").join("settings.json")).unwrap();
    })),
    mended(problem("link-dangling", "api", |world| {
        let link = world.config_of("api").join("skills");
        fs::remove_file(&link).unwrap();
        symlink("/nowhere", link).unwrap();
    })),
    // Of what no plan has there is nothing to make, and whose link it is nobody knows.
    problem("link-dangling", "api", |world| {
        symlink("/nowhere", world.config_of("api").join("agents")).unwrap();
    }),
    problem("link-replaced", "api", |world| {
        let link = world.config_of("api").join("settings.json");
        fs::remove_file(&link).unwrap();
        fs::write(link, "{}").unwrap();
    }),
    problem("link-replaced", "api", |world| {
        let link = world.config_of("api").join("skills");
        fs::remove_file(&link).unwrap();
        fs::create_dir(link).unwrap();
    }),
    problem("link-elsewhere", "job", |world| {
        let link = world.config_of("job").join("skills");
        fs::remove_file(&link).unwrap();
        symlink(world.home(), link).unwrap();
    }),
    advice("link-unplanned", "job", |world| {
        let record = world.data().join("profiles/work/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(record, format!("{text}\n[share]\nskills = \"private\"\n")).unwrap();
        // Its other session is made anew.
        fs::remove_file(world.config_of("homely").join("skills")).unwrap();
        // What the profile itself takes from ~/.claude is no longer a link either.
        let own = world.config_of("work").join("skills");
        fs::remove_file(&own).unwrap();
        fs::create_dir(own).unwrap();
        let link = world.config_of("job").join("skills");
        fs::remove_file(&link).unwrap();
        symlink(world.config_of("work").join("skills"), link).unwrap();
    }),
    mended(problem("permissions", "api", |world| mode(&world.config_of("api"), 0o750))),
    mended(problem("permissions", "unused", |world| mode(&root_of(world, "unused"), 0o701))),
    mended(problem("permissions", "job", |world| mode(&root_of(world, "job").join("session.toml"), 0o644))),
    problem("link-replaced", "job", |world| {
        fs::create_dir_all(world.config_of("job").join("projects")).unwrap();
        edit(&root_of(world, "job").join("session.toml"), "created = ", "history = \"team\"\ncreated = ");
    }),
    problem("notes-damaged", "api", |world| {
        fs::write(root_of(world, "api").join("links.toml"), "version = 1\nlinks = 3\n").unwrap();
    }),
    advice("unsettled", "shared", |world| {
        let config = world.config_of("shared");
        fs::create_dir_all(root_of(world, "shared").join("own-projects")).unwrap();
        fs::remove_file(config.join("projects")).unwrap();
    }),
    problem("login-detached", "api", |world| {
        fs::write(world.config_of("api").join(".credentials.json"), "{}").unwrap();
    }),
    problem("login-detached", "api", |world| {
        let login = world.home().join(".claude/.credentials.json");
        symlink(login, world.config_of("api").join(".credentials.json")).unwrap();
    }),
    problem("settings-damaged", "bare", |world| {
        fs::write(world.config_of("bare").join("settings.json"), "{\"model\": ").unwrap();
    }),
    problem("settings-directory", "bare", |world| {
        let text = r#"{"env": {"CLAUDE_CONFIG_DIR": "/x"}}"#;
        fs::write(world.config_of("bare").join("settings.json"), text).unwrap();
    }),
    advice("settings-credential", "bare", |world| {
        let text = r#"{"env": {"ANTHROPIC_API_KEY": "canary"}, "apiKeyHelper": "canary"}"#;
        fs::write(world.config_of("bare").join("settings.json"), text).unwrap();
    }),
    problem("project-credential", "job", |world| {
        world.write("src/job/.claude/settings.json", r#"{"env": {"ANTHROPIC_BASE_URL": "http://canary"}}"#);
    }),
    advice("settings-credential", "job", |world| {
        world.write("src/job/.claude/settings.local.json", r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "canary"}}"#);
    }),
    problem("state-legacy", "job", |world| {
        fs::write(world.config_of("job").join(".config.json"), "{}").unwrap();
    }),
    problem("state-damaged", "job", |world| {
        fs::write(world.config_of("job").join(".claude.json"), "{\"torn").unwrap();
    }),
    mended(problem("permissions", "api", |world| mode(&world.config_of("api").join(".claude.json"), 0o644))),
    problem("plugin-elsewhere", "bare", |world| {
        let place = world.config_of("api").join("plugins/cache/p");
        fs::create_dir_all(&place).unwrap();
        installed(&world.config_of("bare"), &place);
    }),
    problem("plugin-gone", "bare", |world| installed(&world.config_of("bare"), Path::new("/nowhere/p"))),
    advice("retention", "bare", |world| {
        fs::write(world.config_of("bare").join("settings.json"), "{\"cleanupPeriodDays\": 5}").unwrap();
    }),
    mended(advice("lock-stale", "api", |world| lock(&world.config_of("api").join(".claude.json.lock"), 30))),
    advice("lock-stale", "api", |world| lock(&world.config_of("api").join("history.jsonl.lock"), 3)),
    advice("lock-stale", "old", |world| lock(&world.home().join(".claude-old/.storage-write.lock"), 30)),
    advice("live-file-left", "api", |world| {
        let sessions = world.config_of("api").join("sessions");
        fs::create_dir(&sessions).unwrap();
        fs::write(sessions.join("999999999.json"), r#"{"pid": 999999999, "procStart": "1"}"#).unwrap();
    }),
    advice("live-elsewhere", "api", |world| {
        let note = root_of(world, "api").join("run.toml");
        let text = fs::read_to_string(&note).unwrap();
        let after =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
        let (host, pid) = (after("host = "), after("pid = "));
        edit(&note, &format!("host = {host}"), "host = \"far-away\"");
        let sessions = world.config_of("api").join("sessions");
        fs::create_dir(&sessions).unwrap();
        fs::write(sessions.join(format!("{pid}.json")), format!(r#"{{"pid": {pid}, "procStart": "1"}}"#))
            .unwrap();
    }),
    problem("worktree-gone", "job", |world| {
        world.write("src/job/.git", "gitdir: /nowhere/.git/worktrees/job\n");
    }),
    advice("worktree-moved", "job", |world| {
        let main = world.home().join("main/.git/worktrees/job");
        fs::create_dir_all(&main).unwrap();
        fs::write(main.join("gitdir"), "/elsewhere/.git\n").unwrap();
        world.write("src/job/.git", &format!("gitdir: {}\n", main.display()));
    }),
    problem("worktree-half", "tree", |world| {
        let tree = worktree(world);
        let kept = root_of(world, "tree").join("worktree");
        fs::create_dir(&kept).unwrap();
        let text = format!(
            "version = 1\nroot = \"{}\"\nrepository = \"{}/.git\"\nentry = \"tree\"\n",
            tree.display(),
            world.project("main").display()
        );
        fs::write(kept.join("worktree.toml"), text).unwrap();
    }),
    problem("worktree-lost", "tree", |world| {
        fs::remove_file(worktree(world).join(".git")).unwrap();
    }),
    advice("worktree-branch", "tree", |world| {
        git(&worktree(world), &["checkout", "-q", "-b", "other"]);
    }),
    advice("worktree-unlocked", "tree", |world| {
        git(&worktree(world), &["worktree", "unlock", "."]);
    }),
    problem("plan-impossible", "old", |world| {
        let record = world.data().join("profiles/old/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(record, format!("{text}\n[env]\nX = \"${{NOT_SET_ANYWHERE}}\"\n")).unwrap();
    }),
];

fn git(place: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(place).args(["-c", "user.name=n", "-c", "user.email=e"]).args(words);
    let done = command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
}

/// Makes a worktree with a session `tree` that it was made for, in which all is well.
fn worktree(world: &World) -> PathBuf {
    let main = world.project("main");
    git(&main, &["init", "-q"]);
    git(&main, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let tree = main.join(".claude/worktrees/tree");
    git(&main, &["worktree", "add", "-q", "-b", "worktree-tree", tree.to_str().unwrap()]);
    world.cs_in(&tree, &["new", "--no-open", "tree"]).ok();
    let record = root_of(world, "tree").join("session.toml");
    let text = format!(
        "{}\n[worktree]\nroot = \"{}\"\nrepository = \"{}\"\nbranch = \"worktree-tree\"\n",
        fs::read_to_string(&record).unwrap(),
        tree.display(),
        main.display()
    );
    fs::write(record, text).unwrap();
    git(&main, &["worktree", "lock", tree.to_str().unwrap()]);
    let (code, report) = examined(world, &[]);
    assert_eq!((code, found(&report)), (0, vec![]), "the control: {report:#}");
    tree
}

fn installed(config: &Path, place: &Path) {
    fs::create_dir_all(config.join("plugins")).unwrap();
    let record = json!({"version": 2, "plugins": {"p@market": [{"installPath": place}]}});
    fs::write(config.join("plugins/installed_plugins.json"), record.to_string()).unwrap();
}

fn lock(path: &Path, hours: u64) {
    fs::create_dir(path).unwrap();
    aged(path, hours);
}

const PROFILES: &[Case] = &[
    problem("profile-directory-gone", "old", |world| {
        fs::remove_dir_all(world.home().join(".claude-old")).unwrap();
    }),
    problem("profiles-one-directory", "other", |world| {
        world.cs(&["profile", "create", "other"]).ok();
        let record = world.data().join("profiles/other/profile.toml");
        let text = format!("version = 1\nconfig_dir = \"{}/.claude-old\"\n", world.home().display());
        fs::write(record, text).unwrap();
    }),
    problem("default-adopted", "old", |world| {
        let record = world.data().join("profiles/old/profile.toml");
        edit(&record, "/.claude-old\"", "/.claude\"");
    }),
    advice("profiles-one-identity", "old", |world| {
        let state = r#"{"oauthAccount": {"accountUuid": "u-1", "emailAddress": "me@example.com"}}"#;
        let state = world.write(".claude-old/.claude.json", state);
        mode(&state, 0o600);
    }),
    problem("default-set", "", |world| {
        world.set("CLAUDE_CONFIG_DIR", world.home().join(".claude"));
    }),
    problem("default-set", "", |world| {
        let file = world.write(".zshenv", "# mine\nexport CLAUDE_CONFIG_DIR=\"$HOME/.claude\"\n");
        // A session with a home of its own would be told of as long as it has no link to it.
        let home = world.config_of("homely").parent().unwrap().to_owned();
        std::os::unix::fs::symlink(file, home.join(".zshenv")).unwrap();
    }),
    advice("base-memory", "old", |world| {
        fs::remove_file(world.home().join(".claude-old/settings.json")).unwrap();
    }),
    advice("login-missing", "work", |world| {
        fs::remove_file(world.config_of("work").join(".credentials.json")).unwrap();
    }),
    advice("login-missing", "default", |world| {
        fs::remove_file(world.home().join(".claude/.credentials.json")).unwrap();
    }),
    mended(problem("permissions", "work", |world| {
        mode(&world.config_of("work").join(".credentials.json"), 0o640);
    })),
    // What is not below the data root is only told.
    problem("permissions", "default", |world| mode(&world.home().join(".claude/.credentials.json"), 0o644)),
    problem("permissions", "old", |world| mode(&world.home().join(".claude-old/.credentials.json"), 0o604)),
    problem("permissions", "default", |world| mode(&world.home().join(".claude.json"), 0o644)),
    problem("login-link", "old", |world| {
        let login = world.home().join(".claude-old/.credentials.json");
        fs::remove_file(&login).unwrap();
        symlink(world.home().join(".claude/.credentials.json"), login).unwrap();
    }),
    problem("token-missing", "gw", |world| fs::remove_file(world.home().join("token")).unwrap()),
    problem("permissions", "gw", |world| mode(&world.home().join("token"), 0o644)),
    advice("token-unset", "gw", |world| {
        let record = world.data().join("profiles/gw/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        let line = text.lines().find(|line| line.starts_with("token_file")).unwrap().to_owned();
        edit(&record, &line, "token_env = \"NOT_SET_ANYWHERE\"");
    }),
    advice("token-literal", "gw", |world| {
        let record = world.data().join("profiles/gw/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        let line = text.lines().find(|line| line.starts_with("token_file")).unwrap().to_owned();
        edit(&record, &line, "token = \"canary\"");
    }),
    advice("trusted-project-gone", "default", |world| {
        let path = world.home().join(".claude.json");
        edit(&path, "{\"has", "{\"projects\": {\"/nowhere\": {\"hasTrustDialogAccepted\": true}}, \"has");
    }),
    advice("retention", "default", |world| {
        world.write(".claude/settings.json", "{\"cleanupPeriodDays\": 7}");
    }),
    advice("settings-credential", "default", |world| {
        world.write(".claude/settings.json", "{\"apiKeyHelper\": \"canary\"}");
    }),
];

const KEPT: &[Case] = &[
    problem("record-damaged", "work", |world| {
        // Its sessions have no profile to be looked at with.
        fs::write(world.data().join("profiles/work/profile.toml"), "version = 1\nmood = 1\n").unwrap();
    }),
    problem("record-damaged", "", |world| fs::write(world.data().join("names/api"), "what").unwrap()),
    problem("profile-gone", "remote", |world| {
        world.cs(&["profile", "remove", "--force", "gw"]).ok();
    }),
    problem("default-profile-gone", "", |world| {
        world.write(".config/cs/config.toml", "default_profile = \"nobody\"\n");
    }),
    mended(problem("permissions", "", |world| mode(&world.data(), 0o755))),
    advice("root-in-git", "", |world| {
        fs::create_dir_all(world.data().parent().unwrap().join(".git")).unwrap();
    }),
    mended(advice("name-orphaned", "", |world| {
        fs::write(world.data().join("names/ghost"), format!("session {TALK}\n")).unwrap();
    })),
    mended(advice("name-orphaned", "", |world| {
        fs::write(world.data().join("names/ghost"), "profile\n").unwrap();
    })),
    mended(advice("ports-orphaned", "", |world| {
        fs::write(world.data().join("ports/65520"), format!("session {TALK}\n")).unwrap();
    })),
    mended(advice("ports-orphaned", "", |world| {
        fs::write(world.data().join("ports/65520"), "rubble").unwrap();
    })),
    mended(problem("ports-unclaimed", "api", |world| {
        let first = world.show("api")["ports"]["first"].to_string();
        fs::remove_file(world.data().join("ports").join(first)).unwrap();
    })),
    mended(problem("ports-shared", "api", |world| {
        let first = |name: &str| format!("ports = {}", world.show(name)["ports"]["first"]);
        edit(&root_of(world, "api").join("session.toml"), &first("api"), &first("job"));
    })),
    mended(problem("name-lost", "api", |world| fs::remove_file(world.data().join("names/api")).unwrap())),
    mended(problem("name-lost", "work", |world| fs::remove_file(world.data().join("names/work")).unwrap())),
    problem("name-taken", "api", |world| {
        let names = world.data().join("names");
        // Both records have the name: whose the claim is has it.
        edit(&root_of(world, "job").join("session.toml"), "name = \"job\"", "name = \"api\"");
        fs::remove_file(names.join("job")).unwrap();
    }),
    mended(advice("staging-left", "", |world| {
        let left = world.data().join("staging").join(TALK);
        fs::create_dir(&left).unwrap();
        fs::write(left.join("session.toml"), "half").unwrap();
        aged(&left, 2);
    })),
    advice("group-unused", "", |world| {
        fs::create_dir_all(world.data().join("history/old/projects")).unwrap();
    }),
    advice("ephemeral-ended", "short", |world| {
        world.cs(&["short"]).ok();
    }),
    mended(advice("binding-gone", "", |world| {
        let table = world.data().join("bindings.toml");
        let text = fs::read_to_string(&table).unwrap();
        fs::write(&table, format!("{text}\n[[binding]]\npath = \"/src/x\"\nsession = \"{TALK}\"\n")).unwrap();
        let paths = world.data().join("bindings.paths");
        let lines = fs::read_to_string(&paths).unwrap();
        fs::write(paths, format!("/src/x\n{lines}")).unwrap();
    })),
    mended(problem("binding-unseen", "", |world| {
        fs::remove_file(world.data().join("bindings.paths")).unwrap();
    })),
    // What is in the trash can come back.
    advice("binding-gone", "", |world| {
        let directory = world.project("bound-too");
        world.cs(&["bind", "unused", "--dir", directory.to_str().unwrap()]).ok();
        world.cs(&["rm", "unused"]).ok();
    }),
    mended(advice("trust-gone", "", |world| {
        let file = world.write("src/away/.cs.toml", "profile = \"work\"\n");
        world.cs(&["allow", file.to_str().unwrap()]).ok();
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
    })),
    mended(advice("trust-gone", "", |world| {
        let file = world.write("src/away/.cs.toml", "profile = \"work\"\n");
        world.cs(&["deny", file.to_str().unwrap()]).ok();
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
    })),
    problem("trust-damaged", "", |world| {
        fs::write(world.data().join("trust/0000"), "what").unwrap();
    }),
    advice("commits-kept", "", |world| {
        let tree = worktree(world);
        git(&tree, &["update-ref", &format!("refs/cs/trash/{TALK}/head"), "HEAD"]);
    }),
    advice("trash-old", "", |world| {
        world.write(".config/cs/config.toml", "[cleanup]\nkeep_trash = \"0d\"\n");
    }),
];

const AROUND: &[Case] = &[
    advice("environment-credential", "", |world| world.set("ANTHROPIC_API_KEY", "canary")),
    advice("environment-config-dir", "", |world| {
        world.set("CLAUDE_CONFIG_DIR", world.home().join("elsewhere"));
    }),
    advice("environment-child", "", |world| world.set("CLAUDE_CODE_CHILD_SESSION", "1")),
    problem("function-old", "", |world| world.set("CS_SHELL", "bash:0:1:cs")),
    advice("cs-elsewhere", "", |world| world.program("cs", "#!/bin/sh\n")),
    problem("shim-outdated", "", |world| {
        let shim = world.data().join("shim/claude");
        fs::remove_file(&shim).unwrap();
        symlink("/nowhere/cs", shim).unwrap();
    }),
];

/// Breaks one thing after the other, each in a world that is healthy.
fn each(cases: &[Case]) {
    let mut world = healthy();
    let (clean, whole) = (world.environment(), everything(&world));
    let program = fs::read(world.bin().join("claude")).unwrap();
    let modified = world.bin().join("claude").metadata().unwrap().modified().unwrap();
    let saved = world.root().join("saved");
    let _ = ran(Command::new("cp").arg("-a").args([&world.home(), &saved])).ok();
    let mut failed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let told = format!("case {number}, {} of '{}'", case.id, case.of);
        let done = catch_unwind(AssertUnwindSafe(|| one(case, &told, &mut world, &whole)));
        failed.extend(done.is_err().then_some(told));
        put_back(&world, &saved);
        for (name, _) in world.environment() {
            world.unset(&name);
        }
        for (name, value) in &clean {
            world.set(name, value);
        }
        // The file itself is as it was, to the time of its last change: it is remembered by that.
        world.program("claude", std::str::from_utf8(&program).unwrap());
        fs::File::open(world.bin().join("claude")).unwrap().set_modified(modified).unwrap();
        let _ = fs::remove_file(world.bin().join("cs"));
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn one(case: &Case, told: &str, world: &mut World, whole: &BTreeMap<PathBuf, String>) {
    (case.breaks)(world);
    let learnt_nothing = |world: &World| {
        // A case may have another program in Claude's place, of which something is learnt.
        let mut state = everything(world);
        state.retain(|path, _| !path.ends_with("checked.toml"));
        state
    };
    let broken = learnt_nothing(world);
    let (code, report) = examined(world, &[]);
    let expected = vec![(case.id.to_owned(), (!case.of.is_empty()).then(|| case.of.to_owned()))];
    assert_eq!((code, found(&report)), (case.code, expected), "{told}: {report:#}");
    for key in ["what", "why", "severity"] {
        assert!(report["findings"][0][key].as_str().is_some_and(|text| !text.is_empty()), "{told}");
    }
    let text = world.cs(&["doctor"]);
    assert!(text.stdout.contains(&format!("({})", case.id)) && text.code == Some(code), "{told}: {text:?}");
    let printed = format!("{report} {text:?}");
    assert!(!printed.contains("canary"), "{told}: a value was printed: {printed}");

    let (code, tried) = examined(world, &["--fix", "--dry-run"]);
    assert_eq!((code, found(&tried).len()), (case.code, 1), "{told}");
    assert_eq!(learnt_nothing(world), broken, "{told}: looking changed something");
    let (code, fixed) = examined(world, &["--fix"]);
    assert_eq!(fixed["findings"][0]["fix"]["how"] == "safe", case.safe, "{told}: {fixed:#}");
    if !case.safe {
        assert_eq!((code, &fixed["findings"][0]["repaired"]), (case.code, &Value::Null), "{told}");
        assert_eq!(learnt_nothing(world), broken, "{told}: nothing is done that cannot be undone");
        return;
    }
    assert_eq!((code, &fixed["findings"][0]["repaired"]), (0, &json!(true)), "{told}: {fixed:#}");
    assert_eq!(&everything(world), whole, "{told}: all is as it was");
    for again in [&["--fix"][..], &[], &["--fix"]] {
        let (code, report) = examined(world, again);
        assert_eq!((code, found(&report)), (0, vec![]), "{told}: {report:#}");
    }
    assert_eq!(&everything(world), whole, "{told}: and stays so");
}

#[test]
fn what_is_wrong_with_claude_is_found_as_itself() {
    each(CLAUDE);
}

#[test]
fn what_is_wrong_with_a_session_is_found_as_itself() {
    each(SESSIONS);
}

#[test]
fn what_is_wrong_with_a_profile_is_found_as_itself() {
    each(PROFILES);
}

#[test]
fn what_is_wrong_with_what_is_kept_is_found_as_itself() {
    each(KEPT);
}

#[test]
fn what_is_wrong_around_is_found_as_itself() {
    each(AROUND);
}

#[test]
fn a_record_or_a_directory_that_cannot_be_used_is_found_and_spoils_no_other() {
    let world = healthy();
    let id = world.show("job")["id"].as_str().unwrap().to_owned();
    let record = root_of(&world, "job").join("session.toml");
    let text = fs::read_to_string(&record).unwrap();
    for (broken, said) in [
        ("version = 1\nmood = 1\n", "record damaged: "),
        ("version = 99\n", "written by a newer cs (version 99)"),
    ] {
        fs::write(&record, broken).unwrap();
        let (code, report) = examined(&world, &[]);
        assert_eq!(
            (code, found(&report)),
            (1, vec![("record-damaged".into(), Some(id.clone()))]),
            "{report:#}"
        );
        assert!(report["findings"][0]["what"].as_str().unwrap().starts_with(said), "{report:#}");
        // Asked for by its name, it is what could not be looked at.
        let (code, report) = examined(&world, &["job"]);
        assert_eq!((code, found(&report).len()), (2, 0), "{report:#}");
        assert_eq!(report["could_not_check"][0]["what"], json!("job"));
        assert_eq!(examined(&world, &["api"]).0, 0, "another is not touched by it");
    }
    fs::remove_file(&record).unwrap();
    let (code, report) = examined(&world, &[]);
    let expected = vec![
        ("name-orphaned".into(), None),
        ("ports-orphaned".into(), None),
        ("record-missing".into(), Some(id.clone())),
    ];
    assert_eq!((code, found(&report)), (1, expected), "{report:#}");
    fs::write(&record, text).unwrap();
    mode(&record, 0o600);
    assert_eq!(found(&examined(&world, &[]).1), vec![]);
    // A name that has only lost its owner for a moment is as good as it was.
    assert_eq!(world.show("job")["id"], json!(id));
}

#[test]
fn one_name_is_looked_at_with_its_profile_and_nothing_else() {
    let world = healthy();
    fs::remove_dir(world.project("job")).unwrap();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    fs::remove_file(world.config_of("work").join(".credentials.json")).unwrap();
    world.program("cs", "#!/bin/sh\n");
    let of = |name: &str| found(&examined(&world, &[name]).1);
    let pair = |id: &str, of: &str| (id.to_owned(), Some(of.to_owned()));
    assert_eq!(of("job"), [pair("login-missing", "work"), pair("directory-gone", "job")]);
    assert_eq!(of("work"), [pair("login-missing", "work")]);
    assert_eq!(of("api"), [pair("link-missing", "api")]);
    assert_eq!(of("old"), []);
    assert_eq!(found(&examined(&world, &[]).1).len(), 4, "the control: the machine has one more");
    assert_eq!(examined(&world, &["--fix", "job"]).0, 1);
    assert_eq!(of("api").len(), 1, "what was not asked for is not repaired");
    assert_eq!(examined(&world, &["--fix", "api"]).0, 0);
    assert_eq!(of("api"), []);
}

#[test]
fn what_another_user_owns_is_found_and_left() {
    if !is_root() {
        return super::support::skipped("only root can give a file away");
    }
    let world = healthy();
    let config = world.config_of("api");
    std::os::unix::fs::chown(&config, Some(12345), None).unwrap();
    let (code, report) = examined(&world, &["--fix"]);
    assert_eq!((code, found(&report)), (1, vec![("owner".into(), Some("api".into()))]), "{report:#}");
    assert_eq!(config.metadata().unwrap().uid(), 12345);
}

#[test]
fn what_cannot_be_looked_at_is_said_and_the_rest_is_shown() {
    let mut world = healthy();
    fs::remove_dir(world.project("job")).unwrap();
    let config = world.write(".config/cs/config.toml", "mood = 1\n");
    let (code, report) = examined(&world, &[]);
    assert_eq!(code, 2);
    assert_eq!(found(&report), [("directory-gone".to_owned(), Some("job".to_owned()))], "{report:#}");
    let blind = report["could_not_check"].to_string();
    assert!(blind.contains("unknown key 'mood'") && blind.contains("links of session 'api'"), "{blind}");
    let text = world.cs(&["doctor"]);
    assert!(text.code == Some(2) && text.stdout.contains("could not be looked at"), "{text:?}");
    fs::remove_file(config).unwrap();

    mode(&world.data(), 0o777);
    let (code, report) = examined(&world, &["--fix"]);
    assert_eq!((code, found(&report).len()), (2, 0), "{report:#}");
    assert!(report["could_not_check"].to_string().contains("can be written to by other users"), "{report:#}");
    mode(&world.data(), 0o700);

    let home = world.home();
    world.unset("HOME");
    let done = world.cs_in(&home, &["doctor", "--json"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stdout.contains("HOME is not set"), "{done:?}");
}

#[test]
fn a_claude_that_cannot_be_tried_is_one_that_could_not_be_looked_at() {
    let world = healthy();
    let cannot_be_started = "#!/nowhere/sh\n";
    for script in
        [cannot_be_started, "exit 1", "echo no json", "case $1 in auth) echo '{\"loggedIn\": true}' ;; esac"]
    {
        let head = if script.starts_with('#') { "" } else { "#!/bin/sh\n" };
        world.program("claude", &format!("{head}{script}\n"));
        let (code, report) = examined(&world, &[]);
        assert_eq!((code, found(&report).len()), (2, 0), "{script}: {report:#}");
        assert!(report["could_not_check"].to_string().contains("honours CLAUDE_CONFIG_DIR"), "{report:#}");
    }
    let left: Vec<_> = fs::read_dir(world.root().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_claude_is_tried_once_and_again_when_it_was_updated_without_a_login_or_a_home_of_the_users() {
    let mut world = healthy();
    world.set("ANTHROPIC_API_KEY", "canary");
    let tries = |world: &World| {
        let starts = world.starts();
        starts
            .into_iter()
            .filter(|start| start.args.first().is_some_and(|word| word == "auth"))
            .collect::<Vec<_>>()
    };
    let before = tries(&world).len();
    assert_eq!(before, 2, "with the variable, and without it");
    world.cs(&["doctor"]).ok();
    assert_eq!(tries(&world).len(), before, "it is remembered");
    world.fake_claude(&format!("{HONEST}# updated\n"));
    world.cs(&["doctor"]).ok();
    let tries = tries(&world);
    assert_eq!(tries.len(), before + 2, "another program is another try");
    for start in tries {
        let home = start.var("HOME").unwrap();
        assert!(home.starts_with(world.root().join("tmp").to_str().unwrap()), "{home}");
        assert_eq!(start.var("HTTPS_PROXY"), Some("http://127.0.0.1:9"));
        let world_home = world.home().to_str().unwrap().to_owned();
        let leaks: Vec<_> = start
            .env
            .iter()
            .filter(|(name, value)| {
                *name != "PATH" && (value.contains(&world_home) || value.contains("canary"))
            })
            .collect();
        assert!(leaks.is_empty(), "{leaks:?}");
    }
    assert_eq!(fs::read_dir(world.root().join("tmp")).unwrap().count(), 0, "nothing is left");
}

#[test]
fn where_nothing_is_kept_yet_nothing_is_made() {
    let world = World::new();
    world.program("claude", &format!("#!/bin/sh\n{HONEST}"));
    let before = everything(&world);
    let (code, report) = examined(&world, &["--fix"]);
    assert_eq!(
        (code, found(&report)),
        (0, vec![("login-missing".into(), Some("default".into()))]),
        "{report:#}"
    );
    assert_eq!(everything(&world), before);
}

#[test]
fn on_a_disk_that_cannot_be_written_it_looks_and_says_what_it_could_not_repair() {
    if !may_mount() {
        return;
    }
    let world = healthy();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    fs::remove_file(world.config_of("job").join("skills")).unwrap();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"; shift; exec \"$@\"";
    let home = world.home();
    let run = |arguments: &[&str]| -> Ran {
        let program = World::cs_program();
        let words =
            [&["-m", "sh", "-c", mount, "sh", home.to_str().unwrap(), program.to_str().unwrap()], arguments];
        ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &home, &words.concat()))
    };
    let looked = run(&["doctor", "--json"]);
    assert_eq!(looked.code, Some(0), "{looked:?}");
    assert_eq!(found(&serde_json::from_str(&looked.stdout).unwrap()).len(), 2);
    let tried = run(&["doctor", "--fix", "--json"]);
    let report: Value = serde_json::from_str(&tried.stdout).unwrap();
    assert_eq!(tried.code, Some(1), "{report:#}");
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["repaired"], json!(false), "each is tried: {finding:#}");
        assert!(finding["failed"].as_str().unwrap().contains("read-only"), "{finding:#}");
    }
    let text = run(&["doctor", "--fix"]);
    assert!(text.stdout.contains("not done: make the link"), "{text:?}");
}

#[test]
fn a_disk_with_little_room_is_told() {
    if !may_mount() {
        return;
    }
    let world = healthy();
    let data = world.data();
    for (size, id, code) in [("50m", "disk-full", 1), ("500m", "disk-low", 0)] {
        let script =
            "set -e; cp -a \"$1\" \"$1.copy\"; mount -t tmpfs -o size=$2 tmpfs \"$1\"; chmod 700 \"$1\"
            cp -a \"$1.copy/.\" \"$1\"; rm -r \"$1.copy\"; shift 2; exec \"$@\"";
        let program = World::cs_program();
        let words = ["-m", "sh", "-c", script, "sh", data.to_str().unwrap(), size, program.to_str().unwrap()];
        let words = [&words[..], &["doctor", "--json"]].concat();
        let done = ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &world.home(), &words));
        let report: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        assert_eq!((done.code, found(&report)), (Some(code), vec![(id.into(), None)]), "{report:#}");
    }
}

#[test]
fn a_data_root_that_is_copied_elsewhere_is_told() {
    let mut world = healthy();
    world.set("CS_HOME", world.home().join("Dropbox/cs"));
    world.cs_in(&world.project("api"), &["new", "--no-open", "api"]).ok();
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (0, vec![("root-synced".into(), None)]), "{report:#}");
}

/// Makes `claude` a program that runs until it is ended, as `script` has it.
fn staying(world: &World, script: &str) {
    let starts = world.root().join("starts");
    let stay = format!("touch '{}'/$n/ready; {script} sleep 60", starts.display());
    world.fake_claude(&format!("{HONEST}\n{stay}\n"));
}

/// Has the process `pid` be in `conversation`, as Claude says it in `config`.
fn says_it_is_in(config: &Path, pid: u32, conversation: &str) {
    fs::create_dir_all(config.join("sessions")).unwrap();
    let start = claude_cs::os::start_time(pid).unwrap();
    let text = json!({"pid": pid, "sessionId": conversation, "procStart": start, "kind": "interactive"});
    fs::write(config.join(format!("sessions/{pid}.json")), text.to_string()).unwrap();
}

/// Whether the process `pid` has become `sleep`.
fn sleeps(pid: u32) -> bool {
    let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split('\0').next().is_some_and(|program| program.rsplit('/').next() == Some("sleep"))
}

#[test]
fn what_runs_is_held_against_the_plan() {
    for (script, id) in [
        ("exec", None),
        ("exec env CLAUDE_CONFIG_DIR=/elsewhere", Some("live-variables")),
        ("exec env -u CLAUDE_SECURESTORAGE_CONFIG_DIR", Some("live-variables")),
        ("exec env CS_SESSION_ID=other", Some("live-variables")),
        ("exec env CLAUDE_CODE_CHILD_SESSION=1", Some("live-child")),
    ] {
        let world = healthy();
        staying(&world, script);
        world.cs(&["doctor"]).ok();
        let running = Running::start(&world, &world.project("api"), &["api"]);
        until("it is what it becomes", || sleeps(running.0.id()));
        let expected: Vec<_> = id.iter().map(|id| ((*id).to_owned(), Some("api".to_owned()))).collect();
        let (code, report) = examined(&world, &[]);
        assert_eq!(
            (code, found(&report)),
            (i32::from(id.is_some()), expected.clone()),
            "{script}: {report:#}"
        );
        assert_eq!(found(&examined(&world, &["api"]).1), expected);
        assert_eq!(found(&examined(&world, &["job"]).1), vec![]);
    }
}

#[test]
fn a_claude_in_the_default_directory_by_its_variable_is_found() {
    let world = healthy();
    let claude = world.home().join(".claude");
    for (set, expected) in [(false, vec![]), (true, vec![("default-set".into(), Some("default".into()))])] {
        let mut command = world.any_command(Path::new("/bin/sleep"), &world.home(), &["60"]);
        if set {
            command.env("CLAUDE_CONFIG_DIR", &claude);
        }
        let running = Running(command.spawn().unwrap());
        until("it sleeps", || sleeps(running.0.id()));
        says_it_is_in(&claude, running.0.id(), TALK);
        let (code, report) = examined(&world, &[]);
        assert_eq!((code, found(&report)), (i32::from(set), expected), "{report:#}");
        fs::remove_dir_all(claude.join("sessions")).unwrap();
    }
}

#[test]
fn two_claudes_in_one_conversation_or_session_are_found() {
    let world = healthy();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    let first = Running::start(&world, &world.project("api"), &["api"]);
    let (api, job) = (world.config_of("api"), world.config_of("job"));
    let pid = first.0.id();
    says_it_is_in(&api, pid, TALK);
    assert_eq!(found(&examined(&world, &[]).1), vec![], "one is as it should be");

    let second = Running::start(&world, &world.project("job"), &["job"]);
    says_it_is_in(&job, second.0.id(), OTHER_TALK);
    assert_eq!(found(&examined(&world, &[]).1), vec![], "two are, each in its own");
    let pair = |id: &str, of: &str| (id.to_owned(), Some(of.to_owned()));
    says_it_is_in(&job, second.0.id(), world.show("bare")["id"].as_str().unwrap());
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (1, vec![pair("live-conversation", "job")]), "{report:#}");
    says_it_is_in(&job, second.0.id(), TALK);
    let ids = found(&examined(&world, &[]).1);
    assert!(ids.contains(&pair("live-twice", "job")), "{ids:?}");
    drop(second);
    fs::remove_dir_all(job.join("sessions")).unwrap();

    // One more in the same session, in a conversation of its own: as the program of a test that
    // has the session's variables.
    let mut other = world.command(&world.home(), &["exec", "api", "--", "sleep", "60"]);
    let other = Running(other.spawn().unwrap());
    until("it sleeps", || sleeps(other.0.id()));
    says_it_is_in(&api, other.0.id(), OTHER_TALK);
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (1, vec![pair("live-twice", "api")]), "{report:#}");
    // Claude's own daemon runs beside it on purpose.
    let file = api.join(format!("sessions/{}.json", other.0.id()));
    edit(&file, "\"interactive\"", "\"bg\"");
    assert_eq!(found(&examined(&world, &[]).1), vec![]);
}

#[test]
fn to_go_on_with_a_conversation_of_ones_group_is_no_finding() {
    let world = healthy();
    world.cs(&["profile", "share", "job", "--history", "team"]).ok();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    let running = Running::start(&world, &world.project("job"), &["job"]);
    let conversation = |of: &str| world.show(of)["id"].as_str().unwrap().to_owned();
    says_it_is_in(&world.config_of("job"), running.0.id(), &conversation("shared"));
    assert_eq!(found(&examined(&world, &[]).1), vec![]);
    // The control: one that is not in the group.
    says_it_is_in(&world.config_of("job"), running.0.id(), &conversation("bare"));
    assert_eq!(found(&examined(&world, &[]).1), vec![("live-conversation".into(), Some("job".into()))]);
}

/// A server on `port` that was started with `variables` in `directory`.
fn server(port: u64, directory: &Path, variables: &[(&str, &str)]) -> Running {
    let script = format!(
        "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => {port}, \
         Listen => 1, ReuseAddr => 1) or die; print qq(up\\n); $| = 1; print qq(\\n); sleep 60"
    );
    let mut command = Command::new("perl");
    command.args(["-e", &script]).current_dir(directory).envs(variables.iter().copied());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = [0; 2];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
    Running(child)
}

#[test]
fn who_listens_on_the_ports_of_a_session_and_is_none_of_it_is_told() {
    let world = healthy();
    let shown = world.show("api");
    let (first, id) = (shown["ports"]["first"].as_u64().unwrap(), shown["id"].as_str().unwrap());
    let elsewhere = world.project("elsewhere");
    {
        let stranger = server(first + 3, &elsewhere, &[]);
        let (code, report) = examined(&world, &[]);
        assert_eq!((code, found(&report)), (0, vec![("ports-in-use".into(), Some("api".into()))]));
        let what = report["findings"][0]["what"].as_str().unwrap();
        let said =
            format!("a process that is none of its own (pid {}) listens on {}", stranger.0.id(), first + 3);
        assert_eq!(what, said);
        assert_eq!(found(&examined(&world, &["api"]).1).len(), 1);
        assert_eq!(found(&examined(&world, &["job"]).1), vec![]);
    }
    // Its own are no finding: what was started in it, and what a person started in its directory.
    {
        let _in_it = server(first, &elsewhere, &[("CS_SESSION_ID", id)]);
        let _there = server(first + 1, &world.project("api"), &[]);
        let _beyond = server(first + 10_000, &elsewhere, &[]);
        assert_eq!(found(&examined(&world, &[]).1), vec![]);
    }
    // What was started in another session is none of it.
    let job = world.show("job")["id"].as_str().unwrap().to_owned();
    let _other = server(first, &elsewhere, &[("CS_SESSION_ID", &job)]);
    assert_eq!(found(&examined(&world, &[]).1), vec![("ports-in-use".into(), Some("api".into()))]);
}

#[test]
fn two_sessions_open_in_one_directory_are_told() {
    let world = healthy();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    let _first = Running::start(&world, &world.project("api"), &["api"]);
    let _second = Running::start(&world, &world.project("api"), &["unused"]);
    let (code, report) = examined(&world, &[]);
    let ids: Vec<_> = found(&report).into_iter().map(|(id, _)| id).collect();
    assert_eq!((code, ids), (0, vec!["live-together".to_owned()]), "{report:#}");
}

#[test]
fn a_lock_of_a_session_that_is_open_is_nobody_elses_business() {
    let world = healthy();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    lock(&world.config_of("api").join(".claude.json.lock"), 30);
    let running = Running::start(&world, &world.project("api"), &["api"]);
    assert_eq!(found(&examined(&world, &["--fix"]).1), vec![]);
    assert!(world.config_of("api").join(".claude.json.lock").is_dir());
    drop(running);
    assert_eq!(found(&examined(&world, &[]).1).len(), 1, "the control");
}

#[test]
fn at_a_terminal_the_function_of_the_shell_is_missed() {
    if !Tmux::available() {
        return;
    }
    let world = healthy();
    let screen = || {
        let words = ["sh", "-c", "\"$0\" doctor; echo ended $?; sleep 60"];
        let program = World::cs_program();
        let argv = [&words[..], &[program.to_str().unwrap()]].concat();
        let tmux = Tmux::start(&argv, &world.home(), world.environment());
        tmux.wait_for("ended", std::time::Duration::from_secs(20))
    };
    let text = screen();
    assert!(text.contains("(start-up-missing)") && text.contains("cs init bash --install"), "{text}");
    world.write(".bash_profile", "command -v cs >/dev/null && eval \"$(cs init bash)\"\n");
    let text = screen();
    assert!(text.contains("(function-missing)") && text.contains("ended 0"), "{text}");
}

#[test]
fn no_login_is_opened_and_no_value_printed_whatever_is_wrong() {
    if !has("strace") {
        return;
    }
    let world = healthy();
    let secret = "canary-that-must-not-sing";
    let logins = ["api", "bare", "work"].map(|name| world.config_of(name).join(".credentials.json"));
    for login in
        logins.iter().chain([&world.home().join(".claude/.credentials.json"), &world.home().join("token")])
    {
        fs::write(login, secret).unwrap();
        mode(login, 0o644);
    }
    let settings =
        json!({"env": {"ANTHROPIC_API_KEY": secret, "CLAUDE_CONFIG_DIR": secret}, "apiKeyHelper": secret});
    fs::write(world.config_of("bare").join("settings.json"), settings.to_string()).unwrap();
    let trace = world.root().join("trace");
    let filter = "trace=open,openat,openat2,read,pread64,sendfile,copy_file_range";
    for arguments in [&["doctor"][..], &["doctor", "--json"], &["doctor", "--fix"]] {
        let program = World::cs_program();
        let words = ["-f", "-qq", "-s", "4096", "-o", trace.to_str().unwrap(), "-e", filter];
        let words = [&words[..], &[program.to_str().unwrap()], arguments].concat();
        let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stdout.contains("login-detached"), "the control: it was looked at: {done:?}");
        assert!(!format!("{done:?}").contains(secret), "{arguments:?} printed it: {done:?}");
        let trace = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
        let opened: Vec<&str> = trace
            .lines()
            .filter(|line| line.contains(".credentials.json") || line.contains("/token\""))
            .collect();
        assert!(opened.is_empty() && trace.contains("settings.json"), "{arguments:?}: {opened:#?}");
    }
    // Its mode is changed without opening it.
    assert_eq!(logins[2].metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_world_of_rubble_is_survived() {
    let world = healthy();
    let mut files = Vec::new();
    walk(&world.data(), &mut files);
    walk(&world.home().join(".claude-old"), &mut files);
    files.push(world.home().join(".claude.json"));
    files.push(world.home().join(".claude/settings.json"));
    for (rubble, is_whole) in
        [(&b"\xff\x00{[\x1b]2;x\x07"[..], false), (b"", false), (b"[]", true), (b"{}", true)]
    {
        for file in &files {
            fs::write(file, rubble).unwrap();
        }
        for arguments in
            [&["doctor"][..], &["doctor", "--json"], &["doctor", "--fix"], &["doctor", "--fix", "--json"]]
        {
            let done = world.cs(arguments);
            assert!(matches!(done.code, Some(1 | 2)), "{is_whole} {arguments:?}: {done:?}");
            assert!(!done.stderr.contains("panicked") && !done.stdout.contains('\x1b'), "{done:?}");
            assert!(done.stdout.contains("record-damaged"), "{done:?}");
        }
    }
    // What stands where a directory belongs, and the reverse.
    for path in [
        world.data().join("names/api"),
        world.data().join("bindings.toml"),
        world.home().join(".claude.json"),
    ] {
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
    }
    fs::remove_dir_all(world.data().join("trash")).unwrap();
    fs::write(world.data().join("trash"), "").unwrap();
    let done = world.cs(&["doctor", "--fix"]);
    assert!(matches!(done.code, Some(1 | 2)) && !done.stderr.contains("panicked"), "{done:?}");
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}

#[test]
fn the_screen_of_one_that_is_ill_says_what_where_why_and_what_helps() {
    let world = healthy();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    let settings = world.config_of("job").join("settings.json");
    fs::remove_file(&settings).unwrap();
    fs::write(settings, r#"{"env": {"ANTHROPIC_API_KEY": "canary"}}"#).unwrap();
    fs::write(world.data().join("names/ghost"), "profile\n").unwrap();
    fs::remove_file(world.config_of("work").join(".credentials.json")).unwrap();
    let mut told = Transcript::new(&world);
    told.cs(&["doctor"])
        .cs(&["doctor", "--fix", "--dry-run", "api"])
        .cs(&["doctor", "--fix"])
        .cs(&["doctor", "job"]);
    assert_snapshot!(told.text());
}

#[test]
fn a_finding_as_json_has_everything_and_the_text_of_others_is_spelled_out() {
    let world = healthy();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    let bare = world.config_of("bare");
    fs::create_dir_all(bare.join("plugins")).unwrap();
    let record = json!({"plugins": {"p\u{1b}]2;x\u{7}\u{202e}": {"installPath": "/nowhere/\u{9b}2J"}}});
    fs::write(bare.join("plugins/installed_plugins.json"), record.to_string()).unwrap();
    let mut told = Transcript::new(&world);
    told.cs(&["doctor", "--json"]).cs(&["doctor", "--fix", "--json", "api"]).cs(&["doctor", "bare"]);
    assert_snapshot!(told.text());
    for acts in ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'] {
        assert!(!told.text().contains(acts), "{}", told.text());
    }
}

/// Breaks everything at once that `--fix` mends: one case of each kind.
fn much_to_mend(world: &mut World) {
    let kinds = ["staging-left", "trust-gone", "binding-gone", "permissions", "link-dangling", "lock-stale"];
    for kind in kinds {
        let tables = [SESSIONS, KEPT].into_iter().flatten();
        let case = tables.into_iter().find(|case| case.safe && case.id == kind).unwrap();
        (case.breaks)(world);
    }
    fs::remove_file(world.config_of("job").join("settings.json")).unwrap();
    fs::write(world.data().join("names/ghost"), "profile\n").unwrap();
    fs::remove_file(world.data().join("names/job")).unwrap();
}

#[test]
fn repairs_that_are_cut_short_or_fail_are_made_by_the_next() {
    if !has("strace") {
        return;
    }
    let mut world = healthy();
    let settled = |world: &World| {
        let mut state = everything(world);
        // What a process that was killed had not given its name yet.
        state.retain(|path, _| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // And a line too many for the hooks of the shells, which costs nothing.
            !(name.starts_with('.') && name.ends_with(".new")) && name != "bindings.paths"
        });
        state
    };
    let whole = settled(&world);
    much_to_mend(&mut world);
    let saved = world.root().join("broken");
    let _ = ran(Command::new("cp").arg("-a").args([&world.home(), &saved])).ok();
    let trace = world.root().join("trace");
    let changes =
        ["rename", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "symlink", "chmod", "flock"];
    let mut injected = 0;
    for (call, fault) in changes.into_iter().flat_map(|call| [(call, "signal=KILL"), (call, "error=EIO")]) {
        for nth in 1.. {
            put_back(&world, &saved);
            let (filter, inject) = (format!("trace={call}"), format!("inject={call}:{fault}:when={nth}"));
            let program = World::cs_program();
            let words = ["-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &filter, "-e", &inject];
            let words = [&words[..], &[program.to_str().unwrap(), "doctor", "--fix"]].concat();
            let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
            let told = format!("{fault} at {call} {nth}: {done:?}");
            assert!(!done.stderr.contains("panicked"), "{told}");
            // What was half removed is left alone for an hour.
            let half = world.data().join("staging").join(TALK);
            if half.exists() {
                aged(&half, 2);
            }
            let (code, report) = examined(&world, &["--fix"]);
            assert_eq!(code, 0, "{told}, then {report:#}");
            let now = settled(&world);
            let differs = |path: &&PathBuf| now.get(*path) != whole.get(*path);
            let different: Vec<_> = now.keys().chain(whole.keys()).filter(differs).collect();
            assert!(different.is_empty(), "{told}: {different:?}");
            assert_eq!(found(&examined(&world, &["--fix"]).1), vec![], "{told}");
            let text = fs::read_to_string(&trace).unwrap();
            if !text.contains("INJECTED") && !text.contains("killed by SIGKILL") {
                break;
            }
            injected += 1;
        }
    }
    assert!(injected > 20, "{injected} faults were injected");
}

#[test]
fn every_kind_of_finding_is_broken_by_a_test() {
    let here = include_str!("doctor.rs");
    let list = include_str!("../../docs/findings.md");
    let rows = list.lines().filter(|line| line.contains("` | problem |") || line.contains("` | advice |"));
    let ids: Vec<&str> = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(ids.len() > 60, "{ids:?}");
    // There is no network to keep files on: how such a disk is known has a test of its own.
    let untried: Vec<_> = ids
        .iter()
        .filter(|id| !here.contains(&format!("{id}\"")) && !here.contains(&format!("({id})")))
        .collect();
    assert_eq!(untried, [&concat!("network-file-", "system")]);
}
