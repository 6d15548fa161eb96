//! Putting a plan's layout on disk, and holding one against the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::manifest::{read_manifest, write_manifest};
use super::root::removed_meanwhile;
use crate::model::{Failure, Layout, Link, ManifestPlace, Result, SeedFile};
use crate::os;

/// A path that is not as the plan has it, and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A file or directory stands where a link belongs.
    InPlaceOfLink(Link),
    /// A link that points somewhere else.
    OtherTarget(Link),
}

/// Makes the missing directories (0700), links and files (0600) of `layout`. Idempotent. Replaces nothing
/// that is there already, but for a link whose target is gone. Returns the paths that stand otherwise
/// than planned; they stay. Removes links that are private by now, if they are ours.
///
/// Notes in the manifest first what it is about to make. If nothing is missing, it neither reads nor
/// writes the manifest; a manifest that cannot be read is left as it is, and nothing is noted.
///
/// Below the config directory of a session or profile only: the caller plans nothing elsewhere. Refuses,
/// with nothing made, if the layout's base is gone.
pub fn lay_out(layout: &Layout) -> Result<Vec<Drift>> {
    make(layout).map_err(|failure| match &layout.base {
        Some(base) if !os::is_dir(base) => removed_meanwhile(base),
        _ => failure,
    })
}

fn make(layout: &Layout) -> Result<Vec<Drift>> {
    let make_dirs = |path: &Path| match &layout.base {
        Some(base) if path == base => Ok(()),
        Some(base) if path.starts_with(base) => os::create_private_dirs_below(base, path),
        _ => os::create_private_dirs(path),
    };
    for directory in &layout.directories {
        make_dirs(directory).map_err(|error| Failure::io("create", directory, &error))?;
    }
    if let Some(place) = &layout.manifest {
        let ours = ours_among(place, &layout.private);
        take_away(place, &ours)?;
        note(place, layout)?;
    }
    let mut drifts = Vec::new();
    for link in &layout.links {
        let failed = |error: std::io::Error| {
            let failure = Failure::io("link", &link.path, &error);
            // ERROR_PRIVILEGE_NOT_HELD
            if !cfg!(windows) || error.raw_os_error() != Some(1314) {
                return failure;
            }
            failure
                .hint("Windows lets you make links in Developer Mode: Settings, System, For developers")
                .hint("without links, share nothing: cs --bare NAME")
        };
        match standing(link) {
            Standing::AsPlanned => {}
            Standing::Missing => {
                if let Some(parent) = link.path.parent() {
                    make_dirs(parent).map_err(failed)?;
                }
                os::make_link(&link.path, &link.target).map_err(failed)?;
            }
            // A link whose target is gone hides nothing, so it may be made to point where it should.
            Standing::Dangling => {
                os::remove_link(&link.path).map_err(failed)?;
                os::make_link(&link.path, &link.target).map_err(failed)?;
            }
            Standing::Otherwise(drift) => drifts.push(drift),
        }
    }
    for file in &layout.files {
        let failed = |error| Failure::io("write", &file.path, &error);
        if let Some(parent) = file.path.parent().filter(|_| file.replaces.is_none()) {
            make_dirs(parent).map_err(failed)?;
        }
        seed(file)?;
    }
    Ok(drifts)
}

/// Notes what `layout` lacks, before it is made.
fn note(place: &ManifestPlace, layout: &Layout) -> Result<()> {
    let lacking = |link: &&Link| matches!(standing(link), Standing::Missing | Standing::Dangling);
    let links: Vec<(String, &Link)> = layout
        .links
        .iter()
        .filter(lacking)
        .filter_map(|link| Some((place.name_of(&link.path)?, link)))
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
            os::remove_link(&link.path).map_err(|error| Failure::io("remove", &link.path, &error))?;
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

/// Returns the links of `layout` that are missing, or whose target is gone.
pub fn lacking(layout: &Layout) -> Vec<Link> {
    let lacks = |link: &&Link| matches!(standing(link), Standing::Missing | Standing::Dangling);
    layout.links.iter().filter(lacks).cloned().collect()
}

/// Returns the paths of `layout` that stand on disk otherwise than planned. Changes nothing.
pub fn survey(layout: &Layout) -> Vec<Drift> {
    layout
        .links
        .iter()
        .filter_map(|link| match standing(link) {
            Standing::Otherwise(drift) => Some(drift),
            _ => None,
        })
        .collect()
}

/// The state of a planned link on disk.
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

fn seed(file: &SeedFile) -> Result<()> {
    let failed = |error| Failure::io("write", &file.path, &error);
    let Some(expected) = &file.replaces else {
        os::publish_file(&file.path, &file.content).map_err(failed)?;
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
    let unchanged = os::read_optional(&file.path).map_err(failed)?.as_deref() == Some(expected);
    let written = if unchanged { os::replace_file(&file.path, &file.content, true) } else { Ok(()) };
    let _ = fs::remove_dir(&guard);
    written.map_err(failed)
}
