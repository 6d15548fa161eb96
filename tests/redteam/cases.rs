//! What fell once, each as it was done: from the inside of a real sandbox where it was one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::furnish::{CANARY, TALK};
use crate::support::needed;
use crate::support::world::{Ran, World, git, ran};

/// A world with a session `boxed`, a sandbox, in the repository `src/web`, and secrets around; `None`, said loudly,
/// where there is no bubblewrap. `claude` does what `script` says.
fn sandboxed(script: &str) -> Option<World> {
    needed("bwrap")?;
    let world = World::new();
    world.program("claude", &format!("#!/bin/sh\n{script}\n"));
    world.write(".claude.json", "{\"hasCompletedOnboarding\": true}");
    let login =
        format!("{{\"claudeAiOauth\": {{\"accessToken\": \"{CANARY}login\"}}, \"mcpServers\": {{}}}}");
    world.write(".claude/.credentials.json", &login);
    world.write(".ssh/id", &format!("{CANARY}key\n"));
    let said = format!("{CANARY}talk");
    let line = serde_json::json!({"type": "user", "cwd": "/", "message": {"role": "user", "content": said}});
    world.write(&format!(".claude/projects/-secret/{TALK}.jsonl"), &format!("{line}\n"));
    world.write(&format!(".claude/projects/-secret/{TALK}/tool-results/1.txt"), &said);
    let web = world.project("web");
    git(&world, &web, &["init", "-q"]);
    let notes = format!(".claude/projects/{}/memory/MEMORY.md", claude_cs::claude::slug(&web));
    world.write(&notes, "what was learned");
    // From the first session on the profile has the notes.
    world.cs_in(&web, &["new", "plain", "-p", "x"]).ok();
    world.cs_in(&web, &["--isolation", "sandbox", "--no-open", "boxed"]).ok();
    Some(world)
}

/// Runs `script` inside of a session.
fn inside(world: &World, session: &str, script: &str) -> Ran {
    world.cs(&["exec", session, "--", "sh", "-c", script])
}

/// Runs `cs` with `kilobytes` of memory and `seconds` of a processor at most.
fn bounded(world: &World, kilobytes: u32, seconds: u32, words: &[&str]) -> Ran {
    let program = World::cs_program();
    let bounds = format!("ulimit -v {kilobytes}; ulimit -t {seconds}; exec \"$@\"");
    let all = [&["-c", &bounds, "sh", program.to_str().unwrap()], words].concat();
    ran(&mut world.any_command(Path::new("/bin/sh"), &world.project("web"), &all))
}

/// The files below `root` whose content is so; no link is followed.
fn holding(root: &Path, is_so: impl Fn(&[u8]) -> bool) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(path) = left.pop() {
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        } else if about.is_file() && is_so(&fs::read(&path).unwrap()) {
            found.push(path);
        }
    }
    found
}

/// The files below `root` that have a canary in them.
fn stolen(root: &Path) -> Vec<PathBuf> {
    holding(root, has_canary)
}

fn has_canary(text: &[u8]) -> bool {
    text.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
}

#[test]
fn a_link_in_place_of_the_state_file_brings_no_login_into_a_sandbox() {
    let Some(world) = sandboxed("true") else { return };
    world.cs(&["boxed", "-p", "x"]).ok();
    let login = world.home().join(".claude/.credentials.json");
    assert_ne!(
        inside(&world, "boxed", "cat ~/.claude/.credentials.json").code,
        Some(0),
        "it is not in there"
    );
    let plant = format!("cd $CLAUDE_CONFIG_DIR; rm -f .claude.json; ln -s {} .claude.json", login.display());
    inside(&world, "boxed", &plant).ok();
    let state = world.config_of("boxed").join(".claude.json");
    assert!(has_canary(&fs::read(&state).unwrap()), "the control: outside the link leads to the login");
    for words in [&["boxed", "-p", "x"][..], &["profile", "sync", "boxed"], &["doctor", "--fix"], &["doctor"]]
    {
        let done = world.cs(words);
        assert!(!done.stdout.contains(CANARY) && !done.stderr.contains(CANARY), "{done:?}");
    }
    let _ = world.cs(&["fork", "--no-open", "boxed", "idea"]);
    assert_eq!(stolen(&world.data()), [""; 0].map(PathBuf::from));
    let seen = inside(&world, "boxed", "cat $CLAUDE_CONFIG_DIR/.claude.json");
    assert!(!seen.stdout.contains(CANARY), "{seen:?}");
}

#[test]
fn a_fork_takes_no_conversation_that_a_link_leads_to() {
    let Some(world) = sandboxed("true") else { return };
    let secret = world.home().join(".claude/projects/-secret");
    let plant = |project: &str| {
        let link = format!(
            "mkdir -p $CLAUDE_CONFIG_DIR/projects; ln -s {0} $CLAUDE_CONFIG_DIR/projects/{project}",
            secret.display()
        );
        inside(&world, "boxed", &link).ok();
        assert_eq!(stolen(&world.data()), [""; 0].map(PathBuf::from));
        let linked = world.config_of("boxed").join("projects").join(project).join(format!("{TALK}.jsonl"));
        assert!(
            has_canary(&fs::read(linked).unwrap()),
            "the control: outside the link leads to the conversation"
        );
    };
    plant("-x");
    // All its conversations are somebody else's.
    world.cs(&["fork", "--no-open", "boxed", "idea"]).fails(5);
    // It has one of its own, with links beside it.
    let own = TALK.replace('a', "b");
    let talk = format!(
        "cd $CLAUDE_CONFIG_DIR/projects; mkdir -p -- -own/{own}; cd -- -own; \
         echo '{{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"mine\"}}}}' > {own}.jsonl; \
         ln -s {0} {own}/subagents; ln -s {0}/{TALK}.jsonl {own}/agent.jsonl; echo mine > {own}/notes",
        secret.display()
    );
    inside(&world, "boxed", &talk).ok();
    world.cs(&["fork", "--no-open", "boxed", "idea"]).ok();
    assert_eq!(stolen(&world.data()), [""; 0].map(PathBuf::from));
    let is_notes = |text: &[u8]| text == b"mine\n";
    assert_eq!(
        holding(&world.config_of("idea"), is_notes).len(),
        1,
        "the control: what is its own is copied"
    );
    let exported = world.home().join("out.tar");
    world.cs(&["export", "boxed", exported.to_str().unwrap()]).ok();
    let exported = fs::read(exported).unwrap();
    assert!(!has_canary(&exported) && exported.windows(5).any(|part| part == b"mine\n"));
    for words in [&["list"][..], &["show", "boxed"], &["usage", "--since", "all"], &["list", "--json"]] {
        let shown = world.cs(words).ok();
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

/// Puts links to `secret` in place of half of the files in `directory` and takes them away again, without an end.
fn swap(directory: &Path, names: &[String], stop: &AtomicBool) {
    let beside = directory.with_extension("links");
    while !stop.load(Ordering::Relaxed) {
        for name in names {
            let _ = renameat_with(CWD, directory.join(name), CWD, beside.join(name), RenameFlags::EXCHANGE);
        }
    }
}

#[test]
fn nobody_who_is_quick_makes_a_fork_copy_a_secret() {
    const ROUNDS: usize = 60;
    let Some(world) = sandboxed("true") else { return };
    let place = world.config_of("boxed").join("projects/-x");
    let beside = place.join(TALK);
    // The links wait where no conversation is.
    let links = beside.with_extension("links");
    let names: Vec<String> = (0..12).map(|number| format!("f{number:02}")).chain(["d".to_owned()]).collect();
    fs::create_dir_all(beside.join("d")).unwrap();
    fs::create_dir_all(&links).unwrap();
    fs::write(
        place.join(format!("{TALK}.jsonl")),
        "{\"type\": \"user\", \"message\": {\"content\": \"x\"}}\n",
    )
    .unwrap();
    for name in &names[..12] {
        fs::write(beside.join(name), "mine").unwrap();
        symlink(world.home().join(".ssh/id"), links.join(name)).unwrap();
    }
    fs::write(beside.join("d/id"), "mine").unwrap();
    symlink(world.home().join(".ssh"), links.join("d")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| swap(&beside, &names, &stop));
        let (mut copied, end) = (0, Instant::now() + Duration::from_secs(30));
        // The control: who looks first, and then reads by the path, is fooled.
        let naive = || {
            names.iter().map(|name| beside.join(name)).any(|path| {
                let is_file = path.symlink_metadata().is_ok_and(|about| about.is_file());
                is_file && fs::read(&path).is_ok_and(|text| has_canary(&text))
            })
        };
        let mut fooled = naive();
        while !fooled && Instant::now() < end {
            fooled = naive();
        }
        let mut wrong = Vec::new();
        for round in 0..ROUNDS {
            let name = format!("idea-{round}");
            let forked = world.cs(&["fork", "--no-open", "boxed", &name]);
            if forked.code == Some(0) {
                copied += stolen(&world.root_of(&name)).len();
            } else if !matches!(forked.code, Some(1 | 5)) {
                wrong.push(forked);
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(fooled, "the control: there is a race");
        assert_eq!(copied, 0, "secrets in {ROUNDS} forks");
        assert!(wrong.is_empty(), "{wrong:?}");
    });
    assert_eq!(stolen(&world.data()), [""; 0].map(PathBuf::from));
}

#[test]
fn notes_are_not_written_to_where_a_link_leads() {
    let Some(world) = sandboxed("true") else { return };
    let victim = world.home().join(".config/victim");
    fs::create_dir_all(&victim).unwrap();
    world.cs(&["boxed", "-p", "x"]).ok();
    let memory = world.config_of("boxed").join("memory");
    let project = claude_cs::claude::slug(&world.project("web"));
    let notes = memory.join(&project).join("MEMORY.md");
    assert!(notes.is_file(), "the control: notes are copied into a sandbox");
    for plant in [
        format!("rm -rf {0}; ln -s {1} {0}", memory.display(), victim.display()),
        format!("rm -rf {0}; mkdir {0}; ln -s {1} {0}/{project}", memory.display(), victim.display()),
        format!("rm -rf {0}; mkdir {0}; ln -s {1}/new {0}/{project}", memory.display(), victim.display()),
    ] {
        inside(&world, "boxed", &plant).ok();
        world.cs(&["boxed", "-p", "x"]).ok();
        let _ = world.cs(&["doctor", "--fix"]);
        let _ = world.cs(&["profile", "sync", "boxed"]);
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "{plant}");
    }
    // The control: who writes by the path writes there.
    fs::write(memory.join(&project), "x").unwrap();
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
}

#[test]
fn a_transcript_without_an_end_of_a_line_takes_neither_memory_nor_time() {
    let Some(world) = sandboxed("true") else { return };
    world.cs(&["boxed", "-p", "x"]).ok();
    let plant = format!(
        "mkdir -p $CLAUDE_CONFIG_DIR/projects/-x; truncate -s 3G $CLAUDE_CONFIG_DIR/projects/-x/{TALK}.jsonl"
    );
    inside(&world, "boxed", &plant).ok();
    let planted = world.config_of("boxed").join(format!("projects/-x/{TALK}.jsonl"));
    assert_eq!(planted.metadata().unwrap().len(), 3 << 30);
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["show", "boxed"],
        &["usage", "--since", "all"],
        &["doctor"],
        &["du"],
        &["fork", "--no-open", "boxed", "idea"],
        &["boxed", "-p", "y"],
        &["boxed", "mcp", "list"],
        &["env", "boxed"],
        &["export", "boxed", "out.tar.gz"],
        &["cleanup"],
        &["profile", "sync"],
        &["__complete", "zsh", "cs", "2", "--", "cs", "resume", ""],
    ] {
        let done = bounded(&world, 1_500_000, 5, words);
        assert!(matches!(done.code, Some(0..=5)), "{words:?}: {done:?}");
    }
}

#[test]
fn four_hundred_large_live_files_do_not_keep_anybody_waiting() {
    let pids = "for i in $(seq 4000 4400); do truncate -s 15M sessions/$i.json; done";
    let script = format!(
        "[ $CS_SESSION = boxed ] || exit 0; cd $CLAUDE_CONFIG_DIR && mkdir -p sessions && {pids}; touch ready; exec sleep 60"
    );
    let Some(world) = sandboxed(&script) else { return };
    let mut claude = world.command(&world.project("web"), &["boxed", "-p", "x"]).spawn().unwrap();
    let ready = world.config_of("boxed").join("ready");
    let end = Instant::now() + Duration::from_secs(60);
    while !ready.exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let live = world.config_of("boxed").join("sessions");
    let large = fs::read_dir(&live).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.metadata().unwrap().len() == 15 << 20).count()
    });
    let verbs: [&[&str]; 6] =
        [&["list"], &["list", "--json"], &["show", "boxed"], &["top", "--once"], &["cleanup"], &["boxed"]];
    // Two seconds of a processor: how busy the machine is does not matter.
    let done = verbs.map(|words| (words, bounded(&world, 1_500_000, 2, words)));
    let _ = claude.kill();
    let _ = claude.wait();
    assert_eq!(large, 401, "the control: they are there");
    for (words, done) in done {
        let refused = words == ["boxed"];
        assert_eq!(done.code, Some(if refused { 5 } else { 0 }), "{words:?}: {done:?}");
    }
}

#[test]
fn usage_does_not_walk_through_the_machine() {
    let Some(world) = sandboxed("true") else { return };
    inside(&world, "boxed", "mkdir -p $CLAUDE_CONFIG_DIR/projects; ln -s / $CLAUDE_CONFIG_DIR/projects/-x")
        .ok();
    let link = world.config_of("boxed").join("projects/-x");
    assert!(link.join("proc/self").exists(), "the control: all of the machine is behind it");
    for words in [&["usage", "--since", "all"][..], &["du"], &["list"], &["doctor"], &["cleanup", "--caches"]]
    {
        let done = bounded(&world, 1_500_000, 2, words);
        assert!(matches!(done.code, Some(0..=2)), "{words:?}: {done:?}");
    }
}

#[test]
fn nobody_moves_a_worktree_of_another_session_by_a_link() {
    let Some(world) = sandboxed("pwd > ~/started") else { return };
    let web = world.project("web");
    git(&world, &web, &["commit", "-q", "--allow-empty", "-m", "one"]);
    world.cs_in(&web, &["-w", "--no-open", "tree"]).ok();
    let tree = web.join(".claude/worktrees/tree");
    world.cs(&["tree", "-p", "x"]).ok();
    let started = world.home().join("started");
    assert_eq!(fs::read_to_string(&started).unwrap().trim(), tree.to_str().unwrap(), "the control");
    fs::remove_file(&started).unwrap();
    let victim = world.project("victim");
    fs::create_dir_all(victim.join(".claude")).unwrap();
    let settings = format!("{{\"env\": {{\"ANTHROPIC_API_KEY\": \"{CANARY}key\"}}}}");
    fs::write(victim.join(".claude/settings.json"), settings).unwrap();
    // `boxed` works in the repository, and so may write there.
    for plant in [
        format!("mv {0} {0}-away; ln -s {1} {0}", tree.display(), victim.display()),
        format!(
            "rm {0}; mkdir -p ../victim-too; mv {1} {1}-away; ln -s {1}-away {1}",
            tree.display(),
            web.join(".claude").display()
        ),
    ] {
        let planted = inside(&world, "boxed", &plant);
        if planted.code != Some(0) {
            // A newer `cs` does not let it: then nobody outside is fooled.
            let outside = ran(&mut world.any_command(Path::new("/bin/sh"), &web, &["-c", &plant]));
            outside.ok();
        }
        assert!(
            tree.metadata().is_ok() || web.join(".claude").is_symlink(),
            "the control: it leads somewhere: {plant}"
        );
        let refused = world.cs(&["tree", "-p", "x"]).fails(5);
        assert!(
            refused.contains("a link that somebody made leads to the worktree of session 'tree'"),
            "{refused}"
        );
        assert!(!started.exists(), "Claude is not started there");
        world.cs(&["fork", "--no-open", "tree", "idea"]).fails(5);
        let told = world.cs(&["doctor", "tree"]).stdout;
        assert!(told.contains("a link that somebody made leads to its worktree"), "{told}");
        assert!(!told.contains("ANTHROPIC_API_KEY"), "{told}");
    }
}
