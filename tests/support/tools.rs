//! A place of its own to run a program in.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory of its own, with a HOME and a PATH in it and nothing of the machine's environment.
pub(crate) struct Sandbox {
    root: tempfile::TempDir,
}

impl Sandbox {
    /// An empty one. Its PATH has `sh`, `cat` and `env`, and nothing else.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for dir in ["home", "bin", "work"] {
            fs::create_dir(root.path().join(dir)).unwrap();
        }
        for program in ["sh", "cat", "env"] {
            let from = which::which(program).unwrap();
            std::os::unix::fs::symlink(from, root.path().join("bin").join(program)).unwrap();
        }
        Self { root }
    }

    /// The directory that programs are run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// A file in it, whose name may have directories.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// An executable file in it. A shell writes it, as no other thread can then happen to start a
    /// program while this process has the file open for writing (which makes it "busy").
    pub(crate) fn write_program(&self, name: &str, text: &str) -> PathBuf {
        let source = self.write(&format!("{name}.source"), text);
        let path = self.work().join(name);
        let made = Command::new("sh")
            .args(["-c", "cat \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh"])
            .args([&source, &path])
            .status();
        assert!(made.unwrap().success());
        path
    }

    /// A command that will run here, seeing nothing else.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let home = self.root.path().join("home");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("TMPDIR", &home)
            .env("PATH", self.root.path().join("bin"))
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "dumb")
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs `program` with `args` to its end.
    #[must_use]
    pub(crate) fn run<A: AsRef<OsStr>>(&self, program: &Path, args: impl IntoIterator<Item = A>) -> Output {
        self.command(program).args(args).output().unwrap()
    }
}

/// What a program printed, both streams, for a message.
pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
