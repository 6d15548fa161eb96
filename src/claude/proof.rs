//! The trial that tells whether a Claude Code honours the two variables that everything here rests on.
//!
//! `CLAUDE_CONFIG_DIR` is documented and `CLAUDE_SECURESTORAGE_CONFIG_DIR` is not, so each program is
//! tried: `claude auth status` prints whether it finds a login, and writes its state file, without
//! talking to anybody (2.1.197 and 2.1.329, by experiment). It runs in a directory of its own, with a
//! home and a login that are made up, and every address that it could talk to is a closed port.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::login::login_file;
use super::variables::QUIET;
use crate::model::Environment;
use crate::os;

/// The two variables: the place of everything, and the place of the login.
pub const DIRECTORY_VARIABLES: [&str; 2] = ["CLAUDE_CONFIG_DIR", "CLAUDE_SECURESTORAGE_CONFIG_DIR"];

/// The result of a trial for one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does what it says.
    Honoured,
    /// It has no effect.
    Ignored,
    /// It cannot be tried on this system, and stands in the program.
    Named,
    /// The trial showed nothing: why.
    Unclear(String),
}

/// The results of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The version that the program prints.
    pub version: Option<String>,
    /// The result for `CLAUDE_CONFIG_DIR`.
    pub config: Verdict,
    /// The result for `CLAUDE_SECURESTORAGE_CONFIG_DIR`.
    pub login: Verdict,
}

/// A login that is none: Claude looks at no more than that it is there.
const MADE_UP_LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"made-up-by-cs-doctor","refreshToken":"made-up-by-cs-doctor","expiresAt":4102444800000,"scopes":["user:inference","user:profile"],"subscriptionType":"max"}}"#;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    logged_in: bool,
}

/// Tries `program`, an absolute path, in a new directory below `parent` that is removed again. Of
/// `environment` only what a program needs to run at all is passed on. Each start may take as long
/// as `patience`.
pub fn prove(
    program: &Path,
    parent: &Path,
    environment: &Environment,
    patience: Duration,
) -> io::Result<Proof> {
    let scratch = Scratch::new(parent)?;
    let (config, login, without) = (scratch.join("config"), scratch.join("login"), scratch.join("without"));
    for directory in [&config, &login, &without, &scratch.join("home")] {
        os::create_private_dir(directory)?;
    }
    os::create_private_file(&login_file(&login), MADE_UP_LOGIN.as_bytes(), false)?;
    let run = |arguments: &[&str], variables: &[(&str, &Path)]| {
        scratch.run(program, arguments, variables, environment, patience)
    };
    let Some(answer) = run(&["--version"], &[(DIRECTORY_VARIABLES[0], &config)])? else {
        let unclear = || Verdict::Unclear("it cannot be started, or does not end".into());
        return Ok(Proof { version: None, config: unclear(), login: unclear() });
    };
    let version = version(&answer);
    let with =
        run(&["auth", "status"], &[(DIRECTORY_VARIABLES[0], &config), (DIRECTORY_VARIABLES[1], &login)])?;
    let home = scratch.join("home");
    let strayed = [".claude", ".claude.json"].iter().any(|name| os::exists(&home.join(name)));
    let verdict = match (strayed, os::exists(&config.join(".claude.json"))) {
        (true, _) => Verdict::Ignored,
        (false, true) => Verdict::Honoured,
        (false, false) => Verdict::Unclear("it wrote no state file".into()),
    };
    let without = || run(&["auth", "status"], &[(DIRECTORY_VARIABLES[0], &without)]);
    let login = match logged_in(with.as_deref()) {
        Some(true) => match logged_in(without()?.as_deref()) {
            Some(false) => Verdict::Honoured,
            Some(true) => Verdict::Unclear("it is logged in without the variable too".into()),
            None => Verdict::Unclear("'claude auth status' did not answer".into()),
        },
        // There a login is in the Keychain, where nothing is made up.
        Some(false) if cfg!(target_os = "macos") => {
            let stands = names(program, DIRECTORY_VARIABLES[1])?;
            let unclear = || Verdict::Unclear("its login is in the Keychain".into());
            if stands { Verdict::Named } else { unclear() }
        }
        Some(false) => Verdict::Ignored,
        None => Verdict::Unclear("'claude auth status' did not answer".into()),
    };
    Ok(Proof { version, config: verdict, login })
}

fn logged_in(status: Option<&[u8]>) -> Option<bool> {
    let text = status?;
    let start = text.iter().position(|byte| *byte == b'{')?;
    let mut values = serde_json::Deserializer::from_slice(&text[start..]).into_iter::<Status>();
    Some(values.next()?.ok()?.logged_in)
}

/// Returns the version in what `claude --version` prints: `2.1.329 (Claude Code)`.
fn version(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let plain = word.len() <= 40 && word.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
    plain.then(|| word.to_owned())
}

/// Returns true if the name stands in the program's file. A program may be a short script that starts
/// another one, so its absence proves nothing.
pub fn names(program: &Path, name: &str) -> io::Result<bool> {
    let mut file = File::open(program)?;
    let wanted = name.as_bytes();
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        let mut rest = &buffer[..filled];
        while let Some(at) = rest.iter().position(|byte| *byte == wanted[0]) {
            if rest[at..].starts_with(wanted) {
                return Ok(true);
            }
            rest = &rest[at + 1..];
        }
        // A name may stand across the end of what was read.
        kept = filled.min(wanted.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// A directory of ours that goes when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path) -> io::Result<Self> {
        let path = os::real_path(parent)?.join(format!("cs-doctor-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&path)?;
        let scratch = Self(path);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o700))?;
        }
        Ok(scratch)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs the program and returns what it prints; `None` if it could not be started, or did not end in
    /// time.
    fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &Path)],
        environment: &Environment,
        patience: Duration,
    ) -> io::Result<Option<Vec<u8>>> {
        let output = self.join("output");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.0).env_clear();
        for name in ["PATH", "LANG", "LC_ALL", "SYSTEMROOT", "COMSPEC", "PATHEXT"] {
            if let Some(value) = environment.get(OsStr::new(name)) {
                command.env(name, value);
            }
        }
        let home = self.join("home");
        let places = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"];
        let temporary = ["TMPDIR", "TEMP", "TMP", "CLAUDE_CODE_TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];
        let set = |command: &mut Command, names: &[&str], value: OsString| {
            for name in names {
                command.env(name, &value);
            }
        };
        set(&mut command, &places, home.into());
        set(&mut command, &temporary, self.0.clone().into());
        set(&mut command, QUIET, "1".into());
        // Port 9 discards; where nothing listens it refuses.
        let nowhere = ["ANTHROPIC_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
        set(&mut command, &nowhere, "http://127.0.0.1:9".into());
        for (name, value) in variables {
            command.env(name, value);
        }
        command.stdin(Stdio::null()).stdout(File::create(&output)?).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return Ok(None) };
        let deadline = Instant::now() + patience;
        while child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        os::read_optional(&output)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let (Some(above), Some(name)) = (self.0.parent(), self.0.file_name()) {
            let _ = os::remove_tree(above, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_first_word_that_is_one() {
        assert_eq!(version(b"2.1.329 (Claude Code)\n").as_deref(), Some("2.1.329"));
        assert_eq!(version(b"claude 2.1.0\n").as_deref(), Some("2.1.0"));
        assert_eq!(version(b"no version\n"), None);
        assert_eq!(version(b"2\x1b[2J\n"), None);
    }

    #[test]
    fn a_status_is_read_whatever_is_printed_around_it() {
        assert_eq!(logged_in(Some(b"a warning\n{\"loggedIn\": true, \"x\": null}\n")), Some(true));
        assert_eq!(logged_in(Some(b"{\"loggedIn\": false}")), Some(false));
        assert_eq!(logged_in(Some(b"error: unknown command 'auth'")), None);
        assert_eq!(logged_in(None), None);
    }

    #[test]
    fn a_name_is_found_across_the_pieces_that_a_program_is_read_in() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("program");
        let name = "CLAUDE_CONFIG_DIR";
        for before in [0, (1 << 20) - 5, (1 << 20) - 1, 1 << 20, 3 << 20] {
            let mut text = vec![b'C'; before];
            text.extend(name.as_bytes());
            fs::write(&path, &text).expect("written");
            assert!(names(&path, name).is_ok_and(|found| found), "{before}");
            text.pop();
            fs::write(&path, text).expect("written");
            assert!(names(&path, name).is_ok_and(|found| !found), "{before}");
        }
    }
}
