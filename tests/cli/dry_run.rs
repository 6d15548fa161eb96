//! `--dry-run`: all that a launch does, and nothing else, is told before.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::world::{World, git, listing};

/// What a dry run told, and what the launch then changed on the disk.
struct Told {
    steps: Vec<Value>,
    text: String,
    changed: BTreeSet<PathBuf>,
    stderr: String,
}

impl Told {
    /// The paths of the steps that do `what`.
    fn paths(&self, what: &str) -> Vec<&str> {
        self.steps
            .iter()
            .filter(|step| step["do"] == what)
            .map(|step| step["path"].as_str().or(step["session"].as_str()).unwrap_or_default())
            .collect()
    }

    fn does(&self, what: &str) -> bool {
        self.steps.iter().any(|step| step["do"] == what)
    }
}

/// Has `words` told, then done, and compares: every change is one of a step, and every step that changes
/// something on the disk changed it.
#[track_caller]
fn told_and_done(world: &World, directory: &Path, words: &[&str]) -> Told {
    let before = listing(world.root());
    let dry = |more: &[&str]| world.cs_in(directory, &[more, words].concat()).ok();
    let plan: Value = serde_json::from_str(&dry(&["--dry-run", "--json"])).unwrap();
    let text = dry(&["--dry-run"]);
    assert_eq!(listing(world.root()), before, "{words:?}: a dry run changed something");
    let mut steps = plan["steps"].as_array().unwrap().clone();
    if let Some(create) = plan["create"].as_object() {
        let mut create = create.clone();
        create.insert("do".to_owned(), "create".into());
        steps.insert(0, create.into());
    }
    let ran = world.cs_in(directory, words);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let after = listing(world.root());
    let changed: BTreeSet<PathBuf> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| world.root().join(path))
        .collect();
    for path in &changed {
        let explained = steps.iter().any(|step| explains(world, step, path));
        let own = path.starts_with(world.root().join("starts"));
        assert!(own || explained, "{words:?} changed {} and no step says so: {steps:#?}", path.display());
    }
    // The id of a session that is made is another one each time.
    let is_made = steps[0]["do"] == "create";
    for step in &steps {
        let Some(path) = step["path"].as_str().map(Path::new).filter(|_| !is_made) else { continue };
        assert!(
            changed.contains(path) || step["do"] == "add-to-file",
            "{words:?}: nothing came of {step}; changed: {changed:#?}"
        );
        let shown = text.lines().any(|line| line.contains(step["path"].as_str().unwrap()));
        assert!(shown, "{words:?}: a person is not told of {step}:\n{text}");
    }
    Told { steps, text, changed, stderr: ran.stderr }
}

/// Whether `step` is why `path` changed.
fn explains(world: &World, step: &Value, path: &Path) -> bool {
    let data = world.data();
    let below = |room: &str, name: &str| path == data.join(room).join(name);
    let id = step["id"].as_str().unwrap_or_default();
    let at = step["path"].as_str().map(Path::new);
    let end = |name: &str| path.ends_with(name);
    match step["do"].as_str().unwrap() {
        "make-directory" | "write-file" | "add-to-file" | "note-run" => at == Some(path),
        "make-link" | "replace-link" | "remove-link" => at == Some(path) || end("links.toml"),
        "move-to-trash" => {
            path.starts_with(data.join("sessions").join(id))
                || path.starts_with(data.join("trash"))
                || below("ephemeral", id)
                || path.starts_with(data.join("names"))
                || below("open", id)
                || path.starts_with(data.join("ports"))
        }
        "create" => {
            path.starts_with(data.join("sessions"))
                || below("names", step["session"].as_str().unwrap())
                || path.starts_with(data.join("ports"))
                || [&data, &data.join("names")].iter().any(|room| path == room.as_path())
        }
        "note-ephemeral" => path.starts_with(data.join("ephemeral")),
        "note-open" => path.starts_with(data.join("open")),
        "claim-ports" => path.starts_with(data.join("ports")) || end("session.toml"),
        "settle-conversations" => {
            path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part.starts_with("own-projects") || part == "projects" || part.starts_with("own-history")
            }) || end("history.jsonl")
        }
        "hold-session" | "hold-conversation" => end("lock"),
        "tell" | "become" => false,
        other => panic!("what does '{other}' do?"),
    }
}

fn world() -> (World, PathBuf) {
    let world = World::with_fake_claude();
    for item in ["skills/a/SKILL.md", "agents/a.md", "CLAUDE.md", "settings.json"] {
        world.write(&format!(".claude/{item}"), "{}\n");
    }
    let project = world.project("api");
    world.cs_in(&project, &["api"]).ok();
    (world, project)
}

fn settings(world: &World, text: &str) {
    world.write(".config/cs/config.toml", text);
}

#[test]
fn a_launch_with_nothing_left_to_do_only_notes_itself() {
    let (world, project) = world();
    let told = told_and_done(&world, &project, &["api"]);
    let does: Vec<&str> = told.steps.iter().map(|step| step["do"].as_str().unwrap()).collect();
    assert_eq!(does, ["hold-session", "note-run", "note-open", "become"]);
}

#[test]
fn links_that_are_private_by_now_are_told_and_taken_away() {
    let (world, project) = world();
    for (private, gone) in [
        ("skills = \"private\"", vec!["skills"]),
        ("skills = \"private\"\nagents = \"private\"", vec!["agents"]),
    ] {
        settings(&world, &format!("[share]\n{private}\n"));
        let told = told_and_done(&world, &project, &["api"]);
        let config = world.config_of("api");
        let expected: Vec<PathBuf> = gone.iter().map(|item| config.join(item)).collect();
        assert_eq!(
            told.paths("remove-link"),
            expected.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>()
        );
        assert!(told.text.contains("unlink"), "{}", told.text);
        assert!(expected.iter().all(|path| !path.is_symlink()));
    }
    // The control: with nothing private, they are links again, and told.
    settings(&world, "");
    let told = told_and_done(&world, &project, &["api"]);
    assert_eq!(told.paths("make-link").len(), 2);
}

#[test]
fn a_link_that_somebody_else_made_is_neither_told_nor_taken_away() {
    let (world, project) = world();
    settings(&world, "[share]\nskills = \"private\"\n");
    let link = world.config_of("api").join("skills");
    fs::remove_file(&link).unwrap();
    let own = world.project("own-skills");
    symlink(&own, &link).unwrap();
    let told = told_and_done(&world, &project, &["api"]);
    assert!(!told.does("remove-link"), "{}", told.text);
    assert_eq!(fs::read_link(link).unwrap(), own);
}

#[test]
fn a_link_that_leads_nowhere_is_told_to_be_made_anew() {
    let (world, project) = world();
    let link = world.config_of("api").join("CLAUDE.md");
    fs::remove_file(&link).unwrap();
    symlink(world.home().join("gone"), &link).unwrap();
    let told = told_and_done(&world, &project, &["api"]);
    assert_eq!(told.paths("replace-link"), [link.to_str().unwrap()]);
}

#[test]
fn what_a_session_with_a_home_of_its_own_no_longer_links_there_is_told() {
    let (world, project) = world();
    world.write(".gitconfig", "[user]\n");
    world.cs_in(&project, &["--isolation", "home", "homely"]).ok();
    settings(&world, "[isolation]\nhome_symlinks = [\".ssh\"]\n");
    let told = told_and_done(&world, &project, &["homely"]);
    let gone = world.root_of("homely").join("home/.gitconfig");
    assert_eq!(told.paths("remove-link"), [gone.to_str().unwrap()]);
}

#[test]
fn an_ephemeral_session_that_was_killed_is_told_before_it_is_swept() {
    let (world, project) = world();
    world.fake_claude("kill -9 $$");
    let _ = world.cs_in(&project, &["--ephemeral", "once"]);
    world.fake_claude("");
    let told = told_and_done(&world, &project, &["api"]);
    assert_eq!(told.paths("move-to-trash"), ["once"]);
    assert!(told.text.contains("ephemeral session 'once'"), "{}", told.text);
    assert!(told.stderr.contains("moved ephemeral session 'once'"), "{}", told.stderr);
    assert!(told.changed.iter().any(|path| path.starts_with(world.data().join("trash"))));
    // The control: the next launch has nothing to sweep.
    assert!(!told_and_done(&world, &project, &["api"]).does("move-to-trash"));
}

#[test]
fn a_killed_session_is_swept_by_the_launch_of_anything_and_told_there() {
    for words in [&["fresh"][..], &["--ephemeral", "another"], &["--isolation", "none", "plain"]] {
        let (world, project) = world();
        world.fake_claude("kill -9 $$");
        let _ = world.cs_in(&project, &["--ephemeral", "once"]);
        world.fake_claude("");
        let plan = world.cs_in(&project, &[&["--dry-run"], words].concat()).ok();
        assert!(plan.contains("'once', which has ended"), "{words:?}: {plan}");
        let ran = world.cs_in(&project, words);
        assert!(ran.stderr.contains("moved ephemeral session 'once'"), "{words:?}: {ran:?}");
    }
}

#[test]
fn ports_of_a_session_that_has_none_are_told_before_they_are_claimed() {
    let (world, project) = world();
    world.cs_in(&project, &["old"]).ok();
    let record = world.root_of("old").join("session.toml");
    let text = fs::read_to_string(&record).unwrap();
    let old: String =
        text.lines().filter(|line| !line.starts_with("ports")).map(|line| format!("{line}\n")).collect();
    fs::write(&record, old).unwrap();
    let had = world.show("old")["ports"].clone();
    assert!(had.is_null(), "{had}");
    let claims = fs::read_dir(world.data().join("ports")).unwrap().map(|claim| claim.unwrap().path());
    let id = world.id_of("old");
    let its_own = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|claim| claim.contains(&id));
    claims.filter(its_own).for_each(|claim| fs::remove_file(claim).unwrap());
    let told = told_and_done(&world, &project, &["old"]);
    assert!(told.does("claim-ports"), "{}", told.text);
    let first = told.steps.iter().find(|step| step["do"] == "claim-ports").unwrap()["first"].clone();
    assert_eq!(world.show("old")["ports"]["first"], first);
    assert!(!told_and_done(&world, &project, &["old"]).does("claim-ports"));
}

#[test]
fn conversations_on_their_way_are_told_before_they_are_settled() {
    let (world, project) = world();
    world.cs(&["profile", "share", "api", "--history", "team"]).ok();
    let config = world.config_of("api");
    fs::remove_file(config.join("projects")).unwrap();
    fs::create_dir_all(world.root_of("api").join("own-projects")).unwrap();
    let plan: Value =
        serde_json::from_str(&world.cs_in(&project, &["--dry-run", "--json", "api"]).ok()).unwrap();
    let does = |plan: &Value| {
        plan["steps"].as_array().unwrap().iter().any(|step| step["do"] == "settle-conversations")
    };
    assert!(does(&plan), "{plan}");
    assert!(!config.join("projects").exists(), "a dry run settled them");
    world.cs_in(&project, &["api"]).ok();
    assert!(config.join("projects").is_symlink(), "the launch settled them");
    let plan: Value =
        serde_json::from_str(&world.cs_in(&project, &["--dry-run", "--json", "api"]).ok()).unwrap();
    assert!(!does(&plan), "{plan}");
}

#[test]
fn a_session_that_is_made_is_told_with_the_ports_it_is_given() {
    let (world, project) = world();
    for words in [&["fresh"][..], &["--isolation", "home", "homely"], &["--isolation", "none", "plain"]] {
        let told = told_and_done(&world, &project, words);
        let name = *words.last().unwrap();
        assert!(
            told.text.contains(&format!("session '{name}' of profile 'default', ports ")),
            "{}",
            told.text
        );
        let create = told.steps.first().unwrap();
        assert_eq!(create["ports"]["first"], world.show(name)["ports"]["first"], "{words:?}");
    }
}

#[test]
fn a_worktree_that_is_made_again_or_locked_is_told_before() {
    let world = World::with_fake_claude();
    let repo = world.project("repo");
    git(&world, &repo, &["init", "-q"]);
    git(&world, &repo, &["commit", "-q", "--allow-empty", "-m", "first"]);
    world.cs_in(&repo, &["-w", "feat"]).ok();
    let root = repo.join(".claude/worktrees/feat");
    let told = |words: &[&str]| -> (Value, String) {
        let before = listing(world.root());
        let dry = |more: &[&str]| world.cs_in(&repo, &[more, words].concat()).ok();
        let (plan, text) = (dry(&["--dry-run", "--json"]), dry(&["--dry-run"]));
        assert_eq!(listing(world.root()), before, "{words:?}: a dry run changed something");
        (serde_json::from_str(&plan).unwrap(), text)
    };
    let is_locked = || git(&world, &repo, &["worktree", "list", "--porcelain"]).contains("\nlocked");
    // The control: as it should be, nothing is done to it.
    let (plan, _) = told(&["-w", "feat"]);
    assert!(plan["worktree"].is_null() && is_locked(), "{plan}");

    git(&world, &repo, &["worktree", "unlock", root.to_str().unwrap()]);
    assert!(!is_locked());
    let (plan, text) = told(&["-w", "feat"]);
    assert_eq!((&plan["worktree"]["there"], &plan["worktree"]["lock"]), (&true.into(), &true.into()));
    assert!(text.contains("git worktree lock"), "{text}");
    world.cs_in(&repo, &["-w", "feat"]).ok();
    assert!(is_locked());

    fs::remove_dir_all(&root).unwrap();
    let (plan, text) = told(&["-w", "feat"]);
    assert_eq!(plan["worktree"]["there"], false);
    assert!(text.contains(&format!("git        git -C {} worktree add", repo.display())), "{text}");
    assert_eq!(plan["directory"], root.to_str().unwrap());
    let ran = world.cs_in(&repo, &["-w", "feat"]);
    assert!(ran.stderr.contains("made the worktree of 'feat' again") && root.is_dir(), "{ran:?}");
}

#[test]
fn the_launch_of_a_profile_is_told_as_a_sessions_is() {
    let (world, project) = world();
    world.cs(&["profile", "create", "work"]).ok();
    told_and_done(&world, &project, &["work"]);
    settings(&world, "[share]\nskills = \"private\"\n");
    let told = told_and_done(&world, &project, &["work"]);
    assert_eq!(told.paths("remove-link"), [world.config_of("work").join("skills").to_str().unwrap()]);
    assert!(!told.does("hold-session"));
}
