//! `cs env` and `cs path`: the same variables in every form, read back by the programs they are for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::scenery::{has, optional, state};
use super::support::world::{World, ran};

/// A world whose session `api` has variables that are hard to quote, inside a shell that has
/// variables which must go.
fn hostile_world() -> World {
    let mut world = World::with_fake_claude();
    world.write(
        ".config/cs/config.toml",
        "[env]\nQUOTES = \"it's a \\\"quote\\\" \\\\ back`tick`\"\nSPACES = \"  two  blanks  \"\nDOLLAR = \"$$HOME ${CS_SLUG} $(id)\"\nSTAR = \"* ? [a] {a,b} ~ # ! % ;&|<>\"\nEMPTY = \"\"\nEURO = \"naïve 日本 ✓\"\nDASH = \"-n\"\nFIELD = \"=ls\"\n",
    );
    world.set("ANTHROPIC_API_KEY", "goes");
    world.set("CLAUDECODE", "1");
    world.set("STAYS", "as it is");
    world.cs(&["new", "--no-open", "api"]).ok();
    world
}

fn as_json(world: &World) -> BTreeMap<String, Option<String>> {
    let printed: Value = serde_json::from_str(&world.cs(&["env", "api", "--json"]).ok()).unwrap();
    assert_eq!(printed["schema"], 1);
    serde_json::from_value(printed["env"].clone()).unwrap()
}

/// What `script` leaves in the environment, printed by its last command, `env -0`.
fn after(world: &World, program: &str, arguments: &[&str]) -> BTreeMap<String, String> {
    let printed = ran(&mut world.any_command(Path::new(program), &world.home(), arguments)).ok();
    printed
        .split_terminator('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The environment of the world with the changes that `cs env --json` prints.
fn expected(world: &World) -> BTreeMap<String, String> {
    let mut expected: BTreeMap<String, String> = world.environment().into_iter().collect();
    expected.remove("USER");
    for (name, value) in as_json(world) {
        match value {
            Some(value) => expected.insert(name, value),
            None => expected.remove(&name),
        };
    }
    expected
}

fn without_the_shells_own(mut environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    // fish says who the user is, and zsh sets LOGNAME.
    for own in ["PWD", "OLDPWD", "SHLVL", "_", "USER", "LOGNAME"] {
        environment.remove(own);
    }
    environment
}

#[test]
fn every_form_says_what_a_launch_gives() {
    let world = hostile_world();
    let changes = as_json(&world);
    world.cs(&["api"]).ok();
    let start = world.last_start();
    for (name, value) in &changes {
        assert_eq!(start.var(name), value.as_deref(), "{name}");
    }
    assert_eq!(changes["ANTHROPIC_API_KEY"], None);
    assert_eq!(changes["CLAUDECODE"], None);
    assert_eq!(changes["CLAUDE_SECURESTORAGE_CONFIG_DIR"].as_deref(), Some(""), "empty is a value");
    assert_eq!(changes["EMPTY"].as_deref(), Some(""));
    assert_eq!(changes["SPACES"].as_deref(), Some("  two  blanks  "));
    assert_eq!(changes["STAR"].as_deref(), Some("* ? [a] {a,b} ~ # ! % ;&|<>"));
    assert!(!changes.contains_key("STAYS"));
    assert!(changes["DOLLAR"].as_deref().unwrap().contains("api $(id)"));
}

#[test]
fn posix_shells_read_back_every_value() {
    let world = hostile_world();
    let expected = expected(&world);
    for (shell, flags) in [
        ("/bin/sh", &[][..]),
        ("bash", &["--posix"]),
        ("bash", &[]),
        ("dash", &[]),
        ("zsh", &["-f"]),
        ("zsh", &["-f", "-o", "rcquotes"]),
        ("zsh", &["-f", "-o", "nounset"]),
        ("bash", &["-eu"]),
    ] {
        if !has(shell) {
            continue;
        }
        let form = if shell == "zsh" { &["--shell", "zsh"][..] } else { &[] };
        let cs = super::scenery::cs();
        let script =
            format!("code=$('{cs}' env api {} 2>/dev/null) && eval \"$code\" && exec env -0", form.join(" "));
        let words = [flags, &["-c", &script]].concat();
        let found = without_the_shells_own(after(&world, &world_path(shell), &words));
        assert_eq!(found, expected, "{shell} {flags:?}");
    }
}

fn world_path(program: &str) -> String {
    if program.starts_with('/') { program.into() } else { format!("/usr/bin/{program}") }
}

#[test]
fn fish_reads_back_every_value() {
    let world = hostile_world();
    if !has("fish") {
        return;
    }
    let cs = super::scenery::cs();
    let script = format!("'{cs}' env api --shell fish 2>/dev/null | source; env -0");
    let found = without_the_shells_own(after(&world, "/usr/bin/fish", &["--no-config", "-c", &script]));
    assert_eq!(found, expected(&world));
}

#[test]
fn powershell_reads_back_every_value() {
    let Some(pwsh) = optional("pwsh") else { return };
    let world = hostile_world();
    let cs = super::scenery::cs();
    let script =
        format!("Invoke-Expression (& '{cs}' env api --shell powershell 2>$null | Out-String); env -0");
    let mut found = without_the_shells_own(after(&world, &pwsh, &["-NoProfile", "-Command", &script]));
    found.retain(|name, _| !name.starts_with("PS") && !name.starts_with("POWERSHELL"));
    assert_eq!(found, expected(&world));
}

#[test]
fn nushell_reads_back_every_value() {
    let Some(nu) = optional("nu") else { return };
    let world = hostile_world();
    let code = world.cs(&["env", "api", "--shell", "nushell"]).ok();
    let file = world.write("session.nu", &code);
    let script = format!("source {}; ^env -0", file.display());
    let found = without_the_shells_own(after(&world, &nu, &["-n", "-c", &script]));
    for (name, value) in expected(&world) {
        assert_eq!(found.get(&name), Some(&value), "{name}");
    }
}

#[test]
fn a_dotenv_file_is_read_back_by_a_shell_and_by_node() {
    let world = World::with_fake_claude();
    world.write(
        ".config/cs/config.toml",
        "[env]\nAPOSTROPHE = \"it's # fine\"\nDOLLAR = \"a $$x `id` \\\\ d\"\nEMPTY = \"\"\nSPACES = \"  two  \"\n",
    );
    world.cs(&["new", "--no-open", "api"]).ok();
    let file = world.home().join("api.env");
    fs::write(&file, world.cs(&["env", "api", "--dotenv"]).ok()).unwrap();
    let mut expected = expected(&world);
    // What is Claude's stands in no such file.
    let planned = as_json(&world);
    let claudes = |name: &String, _: &mut String| name.starts_with("CLAUDE") && planned.contains_key(name);
    assert!(expected.extract_if(.., claudes).count() > 3);
    let script = format!("set -a; . '{}'; exec env -0", file.display());
    assert_eq!(without_the_shells_own(after(&world, "/bin/sh", &["-c", &script])), expected);
    if let Some(node) = optional("node") {
        let flag = format!("--env-file={}", file.display());
        let print =
            "process.stdout.write(Object.entries(process.env).map(e => e.join('=') + '\\0').join(''))";
        assert_eq!(without_the_shells_own(after(&world, &node, &[&flag, "-e", print])), expected);
    }
    // What the readers of such files take differently is refused, and nothing is printed.
    world.write(".config/cs/config.toml", "[env]\nBOTH = \"it's $$x\"\n");
    assert!(world.cs(&["env", "api", "--dotenv"]).fails(5).contains("'BOTH'"));
}

#[test]
fn a_value_with_a_control_character_is_refused_for_every_shell() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    for control in ["\\n", "\\r", "\\t", "\\u001B", "\\u007F", "\\u0085", "\\u009B"] {
        world.write(".config/cs/config.toml", &format!("[env]\nBAD = \"a{control}b\"\n"));
        for form in [
            &[][..],
            &["-s", "zsh"],
            &["-s", "fish"],
            &["-s", "powershell"],
            &["-s", "nushell"],
            &["--dotenv"],
        ] {
            let said = world.cs(&[&["env", "api"], form].concat()).fails(5);
            assert!(said.contains("'BAD'"), "{said}");
        }
    }
    world.write(".config/cs/config.toml", "[env]\nBAD = \"ab\"\n");
    world.cs(&["env", "api"]).ok();
}

#[test]
fn env_lays_out_the_directory_and_writes_nothing_else() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.cs(&["new", "--no-open", "api"]).ok();
    let session = format!(".local/share/cs/sessions/{}", world.show("api")["id"].as_str().unwrap());
    let before = state(&world.home());
    world.cs(&["env", "api"]).ok();
    let mut after = state(&world.home());
    assert!(world.config_of("api").join("skills").is_dir());
    let memory = Path::new(".local/share/cs/profiles/default");
    let session = Path::new(&session);
    // The directory, and the note of what was put there.
    let of_session = [session.join("claude"), session.join("links.toml")];
    after
        .retain(|path, _| !of_session.iter().any(|made| path.starts_with(made)) && !path.starts_with(memory));
    assert_eq!(after, before);
    let laid_out = state(&world.home());
    world.cs(&["env", "api"]).ok();
    world.cs(&["env", "default"]).ok();
    assert_eq!(state(&world.home()), laid_out);
}

#[test]
fn path_is_what_env_says() {
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    for (name, method) in [("a", "config-dir"), ("b", "home")] {
        world.cs(&["--no-open", "--isolation", method, name]).ok();
    }
    world.cs(&["--no-open", "--isolation", "none", "-P", "work", "c"]).ok();
    let root = |name: &str| world.root_of(name);
    assert_eq!(world.config_of("a"), root("a").join("claude"));
    assert_eq!(world.config_of("b"), root("b").join("home/.claude"));
    assert_eq!(world.config_of("c"), world.data().join("profiles/work/claude"));
    assert_eq!(world.config_of("work"), world.data().join("profiles/work/claude"));
    assert_eq!(world.config_of("default"), world.home().join(".claude"));
    world.cs(&["path", "nothing"]).fails(4);
}
