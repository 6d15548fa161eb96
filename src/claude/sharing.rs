//! The items of a config directory that can be shared.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::{SeedFile, Share};
use crate::os;

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
/// files to make in `to`. Empty if `to` exists already. Only plain Markdown files of at most 256 KiB are
/// copied, and at most 200.
pub fn memory_seeds(from: &Path, to: &Path) -> Vec<SeedFile> {
    if os::exists(to) {
        return Vec::new();
    }
    fs::read_dir(from)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "md"))
        .filter(|entry| entry.metadata().is_ok_and(|about| about.is_file() && about.len() <= 256 << 10))
        .take(200)
        .filter_map(|entry| {
            let content = os::read_optional(&entry.path()).ok().flatten()?;
            Some(SeedFile { path: to.join(entry.file_name()), content, replaces: None })
        })
        .collect()
}
