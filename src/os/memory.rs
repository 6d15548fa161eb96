//! Free memory.

/// Returns the bytes of memory that can be had without swapping, of the machine or of the control group
/// of this process, whichever is less. `None` if the system does not say.
pub fn free_memory() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let machine = linux::machine();
        match (machine, linux::group()) {
            (Some(machine), Some(group)) => Some(machine.min(group)),
            (machine, group) => machine.or(group),
        }
    }
    #[cfg(target_os = "macos")]
    {
        let text = std::process::Command::new("/usr/bin/vm_stat").output().ok()?.stdout;
        vm_stat(&String::from_utf8_lossy(&text))
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    {
        None
    }
}

/// Reads the output of macOS's `vm_stat`: the bytes of pages that are free, or can be had at once.
#[cfg(any(target_os = "macos", test))]
fn vm_stat(text: &str) -> Option<u64> {
    let page: u64 = text.split("page size of ").nth(1)?.split(' ').next()?.parse().ok()?;
    let pages = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().trim_end_matches('.').parse().ok()
    };
    Some(
        (pages("Pages free")? + pages("Pages inactive").unwrap_or(0) + pages("Pages purgeable").unwrap_or(0))
            * page,
    )
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};

    use super::super::read_optional;

    fn text(path: &Path) -> Option<String> {
        String::from_utf8(read_optional(path).ok()??).ok()
    }

    pub(super) fn machine() -> Option<u64> {
        available(&text(Path::new("/proc/meminfo"))?)
    }

    pub(super) fn available(meminfo: &str) -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
    }

    /// Returns the bytes left below the nearest limit of the control group (version 2) or of a group
    /// above it.
    pub(super) fn group() -> Option<u64> {
        let root = Path::new("/sys/fs/cgroup");
        let groups = text(Path::new("/proc/self/cgroup"))?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let mut group: PathBuf = root.join(own);
        loop {
            if let Some(left) = left(&group) {
                return Some(left);
            }
            if group == root || !group.pop() || !group.starts_with(root) {
                return None;
            }
        }
    }

    fn left(group: &Path) -> Option<u64> {
        let most: u64 = text(&group.join("memory.max"))?.trim().parse().ok()?;
        let used: u64 = text(&group.join("memory.current"))?.trim().parse().ok()?;
        // Of what files are cached in, what was not used lately can be had back.
        let stat = text(&group.join("memory.stat")).unwrap_or_default();
        let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok());
        Some(most.saturating_sub(used.saturating_sub(cached.unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        let text = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n\
                    Pages free:                               1000.\nPages active:  5.\nPages inactive:   200.\n";
        assert_eq!(vm_stat(text), Some(1200 * 16384));
        #[cfg(target_os = "linux")]
        {
            let text = "MemTotal:  8 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n";
            assert_eq!(linux::available(text), Some(2 << 20));
            assert!(free_memory().is_some_and(|free| free > 1 << 20));
        }
    }
}
