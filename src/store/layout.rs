//! Putting a plan's layout on disk, and holding one against the disk.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::removed_meanwhile;
use crate::model::{Failure, Layout, Link, Result, SeedFile};
use crate::os;

/// What in a layout is not as the plan has it, and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A file or directory stands where a link belongs.
    InPlaceOfLink(Link),
    /// A link that points somewhere else.
    OtherTarget(Link),
}

/// Makes what is missing of `layout`: directories (0700), links, files (0600). Idempotent. Nothing
/// that is there already is replaced, but for a link whose target is gone: what stands otherwise
/// than planned is returned, and stays.
///
/// Below the config directory of a session or profile only: the caller plans nothing elsewhere.
/// Refused, with nothing made, where the layout's base is gone.
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
                fs::remove_file(&link.path).map_err(failed)?;
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

/// What in `layout` stands on disk otherwise than planned. Changes nothing.
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

/// How a planned link stands on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As the plan has it.
    AsPlanned,
    /// Nothing is there.
    Missing,
    /// It leads to nothing.
    Dangling,
    /// Something else is there.
    Otherwise(Drift),
}

/// How `link` stands on disk. Changes nothing.
pub fn standing(link: &Link) -> Standing {
    match fs::read_link(&link.path) {
        Ok(target) if target == link.target => Standing::AsPlanned,
        Ok(_) if link.path.exists() => Standing::Otherwise(Drift::OtherTarget(link.clone())),
        Ok(_) => Standing::Dangling,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Standing::Missing,
        Err(_) => Standing::Otherwise(Drift::InPlaceOfLink(link.clone())),
    }
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
