//! The Claude processes that run in a config directory, read from the live files they keep there.

use serde::Deserialize;
use uuid::Uuid;

use super::ground::ConfigGround;
use crate::os::{self, EntryKind};

/// A running Claude process: what it says of itself in `sessions/<pid>.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its pid.
    pub pid: u32,
    /// The conversation it is in; `/clear` changes it in place.
    pub conversation: Option<Uuid>,
    /// `idle`, `busy`, `waiting`; absent in print mode and while the file is being rewritten.
    pub status: Option<String>,
    /// The thing it waits for, if it waits.
    pub waiting_for: Option<String>,
    /// True if the background daemon runs it, on purpose beside others (2.1.329).
    pub background: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveFile {
    pid: u32,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    proc_start: Option<serde_json::Value>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    waiting_for: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

/// Reads the Claude processes that run in a config directory now: those whose live file names
/// a process that runs and started when the file says.
///
/// Live files are rewritten in place, so one may be read half-written: then its pid, which is its name,
/// must do. Those of killed processes stay behind; they name nothing that runs.
pub fn live_in(ground: &ConfigGround) -> Vec<Live> {
    files_of(ground, &os::start_time)
}

/// Reads the live files on `ground`, whether their processes run or not: those of a sandbox have pids of their own,
/// and nobody outside can tell.
pub fn noted_in(ground: &ConfigGround) -> Vec<Live> {
    files_of(ground, &|_| Some(String::new()))
}

/// The most of a live file that is read. Claude's have some hundred bytes.
const LONGEST: u64 = 64 << 10;

/// The most live files that are read of one config directory. Nobody has as many Claudes in one.
const MOST: usize = 1000;

/// The most background jobs that are looked at in one config directory.
const MOST_JOBS: usize = 10_000;

/// Reads the live files of those processes of which `started` says when that was.
fn files_of(ground: &ConfigGround, started: &dyn Fn(u32) -> Option<String>) -> Vec<Live> {
    let Ok(Some(held)) = ground.at("sessions").hold() else { return Vec::new() };
    let Ok(entries) = held.entries() else { return Vec::new() };
    let mut live: Vec<Live> = entries
        .into_iter()
        .filter_map(|entry| {
            let pid: u32 = entry.name.to_str()?.strip_suffix(".json")?.parse().ok()?;
            // What has ended needs no reading, however many such files somebody left there.
            Some((pid, entry.name, started(pid)?))
        })
        .take(MOST)
        .filter_map(|(pid, name, now)| {
            let parsed: Option<LiveFile> = held
                .read(&name, LONGEST)
                .ok()
                .flatten()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let start = match parsed.as_ref().and_then(|file| file.proc_start.as_ref()) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(serde_json::Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            // Elsewhere than on Linux the file's start time is in other terms than ours.
            let start = if cfg!(target_os = "linux") { start } else { String::new() };
            let is_other = parsed.as_ref().is_some_and(|file| file.pid != pid);
            if is_other || !start.is_empty() && !now.is_empty() && start != now {
                return None;
            }
            let background =
                parsed.as_ref().is_some_and(|file| file.kind.as_deref().is_some_and(|kind| kind == "bg"));
            let (conversation, status, waiting_for) = match parsed {
                Some(file) => (file.session_id.and_then(|id| id.parse().ok()), file.status, file.waiting_for),
                None => (None, None, None),
            };
            Some(Live { pid, conversation, status, waiting_for, background })
        })
        .collect();
    live.sort_by_key(|live| live.pid);
    live
}

/// Returns the name of a background job on `ground` that has not ended, or does not say so. A job notes its end in
/// `jobs/<id>/state.json` (2.1.329).
pub fn pending_job(ground: &ConfigGround) -> Option<String> {
    const ENDED: &[&str] =
        &["stopped", "done", "completed", "failed", "killed", "cancelled", "canceled", "error", "exited"];
    let held = ground.at("jobs").hold().ok()??;
    let is_directory = |entry: &os::Entry| entry.kind == EntryKind::Directory;
    held.entries().ok()?.into_iter().filter(is_directory).take(MOST_JOBS).find_map(|job| {
        // A directory without a state has nothing to be waited for.
        let text = match held.hold(&job.name).and_then(|held| match held {
            Some(held) => held.read("state.json".as_ref(), LONGEST),
            None => Ok(None),
        }) {
            Ok(None) => return None,
            Ok(Some(text)) => text,
            Err(_) => Vec::new(),
        };
        let state = serde_json::from_slice::<serde_json::Value>(&text).ok();
        let state = state.as_ref().and_then(|state| state.get("state")).and_then(|state| state.as_str());
        let ended = state.is_some_and(|state| ENDED.contains(&state));
        (!ended).then(|| job.name.to_string_lossy().into_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn live_in(config: &Path) -> Vec<Live> {
        super::live_in(&ConfigGround::of_profile(config))
    }

    fn pending_job(config: &Path) -> Option<String> {
        super::pending_job(&ConfigGround::of_profile(config))
    }

    #[test]
    fn only_files_of_running_processes_count() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let sessions = dir.path().join("sessions");
        fs::create_dir(&sessions).expect("made");
        assert_eq!(live_in(dir.path()), []);
        let me = std::process::id();
        let start = os::start_time(me).expect("this process runs");
        let write = |name: String, text: String| fs::write(sessions.join(name), text).expect("written");
        write("999999999.json".into(), r#"{"pid":999999999,"procStart":"1"}"#.into());
        write(format!("{me}.hash.key"), "not a live file".into());
        assert_eq!(live_in(dir.path()), []);

        write(format!("{me}.json"), format!(r#"{{"pid":{me},"procStart":"{start}","status":"busy"}}"#));
        let live = live_in(dir.path());
        assert_eq!((live.len(), live[0].pid, live[0].status.as_deref()), (1, me, Some("busy")));
        assert_eq!(noted_in(&ConfigGround::of_profile(dir.path())).len(), 2, "whatever runs");

        write(format!("{me}.json"), format!(r#"{{"pid":{me},"sess"#));
        assert_eq!(live_in(dir.path()).len(), 1, "a torn file of a running process counts");
        if cfg!(target_os = "linux") {
            write(format!("{me}.json"), format!(r#"{{"pid":{me},"procStart":"1"}}"#));
            assert_eq!(live_in(dir.path()), [], "an earlier process of the same pid");
        }
    }

    #[test]
    fn a_job_that_works_or_does_not_say_is_waited_for() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let job = dir.path().join("jobs/0a1b2c3d");
        assert_eq!(pending_job(dir.path()), None);
        fs::create_dir_all(&job).expect("made");
        assert_eq!(pending_job(dir.path()), None);
        for (state, pending) in [
            (r#"{"state":"working"}"#, true),
            (r#"{"state":"stopped"}"#, false),
            (r#"{"state":"#, true),
            (r#"{"state":"something new"}"#, true),
            (r#"{"state":"completed"}"#, false),
        ] {
            fs::write(job.join("state.json"), state).expect("written");
            assert_eq!(pending_job(dir.path()).is_some(), pending, "{state}");
        }
    }
}
