//! `cs tour`: see it work, in a throw-away place.
//!
//! Everything runs through this very binary, as a person would run it, with a home, a data root
//! and an environment that exist for the tour only.

mod stand_in;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::report;
use crate::claude;
use crate::cli::TourArgs;
use crate::model::{Failure, Outcome, Result};
use crate::os;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;

pub(super) use stand_in::run as stand_in;

/// The time that a Claude may take to answer on the tour.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(context: &Context, args: &TourArgs) -> Result<Outcome> {
    let place = Place::make(context, args)?;
    let outcome = place.show();
    if args.keep {
        tell(&format!("kept: {}", place.root.display()))?;
    } else if let Err(error) = fs::remove_dir_all(&place.root) {
        report::say(&format!("could not remove {}: {error}", place.root.display()));
    } else {
        tell("cleaned up: nothing of this is left.")?;
    }
    outcome
}

fn tell(text: &str) -> Result<()> {
    report::print(&format!("{text}\n"))
}

/// The throw-away place.
struct Place {
    root: PathBuf,
    program: PathBuf,
    claude_program: String,
    claude: String,
    /// True if that is Claude Code.
    real: bool,
    environment: BTreeMap<OsString, OsString>,
}

/// The colours of the two sessions.
const NAMES: [&str; 2] = ["red", "blue"];

impl Place {
    fn make(context: &Context, args: &TourArgs) -> Result<Self> {
        let root = os::temporary_directory().join(format!("cs-tour-{}", uuid::Uuid::now_v7().simple()));
        let failed = |error| Failure::io("create", &root, &error);
        os::create_private_dirs(&root).map_err(failed)?;
        let root = os::real_path(&root).map_err(failed)?;
        let home = root.join("home");
        let write = |path: &str, text: &str| -> Result<()> {
            let path = home.join(path);
            let parent = path.parent().unwrap_or(&home);
            os::create_private_dirs(parent).map_err(|error| Failure::io("create", parent, &error))?;
            fs::write(&path, text).map_err(|error| Failure::io("write", &path, &error))
        };
        write(".claude/CLAUDE.md", "Answer in one sentence.\n")?;
        write(".claude/settings.json", "{\"theme\": \"dark\"}\n")?;
        write(
            ".claude/skills/hello/SKILL.md",
            "---\nname: hello\ndescription: says hello\n---\nSay hello.\n",
        )?;
        for name in NAMES {
            write(&format!("src/{name}/README.md"), "A project.\n")?;
        }
        let program = context.this_program().map_err(|error| Failure::io("find", Path::new("cs"), &error))?;

        let mut environment: BTreeMap<OsString, OsString> = BTreeMap::new();
        // What a program needs to run at all, and what keeps a real Claude off the network.
        for name in ["PATH", "LANG", "LC_ALL", "TERM", "SHELL", "USER", "SYSTEMROOT", "IS_SANDBOX"] {
            if let Some(value) = context.environment.get(std::ffi::OsStr::new(name)) {
                environment.insert(name.into(), value.clone());
            }
        }
        for (name, value) in [
            ("HOME", home.as_path()),
            ("USERPROFILE", home.as_path()),
            ("CS_HOME", &root.join("data")),
            ("CS_CONFIG", &root.join("config.toml")),
            ("XDG_CACHE_HOME", &root.join("cache")),
            ("TMPDIR", &root),
            ("TEMP", &root),
            ("TMP", &root),
            ("CLAUDE_CODE_TMPDIR", &root),
        ] {
            environment.insert(name.into(), value.into());
        }
        let quiet = claude::QUIET.iter().map(|name| (*name, "1"));
        let nowhere = ["HTTPS_PROXY", "HTTP_PROXY"].map(|name| (name, "http://127.0.0.1:9"));
        for (name, value) in quiet.chain(nowhere) {
            environment.insert(name.into(), value.into());
        }
        let found = if args.stand_in { None } else { crate::work::program::claude_program(context).ok() };
        let real = found.is_some();
        let (path, claude) = if let Some(path) = found {
            let claude = format!("{}, without a login", path.display());
            (path, claude)
        } else {
            let path = stand_in::install(&program, &root.join("bin"))?;
            let why = if args.stand_in { "asked for" } else { "Claude Code is not installed" };
            (path, format!("a built-in stand-in that treats its config directory as Claude does ({why})"))
        };
        let config = root.join("config.toml");
        let text = format!("claude = {}\n", toml::Value::String(path.display().to_string()));
        fs::write(&config, text).map_err(|error| Failure::io("write", &config, &error))?;
        Ok(Self { root, program, claude_program: path.display().to_string(), claude, real, environment })
    }

    fn show(&self) -> Result<Outcome> {
        tell(&format!("Everything here happens in {} and is gone afterwards.", self.root.display()))?;
        let version = self.cs(&["exec", "default", "--", &self.claude_program, "--version"])?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        tell(&format!("Claude: {}, {version}.\n", ui::escape(&self.claude)))?;
        let before = fingerprint(&self.home().join(".claude"));

        tell(
            "A profile is a login with its settings. This one shares skills, settings and CLAUDE.md with ~/.claude:",
        )?;
        self.typed("cs profile create demo")?;
        self.checked(&["profile", "create", "demo"])?;

        tell("\nTwo sessions of it, open at once:")?;
        let mut open = Vec::new();
        for name in NAMES {
            self.typed(&format!("cs --profile demo {name} -p 'the word is {name}'  &"))?;
            open.push(self.start(name, &["--profile", "demo", name, "-p", &format!("the word is {name}")])?);
        }
        let refused = self.wait_until_open()?;
        self.typed("cs list --live")?;
        tell(&indent(&self.checked(&["list", "--live"])?))?;
        let mut said = Vec::new();
        for (name, child) in NAMES.iter().zip(open) {
            said.push(finish(child, name)?);
        }
        for (name, said) in NAMES.iter().zip(&said) {
            tell(&format!("  {name} was told: {}", ui::escape(said.trim())))?;
        }

        tell("\nWhat each was given:")?;
        let shown = [self.json(&["show", "--json", NAMES[0]])?, self.json(&["show", "--json", NAMES[1]])?];
        tell(&indent(&self.side_by_side(&shown)?))?;

        tell("Later, from another directory, the conversation goes on:")?;
        self.typed("cd /; cs red -p 'which word?'")?;
        let again = self
            .command(Path::new("/"), &["red", "-p", "which word?"])
            .output()
            .map_err(|error| Self::failed(&error))?;
        tell(&format!("  red was told: {}", ui::escape(String::from_utf8_lossy(&again.stdout).trim())))?;
        let after = [self.json(&["show", "--json", NAMES[0]])?, self.json(&["show", "--json", NAMES[1]])?];
        let transcript = after[0]["conversations"][0]["path"].as_str().unwrap_or_default();
        let prompts = stand_in::prompts(Path::new(transcript));
        tell(&format!("  in its one transcript now: {}", ui::escape(&prompts.join(" / "))))?;
        if self.real {
            tell(
                "  (the tour has no login, so Claude answers nothing else; what it keeps on disk is all the same real)",
            )?;
        }

        tell("\nThe isolation check:")?;
        let mut checks = self.check(&after, &before)?;
        if let Some(refused) = refused {
            checks.push(("a second start of an open session is refused", refused));
        }
        let removed =
            self.cs(&["rm", "red"])?.status.success() && self.cs(&["show", "red"])?.status.code() == Some(4);
        let back = self.cs(&["restore", "red"])?.status.success()
            && self.json(&["show", "--json", "red"])?["conversations"] == after[0]["conversations"];
        checks.push(("a removed session comes back from the trash, conversation and all", removed && back));
        for (what, good) in &checks {
            tell(&format!("  {} {what}", if *good { "ok   " } else { "WRONG" }))?;
        }
        tell(
            "\nTo have it in your shell, add the line for it (bash and zsh: eval \"$(cs init bash)\"), then: cs NAME",
        )?;
        if checks.iter().all(|(_, good)| *good) {
            return Ok(Outcome::Done);
        }
        Err(Failure::failed("the isolation check found something wrong")
            .hint("please report it with the lines above"))
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    fn failed(error: &std::io::Error) -> Failure {
        Failure::failed(format!("cannot run cs itself: {error}"))
    }

    fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    fn cs(&self, arguments: &[&str]) -> Result<Output> {
        self.command(&self.home(), arguments).output().map_err(|error| Self::failed(&error))
    }

    fn checked(&self, arguments: &[&str]) -> Result<String> {
        let output = self.cs(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::failed(format!("cs {} failed: {}", arguments.join(" "), why.trim())))
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        serde_json::from_str(&self.checked(arguments)?)
            .map_err(|error| Failure::failed(format!("cs {} printed no JSON: {error}", arguments.join(" "))))
    }

    fn start(&self, project: &str, arguments: &[&str]) -> Result<Child> {
        let directory = self.home().join("src").join(project);
        let mut command = self.command(&directory, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|error| Self::failed(&error))
    }

    /// Waits until both sessions are open, and tries to start one of them again meanwhile. `None`
    /// where they were over too soon to try.
    fn wait_until_open(&self) -> Result<Option<bool>> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            let list = self.json(&["list", "--json"])?;
            let live = list["sessions"]
                .as_array()
                .map_or(0, |all| all.iter().filter(|one| one["live"] == true).count());
            if live == NAMES.len() {
                let again = self.cs(&["red", "-p", "and again?"])?;
                return Ok(Some(again.status.code() == Some(5)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }

    /// Returns what the two sessions have, row by row.
    fn side_by_side(&self, shown: &[Value; 2]) -> Result<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let short = |path: String| path.replace(&*self.root.to_string_lossy(), "…");
        let mut table = Table::new(&[
            ("", Align::Left),
            (NAMES[0], Align::ShrinkFront),
            (NAMES[1], Align::ShrinkFront),
            ("", Align::Left),
        ]);
        let mut row = |label: &str, cells: [String; 2], note: &str| {
            table.row([label.into(), short(cells[0].clone()), short(cells[1].clone()), note.into()], None);
        };
        let environments = [
            self.json(&["env", "--json", NAMES[0]])?["env"].clone(),
            self.json(&["env", "--json", NAMES[1]])?["env"].clone(),
        ];
        let var = |name: &str| environments.each_ref().map(|env| text(&env[name]));
        row("config directory", var("CLAUDE_CONFIG_DIR"), "private");
        let ids = shown.each_ref().map(|one| text(&one["conversations"][0]["id"]));
        row("conversation", ids, "private");
        let configs = shown.each_ref().map(|one| PathBuf::from(text(&one["config_dir"])));
        for item in ["CLAUDE.md", "settings.json", "skills"] {
            let target = |config: &PathBuf| {
                fs::read_link(config.join(item))
                    .map_or_else(|_| "-".into(), |target| format!("-> {}", target.display()))
            };
            row(item, configs.each_ref().map(target), "shared");
        }
        row("login", var("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "shared: one login, one refresh");
        Ok(table.render(ui::width().map(|width| width.saturating_sub(2)).or(Some(118)), false))
    }

    /// The promises, held against the disk.
    fn check(
        &self,
        shown: &[Value; 2],
        before: &BTreeMap<PathBuf, String>,
    ) -> Result<Vec<(&'static str, bool)>> {
        let configs =
            shown.each_ref().map(|one| PathBuf::from(one["config_dir"].as_str().unwrap_or_default()));
        let words = |config: &Path| -> [bool; 2] {
            let mut all = String::new();
            for path in fingerprint(config).keys().filter(|path| path.starts_with("projects")) {
                all.push_str(&fs::read_to_string(config.join(path)).unwrap_or_default());
            }
            NAMES.map(|name| all.contains(&format!("the word is {name}")))
        };
        let [red, blue] = configs.each_ref().map(|config| words(config));
        let stores = [self.json(&["env", "--json", NAMES[0]])?, self.json(&["env", "--json", NAMES[1]])?];
        let stores = stores.map(|env| env["env"]["CLAUDE_SECURESTORAGE_CONFIG_DIR"].clone());
        let linked = |item: &str| {
            let real = configs.each_ref().map(|config| os::real_path(&config.join(item)).ok());
            real[0].is_some() && real[0] == real[1]
        };
        let conversations = shown.each_ref().map(|one| one["conversations"].as_array().map_or(0, Vec::len));
        Ok(vec![
            (
                "each session has a config directory of its own",
                configs[0] != configs[1] && configs.iter().all(|one| os::is_dir(one)),
            ),
            (
                "what was said in one is in its own transcript and not in the other's",
                red == [true, false] && blue == [false, true],
            ),
            ("the resumed session went on in the same conversation", conversations == [1, 1]),
            (
                "skills, settings and CLAUDE.md are the same ones",
                ["skills", "settings.json", "CLAUDE.md"].into_iter().all(linked),
            ),
            (
                "both use one login store, and neither holds a credential",
                stores[0] == stores[1]
                    && stores[0].is_string()
                    && configs.iter().all(|config| !os::exists(&config.join(".credentials.json"))),
            ),
            (
                "~/.claude is exactly as it was",
                fingerprint(&self.home().join(".claude")) == *before
                    && !os::exists(&self.home().join(".claude.json")),
            ),
        ])
    }

    fn typed(&self, line: &str) -> Result<()> {
        let _ = self;
        tell(&format!("  $ {line}"))
    }
}

/// Returns what a Claude on the tour said. It may fail (there is no login); it may not hang.
fn finish(mut child: Child, name: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::failed(format!("Claude in session '{name}' did not end in a minute")));
            }
        }
    }
    let output = child.wait_with_output().map_err(|error| Place::failed(&error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// Every entry below `root` with its content, or its target where it is a link.
fn fingerprint(root: &Path) -> BTreeMap<PathBuf, String> {
    fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let content = match fs::read_link(&path) {
                Ok(target) => format!("-> {}", target.display()),
                Err(_) => fs::read(&path)
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .unwrap_or_default(),
            };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            found.insert(relative, content);
            if os::is_dir(&path) {
                walk(root, &path, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}
