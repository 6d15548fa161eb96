//! Putting a plan's layout on disk, and holding one against the disk.
//!
//! See docs/decisions/010-what-is-shared-is-noted-and-ones-own-stays-aside.md

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::manifest::{read_manifest, write_manifest};
use super::root::removed_meanwhile;
use crate::model::{Failure, Layout, Link, Manifest, ManifestPlace, Put, Result, SeedFile};
use crate::os::{self, Foreign, MOST_BYTES};

/// A path that is not as the plan has it, and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A file or directory stands where a link belongs.
    InPlaceOfLink(Link),
    /// A link that points somewhere else.
    OtherTarget(Link),
    /// A file that would gain something stays as it is: where Claude's lock on it belongs, something stands that is
    /// no such lock, and that Claude does not take away either.
    LockInTheWay {
        /// The file.
        file: PathBuf,
        /// The path of its lock.
        lock: PathBuf,
        /// What stands there, in words.
        what: &'static str,
    },
}

/// Makes what is missing of `layout`: directories (0700), links, files (0600). Idempotent. Returns what stands
/// otherwise than planned, which stays.
pub fn lay_out(layout: &Layout) -> Result<Vec<Drift>> {
    let Survey { lacking, mut drifts } = survey(layout)?;
    drifts.extend(put(layout, &lacking)?);
    Ok(drifts)
}

/// How the disk stands to a layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The changes towards the plan, in the order in which they are made.
    pub lacking: Vec<Put>,
    /// The things that stand otherwise than planned.
    pub drifts: Vec<Drift>,
}

/// Returns what the disk lacks of `layout`, and what stands there otherwise. Nothing that is there is lacking, but
/// for a link whose target is gone, and a link that is private by now and ours. Changes nothing. Fails where the system
/// cannot read which links are ours.
pub fn survey(layout: &Layout) -> Result<Survey> {
    // Below the base a link in a directory's place was made by somebody inside.
    let base = layout.base.as_deref().map(Foreign::ground);
    let missing = |path: &&PathBuf| match place(base.as_ref(), path) {
        Some(place) => !place.is_dir(),
        None => !path.is_dir(),
    };
    let directories = layout.directories.iter().filter(missing).cloned().map(Put::Directory);
    let mut survey = Survey { lacking: directories.collect(), drifts: Vec::new() };
    if let Some(place) = &layout.manifest {
        survey.lacking.extend(ours_among(place, &layout.private)?.into_iter().map(Put::TakeAway));
    }
    for link in &layout.links {
        match standing(link) {
            Standing::AsPlanned => {}
            Standing::Missing => survey.lacking.push(Put::Link(link.clone())),
            Standing::Dangling => survey.lacking.push(Put::Relink(link.clone())),
            Standing::Otherwise(drift) => survey.drifts.push(drift),
        }
    }
    survey.lacking.extend(layout.files.iter().cloned().map(Put::File));
    survey.lacking.extend(layout.outdated.iter().cloned().map(Put::Outdated));
    survey.lacking.extend(layout.settings.iter().cloned().map(Put::Settings));
    Ok(survey)
}

/// Puts `lacking`, what the disk lacks of `layout`, there. What somebody else put there meanwhile stays. Returns what
/// stands in the way of something that can wait.
///
/// The links about to be made are noted in the manifest first. Where no link is lacking, the manifest is neither
/// read nor written; one that is damaged is left as it is, and nothing is noted.
///
/// Below the config directory of a session or profile only: the caller plans nothing elsewhere. Refused where
/// the layout's base is gone.
pub fn put(layout: &Layout, lacking: &[Put]) -> Result<Vec<Drift>> {
    put_each(layout, lacking).map_err(|failure| match &layout.base {
        Some(base) if !os::is_dir(base) => removed_meanwhile(base),
        _ => failure,
    })
}

fn put_each(layout: &Layout, lacking: &[Put]) -> Result<Vec<Drift>> {
    let mut drifts = Vec::new();
    let base = layout.base.as_deref().map(Foreign::ground);
    let make_dirs = |path: &Path| match place(base.as_ref(), path) {
        Some(place) => place.make_dirs(),
        None => os::create_private_dirs(path),
    };
    let make = |link: &Link| {
        let failed = |error: std::io::Error| link_failed(link, &error);
        if let Some(parent) = link.path.parent() {
            make_dirs(parent).map_err(failed)?;
        }
        let made = match place(base.as_ref(), &link.path) {
            Some(place) => place.link(&link.target),
            None => os::make_link(&link.path, &link.target),
        };
        made.map(drop).map_err(failed)
    };
    for put in lacking {
        if let Put::Directory(path) = put {
            make_dirs(path).map_err(|error| Failure::io("create", path, &error))?;
        }
    }
    if let Some(place) = &layout.manifest {
        let gone = lacking.iter().filter_map(|put| match put {
            Put::TakeAway(link) => Some(link.clone()),
            _ => None,
        });
        take_away(place, &gone.collect::<Vec<_>>())?;
        note(place, layout, lacking)?;
    }
    for put in lacking {
        match put {
            Put::Directory(_) | Put::TakeAway(_) => {}
            Put::Link(link) => make(link)?,
            // A link whose target is gone hides nothing, so it may be made to point where it should.
            Put::Relink(link) => {
                if standing(link) == Standing::Dangling {
                    let removed = match place(base.as_ref(), &link.path) {
                        Some(place) => place.remove(),
                        None => os::remove_link(&link.path),
                    };
                    removed.map_err(|error| link_failed(link, &error))?;
                }
                make(link)?;
            }
            Put::File(file) => {
                let failed = |error| Failure::io("write", &file.path, &error);
                if let Some(parent) = file.path.parent().filter(|_| file.replaces.is_none()) {
                    make_dirs(parent).map_err(failed)?;
                }
                let place =
                    place(base.as_ref(), &file.path).unwrap_or_else(|| Foreign::in_its_directory(&file.path));
                drifts.extend(seed(file, &place)?);
            }
            Put::Outdated(path) => {
                os::remove_file(path).map_err(|error| Failure::io("remove", path, &error))?;
            }
            Put::Settings(file) => {
                let failed = |error| Failure::io("write", &file.path, &error);
                if let Some(parent) = file.path.parent() {
                    make_dirs(parent).map_err(failed)?;
                }
                if !os::publish_file(&file.path, file.content.as_bytes()).map_err(failed)? {
                    return Err(failed(std::io::Error::from(std::io::ErrorKind::AlreadyExists)));
                }
            }
        }
    }
    Ok(drifts)
}

/// Returns `path` as a place on the ground below `base`, that of a layout; `None` if it is not below that.
fn place(base: Option<&Foreign>, path: &Path) -> Option<Foreign> {
    base?.within(path)
}

fn link_failed(link: &Link, error: &std::io::Error) -> Failure {
    let failure = Failure::io("link", &link.path, error);
    // ERROR_PRIVILEGE_NOT_HELD
    if !cfg!(windows) || error.raw_os_error() != Some(1314) {
        return failure;
    }
    failure
        .hint("Windows lets you make links in Developer Mode: Settings, System, For developers")
        .hint("without links, share nothing: cs --bare NAME")
}

/// Notes the links that are made next, and the servers of a state file that is made.
fn note(place: &ManifestPlace, layout: &Layout, lacking: &[Put]) -> Result<()> {
    let links: Vec<(String, &Link)> = lacking
        .iter()
        .filter_map(|put| match put {
            Put::Link(link) | Put::Relink(link) => Some((place.name_of(&link.path)?, link)),
            _ => None,
        })
        .collect();
    if links.is_empty() && layout.servers.is_empty() {
        return Ok(());
    }
    let Some(mut manifest) = whole_manifest(place)? else { return Ok(()) };
    let before = manifest.clone();
    for (name, link) in links {
        manifest.note(&name, &link.target);
    }
    // A state file that is made now has these servers and no others.
    if !layout.servers.is_empty() {
        manifest.servers.clone_from(&layout.servers);
    }
    if manifest == before { Ok(()) } else { write_manifest(&place.file, &manifest) }
}

/// Returns those of `paths` that are links of ours: the manifest names them, and they point where it
/// says. None where it is damaged; fails where the system cannot read it.
pub fn ours_among(place: &ManifestPlace, paths: &[PathBuf]) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for path in paths {
        let target = os::link_at(path).map_err(|error| Failure::io("read", path, &error))?;
        links.extend(target.map(|target| Link { target, path: path.clone() }));
    }
    if links.is_empty() {
        return Ok(links);
    }
    let Some(manifest) = whole_manifest(place)? else { return Ok(Vec::new()) };
    let is_ours =
        |link: &Link| place.name_of(&link.path).is_some_and(|name| manifest.has(&name, &link.target));
    Ok(links.into_iter().filter(is_ours).collect())
}

/// Reads the manifest; `None` where it is damaged. Fails where the system cannot read it.
fn whole_manifest(place: &ManifestPlace) -> Result<Option<Manifest>> {
    match read_manifest(&place.file) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(damage) if damage.is_unread() => super::manifest(place).map(Some),
        Err(_) => Ok(None),
    }
}

/// Removes links of ours, from the disk and from the manifest. A link that points somewhere else by now
/// stays.
pub fn take_away(place: &ManifestPlace, links: &[Link]) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let Some(mut manifest) = whole_manifest(place)? else { return Ok(()) };
    for link in links {
        if fs::read_link(&link.path).is_ok_and(|target| target == link.target) {
            let ground = place.file.parent().unwrap_or(&place.config);
            Foreign::at(ground, &link.path)
                .remove()
                .map_err(|error| Failure::io("remove", &link.path, &error))?;
        }
        if let Some(name) = place.name_of(&link.path) {
            manifest.links.remove(&name);
        }
    }
    write_manifest(&place.file, &manifest)
}

/// Brings the manifest up to date: adds links that stand exactly as planned, as in a session that was
/// made before there was a manifest, and drops those that are gone. Fails if the manifest is damaged; it
/// then stays.
pub fn note_standing(layout: &Layout) -> Result<()> {
    let Some(place) = &layout.manifest else { return Ok(()) };
    let mut manifest = super::manifest(place)?;
    let before = manifest.clone();
    // What somebody took away is not ours any more, should it come back.
    manifest.links.retain(|name, _| os::exists(&place.config.join(name)));
    for link in &layout.links {
        if let (Standing::AsPlanned, Some(name)) = (standing(link), place.name_of(&link.path)) {
            manifest.note(&name, &link.target);
        }
    }
    if manifest == before { Ok(()) } else { write_manifest(&place.file, &manifest) }
}

/// How a planned link stands on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as the plan has it.
    AsPlanned,
    /// Nothing is there.
    Missing,
    /// It leads to nothing.
    Dangling,
    /// Something else is there.
    Otherwise(Drift),
}

/// Looks at `link` on disk. Changes nothing.
pub fn standing(link: &Link) -> Standing {
    match fs::read_link(&link.path) {
        Ok(target) if target == link.target => Standing::AsPlanned,
        // One of which the system cannot say where it leads is not taken for a dangling one, and stays.
        Ok(_) if link.path.try_exists().unwrap_or(true) => {
            Standing::Otherwise(Drift::OtherTarget(link.clone()))
        }
        Ok(_) => Standing::Dangling,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Standing::Missing,
        Err(_) => Standing::Otherwise(Drift::InPlaceOfLink(link.clone())),
    }
}

/// What was found where Claude's lock on a file belongs.
enum Guard {
    /// Nothing: it may be made.
    Free,
    /// Its maker lives, or may.
    Held,
    /// A directory whose maker died with it: living ones touch it every few seconds.
    LeftBehind,
    /// No lock at all.
    InTheWay(&'static str),
}

fn guard_at(path: &Path) -> Guard {
    const STALE: Duration = Duration::from_secs(10);
    match os::look(path) {
        Ok(None) => Guard::Free,
        Ok(Some(about)) if about.is_symlink() => Guard::InTheWay("a link"),
        Ok(Some(about)) if !about.is_dir() => Guard::InTheWay("a file"),
        Ok(Some(about)) => {
            let touched = about.modified().ok().and_then(|then| then.elapsed().ok());
            if touched.is_some_and(|age| age > STALE) { Guard::LeftBehind } else { Guard::Held }
        }
        Err(_) => Guard::Held,
    }
}

/// Takes Claude's lock on a file: a directory at `guard` (proper-lockfile, stale after ten seconds; 2.1.197). Waits for
/// it a moment. Returns what is in its way for good, if it was not taken.
///
/// Claude (2.1.329, by experiment) writes without a lock where a file or a directory that is not empty stands there, and
/// not at all where a link does. This one never writes without.
fn take_guard(guard: &Path) -> std::io::Result<Result<(), Option<&'static str>>> {
    let deadline = Instant::now() + Duration::from_millis(500);
    loop {
        match fs::create_dir(guard) {
            Ok(()) => return Ok(Ok(())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        match guard_at(guard) {
            Guard::InTheWay(what) => return Ok(Err(Some(what))),
            Guard::LeftBehind => match fs::remove_dir(guard) {
                Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                    return Ok(Err(Some("a directory with something in it")));
                }
                _ => {}
            },
            Guard::Free | Guard::Held => {}
        }
        if Instant::now() > deadline {
            return Ok(Err(None));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Makes `file`, which is `place`, or adds to it what it lacks. That can wait for the next launch, if its lock is not to
/// be had; what is in the way of the lock for good is returned.
fn seed(file: &SeedFile, place: &Foreign) -> Result<Option<Drift>> {
    let failed = |error| Failure::io("write", &file.path, &error);
    let Some(expected) = &file.replaces else {
        place.publish(&file.content).map_err(failed)?;
        return Ok(None);
    };
    let mut guard = file.path.clone().into_os_string();
    guard.push(".lock");
    let guard = PathBuf::from(guard);
    match take_guard(&guard).map_err(|error| Failure::io("lock", &file.path, &error))? {
        Ok(()) => {}
        Err(None) => return Ok(None),
        Err(Some(what)) => {
            return Ok(Some(Drift::LockInTheWay { file: file.path.clone(), lock: guard, what }));
        }
    }
    let write = || {
        let unchanged = place.read(MOST_BYTES)?.as_ref() == Some(expected);
        if unchanged { place.replace(&file.content) } else { Ok(()) }
    };
    let written = write();
    let _ = fs::remove_dir(&guard);
    written.map(|()| None).map_err(failed)
}
