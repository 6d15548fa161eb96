//! The identity of a process, and becoming another program.
//!
//! See docs/decisions/003-exec-not-spawn.md

use std::collections::{BTreeMap, HashSet};
#[cfg(unix)]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A process, told apart from every other that had or will have its pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its pid.
    pub pid: u32,
    /// Its start, in the system's own terms; empty if that cannot be read.
    #[serde(default)]
    pub start: String,
    /// The boot it belongs to; empty if that cannot be read.
    #[serde(default)]
    pub boot: String,
    /// The host it runs on: a home directory on a network has many.
    #[serde(default)]
    pub host: String,
    /// The name space its pid belongs to: a container has one of its own. Empty if the system has none, or it was noted
    /// before this was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub space: String,
}

/// The answer to "does this process still run?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It runs.
    Alive,
    /// It has ended.
    Dead,
    /// It was started on another host, where we cannot look.
    Elsewhere,
    /// It was started on this host among processes that have pids of their own: its pid says nothing here.
    Apart,
}

impl Identity {
    /// Returns the identity of this process. `exec` does not change it: the program we become has the
    /// same one.
    pub fn current() -> Self {
        let pid = std::process::id();
        let start = start_time(pid).unwrap_or_default();
        Self { pid, start, boot: boot_id(), host: host_name(), space: pid_space() }
    }

    /// Returns true if its pid means a process that can be looked up here.
    pub fn is_among_ours(&self) -> bool {
        (self.host.is_empty() || self.host == host_name())
            && (self.space.is_empty() || self.space == pid_space())
    }

    /// Looks up the process and returns whether it still runs.
    pub fn liveness(&self) -> Liveness {
        if !self.host.is_empty() && self.host != host_name() {
            return Liveness::Elsewhere;
        }
        if !self.boot.is_empty() && self.boot != boot_id() {
            return Liveness::Dead;
        }
        if !self.space.is_empty() && self.space != pid_space() {
            return Liveness::Apart;
        }
        if process_alive(self.pid, &self.start) { Liveness::Alive } else { Liveness::Dead }
    }
}

/// Returns true if `pid` runs and started at `start` (as [`start_time`] has it; an empty one is not
/// compared).
pub fn process_alive(pid: u32, start: &str) -> bool {
    match start_time(pid) {
        Some(now) => start.is_empty() || now.is_empty() || now == start,
        None => false,
    }
}

/// Returns the start of `pid` as text that never changes while it runs: on Linux field 22 of
/// `/proc/PID/stat` (clock ticks after boot), the value Claude Code's own live files carry as `procStart`
/// (2.1.197). Empty if the system does not say; `None` if no such process runs.
pub fn start_time(pid: u32) -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let stat = super::read_optional(Path::new(&format!("/proc/{pid}/stat"))).ok()??;
        let stat = String::from_utf8_lossy(&stat);
        // The second field is the program's name in brackets and may hold anything, brackets too.
        let after_name = &stat[stat.rfind(')')? + 1..];
        let mut fields = after_name.split_ascii_whitespace();
        // A zombie has ended; it only waits to be counted.
        if fields.next()? == "Z" {
            return None;
        }
        fields.nth(18).map(str::to_owned)
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
        match rustix::process::test_kill_process(pid) {
            Ok(()) | Err(rustix::io::Errno::PERM) => Some(String::new()),
            Err(_) => None,
        }
    }
    #[cfg(windows)]
    {
        windows::start_time(pid)
    }
}

/// Returns true if `pid` is a process that this one descends from. False where the system does not say (elsewhere than on
/// Linux).
pub fn is_ancestor(pid: u32) -> bool {
    #[cfg(target_os = "linux")]
    {
        let parent_of = |pid: u32| -> Option<u32> {
            let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            let stat = String::from_utf8_lossy(&stat);
            stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(1)?.parse().ok()
        };
        let parents = std::iter::successors(Some(std::process::id()), |pid| parent_of(*pid));
        parents.skip(1).take_while(|pid| *pid > 0).any(|parent| parent == pid)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        false
    }
}

/// Returns the id of this boot of the machine; empty if the system does not say.
pub fn boot_id() -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    let read = || {
        let id = super::read_optional(Path::new("/proc/sys/kernel/random/boot_id")).ok()??;
        Some(String::from_utf8_lossy(&id).trim().to_owned())
    };
    BOOT.get_or_init(|| if cfg!(target_os = "linux") { read().unwrap_or_default() } else { String::new() })
        .clone()
}

/// Returns the name space that pids belong to here; empty if the system has none, or does not say.
fn pid_space() -> String {
    static SPACE: OnceLock<String> = OnceLock::new();
    // As in `pid:[4026531836]`.
    let read = || {
        let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
        let number = link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?;
        Some(number.to_owned())
    };
    SPACE
        .get_or_init(|| if cfg!(target_os = "linux") { read().unwrap_or_default() } else { String::new() })
        .clone()
}

/// Returns the name of this host.
pub fn host_name() -> String {
    static HOST: OnceLock<String> = OnceLock::new();
    #[cfg(unix)]
    let read = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(windows)]
    let read = || {
        std::env::var_os("COMPUTERNAME").map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    HOST.get_or_init(read).clone()
}

/// Returns the terminal of standard input, such as `pts/3`, for people; `None` if standard input is no
/// terminal.
pub fn terminal() -> Option<String> {
    #[cfg(unix)]
    {
        let stdin = io::stdin();
        if !rustix::termios::isatty(&stdin) {
            return None;
        }
        let name = rustix::termios::ttyname(&stdin, Vec::new()).ok()?;
        Some(name.to_string_lossy().trim_start_matches("/dev/").to_owned())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Returns columns and rows of the terminal on standard input; `None` if that is no terminal.
#[cfg(unix)]
pub fn terminal_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stdin()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Returns the values that the variable `name` has in the environments of this user's running processes;
/// `None` if the system does not show them (elsewhere than on Linux).
pub fn running_with(name: &str) -> Option<HashSet<OsString>> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStringExt;
        let wanted = format!("{name}=").into_bytes();
        let mut values = HashSet::new();
        for process in super::entries_of(Path::new("/proc")).ok()? {
            // What belongs to others cannot be read, and is none of ours.
            let Ok(environment) = std::fs::read(process.join("environ")) else { continue };
            let found =
                environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(wanted.as_slice()));
            values.extend(found.map(|value| OsString::from_vec(value.to_vec())));
        }
        Some(values)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = name;
        None
    }
}

/// Returns pid and name of a process of this user, other than this one, whose current directory is
/// `directory` (links resolved) or below it. `None` if there is none, and on systems that do not show it
/// (elsewhere than on Linux).
pub fn running_in(directory: &Path) -> Option<(u32, String)> {
    #[cfg(target_os = "linux")]
    {
        for process in super::entries_of(Path::new("/proc")).ok()? {
            let pid = process.file_name().and_then(|name| name.to_str()?.parse().ok());
            let Some(pid) = pid else { continue };
            let place = std::fs::read_link(process.join("cwd"));
            if pid != std::process::id() && place.is_ok_and(|place| place.starts_with(directory)) {
                let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
                return Some((pid, name.trim_end().to_owned()));
            }
        }
        None
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        None
    }
}

/// Returns the environment that the process `pid` was started with; `None` if it has ended, or the system
/// does not show it (elsewhere than on Linux, and of other users).
pub fn environment_of(pid: u32) -> Option<BTreeMap<OsString, OsString>> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        let text = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let pairs = text.split(|byte| *byte == 0).filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            let part = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
            Some((part(&pair[..at]), part(&pair[at + 1..])))
        });
        Some(pairs.collect())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

/// Returns the current directory of the process `pid`; `None` if it has ended, or the system does not
/// show it (elsewhere than on Linux, and of other users).
pub fn working_directory_of(pid: u32) -> Option<std::path::PathBuf> {
    if cfg!(target_os = "linux") { std::fs::read_link(format!("/proc/{pid}/cwd")).ok() } else { None }
}

/// The file mode mask a process was started with.
#[derive(Clone, Copy, Debug)]
pub struct Umask(#[cfg(unix)] rustix::fs::Mode);

impl Umask {
    /// Returns the mask with these bits.
    #[cfg(unix)]
    pub(super) fn of(bits: rustix::fs::RawMode) -> Self {
        Self(rustix::fs::Mode::from_raw_mode(bits & 0o777))
    }

    /// Returns its bits.
    #[cfg(unix)]
    pub(super) fn bits(self) -> rustix::fs::RawMode {
        self.0.as_raw_mode()
    }

    /// Runs `act` with this mask, for files that a person asked for and that are not ours to hide.
    pub fn lifted<T>(self, act: impl FnOnce() -> T) -> T {
        #[cfg(unix)]
        let restricted = rustix::process::umask(self.0);
        let done = act();
        #[cfg(unix)]
        rustix::process::umask(restricted);
        done
    }
}

/// Makes everything this process creates private (umask 077), and returns the mask it had: a
/// program that we become gets that back, or the user's own files would change their modes.
pub fn restrict_umask() -> Umask {
    #[cfg(unix)]
    {
        Umask(rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077)))
    }
    #[cfg(not(unix))]
    {
        Umask()
    }
}

/// Returns a command that runs `line`, which a person wrote, in the shell of the system, with the variables of
/// `environment`; `None` for those of this process. What the line names is not looked for where a session can write.
///
/// A token may stand in the line (`printf sk-…`), and everybody on the machine may read a command line: so the shell
/// has it from a variable, which is gone before anything of it is run. On Windows only the same user and
/// administrators may, and it is on the command line.
pub fn shell_command(
    line: &str,
    environment: Option<&BTreeMap<OsString, OsString>>,
) -> std::process::Command {
    // Where a system has a shell at all: what `sh` is on `PATH` is anybody's.
    #[cfg(unix)]
    let mut command = std::process::Command::new("/bin/sh");
    #[cfg(windows)]
    let mut command = std::process::Command::new("cmd");
    if let Some(environment) = environment {
        command.env_clear().envs(environment);
    }
    #[cfg(unix)]
    {
        let own = std::env::var_os("PATH");
        let path = environment.map_or(own.as_ref(), |environment| environment.get(OsStr::new("PATH")));
        if let Some(path) = path {
            command.env("PATH", super::path_out_of_reach(path));
        }
        let run = "set -- \"$CS_LINE\"; unset CS_LINE; eval \"set --\n$1\"";
        command.args(["-c", run]).env("CS_LINE", line);
        command
    }
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        // Quotes are cmd's own, which knows no backslash before one: it takes off the outer two.
        command.args(["/D", "/S", "/C"]).raw_arg(format!("\"{line}\""));
        command
    }
}

/// Returns the directory this process is in.
pub fn current_directory() -> io::Result<PathBuf> {
    std::env::current_dir()
}

/// Returns `path` from the root on. Its links are left as they are; one that is relative is meant from the
/// directory this process is in. Fails for an empty one.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// Returns the path of this program.
pub fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Returns the system's directory for temporary files.
pub fn temporary_directory() -> PathBuf {
    std::env::temp_dir()
}

/// Returns the environment of this process. Windows finds a variable however its name is spelled, and
/// spells `PATH` itself `Path`; `cs` looks each up in capitals, so the names that matter to it are put in
/// capitals here. The others stay as they are: the programs of Git Bash tell `http_proxy` from
/// `HTTP_PROXY`.
pub fn environment() -> BTreeMap<OsString, OsString> {
    let variables = std::env::vars_os();
    if !cfg!(windows) {
        return variables.collect();
    }
    let spelled = |name: OsString| {
        let capitals = name.to_ascii_uppercase();
        let text = capitals.to_string_lossy();
        let matters = matches!(&*text, "PATH" | "SYSTEMROOT")
            || ["ANTHROPIC_", "CLAUDE", "CS_"].iter().any(|start| text.starts_with(start));
        if matters { capitals } else { name }
    };
    variables.map(|(name, value)| (spelled(name), value)).collect()
}

/// Becomes `program`: on Unix by `exec`, so the pid stays, nothing of us is left in memory, and
/// exit codes and signals are the program's own. Returns only if that failed. On Windows the
/// program is a child, and this process ends with its code.
pub fn become_program(
    program: &Path,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    directory: &Path,
    umask: Umask,
) -> io::Error {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new(program);
        command.args(arguments).env_clear().envs(environment).current_dir(directory);
        // Rust ignores SIGPIPE and a program would inherit that; `Command::exec` restores it.
        rustix::process::umask(umask.0);
        let error = command.exec();
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        error
    }
    #[cfg(not(unix))]
    {
        let _ = umask;
        match run_program(program, arguments, environment, directory) {
            Ok(code) => std::process::exit(code),
            Err(error) => error,
        }
    }
}

/// Becomes `program` as [`become_program`] does, with no open file but the three standard ones and `kept`: what this
/// process was given by whoever called it is not for that program. Elsewhere than on Linux it is the same.
pub fn become_alone(
    program: &Path,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    directory: &Path,
    umask: Umask,
    kept: &[super::HandedOn],
) -> io::Error {
    #[cfg(target_os = "linux")]
    if let Err(error) = super::handing::leave_open_only(kept) {
        return error;
    }
    let _ = kept;
    become_program(program, arguments, environment, directory, umask)
}

/// Runs `program` to its end, with the interrupts of the console left to it; its exit code.
#[cfg(not(unix))]
pub fn run_program(
    program: &Path,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    directory: &Path,
) -> io::Result<i32> {
    #[cfg(windows)]
    windows::leave_interrupts_to_children();
    let mut command = std::process::Command::new(program);
    let status = command.args(arguments).env_clear().envs(environment).current_dir(directory).status()?;
    Ok(status.code().unwrap_or(1))
}

#[cfg(windows)]
mod windows {
    #![allow(unsafe_code, reason = "process times are only had from the system's own interface")]

    use windows_sys::Win32::Foundation::{CloseHandle, FILETIME, STILL_ACTIVE};
    use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
    use windows_sys::Win32::System::Threading::{
        GetExitCodeProcess, GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
    };

    /// Has Ctrl-C, which reaches every process of a console, end the program and not this process that
    /// waits for it: its exit code is for the program to choose. A handler is not inherited.
    pub(super) fn leave_interrupts_to_children() {
        unsafe extern "system" fn handled(_: u32) -> i32 {
            1
        }
        // SAFETY: the handler is a function without state. Without it Ctrl-C ends this process first.
        unsafe { SetConsoleCtrlHandler(Some(handled), 1) };
    }

    pub(super) fn start_time(pid: u32) -> Option<String> {
        let zero = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
        let (mut created, mut exited, mut kernel, mut user) = (zero, zero, zero, zero);
        let mut code = 0;
        // SAFETY: the handle is checked, used while open and closed once; the pointers are to
        // locals that outlive the calls.
        let known = unsafe {
            let process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid);
            if process.is_null() {
                return None;
            }
            let known = GetExitCodeProcess(process, &mut code) != 0
                && GetProcessTimes(process, &mut created, &mut exited, &mut kernel, &mut user) != 0;
            CloseHandle(process);
            known
        };
        (known && code == STILL_ACTIVE.cast_unsigned()).then(|| {
            format!("{}", (u64::from(created.dwHighDateTime) << 32) | u64::from(created.dwLowDateTime))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_line_for_the_shell_is_run_as_it_is_and_is_on_no_command_line() {
        let said = |line: &str, environment: Option<&BTreeMap<OsString, OsString>>| {
            let output = shell_command(line, environment).output().expect("there is a shell");
            (String::from_utf8(output.stdout).expect("UTF-8"), output.status.code())
        };
        for (line, out, code) in [
            ("printf '%s' 'it'\\''s \"$HOME\"' # quoted", "it's \"$HOME\"", 0),
            ("echo one\necho two && exit 3", "one\ntwo\n", 3),
            ("echo $#", "0\n", 0),
            ("printf %s \"${CS_LINE-unset}\"", "unset", 0),
            ("cat <<E\nhere\nE", "here\n", 0),
            ("-no-such-program 2>/dev/null", "", 127),
            ("false", "", 1),
        ] {
            assert_eq!(said(line, None), (out.to_owned(), Some(code)), "{line}");
        }
        let environment = [("ONLY".into(), "this".into()), ("PATH".into(), "/usr/bin:/bin".into())].into();
        assert_eq!(said("printf %s \"$ONLY${HOME-}\"", Some(&environment)).0, "this");
        let own = "tr '\\0' ' ' </proc/$$/cmdline";
        if cfg!(target_os = "linux") {
            assert!(!said(&format!("{own} # sk-canary"), None).0.contains("sk-canary"));
            let mut naive = std::process::Command::new("sh");
            let naive =
                naive.args(["-c", &format!("{own}; : # sk-canary")]).output().expect("a shell").stdout;
            assert!(String::from_utf8_lossy(&naive).contains("sk-canary"), "the control: it would be seen");
        }
    }

    #[test]
    fn this_process_is_alive_and_told_from_an_earlier_one_of_its_pid() {
        let me = Identity::current();
        assert_eq!(me.liveness(), Liveness::Alive);
        if cfg!(target_os = "linux") {
            let earlier = Identity { start: "1".into(), ..me.clone() };
            assert_eq!(earlier.liveness(), Liveness::Dead);
            let before_reboot = Identity { boot: "another".into(), ..me.clone() };
            assert_eq!(before_reboot.liveness(), Liveness::Dead);
        }
        let elsewhere = Identity { host: "another-host".into(), ..me };
        assert_eq!(elsewhere.liveness(), Liveness::Elsewhere);
    }

    #[test]
    fn an_ended_child_is_dead() {
        let mut child = std::process::Command::new("true").spawn().expect("true is everywhere");
        let pid = child.id();
        child.wait().expect("our own child");
        assert!(!process_alive(pid, ""));
    }
}
