//! `links.toml`: what was put into a config directory.

use std::path::Path;

use super::records::{self, Damage, Record};
use crate::model::{Failure, Manifest, ManifestPlace, Result};
use crate::os;

impl Record for Manifest {
    const VERSION: u32 = Self::VERSION;
}

/// Reads what was put into the config directory of `place`; an empty manifest if there is none yet. Fails
/// if it is damaged; it then stays as it is.
pub fn manifest(place: &ManifestPlace) -> Result<Manifest> {
    read_manifest(&place.file).map_err(|damage| {
        damage.failure(&format!("what cs put into {}", place.config.display()), &place.file)
    })
}

/// Reads the manifest at `file`; an empty one if there is none yet.
pub(super) fn read_manifest(file: &Path) -> Result<Manifest, Damage> {
    match records::read(file) {
        Err(Damage::Missing) => Ok(Manifest::default()),
        read => read,
    }
}

/// Writes the manifest at `file`, whole, without flushing it to the disk: what it says is checked
/// against the links before it is acted on, so an old one loses nothing.
pub fn write_manifest(file: &Path, manifest: &Manifest) -> Result<()> {
    let text = records::text(manifest)?;
    os::replace_file(file, text.as_bytes(), false).map_err(|error| Failure::io("write", file, &error))
}
