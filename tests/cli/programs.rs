//! The programs that `cs` starts are not taken from where a session can have put them, nor from a relative entry of
//! `PATH`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::scenery::has;
use super::support::world::{Ran, World, git, ran};

/// A world with a project that is a repository, and in it a directory of programs that leave their names.
struct Stage {
    world: World,
    project: PathBuf,
    /// `.venv/bin` of the project.
    planted: PathBuf,
}

const PROGRAMS: [&str; 9] = ["bwrap", "podman", "git", "tmux", "zellij", "claude", "sh", "secret", "vi"];

impl Stage {
    fn new() -> Self {
        let world = World::with_fake_claude();
        world.write(".gitconfig", "[user]\nname = n\nemail = e@example.com\n[init]\ndefaultBranch = main\n");
        let project = world.project("web");
        git(&world, &project, &["init", "-q"]);
        git(&world, &project, &["commit", "-q", "--allow-empty", "-m", "one"]);
        let planted = project.join(".venv/bin");
        let stage = Self { world, project, planted };
        fs::create_dir(stage.world.root().join("ran")).unwrap();
        // The next ones on `PATH` start nothing that outlives the test.
        for name in ["tmux", "zellij"] {
            stage.world.program(name, "#!/bin/sh\nexit 1\n");
        }
        for name in PROGRAMS {
            stage.plant(&stage.planted, name);
        }
        stage
    }

    /// Makes a program that leaves its name.
    fn plant(&self, directory: &Path, name: &str) {
        fs::create_dir_all(directory).unwrap();
        let path = directory.join(name);
        let ran = self.world.root().join("ran").join(name);
        fs::write(&path, format!("#!/bin/sh\n: >'{}'\nexit 1\n", ran.display())).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The names that were left since it was asked last.
    fn ran(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(self.world.root().join("ran")).unwrap().flatten() {
            names.push(entry.file_name().to_str().unwrap().to_owned());
            fs::remove_file(entry.path()).unwrap();
        }
        names.sort();
        names
    }

    /// Puts `entry` before all else on `PATH`.
    fn first(&mut self, entry: &str) {
        let rest = format!("{}:/usr/local/bin:/usr/bin:/bin", self.world.bin().display());
        self.world.set("PATH", format!("{entry}:{rest}"));
    }

    fn cs(&self, words: &[&str]) -> Ran {
        self.world.cs_in(&self.project, words)
    }

    /// Runs verbs that start programs of every kind.
    fn run_all(&self, directory: &Path) {
        // One that has no need of anything outside of a sandbox.
        self.world.program("claude", "#!/bin/sh\nexit 0\n");
        for words in [
            &["wt"][..],
            &["-w", "--no-open", "tree"],
            &["wt", "finish", "tree", "--squash"],
            &["--no-open", "api"],
            &["api", "-p", "x"],
            &["keys", "-p", "x"],
            &["-t", "api", "-p", "x"],
            &["--isolation", "sandbox", "--no-open", "box"],
            &["box", "-p", "x"],
            &["doctor"],
            &["config", "edit"],
        ] {
            let done = self.world.cs_in(directory, words);
            assert_eq!(self.ran(), [""; 0], "{words:?}: {done:?}");
        }
    }
}

/// A profile whose token a command prints.
fn with_a_token_command(stage: &Stage) {
    stage.world.program("secret", "#!/bin/sh\necho token\n");
    let words =
        ["profile", "create", "keys", "--base-url", "http://127.0.0.1:9", "--token-command", "secret"];
    stage.cs(&words).ok();
    assert_eq!(stage.cs(&["exec", "keys", "--", "true"]).code, Some(0), "the control: the command is found");
}

#[test]
fn what_lies_in_the_project_is_passed_over_and_the_next_one_taken() {
    let mut stage = Stage::new();
    with_a_token_command(&stage);
    stage.world.set("EDITOR", "vi");
    stage.world.program("vi", "#!/bin/sh\nexit 0\n");
    let planted = stage.planted.display().to_string();
    stage.first(&planted);
    let control = ran(&mut stage.world.any_command(
        Path::new("/bin/sh"),
        &stage.project,
        &["-c", "git; bwrap; claude"],
    ));
    assert_eq!(stage.ran(), ["bwrap", "claude", "git"], "the control: {control:?}");
    stage.run_all(&stage.project.clone());
    // By a link to the directory, and through `..`.
    symlink(stage.project.join(".venv"), stage.world.home().join("venv")).unwrap();
    let entry = format!("{}/bin", stage.world.home().join("venv").display());
    stage.first(&entry);
    stage.run_all(&stage.project.clone());
    let entry = format!(
        "{}/../src/web/.venv/bin",
        stage.world.bin().display().to_string().replace("/bin", "/home/src")
    );
    stage.first(&entry);
    stage.run_all(&stage.project.clone());
}

#[test]
fn a_relative_or_empty_entry_is_passed_over() {
    let mut stage = Stage::new();
    with_a_token_command(&stage);
    stage.world.set("EDITOR", "vi");
    stage.world.program("vi", "#!/bin/sh\nexit 0\n");
    let planted = stage.planted.clone();
    // No repository, so only that it is relative speaks against it.
    let plain = stage.world.project("plain");
    for name in PROGRAMS {
        stage.plant(&plain, name);
        stage.plant(&plain.join("bin"), name);
    }
    for entry in ["", ".", "bin", "./bin", "../plain"] {
        stage.first(entry);
        stage.run_all(&plain);
        assert!(stage.cs(&["exec", "api", "--", "git", "--version"]).ok().starts_with("git version"));
        assert_eq!(stage.ran(), [""; 0]);
    }
    assert!(planted.is_dir());
}

#[test]
fn the_directory_of_a_session_counts_wherever_one_stands() {
    let mut stage = Stage::new();
    stage.cs(&["--no-open", "api"]).ok();
    let planted = stage.planted.display().to_string();
    stage.first(&planted);
    let elsewhere = stage.world.project("elsewhere");
    stage.world.cs_in(&elsewhere, &["api", "-p", "x"]).ok();
    assert_eq!(stage.ran(), [""; 0]);
    // So does what the session keeps for itself, and for none of these is it asked whether git knows them.
    let own = stage.world.config_of("api").join("bin");
    stage.plant(&own, "claude");
    stage.plant(&own, "git");
    stage.first(own.to_str().unwrap());
    stage.world.cs_in(&elsewhere, &["api", "-p", "x"]).ok();
    stage.world.cs_in(&elsewhere, &["list"]).ok();
    stage.cs(&["wt"]).ok();
    assert_eq!(stage.ran(), [""; 0]);
}

#[test]
fn where_there_is_no_other_it_is_said_which_was_not_taken_and_why() {
    let mut stage = Stage::new();
    stage.cs(&["--no-open", "api"]).ok();
    let planted = stage.planted.display().to_string();
    stage.world.set("PATH", &planted);
    let said = stage.cs(&["api", "-p", "x"]).fails(127);
    let wanted =
        format!("{planted}/claude is not taken: a session can write it (in {})", stage.project.display());
    assert!(said.contains(&wanted), "{said}");
    assert!(said.contains(&format!("claude = \"{planted}/claude\"")), "{said}");
    let said = stage.cs(&["wt"]).fails(1);
    assert!(said.contains(&format!("git cannot be run: {planted}/git is not taken")), "{said}");
    let said = stage.cs(&["-t", "api"]).fails(127);
    assert!(said.contains("tmux is not taken: a session can write it"), "{said}");
    stage.world.set("PATH", ".venv/bin");
    let said = stage.cs(&["wt"]).fails(1);
    assert!(said.contains(&format!("{planted}/git is not taken: its entry of PATH is relative")), "{said}");
    let claude = format!("{}:{planted}", stage.world.bin().display());
    stage.world.set("PATH", claude);
    let said = stage.cs(&["--isolation", "sandbox", "box", "-p", "x"]).fails(1);
    assert!(said.contains("there is no bwrap or podman to hold a sandbox; "), "{said}");
    assert!(said.contains("bwrap is not taken: a session can write it"), "{said}");
    assert_eq!(stage.ran(), [""; 0]);
    // What a person names in the settings is theirs to name.
    stage.world.set("PATH", "/usr/bin:/bin");
    stage.world.write(".config/cs/config.toml", &format!("claude = \"{planted}/claude\"\n"));
    let _ = stage.cs(&["api", "-p", "x"]);
    assert_eq!(stage.ran(), ["claude"]);
}

#[test]
fn a_claude_of_ones_own_that_is_linked_from_outside_is_taken_unless_a_sandbox_could_write_it() {
    let stage = Stage::new();
    let claude = stage.world.bin().join("claude");
    let own = stage.project.join("dist/claude");
    fs::create_dir(own.parent().unwrap()).unwrap();
    fs::rename(&claude, &own).unwrap();
    symlink(&own, &claude).unwrap();
    stage.cs(&["api", "-p", "x"]).ok();
    assert_eq!(stage.world.starts().len(), 1);
    if !has("bwrap") {
        return;
    }
    stage.cs(&["--isolation", "sandbox", "--no-open", "box"]).ok();
    let said = stage.cs(&["api", "-p", "x"]).fails(127);
    assert!(said.contains("claude is not taken: a session can write it"), "{said}");
    assert_eq!(stage.world.starts().len(), 1);
}

#[test]
fn what_git_runs_by_name_is_looked_for_outside_too() {
    let mut stage = Stage::new();
    let hook = stage.project.join(".git/hooks/post-checkout");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let seen = stage.world.root().join("path");
    fs::write(&hook, format!("#!/bin/sh\necho \"$PATH\" >'{}'\nsecret\n", seen.display())).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let planted = stage.planted.display().to_string();
    stage.first(&format!(":.:{planted}"));
    let _ = stage.cs(&["-w", "--no-open", "tree"]);
    let path = fs::read_to_string(seen).unwrap();
    assert!(path.contains("/usr/bin") && !path.contains(".venv") && !path.contains(":."), "{path}");
    assert_eq!(stage.ran(), [""; 0]);
}
