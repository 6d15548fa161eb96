//! Putting a plan's layout on disk, and holding one against the disk.
//!
//! See docs/decisions/010-what-is-shared-is-noted-and-ones-own-stays-aside.md

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::manifest::{read_manifest, write_manifest};
use super::root::removed_meanwhile;
use crate::model::{Failure, Layout, Link, ManifestPlace, Put, Result, SeedFile};
use crate::os::{self, Foreign, MOST_BYTES};

/// A path that is not as the plan has it, and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A file or directory stands where a link belongs.
    InPlaceOfLink(Link),
    /// A link that points somewhere else.
    OtherTarget(Link),
}

/// Makes what is missing of `layout`: directories (0700), links, files (0600). Idempotent. Returns what stands
/// otherwise than planned, which stays.
pub fn lay_out(layout: &Layout) -> Result<Vec<Drift>> {
    let survey = survey(layout);
    put(layout, &survey.lacking)?;
    Ok(survey.drifts)
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
/// for a link whose target is gone, and a link that is private by now and ours. Changes nothing.
pub fn survey(layout: &Layout) -> Survey {
    // Below the base a link in a directory's place was made by somebody inside.
    let base = layout.base.as_deref().map(Foreign::ground);
    let missing = |path: &&PathBuf| match place(base.as_ref(), path) {
        Some(place) => !place.is_dir(),
        None => !path.is_dir(),
    };
    let directories = layout.directories.iter().filter(missing).cloned().map(Put::Directory);
    let mut survey = Survey { lacking: directories.collect(), drifts: Vec::new() };
    if let Some(place) = &layout.manifest {
        survey.lacking.extend(ours_among(place, &layout.private).into_iter().map(Put::TakeAway));
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
    survey
}

/// Puts `lacking`, what the disk lacks of `layout`, there. What somebody else put there meanwhile stays.
///
/// The links about to be made are noted in the manifest first. Where no link is lacking, the manifest is neither
/// read nor written; one that cannot be read is left as it is, and nothing is noted.
///
/// Below the config directory of a session or profile only: the caller plans nothing elsewhere. Refused where
/// the layout's base is gone.
pub fn put(layout: &Layout, lacking: &[Put]) -> Result<()> {
    put_each(layout, lacking).map_err(|failure| match &layout.base {
        Some(base) if !os::is_dir(base) => removed_meanwhile(base),
        _ => failure,
    })
}

fn put_each(layout: &Layout, lacking: &[Put]) -> Result<()> {
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
                seed(file, &place(base.as_ref(), &file.path).unwrap_or_else(|| beside(&file.path)))?;
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
    Ok(())
}

/// Returns `path` as a place on the ground below `base`, that of a layout; `None` if it is not below that.
fn place(base: Option<&Foreign>, path: &Path) -> Option<Foreign> {
    base?.within(path)
}

/// Returns `path` as a place in its directory, which is none of a session.
fn beside(path: &Path) -> Foreign {
    match (path.parent(), path.file_name()) {
        (Some(above), Some(name)) => Foreign::ground(above).join(name),
        _ => Foreign::ground(path),
    }
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
    let Ok(mut manifest) = read_manifest(&place.file) else { return Ok(()) };
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
/// says.
pub fn ours_among(place: &ManifestPlace, paths: &[PathBuf]) -> Vec<Link> {
    let links: Vec<Link> = paths
        .iter()
        .filter_map(|path| Some(Link { target: fs::read_link(path).ok()?, path: path.clone() }))
        .collect();
    if links.is_empty() {
        return links;
    }
    let Ok(manifest) = read_manifest(&place.file) else { return Vec::new() };
    let is_ours =
        |link: &Link| place.name_of(&link.path).is_some_and(|name| manifest.has(&name, &link.target));
    links.into_iter().filter(is_ours).collect()
}

/// Removes links of ours, from the disk and from the manifest. A link that points somewhere else by now
/// stays.
pub fn take_away(place: &ManifestPlace, links: &[Link]) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let Ok(mut manifest) = read_manifest(&place.file) else { return Ok(()) };
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
        Ok(_) if link.path.exists() => Standing::Otherwise(Drift::OtherTarget(link.clone())),
        Ok(_) => Standing::Dangling,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Standing::Missing,
        Err(_) => Standing::Otherwise(Drift::InPlaceOfLink(link.clone())),
    }
}

/// Returns true if the maker of this lock of Claude's died with it: living ones touch it every few
/// seconds.
fn is_stale(guard: &std::ffi::OsStr) -> bool {
    let touched = Path::new(guard).symlink_metadata().and_then(|about| about.modified());
    touched.is_ok_and(|then| then.elapsed().is_ok_and(|age| age > Duration::from_secs(10)))
}

fn seed(file: &SeedFile, place: &Foreign) -> Result<()> {
    let failed = |error| Failure::io("write", &file.path, &error);
    let Some(expected) = &file.replaces else {
        place.publish(&file.content).map_err(failed)?;
        return Ok(());
    };
    // Claude Code guards its state file by a directory of this name (proper-lockfile, stale after
    // ten seconds; 2.1.197). Whoever has it is writing: what we would add can wait for the next
    // launch.
    let mut guard = file.path.clone().into_os_string();
    guard.push(".lock");
    let deadline = Instant::now() + Duration::from_millis(500);
    while let Err(error) = fs::create_dir(&guard) {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            return Err(Failure::io("lock", &file.path, &error));
        }
        if is_stale(&guard) {
            let _ = fs::remove_dir(&guard);
            continue;
        }
        if Instant::now() > deadline {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let unchanged = place.read(MOST_BYTES).map(|there| there.as_ref() == Some(expected));
    let written = match unchanged {
        Ok(true) => place.replace(&file.content),
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    let _ = fs::remove_dir(&guard);
    written.map_err(failed)
}
