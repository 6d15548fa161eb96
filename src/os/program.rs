//! Programs, found where no session can have put them.
//!
//! A directory that a session works in is often on `PATH`: an activated virtual environment, `PATH_add` of direnv,
//! `.`. What lies there was written by Claude, or by what it ran. `cs` runs none of it by itself.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{exists, real_path};

/// The directories that sessions work in, as far as this process has come across them.
static OF_SESSIONS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The directories in which there is one for each session, named by its id.
static OF_ALL_SESSIONS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Has no program be taken from below `directory`, which a session can write, or from the checkouts it lies in.
/// Makes no system call.
pub fn take_no_program_from(directory: &Path) {
    note(&OF_SESSIONS, directory);
}

/// Has no program be taken from below `directory`, which has a directory for each session, named by its id. Makes no
/// system call.
pub fn take_no_program_of_sessions_in(directory: &Path) {
    note(&OF_ALL_SESSIONS, directory);
}

fn note(places: &Mutex<Vec<PathBuf>>, directory: &Path) {
    if let Ok(mut known) = places.lock()
        && !known.iter().any(|other| other == directory)
    {
        known.push(directory.to_path_buf());
    }
}

/// A program that is on `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it was found.
    pub path: PathBuf,
    /// Where that leads.
    pub real: PathBuf,
    /// The directory of a session that it is a link into, from outside.
    pub leads_into: Option<PathBuf>,
}

/// A program that was found and not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Where it is.
    pub program: PathBuf,
    /// The directory that a session can write; `None` where the entry of `PATH` is relative.
    pub below: Option<PathBuf>,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not taken: ", self.program.display())?;
        match &self.below {
            Some(below) => write!(f, "a session can write it (in {})", below.display()),
            None => f.write_str("its entry of PATH is relative"),
        }
    }
}

/// Returns the first program `name` on `path` (a value of `PATH`) that `accept` takes. Relative and empty entries are
/// skipped, and so is what a session can write: what lies in the checkout of the current directory, or where
/// [`take_no_program_from`] says. Fails with the first program that was skipped for that, if there was one.
pub fn find_program(
    name: impl AsRef<OsStr>,
    path: Option<&OsStr>,
    mut accept: impl FnMut(&Candidate) -> bool,
) -> Result<PathBuf, Option<PassedOver>> {
    let name = name.as_ref();
    let (mut skipped, mut ground) = (None, None);
    for entry in path.map(std::env::split_paths).into_iter().flatten() {
        if !entry.is_absolute() {
            let here = || super::current_directory().ok().map(|here| here.join(&entry));
            let found = skipped.is_none().then(here).flatten().and_then(|place| in_directory(name, &place));
            skipped = skipped.or(found.map(|program| PassedOver { program, below: None }));
            continue;
        }
        let Some(path) = in_directory(name, &entry) else { continue };
        let ground = ground.get_or_insert_with(ground_of_sessions);
        match placed(path, ground) {
            Ok(candidate) if accept(&candidate) => return Ok(candidate.path),
            Ok(Candidate { path, leads_into: Some(below), .. }) => {
                skipped = skipped.or(Some(PassedOver { program: path, below: Some(below) }));
            }
            Ok(_) => {}
            Err(not_taken) => skipped = skipped.or(Some(not_taken)),
        }
    }
    Err(skipped)
}

/// Returns true for a candidate that nothing speaks against: no link leads from it to where a session can write.
pub fn is_out_of_reach(candidate: &Candidate) -> bool {
    candidate.leads_into.is_none()
}

/// Returns `path` (a value of `PATH`) without the entries that are relative, or that a session can write.
pub fn path_out_of_reach(path: &OsStr) -> OsString {
    let ground = [ground_of_sessions(), places_of_all_sessions()].concat();
    let is_fit = |entry: &PathBuf| {
        let real = real_path(entry);
        entry.is_absolute() && real.is_ok_and(|real| !ground.iter().any(|place| real.starts_with(place)))
    };
    std::env::join_paths(std::env::split_paths(path).filter(is_fit)).unwrap_or_default()
}

fn in_directory(name: &OsStr, directory: &Path) -> Option<PathBuf> {
    which::which_in(name, Some(directory), "/").ok()
}

/// Says where a program that was found lies.
fn placed(path: PathBuf, ground: &[PathBuf]) -> Result<Candidate, PassedOver> {
    let (real, on_the_way) = way_to(&path);
    let named_by_id = |path: &Path| path.iter().any(|part| part.to_str().is_some_and(is_id));
    let of_all = if on_the_way.iter().chain([&path, &real]).any(|path| named_by_id(path)) {
        places_of_all_sessions()
    } else {
        Vec::new()
    };
    let below = |place: &Path| ground.iter().chain(&of_all).find(|ground| place.starts_with(ground));
    let Some(inside) = below(&real).or_else(|| on_the_way.iter().find_map(|link| below(link))).cloned()
    else {
        return Ok(Candidate { path, real, leads_into: None });
    };
    let entry = path.parent().map(|entry| real_path(entry).unwrap_or_else(|_| entry.to_path_buf()));
    match entry.as_deref().and_then(below) {
        Some(ground) => Err(PassedOver { below: Some(ground.clone()), program: path }),
        None => Ok(Candidate { path, real, leads_into: Some(inside) }),
    }
}

/// Returns where `path` leads, and the links it goes through.
fn way_to(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    #[cfg(unix)]
    if let Ok((real, links)) = super::trail(path) {
        return (real, links.into_iter().map(|(link, _)| link).collect());
    }
    (real_path(path).unwrap_or_else(|_| path.to_path_buf()), Vec::new())
}

/// Returns the real directories that a session can write, as far as they are known: what a session was found to work
/// in, and the checkouts which that and the current directory lie in. The home directory, and what it lies in, is none
/// of them: it would be all there is.
fn ground_of_sessions() -> Vec<PathBuf> {
    let here = super::current_directory().ok();
    let mut homes: Vec<PathBuf> = ["HOME", "USERPROFILE", "CS_REAL_HOME"]
        .into_iter()
        .filter_map(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
        .collect();
    // What the current directory is below of has no link in it.
    let is_real = |home: &&PathBuf| here.as_ref().is_some_and(|here| here.starts_with(home));
    let real: Vec<PathBuf> =
        homes.iter().filter(|home| !is_real(home)).filter_map(|home| real_path(home).ok()).collect();
    homes.extend(real);
    let is_all = |place: &Path| place.parent().is_none() || homes.iter().any(|home| home.starts_with(place));
    let known = OF_SESSIONS.lock().map(|known| known.clone()).unwrap_or_default();
    let mut ground: Vec<PathBuf> = Vec::new();
    let mut add = |place: &Path| {
        if !ground.iter().any(|known| known == place) {
            ground.push(place.to_path_buf());
        }
    };
    let places = known.iter().filter(|place| here.as_ref() != Some(place));
    let places = places.map(|place| (real_path(place).unwrap_or_else(|_| place.clone()), true));
    let is_of_session = here.as_ref().is_some_and(|here| known.contains(here));
    for (place, is_of_session) in here.iter().map(|here| (here.clone(), is_of_session)).chain(places) {
        for above in place.ancestors().take_while(|above| !is_all(above)) {
            if (is_of_session && above == place) || exists(&above.join(".git")) {
                add(above);
            }
        }
    }
    ground
}

/// Returns the real directories in which there is one for each session.
fn places_of_all_sessions() -> Vec<PathBuf> {
    let known = OF_ALL_SESSIONS.lock().map(|known| known.clone()).unwrap_or_default();
    known.into_iter().flat_map(|place| real_path(&place).ok().into_iter().chain([place])).collect()
}

/// Returns true for what could be the id of a session.
fn is_id(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn program(path: &Path) {
        std::fs::create_dir_all(path.parent().expect("in a directory")).expect("made");
        std::fs::write(path, "#!/bin/sh\n").expect("written");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("set");
    }

    fn path(entries: &[&Path]) -> OsString {
        std::env::join_paths(entries).expect("no colon")
    }

    #[test]
    fn what_a_session_can_write_is_skipped_and_the_next_one_taken() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().canonicalize().expect("it exists");
        let (project, bin) = (base.join("project"), base.join("bin"));
        let (inside, outside) = (project.join(".venv/bin/tool"), bin.join("tool"));
        program(&inside);
        program(&outside);
        program(&project.join("only"));
        std::fs::create_dir(base.join("links")).expect("made");
        symlink(project.join(".venv"), base.join("venv")).expect("linked");
        symlink(&inside, base.join("links/tool")).expect("linked");
        std::fs::create_dir(project.join("out")).expect("made");
        symlink(&outside, project.join("out/tool")).expect("linked");
        let find = |entries: &[&Path]| find_program("tool", Some(&path(entries)), is_out_of_reach);

        assert_eq!(
            find(&[inside.parent().expect("one"), &bin]),
            Ok(inside.clone()),
            "the control: not known yet"
        );
        take_no_program_from(&project.join("src"));
        assert_eq!(find(&[inside.parent().expect("one"), &bin]), Ok(inside.clone()), "a directory beside");
        std::fs::create_dir(project.join(".git")).expect("made");
        for entry in
            [project.join(".venv/bin"), base.join("venv/bin"), base.join("links"), project.join("out")]
        {
            assert_eq!(find(&[&entry, &bin]), Ok(outside.clone()), "{}", entry.display());
            let alone = find(&[&entry]).expect_err("there is no other").expect("it is named");
            assert_eq!((&alone.program, &alone.below), (&entry.join("tool"), &Some(project.clone())));
        }
        let dotted = bin.join("../project/.venv/bin");
        assert_eq!(find(&[&dotted, &bin]), Ok(outside.clone()));
        let linked = find_program("tool", Some(&path(&[&base.join("links")])), |_| true);
        assert_eq!(linked, Ok(base.join("links/tool")), "the caller decides on a link from outside");
        assert_eq!(find(&[Path::new(""), Path::new("."), Path::new("bin"), &bin]), Ok(outside.clone()));

        let own = base.join("data/sessions/0189f7a0-0000-7000-8000-000000000000/claude/bin");
        program(&own.join("tool"));
        symlink(base.join("data"), base.join("linked-data")).expect("linked");
        let by_link = base.join("linked-data").join(own.strip_prefix(base.join("data")).expect("below"));
        assert_eq!(find(&[&own, &bin]), Ok(own.join("tool")), "the control: not known yet");
        take_no_program_of_sessions_in(&base.join("linked-data/sessions"));
        assert_eq!(
            (find(&[&own, &bin]), find(&[&by_link, &bin])),
            (Ok(outside.clone()), Ok(outside.clone()))
        );

        let kept = path_out_of_reach(&path(&[
            Path::new("."),
            &project.join(".venv/bin"),
            &base.join("venv/bin"),
            &bin,
        ]));
        assert_eq!(kept, bin.into_os_string());
    }

    #[test]
    fn why_a_program_is_not_taken_is_said_in_a_line() {
        let relative = PassedOver { program: "/p/git".into(), below: None };
        assert_eq!(relative.to_string(), "/p/git is not taken: its entry of PATH is relative");
        let written = PassedOver { program: "/p/bin/git".into(), below: Some("/p".into()) };
        assert_eq!(written.to_string(), "/p/bin/git is not taken: a session can write it (in /p)");
    }
}
