//! The resources that sessions use: memory and processor time of their processes, and space on the disk.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::os::{Processes, Size, Used};
use crate::ui;

/// All processes, seen at one moment.
pub(crate) struct Look {
    processes: Processes,
    of_session: HashMap<OsString, Vec<u32>>,
}

impl Look {
    pub(crate) fn now() -> Self {
        let processes = Processes::now();
        let of_session = processes.with_variable("CS_SESSION_ID");
        Self { processes, of_session }
    }

    /// Returns what the processes of a session use: those that were given its id, the one that it is known to be
    /// open by, and whatever these started.
    pub(crate) fn of_session(&self, id: Uuid, open: Option<u32>) -> Used {
        let given = self.of_session.get(OsStr::new(&id.to_string()));
        self.processes.used_by(given.into_iter().flatten().copied().chain(open))
    }

    /// Returns what these processes use, with whatever they started.
    pub(crate) fn of_processes(&self, pids: &[u32]) -> Used {
        self.processes.used_by(pids.iter().copied())
    }
}

/// Used resources, for JSON: bytes and seconds.
#[derive(Serialize)]
pub(crate) struct Shown {
    processes: usize,
    memory_bytes: u64,
    cpu_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<f64>,
    disk_bytes: u64,
}

impl Shown {
    pub(crate) fn new(used: Used, percent: Option<f64>, disk: Size) -> Self {
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        Self {
            processes: used.processes,
            memory_bytes: used.memory,
            cpu_seconds: rounded(used.processor.as_secs_f64()),
            cpu_percent: percent.map(rounded),
            disk_bytes: disk.bytes,
        }
    }
}

/// Memory for a table; nothing where no process runs.
pub(crate) fn memory(used: Used) -> String {
    if used.processes == 0 { String::new() } else { ui::size(used.memory) }
}

/// Processor time for a table: `0.4s`, `12s`, `3m 20s`, `1h 4m`.
pub(crate) fn processor(used: Used) -> String {
    if used.processes == 0 { String::new() } else { time(used.processor) }
}

fn time(time: Duration) -> String {
    match time.as_secs() {
        ..10 => format!("{:.1}s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_processor_are_short() {
        let times = [0, 9_940, 12_345, 200_000, 3_840_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(times, ["0.0s", "9.9s", "12s", "3m 20s", "1h 4m"]);
    }
}
