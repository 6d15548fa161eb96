//! A world of its own for each test: home, configuration, data root, `PATH`, and a Claude.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::claude::quiet_env;

/// One user's machine, as far as `cs` can see it. Nothing of the real one reaches it.
pub struct World {
    dir: tempfile::TempDir,
    root: PathBuf,
    environment: BTreeMap<OsString, OsString>,
}

/// What a command did.
#[must_use]
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// A fresh world without any Claude.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("cs-world-").tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        for made in ["home", "bin", "tmp"] {
            fs::create_dir(root.join(made)).unwrap();
        }
        let mut world = Self { dir, root, environment: BTreeMap::new() };
        for (name, value) in quiet_env(&world.home()) {
            world.set(&name, &value);
        }
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", world.bin().display());
        world.set("PATH", &path);
        let tmp = world.root.join("tmp");
        world.set("TMPDIR", tmp.to_str().unwrap());
        world.set("CLAUDE_CODE_TMPDIR", tmp.to_str().unwrap());
        world
    }

    /// A fresh world in which `claude` records how it was started (see [`World::starts`]).
    pub fn with_fake_claude() -> Self {
        let world = Self::new();
        world.fake_claude("");
        world
    }

    /// Makes `claude` a script that records its start, then runs `script`.
    pub fn fake_claude(&self, script: &str) {
        let starts = self.root.join("starts");
        fs::create_dir_all(&starts).unwrap();
        let text = format!(
            "#!/bin/sh\n\
             n=$(ls '{0}' | wc -l); while ! mkdir '{0}'/$n 2>/dev/null; do n=$((n+1)); done\n\
             env -0 > '{0}'/$n/env; pwd > '{0}'/$n/cwd; echo $$ > '{0}'/$n/pid\n\
             for a in \"$@\"; do printf '%s\\0' \"$a\"; done > '{0}'/$n/args\n{script}\n",
            starts.display()
        );
        self.program("claude", &text);
    }

    /// Makes an executable on this world's `PATH`.
    pub fn program(&self, name: &str, text: &str) {
        let path = self.bin().join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes `claude` on this world's `PATH` the real program.
    pub fn link_claude(&self, program: &Path) {
        let path = self.bin().join("claude");
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(program, path).unwrap();
    }

    /// The home directory.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The only directory on `PATH` that is not the system's.
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The root of everything in this world.
    pub fn root(&self) -> &Path {
        let _ = &self.dir;
        &self.root
    }

    /// The data root of `cs`.
    pub fn data(&self) -> PathBuf {
        self.home().join(".local/share/cs")
    }

    /// A project directory below the home directory.
    pub fn project(&self, name: &str) -> PathBuf {
        let path = self.home().join("src").join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a file below the home directory, with the directories it needs.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Sets a variable for everything that is run from now on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment.insert(name.into(), value.as_ref().into());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(OsStr::new(name));
    }

    /// The environment of this world, as text pairs (for a terminal).
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |value: &OsString| value.to_str().unwrap().to_owned();
        self.environment.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// The `cs` that is tested.
    pub fn cs_program() -> PathBuf {
        PathBuf::from(env!("CARGO_BIN_EXE_cs"))
    }

    /// A `cs` command in `directory`, not started yet; standard input is empty.
    pub fn command<S: AsRef<OsStr>>(&self, directory: &Path, arguments: &[S]) -> Command {
        self.any_command(&Self::cs_program(), directory, arguments)
    }

    /// Any program in this world, not started yet; standard input is empty.
    pub fn any_command<S: AsRef<OsStr>>(&self, program: &Path, directory: &Path, arguments: &[S]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// Runs `cs` in `directory`.
    pub fn cs_in<S: AsRef<OsStr>>(&self, directory: &Path, arguments: &[S]) -> Ran {
        ran(&mut self.command(directory, arguments))
    }

    /// Runs `cs` in the home directory.
    pub fn cs<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        self.cs_in(&self.home(), arguments)
    }

    /// How the fake Claude was started, in order.
    pub fn starts(&self) -> Vec<StartOfClaude> {
        let dir = self.root.join("starts");
        let mut numbers: Vec<u32> = fs::read_dir(&dir)
            .map(|entries| {
                entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
            })
            .unwrap_or_default();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| StartOfClaude::read(&dir.join(number.to_string()))).collect()
    }

    /// The last start of the fake Claude.
    pub fn last_start(&self) -> StartOfClaude {
        self.starts().pop().expect("claude was never started")
    }

    /// The record of the session `name` as JSON, from `cs show --json`.
    pub fn show(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.cs(&["show", "--json", name]).ok()).unwrap()
    }

    /// The config directory of a session or profile.
    pub fn config_of(&self, name: &str) -> PathBuf {
        self.cs(&["path", name]).ok().trim_end().into()
    }

    /// The id of a session.
    pub fn id_of(&self, name: &str) -> String {
        self.show(name)["id"].as_str().unwrap().to_owned()
    }

    /// Where everything of a session is kept.
    pub fn root_of(&self, name: &str) -> PathBuf {
        self.data().join("sessions").join(self.id_of(name))
    }

    /// Replaces what differs from run to run: this world's root, the program's path, ids, ports.
    pub fn normal(&self, text: &str) -> String {
        let text = text.replace(self.root.to_str().unwrap(), "[WORLD]");
        let text = text.replace(Self::cs_program().to_str().unwrap(), "[CS]");
        let mut normal = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| rest.get(*at..*at + 36).is_some_and(|piece| uuid::Uuid::try_parse(piece).is_ok()))
        {
            normal.push_str(&rest[..at]);
            normal.push_str("[ID]");
            rest = &rest[at + 36..];
        }
        normal.push_str(rest);
        normal.split_inclusive('\n').map(without_ports).collect()
    }
}

/// A line with the ports in it, where it is about those of a session, taken out.
fn without_ports(line: &str) -> String {
    if let Some(at) = line.find("CS_PORT").and_then(|at| Some(at + line[at..].find('=')? + 1)) {
        let rest = line[at..].trim_start_matches(|c: char| c.is_ascii_digit());
        return format!("{}[PORT]{rest}", &line[..at]);
    }
    let block = line.rsplit(' ').next().unwrap_or_default().trim_end();
    let is_block = block.split('-').all(|port| port.len() == 5 && port.parse::<u16>().is_ok());
    if is_block && block.contains('-') { line.replace(block, "[PORTS]") } else { line.to_owned() }
}

/// How the fake Claude was started.
#[derive(Debug)]
pub struct StartOfClaude {
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub pid: u32,
}

impl StartOfClaude {
    fn read(dir: &Path) -> Self {
        let words = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(dir.join(name)).unwrap();
            text.split_terminator('\0').map(str::to_owned).collect()
        };
        let env = words("env")
            .into_iter()
            .filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        Self {
            args: words("args"),
            env,
            cwd: fs::read_to_string(dir.join("cwd")).unwrap().trim_end().into(),
            pid: fs::read_to_string(dir.join("pid")).unwrap().trim().parse().unwrap(),
        }
    }

    /// The value of a variable it was given.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// The value after a flag among its arguments.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let at = self.args.iter().position(|argument| argument == name)?;
        self.args.get(at + 1).map(String::as_str)
    }
}

/// Runs a command to its end.
pub fn ran(command: &mut Command) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs git as somebody whose name it knows, and returns what it printed without the end of the last line.
#[track_caller]
pub fn git(world: &World, directory: &Path, words: &[&str]) -> String {
    let words = [&["-c", "user.name=n", "-c", "user.email=e@example.com"], words].concat();
    ran(&mut world.any_command(Path::new("git"), directory, &words)).ok().trim_end().to_owned()
}

impl Ran {
    /// Its standard output, after seeing that it succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// What it said on standard error, after seeing that it ended with `code` and printed nothing.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "a failure prints nothing on standard output");
        self.stderr
    }
}

/// Everything below a directory: kind, mode, owner, link target or content hash of every entry.
/// Two equal listings mean that nothing changed, times of access apart.
pub fn listing(root: &Path) -> BTreeMap<PathBuf, String> {
    fn walk(root: &Path, path: &Path, found: &mut BTreeMap<PathBuf, String>) {
        let Ok(about) = path.symlink_metadata() else { return };
        let what = if about.is_symlink() {
            format!("link {}", fs::read_link(path).unwrap().display())
        } else if about.is_dir() {
            "dir".to_owned()
        } else if about.is_file() {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut hasher = DefaultHasher::new();
            fs::read(path).unwrap_or_default().hash(&mut hasher);
            format!("file {} {:016x}", about.len(), hasher.finish())
        } else {
            "special".to_owned()
        };
        let entry = format!("{what} {:o} {}", about.mode() & 0o7777, about.uid());
        found.insert(path.strip_prefix(root).unwrap().to_path_buf(), entry);
        if about.is_dir() {
            for child in fs::read_dir(path).into_iter().flatten().flatten() {
                walk(root, &child.path(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}
