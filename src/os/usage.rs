//! Memory and processor time of running processes.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::time::Duration;

/// A process of this user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: u32,
    /// The process that started it, or that took it in.
    pub parent: u32,
    /// Bytes of memory it holds (resident; what it shares with others is counted too).
    pub memory: u64,
    /// Processor time it used so far, its ended children not counted.
    pub processor: Duration,
}

/// The processes of this user, at one moment. Empty if the system does not say (Windows).
#[derive(Clone, Debug, Default)]
pub struct Processes {
    all: HashMap<u32, Process>,
    children: HashMap<u32, Vec<u32>>,
}

/// The memory and processor time of several processes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Their number.
    pub processes: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// Processor time so far.
    pub processor: Duration,
}

impl Processes {
    /// True if this system says what its processes use.
    pub const KNOWN: bool = cfg!(unix);

    /// Looks at the processes that run now.
    pub fn now() -> Self {
        Self::of(running())
    }

    fn of(found: Vec<Process>) -> Self {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for process in &found {
            children.entry(process.parent).or_default().push(process.pid);
        }
        Self { all: found.into_iter().map(|process| (process.pid, process)).collect(), children }
    }

    /// Returns the pids that run, by the value that the variable `name` has in their environments. Empty
    /// if the system does not show those (elsewhere than on Linux).
    pub fn with_variable(&self, name: &str) -> HashMap<OsString, Vec<u32>> {
        let mut found: HashMap<OsString, Vec<u32>> = HashMap::new();
        for pid in self.all.keys() {
            if let Some(value) = variable_of(*pid, name) {
                found.entry(value).or_default().push(*pid);
            }
        }
        found
    }

    /// Returns the processes above `pid`: its parent, the parent of that one, and so on, as far as they
    /// are this user's.
    pub fn above(&self, pid: u32) -> Vec<u32> {
        let mut above = Vec::new();
        let mut at = pid;
        while let Some(process) = self.all.get(&at).filter(|process| process.parent != at)
            && !above.contains(&process.parent)
        {
            at = process.parent;
            above.push(at);
        }
        above
    }

    /// Returns the memory and processor time of the processes `roots` and of all their descendants that
    /// still run. Each process is counted once.
    pub fn used_by(&self, roots: impl IntoIterator<Item = u32>) -> Used {
        let (mut used, mut seen) = (Used::default(), HashSet::new());
        let mut waiting: Vec<u32> = roots.into_iter().collect();
        while let Some(pid) = waiting.pop() {
            let Some(process) = self.all.get(&pid) else { continue };
            if !seen.insert(pid) {
                continue;
            }
            used.processes += 1;
            used.memory += process.memory;
            used.processor += process.processor;
            waiting.extend(self.children.get(&pid).into_iter().flatten());
        }
        used
    }
}

/// Returns the value of a variable in the environment that `pid` was started with.
fn variable_of(pid: u32, name: &str) -> Option<OsString> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStringExt;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut entries = environment.split(|byte| *byte == 0);
        let value =
            entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?.to_vec();
        Some(OsString::from_vec(value))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (pid, name);
        None
    }
}

#[cfg(target_os = "linux")]
fn running() -> Vec<Process> {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::getuid().as_raw();
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let page = rustix::param::page_size() as u64;
    let mut found = Vec::new();
    for entry in super::entries_of(std::path::Path::new("/proc")).unwrap_or_default() {
        let pid = entry.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        let Some(pid) = pid else { continue };
        if !entry.metadata().is_ok_and(|about| about.uid() == me) {
            continue;
        }
        let Ok(stat) = std::fs::read(entry.join("stat")) else { continue };
        found.extend(parse_stat(pid, &String::from_utf8_lossy(&stat), ticks, page));
    }
    found
}

/// Reads a process from its `/proc/PID/stat` (proc(5): fields 3 state, 4 parent, 14 and 15 ticks in the
/// program and in the kernel, 24 resident pages). `None` for a zombie: it has ended.
#[cfg(target_os = "linux")]
fn parse_stat(pid: u32, stat: &str, ticks: u64, page: u64) -> Option<Process> {
    // The name in brackets may hold anything, brackets too.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let program: u64 = fields.nth(9)?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    let pages: u64 = fields.nth(8)?.parse().ok()?;
    let processor = Duration::from_millis((program + kernel).saturating_mul(1000) / ticks);
    Some(Process { pid, parent, memory: pages.saturating_mul(page), processor })
}

#[cfg(all(unix, not(target_os = "linux")))]
fn running() -> Vec<Process> {
    let me = rustix::process::getuid().as_raw().to_string();
    let ran = std::process::Command::new("/bin/ps")
        .env("LC_ALL", "C")
        .args(["-x", "-U", &me, "-o", "pid=,ppid=,rss=,time="])
        .output();
    let Ok(ran) = ran else { return Vec::new() };
    String::from_utf8_lossy(&ran.stdout).lines().filter_map(parse_ps).collect()
}

#[cfg(windows)]
fn running() -> Vec<Process> {
    Vec::new()
}

/// Reads a line of `ps -o pid=,ppid=,rss=,time=`: the memory in KiB, the time as `[[D-]H:]M:S[.F]`.
#[cfg(any(all(unix, not(target_os = "linux")), test))]
fn parse_ps(line: &str) -> Option<Process> {
    let mut fields = line.split_ascii_whitespace();
    let (pid, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let memory = fields.next()?.parse::<u64>().ok()? << 10;
    let time = fields.next()?;
    let (days, time) = time.split_once('-').unwrap_or(("0", time));
    let mut seconds = days.parse::<f64>().ok()?;
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let hours = [0.0, 0.0, 0.0].iter().skip(parts.len()).chain(&parts);
    for (part, most) in hours.zip([24.0, 60.0, 60.0]) {
        seconds = seconds * most + part;
    }
    Some(Process { pid, parent, memory, processor: Duration::try_from_secs_f64(seconds).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32) -> Process {
        Process { pid, parent, memory: 100, processor: Duration::from_secs(1) }
    }

    #[test]
    fn what_a_process_started_is_counted_with_it_and_everything_once() {
        let all =
            Processes::of(vec![process(1, 0), process(2, 1), process(3, 2), process(4, 1), process(9, 9)]);
        let used = |roots: &[u32]| all.used_by(roots.iter().copied()).processes;
        assert_eq!([used(&[2]), used(&[2, 3]), used(&[1]), used(&[]), used(&[77])], [2, 2, 4, 0, 0]);
        assert_eq!(used(&[9]), 1, "one that says it is its own parent");
        assert_eq!((all.above(3), all.above(9), all.above(77)), (vec![2, 1, 0], vec![], vec![]));
        let two = Used { processes: 2, memory: 200, processor: Duration::from_secs(2) };
        assert_eq!(all.used_by([2]), two);
    }

    #[test]
    fn lines_of_ps_are_read() {
        let seconds = |line: &str| parse_ps(line).map(|process| process.processor.as_secs());
        assert_eq!(
            parse_ps("  77     1   2048   0:01.50"),
            Some(Process { pid: 77, parent: 1, memory: 2 << 20, processor: Duration::from_millis(1500) })
        );
        assert_eq!(seconds("7 1 1 1:02:03"), Some(3723));
        assert_eq!(seconds("7 1 1 2-00:00:01"), Some(172_801));
        assert_eq!(seconds("7 1 1 x"), None);
        assert_eq!(seconds(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_line_of_proc_is_read_whatever_the_program_is_called() {
        let stat = "42 (a) Z 1 (b)) S 7 42 42 0 -1 4194304 1 2 3 4 250 50 6 7 20 0 1 0 12345 999 30 18446744073709551615 1";
        let expected = Process { pid: 42, parent: 7, memory: 30 * 4096, processor: Duration::from_secs(3) };
        assert_eq!(parse_stat(42, stat, 100, 4096), Some(expected));
        assert_eq!(parse_stat(42, "42 (x) Z 7 1", 100, 4096), None);
        let all = Processes::now();
        let me = std::process::id();
        assert!(all.used_by([me]).memory > 1 << 20, "this process runs");
        assert!(all.with_variable("PATH").values().flatten().any(|pid| *pid == me));
    }
}
