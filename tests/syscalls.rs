//! How many system calls a launch and a list make. Unlike a time, the count hardly differs from run to
//! run, so that a slow way in is seen when it is taken.
#![cfg(target_os = "linux")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use support::world::{World, ran};

/// What the test build makes (287, of which some 45 read what is inside beneath directories that are held open, 8 look
/// for a status line and 5 note what is open; 185 and 83), and some more. Where the program got better, come down with
/// it.
const LAUNCH: usize = 295;
const LIST: usize = 211;
const TAB: usize = 95;

/// Each directory above the world's own costs calls, as real paths are found a part at a time: so many
/// more may be made for each level beyond `/tmp/world`.
const FOR_EACH_LEVEL: usize = 10;

/// The system calls of `program` and of what it becomes or starts; `None` without strace.
fn calls<S: AsRef<OsStr>>(world: &World, directory: &Path, program: &Path, arguments: &[S]) -> Option<usize> {
    let strace = support::needed("strace")?;
    let trace = world.root().join("trace");
    let _ = fs::remove_file(&trace);
    let mut words: Vec<&OsStr> = ["-f", "-o"].map(OsStr::new).to_vec();
    words.extend([trace.as_os_str(), program.as_os_str()]);
    words.extend(arguments.iter().map(AsRef::as_ref));
    ran(&mut world.any_command(&strace, directory, &words)).ok();
    let text = fs::read_to_string(&trace).expect("strace wrote its file");
    // A call that another process or thread interrupted has a second line, and ends of processes are no calls.
    Some(text.lines().filter(|line| line.contains('(') && !line.contains(" resumed>")).count())
}

/// What a deep temporary directory may cost.
fn deeper(world: &World) -> usize {
    world.root().components().count().saturating_sub(3) * FOR_EACH_LEVEL
}

/// A world with one session that has been used, and a conversation in it.
fn used_session() -> (World, std::path::PathBuf) {
    let world = World::new();
    // Nothing of a shell's own start is counted: what Claude's name stands for here ends at once.
    let end = which::which("true").expect("true is everywhere");
    std::os::unix::fs::symlink(end, world.bin().join("claude")).expect("linked");
    for item in ["skills/a/SKILL.md", "agents/a.md", "CLAUDE.md"] {
        world.write(&format!(".claude/{item}"), "text\n");
    }
    world.write(".claude/settings.json", "{}\n");
    let project = world.project("api");
    let trust = format!(r#"{{"{}":{{"hasTrustDialogAccepted":true}}}}"#, project.display());
    world.write(".claude.json", &format!(r#"{{"hasCompletedOnboarding":true,"projects":{trust}}}"#));
    world.cs_in(&project, &["api"]).ok();
    let config = world.config_of("api");
    let id = world.show("api")["id"].as_str().expect("an id").to_owned();
    let slug: String = project
        .to_str()
        .expect("UTF-8")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let place = config.join("projects").join(slug);
    fs::create_dir_all(&place).expect("made");
    let said =
        format!(r#"{{"type":"user","sessionId":"{id}","message":{{"role":"user","content":"hello"}}}}"#);
    fs::write(place.join(format!("{id}.jsonl")), said + "\n").expect("written");
    let plan = world.cs_in(&project, &["--dry-run", "api"]).ok();
    assert!(plan.contains("--resume"), "{plan}");
    (world, project)
}

#[test]
fn resuming_a_session_makes_few_system_calls() {
    let (world, project) = used_session();
    let cs = World::cs_program();
    let Some(all) = calls(&world, &project, &cs, &["api"]) else { return };
    let program = world.bin().join("claude");
    let Some(its_own) = calls::<&str>(&world, &project, &program, &[]) else { return };
    let launch = all - its_own;
    let ceiling = LAUNCH + deeper(&world);
    assert!(launch <= ceiling, "a launch makes {launch} system calls of its own; the ceiling is {ceiling}");
    assert!(launch > 40, "{launch} cannot be right: is it a launch that was counted?");
}

#[test]
fn listing_one_session_makes_few_system_calls() {
    let (world, project) = used_session();
    let Some(list) = calls(&world, &project, &World::cs_program(), &["list"]) else { return };
    let ceiling = LIST + deeper(&world);
    assert!(list <= ceiling, "a list of one session makes {list} system calls; the ceiling is {ceiling}");
    assert!(list > 40, "{list} cannot be right");
}

#[test]
fn answering_a_tab_makes_few_system_calls() {
    let (world, project) = used_session();
    let line = ["__complete", "bash", "cs", "1", "--", "cs", ""];
    let Some(tab) = calls(&world, &project, &World::cs_program(), &line) else { return };
    let ceiling = TAB + deeper(&world);
    assert!(tab <= ceiling, "a Tab makes {tab} system calls; the ceiling is {ceiling}");
    assert!(tab > 40, "{tab} cannot be right");
}
