//! A terminal to run interactive programs in: a tmux server of its own, that ends with the test.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// One program in one terminal of 110 by 40. The server, and with it the program, ends when this is dropped.
#[derive(Debug)]
pub struct Tmux {
    sockets: TempDir,
}

impl Tmux {
    /// Whether tmux can be used. With `CS_TEST_REQUIRE` set its absence fails the test; otherwise it is said and skipped.
    pub fn available() -> bool {
        let found = Command::new("tmux").arg("-V").output().is_ok_and(|out| out.status.success());
        super::granted(found, "there is no tmux")
    }

    /// Starts `argv` in `cwd` with exactly the variables of `env`. The pane stays after the program ends.
    pub fn start<A, K, V>(argv: &[A], cwd: &Path, env: impl IntoIterator<Item = (K, V)>) -> Self
    where
        A: AsRef<OsStr>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let tmux = Self { sockets: TempDir::new().unwrap() };
        let mut command = tmux.command();
        command
            .args(["new-session", "-d", "-s", "t", "-x", "110", "-y", "50", "-c"])
            .arg(cwd)
            .args(["env", "-i"]);
        for (name, value) in env {
            let mut pair = name.as_ref().to_owned();
            pair.push("=");
            pair.push(value.as_ref());
            command.arg(pair);
        }
        command.args(argv);
        // In the same call as new-session, so a program that ends at once still leaves its screen.
        command.args([";", "set-option", "-w", "remain-on-exit", "on"]);
        let out = command.output().unwrap();
        assert!(out.status.success(), "tmux: {}", String::from_utf8_lossy(&out.stderr));
        tmux
    }

    /// Types text as it is.
    pub fn type_text(&self, text: &str) {
        self.run(&["send-keys", "-t", "t", "-l", "--", text]);
    }

    /// Presses keys by tmux's names: `Enter`, `C-d`, `Escape`, `Down`.
    pub fn send_keys(&self, keys: &[&str]) {
        let mut arguments = vec!["send-keys", "-t", "t"];
        arguments.extend(keys);
        self.run(&arguments);
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        self.run(&["resize-window", "-t", "t", "-x", &columns, "-y", &lines]);
    }

    /// Types a line and presses Enter, a moment later: Claude takes both at once for a paste.
    pub fn enter(&self, line: &str) {
        self.type_text(line);
        thread::sleep(Duration::from_millis(300));
        self.send_keys(&["Enter"]);
    }

    /// What the terminal shows now.
    pub fn screen(&self) -> String {
        self.run(&["capture-pane", "-p", "-t", "t"])
    }

    /// What the terminal showed, and shows.
    pub fn scrollback(&self) -> String {
        self.run(&["capture-pane", "-p", "-S", "-", "-t", "t"])
    }

    /// The first screen that shows `text`.
    pub fn wait_for(&self, text: &str, timeout: Duration) -> String {
        self.wait_until(timeout, text, |screen| screen.contains(text))
    }

    /// The first screen `holds` is true of; the panic shows the last one.
    pub fn wait_until(&self, timeout: Duration, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + timeout;
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "waited {timeout:?} for {what:?}; the screen:\n{screen}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// The process in the terminal. `env` becomes its command, so this is the program that was started.
    pub fn pid(&self) -> u32 {
        self.format("#{pane_pid}").parse().unwrap()
    }

    /// The exit code (128 + signal for a killed one), once the program has ended.
    pub fn exit_code(&self) -> Option<i32> {
        let state = self.format("#{pane_dead} #{pane_dead_status} #{pane_dead_signal}");
        let mut fields = state.split(' ').skip(1);
        let status = fields.next().and_then(|field| field.parse().ok());
        let signal: Option<i32> = fields.next().and_then(|field| field.parse().ok());
        let code = status.or(signal.map(|signal| 128 + signal));
        if code.is_none() {
            self.nudge();
        }
        code
    }

    /// Waits for the program to end and gives its exit code.
    pub fn wait_exit(&self, timeout: Duration) -> i32 {
        let end = Instant::now() + timeout;
        loop {
            if let Some(code) = self.exit_code() {
                return code;
            }
            assert!(Instant::now() < end, "still running after {timeout:?}; the screen:\n{}", self.screen());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// tmux 3.3a now and then misses the signal that its program has ended and leaves it a zombie: it
    /// is sent again. A child of tmux's own instead could be missed in the same way, and be waited for for ever.
    fn nudge(&self) {
        let pid = self.pid().to_string();
        let state = Command::new("ps").args(["-o", "stat=", "-p", &pid]).output().unwrap();
        if state.stdout.starts_with(b"Z") {
            let server = self.format("#{pid}");
            let sent = Command::new("kill").args(["-s", "CHLD", &server]).status().unwrap();
            assert!(sent.success(), "kill -s CHLD {server}");
        }
    }

    fn format(&self, format: &str) -> String {
        self.run(&["display-message", "-p", "-t", "t", format]).trim().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let out = self.command().args(arguments).output().unwrap();
        assert!(out.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .env("TMUX_TMPDIR", self.sockets.path())
            .stdin(Stdio::null())
            .args(["-L", "test", "-f", "/dev/null"]);
        command
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}
