//! What is wrong with a session: its directory, its worktree, its links, its settings.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use serde_json::json;

use super::cases::{Case, advice, each, mended, problem};
use super::{edit, examined, found, healthy, lock, mode, worktree};
use crate::scenery::is_root;
use crate::support::skipped;
use crate::support::world::git;

pub(super) const SESSIONS: &[Case] = &[
    problem("directory-gone", "job", |world| fs::remove_dir(world.project("job")).unwrap()),
    advice("directory-is-home", "bare", |world| {
        let record = world.root_of("bare").join("session.toml");
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
    mended(problem("permissions", "unused", |world| mode(&world.root_of("unused"), 0o701))),
    mended(problem("permissions", "job", |world| mode(&world.root_of("job").join("session.toml"), 0o644))),
    problem("link-replaced", "job", |world| {
        fs::create_dir_all(world.config_of("job").join("projects")).unwrap();
        edit(&world.root_of("job").join("session.toml"), "created = ", "history = \"team\"\ncreated = ");
    }),
    problem("notes-damaged", "api", |world| {
        fs::write(world.root_of("api").join("links.toml"), "version = 1\nlinks = 3\n").unwrap();
    }),
    advice("unsettled", "shared", |world| {
        let config = world.config_of("shared");
        fs::create_dir_all(world.root_of("shared").join("own-projects")).unwrap();
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
        let note = world.root_of("api").join("run.toml");
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
        let kept = world.root_of("tree").join("worktree");
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
        git(world, &worktree(world), &["checkout", "-q", "-b", "other"]);
    }),
    advice("worktree-unlocked", "tree", |world| {
        git(world, &worktree(world), &["worktree", "unlock", "."]);
    }),
    problem("plan-impossible", "old", |world| {
        let record = world.data().join("profiles/old/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(record, format!("{text}\n[env]\nX = \"${{NOT_SET_ANYWHERE}}\"\n")).unwrap();
    }),
];

fn installed(config: &Path, place: &Path) {
    fs::create_dir_all(config.join("plugins")).unwrap();
    let record = json!({"version": 2, "plugins": {"p@market": [{"installPath": place}]}});
    fs::write(config.join("plugins/installed_plugins.json"), record.to_string()).unwrap();
}

#[test]
fn what_is_wrong_with_a_session_is_found_as_itself() {
    each(SESSIONS);
}

#[test]
fn what_another_user_owns_is_found_and_left() {
    if !is_root() {
        return skipped("only root can give a file away");
    }
    let world = healthy();
    let config = world.config_of("api");
    std::os::unix::fs::chown(&config, Some(12345), None).unwrap();
    let (code, report) = examined(&world, &["--fix"]);
    assert_eq!((code, found(&report)), (1, vec![("owner".into(), Some("api".into()))]), "{report:#}");
    assert_eq!(config.metadata().unwrap().uid(), 12345);
}
