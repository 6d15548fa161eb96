//! Background jobs, as far as they keep what they were started with.
//!
//! See docs/decisions/016-settings-that-a-person-names-go-into-a-private-file.md

use super::ground::ConfigGround;
use crate::os::EntryKind;

/// The most jobs that are looked at, and the longest note of one that is read. Where there is more, nothing is known,
/// and everything may be kept.
const MOST: usize = 1000;
const LONGEST: u64 = 4 << 20;

/// Returns those of `names`, of files of settings, that a background job on `ground` is started
/// with again, which stands in `jobs/<id>/state.json` (2.1.329). A program in the session writes there too: what it
/// writes keeps a file where it is, and no more. All of them where that cannot be read.
pub fn kept_by_jobs(ground: &ConfigGround, names: &[String]) -> Vec<String> {
    let all = || names.to_vec();
    let jobs = match ground.at("jobs").hold() {
        Ok(Some(jobs)) => jobs,
        Ok(None) => return Vec::new(),
        Err(_) => return all(),
    };
    let Ok(found) = jobs.entries() else { return all() };
    if found.len() > MOST {
        return all();
    }
    let mut kept = Vec::new();
    for job in found.iter().filter(|job| job.kind == EntryKind::Directory) {
        let note = match jobs.hold(&job.name).and_then(|job| match job {
            Some(job) => job.read("state.json".as_ref(), LONGEST),
            None => Ok(None),
        }) {
            Ok(Some(note)) => note,
            Ok(None) => continue,
            Err(_) => return all(),
        };
        let is_in = |name: &&String| holds(&note, name.as_bytes());
        kept.extend(names.iter().filter(is_in).cloned());
    }
    kept
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
        assert_eq!(kept_by_jobs(&ConfigGround::of_profile(dir.path()), &names), [""; 0], "there are no jobs");
        let job = dir.path().join("jobs/0a1b2c3d");
        fs::create_dir_all(&job).expect("made");
        fs::write(dir.path().join("jobs/pins.json"), "[\"a.json\"]").expect("written");
        assert_eq!(
            kept_by_jobs(&ConfigGround::of_profile(dir.path()), &names),
            [""; 0],
            "it has no state yet"
        );
        let state = r#"{"state":"stopped","respawnFlags":["--settings","/s/settings/b.json"]}"#;
        fs::write(job.join("state.json"), state).expect("written");
        assert_eq!(kept_by_jobs(&ConfigGround::of_profile(dir.path()), &names), ["b.json"]);
        fs::remove_file(job.join("state.json")).expect("removed");
        fs::create_dir(job.join("state.json")).expect("made");
        assert_eq!(
            kept_by_jobs(&ConfigGround::of_profile(dir.path()), &names),
            names,
            "what cannot be read may name any of them"
        );
    }
}
