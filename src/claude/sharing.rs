//! The items of a config directory that can be shared.

use std::path::{Path, PathBuf};

use crate::model::{SeedFile, Share};
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
/// dangling link would be filled by the first session that writes through it.
pub fn shared_items(config: &Path, share: &Share) -> Vec<Shared> {
    let Ok(real) = os::real_path(config) else { return Vec::new() };
    share
        .linked()
        .filter_map(|item| {
            let path = real.join(item);
            let about = path.symlink_metadata().ok()?;
            let target = if about.is_symlink() { os::real_path(&path).ok()? } else { path };
            Some(Shared { item, target })
        })
        .collect()
}

/// Returns copies for a memory directory that is being used for the first time: the notes in `from`, as
/// files to make in `to`, which is `place`. Empty if `to` exists already. Only plain Markdown files of at most 256 KiB are
/// copied, and at most 200.
///
/// Sessions write in both, so neither is read nor looked at through a link.
pub fn memory_seeds(from: &Foreign, to: &Path, place: &Foreign) -> Vec<SeedFile> {
    if place.exists() {
        return Vec::new();
    }
    let Ok(Some(notes)) = from.hold() else { return Vec::new() };
    notes
        .entries()
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .filter(|entry| Path::new(&entry.name).extension().is_some_and(|extension| extension == "md"))
        .filter_map(|entry| {
            let content = notes.read(&entry.name, 256 << 10).ok().flatten()?;
            Some(SeedFile { path: to.join(entry.name), content, replaces: None })
        })
        .take(200)
        .collect()
}
