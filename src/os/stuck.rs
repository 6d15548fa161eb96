//! Programs that wait for what never comes: a FIFO that nobody writes to, where a file was expected.

use std::io;
use std::process::{Child, Output};
use std::time::Duration;

/// Waits until `child` has ended, and returns what it wrote. Where it, and all that it started, does nothing at all for
/// `patience`, it is killed: `None`. Whoever waits for the disk, or looks now and then, is not stuck. Elsewhere than on
/// Linux, which says what each process does, it waits as long as it takes.
pub fn output_unless_stuck(child: Child, patience: Duration) -> io::Result<Option<Output>> {
    #[cfg(target_os = "linux")]
    {
        linux::output(child, patience)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = patience;
        child.wait_with_output().map(Some)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::process::{Child, Output};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    /// How often one looks within the time that is waited.
    const LOOKS: u32 = 5;

    pub(super) fn output(child: Child, patience: Duration) -> io::Result<Option<Output>> {
        let pid = child.id();
        // It cannot be another process's, whenever it is killed.
        let handle =
            Pid::from_raw(pid.cast_signed()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let Some(handle) = handle else { return child.wait_with_output().map(Some) };
        std::thread::scope(|scope| {
            let (ended, end) = channel::<()>();
            let watch = scope.spawn(move || {
                let (mut last, mut unchanged) = (None, 0);
                while end.recv_timeout(patience / LOOKS) == Err(RecvTimeoutError::Timeout) {
                    let now = at_rest(pid);
                    unchanged = if now.is_some() && now == last { unchanged + 1 } else { 0 };
                    last = now;
                    if unchanged == LOOKS {
                        return pidfd_send_signal(&handle, Signal::KILL).is_ok();
                    }
                }
                false
            });
            let output = child.wait_with_output();
            drop(ended);
            let was_killed = watch.join().unwrap_or_default();
            Ok((!was_killed).then_some(output?))
        })
    }

    /// Returns how often each thread of `pid`, and of what it started, has gone to sleep, if all of them sleep now in
    /// a way that a signal ends; `None` where one does something, waits for the disk, or the system does not say.
    fn at_rest(pid: u32) -> Option<Vec<(u32, String)>> {
        let mut threads = Vec::new();
        let mut processes = vec![pid];
        while let Some(pid) = processes.pop() {
            for name in crate::os::names_in(format!("/proc/{pid}/task").as_ref(), "").ok()? {
                let room = format!("/proc/{pid}/task/{name}");
                let status = std::fs::read_to_string(format!("{room}/status")).ok()?;
                let field =
                    |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                match field("State:")?.as_bytes().first()? {
                    // What has ended does nothing more, and is not waited for by itself.
                    b'Z' | b'X' => continue,
                    b'S' => {}
                    _ => return None,
                }
                threads.push((name.parse().ok()?, field("voluntary_ctxt_switches:")?.to_owned()));
                let children = std::fs::read_to_string(format!("{room}/children")).ok()?;
                processes.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
        }
        threads.sort_unstable();
        Some(threads)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(500);

    fn run(line: &str) -> Option<Output> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        output_unless_stuck(command.spawn().expect("started"), PATIENCE).expect("waited for")
    }

    #[test]
    fn what_waits_for_a_fifo_is_ended_and_what_is_only_slow_is_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .expect("a FIFO");
        let started = Instant::now();
        assert!(run(&format!("exec cat {}", fifo.display())).is_none(), "it waits for ever");
        assert!(run("exec sleep 60").is_none(), "it does nothing");
        assert!(started.elapsed() < Duration::from_secs(30));

        let slow = run("for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.1; done; echo said");
        assert_eq!(slow.expect("it did something now and then").stdout, b"said\n");
        let busy = run("( for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.1; done ) ; exit 3");
        assert_eq!(busy.expect("what it started did something").status.code(), Some(3));
        let quick = run("echo one; echo two >&2").expect("it ended");
        assert_eq!((&quick.stdout[..], &quick.stderr[..]), (&b"one\n"[..], &b"two\n"[..]));
    }
}
