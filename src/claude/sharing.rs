//! The items of a config directory that can be shared.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Failure, Result, SeedFile, Share};
use crate::os::{self, EntryKind, Foreign};

/// One shared item that exists: its name in a config directory, and the real path behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// `skills`, `settings.json`, …
    pub item: &'static str,
    /// Its real path. Claude follows one link when it rewrites `settings.json`, so a link to a link would
    /// be replaced; ours always point to the end.
    pub target: PathBuf,
}

/// Returns the items of `share` that exist in the config directory `config`. Missing ones are left out: a
/// dangling link would be filled by the first session that writes through it. Fails where the system cannot say
/// whether there is one: who takes it for missing takes a link away.
pub fn shared_items(config: &Path, share: &Share) -> Result<Vec<Shared>> {
    let failed = |path: &Path, error: io::Error| Failure::io("look at", path, &error);
    let Some(real) = os::resolved(config).map_err(|error| failed(config, error))? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for item in share.linked() {
        let path = real.join(item);
        let target = match os::look(&path).map_err(|error| failed(&path, error))? {
            None => continue,
            Some(about) if about.is_symlink() => os::resolved(&path).map_err(|error| failed(&path, error))?,
            Some(_) => Some(path),
        };
        found.extend(target.map(|target| Shared { item, target }));
    }
    Ok(found)
}

/// Returns copies for a memory directory that is being used for the first time: the notes in `from`, as
/// files to make in `to`, which is `place`. Empty if `to` exists already. Only plain Markdown files of at most 256 KiB are
/// copied, and at most 200. Fails where one cannot be read: it would be missing for good.
///
/// Sessions write in both, so neither is read nor looked at through a link.
pub fn memory_seeds(from: &Foreign, to: &Path, place: &Foreign) -> Result<Vec<SeedFile>> {
    const LARGEST: u64 = 256 << 10;
    if place.exists() {
        return Ok(Vec::new());
    }
    let failed = |error: std::io::Error| from.failure("read", &error);
    let notes = match from.hold() {
        Ok(Some(notes)) => notes,
        Ok(None) => return Ok(Vec::new()),
        Err(error) if os::unfit(&error).is_some() || error.kind() == std::io::ErrorKind::NotADirectory => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut seeds = Vec::new();
    for entry in notes.entries().map_err(failed)? {
        let is_note = Path::new(&entry.name).extension().is_some_and(|extension| extension == "md");
        if entry.kind != EntryKind::File || !is_note || seeds.len() >= 200 {
            continue;
        }
        match notes.read(&entry.name, LARGEST) {
            Ok(content) => seeds.extend(content.map(|content| SeedFile {
                path: to.join(&entry.name),
                content,
                replaces: None,
            })),
            Err(error) if os::unfit(&error).is_some() => {}
            Err(error) => return Err(notes.path(&entry.name).failure("read", &error)),
        }
    }
    Ok(seeds)
}
