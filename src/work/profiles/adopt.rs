//! Making an existing config directory a profile, in place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::model::{Failure, Layout, Name, ProfileKind, Result, ShareOverrides};
use crate::os;
use crate::store::NewProfile;
use crate::work::context::Context;

/// Makes the config directory `path` the profile `name`.
pub(crate) fn adopt(context: &Context, name: &Name, path: &Path, share: ShareOverrides) -> Result<()> {
    let new = NewProfile {
        kind: &ProfileKind::Account,
        bare: false,
        env: BTreeMap::new(),
        share,
        inherit: None,
        directory: Some(path),
    };
    context.store()?.create_profile(name, new, |_| Layout::default())
}

/// Returns the profile whose config directory is `path`, whatever links lead there.
pub(crate) fn profile_at(context: &Context, path: &Path) -> Result<Option<Name>> {
    for entry in context.store()?.profiles(&context.home()?)? {
        match entry.profile {
            Ok(profile) if profile.inherit.is_some() => {}
            Ok(profile) if os::is_same_file(&profile.home.directory(), path) => {
                return Ok(Some(profile.name));
            }
            // It may be the one.
            Err(damage) if damage.is_unread() => {
                return Err(context.store()?.unread_profile(&entry.name, &damage));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

/// Returns the directory as an absolute path without `.` parts and a slash at the end, but with its links:
/// Claude's Keychain item on macOS is named by the exact text of the path that the login was made
/// under, so it is never resolved.
pub(crate) fn spelled_as_given(context: &Context, directory: &Path) -> Result<PathBuf> {
    let path = context.absolute(directory).map_err(|error| Failure::io("use", directory, &error))?;
    let path: PathBuf = path.components().collect();
    let plain = path.to_str().is_some_and(|text| !text.chars().any(char::is_control));
    if !plain || path.components().any(|part| part == Component::ParentDir) {
        return Err(Failure::usage(format!(
            "{} is not a plain path (UTF-8, no control characters, no ..)",
            path.display()
        )));
    }
    Ok(path)
}

/// Fails if `path` can be no profile's config directory: it is none, is the user's own or has their home in it,
/// or is of `cs` itself.
pub(crate) fn refuse_what_is_no_profile(context: &Context, path: &Path) -> Result<()> {
    let is_there = path.try_exists().map_err(|error| Failure::io("use", path, &error))?;
    if !is_there || !path.is_dir() {
        return Err(Failure::failed(format!("there is no directory {}", path.display())));
    }
    let home = context.home()?;
    let real = fs::canonicalize(path).map_err(|error| Failure::io("use", path, &error))?;
    let same = |other: &Path| fs::canonicalize(other).is_ok_and(|other| other == real);
    if same(&home.join(".claude")) {
        return Err(Failure::refused("~/.claude is the profile 'default' already")
            .hint("set as CLAUDE_CONFIG_DIR it would be another profile: Claude reads other files then"));
    }
    if same(&home)
        || same(Path::new("/"))
        || fs::canonicalize(&home).is_ok_and(|home| home.starts_with(&real))
    {
        return Err(Failure::refused(format!(
            "{} is no config directory: your home is in it",
            path.display()
        )));
    }
    let store = fs::canonicalize(context.store()?.root())
        .unwrap_or_else(|_| context.store().map(|s| s.root().to_path_buf()).unwrap_or_default());
    if real.starts_with(&store) || store.starts_with(&real) {
        return Err(Failure::refused(format!("{} belongs to cs itself", path.display())));
    }
    Ok(())
}
