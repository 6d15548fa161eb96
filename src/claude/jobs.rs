//! Background jobs, as far as they keep what they were started with.
//!
//! See docs/decisions/016-settings-that-a-person-names-go-into-a-private-file.md

use std::io::Read;
use std::path::Path;

use crate::os;

/// The most jobs that are looked at, and the longest note of one that is read. Where there is more, nothing is known,
/// and everything may be kept.
const MOST: usize = 1000;
const LONGEST: u64 = 4 << 20;

/// Returns those of `names`, of files of settings, that a background job in the config directory `config` is started
/// with again, which stands in `jobs/<id>/state.json` (2.1.329). A program in the session writes there too: what it
/// writes keeps a file where it is, and no more.
pub fn kept_by_jobs(config: &Path, names: &[String]) -> Vec<String> {
    let jobs = config.join("jobs");
    let found = os::names_in(&jobs, "");
    if found.len() > MOST {
        return names.to_vec();
    }
    let mut kept = Vec::new();
    for job in found {
        let Some(note) = note_of(&jobs.join(job).join("state.json")) else { return names.to_vec() };
        let in_note = |name: &&String| holds(&note, name.as_bytes());
        kept.extend(names.iter().filter(in_note).cloned());
    }
    kept
}

/// Returns the note of a job, empty where there is none; `None` if it cannot be read or is too long.
fn note_of(path: &Path) -> Option<Vec<u8>> {
    let mut note = Vec::new();
    match os::open_regular(path) {
        Ok(file) => {
            file.take(LONGEST + 1).read_to_end(&mut note).ok()?;
            (note.len() as u64 <= LONGEST).then_some(note)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(note),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Some(note),
        Err(_) => None,
    }
}

fn holds(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_job_is_started_with_again_is_kept() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let names = ["a.json".to_owned(), "b.json".to_owned()];
        assert_eq!(kept_by_jobs(dir.path(), &names), [""; 0], "there are no jobs");
        let job = dir.path().join("jobs/0a1b2c3d");
        fs::create_dir_all(&job).expect("made");
        fs::write(dir.path().join("jobs/pins.json"), "[\"a.json\"]").expect("written");
        assert_eq!(kept_by_jobs(dir.path(), &names), [""; 0], "it has no state yet");
        let state = r#"{"state":"stopped","respawnFlags":["--settings","/s/settings/b.json"]}"#;
        fs::write(job.join("state.json"), state).expect("written");
        assert_eq!(kept_by_jobs(dir.path(), &names), ["b.json"]);
        fs::remove_file(job.join("state.json")).expect("removed");
        fs::create_dir(job.join("state.json")).expect("made");
        assert_eq!(kept_by_jobs(dir.path(), &names), names, "what cannot be read may name any of them");
    }
}
