//! The links that `cs` put into a config directory, so that exactly those can be removed again.
//!
//! See docs/decisions/010-what-is-shared-is-noted-and-ones-own-stays-aside.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Exactly what `cs` put into one config directory (`links.toml`). Whatever is not in it was made by
/// somebody else, and is neither changed nor removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout of this record.
    pub version: u32,
    /// Links, by their name in the config directory, and what each points to; `../NAME` for one beside it, in
    /// a session's home.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// MCP servers of the user scope, and the SHA-256 of each as it was put in. The servers
    /// themselves may hold secrets.
    #[serde(default)]
    pub servers: BTreeMap<String, String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { version: Self::VERSION, links: BTreeMap::new(), servers: BTreeMap::new() }
    }
}

impl Manifest {
    /// The layout that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// Returns true if the link `name` was put there, pointing to `target`.
    pub fn has(&self, name: &str, target: &Path) -> bool {
        self.links.get(name).is_some_and(|noted| Path::new(noted) == target)
    }

    /// Notes a link. One whose target is not UTF-8 is not noted, and so never removed.
    pub fn note(&mut self, name: &str, target: &Path) {
        if let Some(target) = target.to_str() {
            self.links.insert(name.to_owned(), target.to_owned());
        }
    }
}

/// The path of the manifest of a config directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestPlace {
    /// The file `links.toml`.
    pub file: PathBuf,
    /// The config directory it is about.
    pub config: PathBuf,
}

impl ManifestPlace {
    /// Returns the place of the manifest in `root`, a session's or profile's own directory, for links in
    /// `config`.
    pub fn new(root: &Path, config: &Path) -> Self {
        Self { file: root.join("links.toml"), config: config.to_path_buf() }
    }

    /// Returns the name under which the link `path` is noted; `None` for one outside the config directory
    /// and the home of a session.
    pub fn name_of(&self, path: &Path) -> Option<String> {
        match (path.strip_prefix(&self.config), self.home()) {
            (Ok(name), _) => name.to_str().map(str::to_owned),
            (Err(_), Some(home)) => Some(format!("../{}", path.strip_prefix(home).ok()?.to_str()?)),
            (Err(_), None) => None,
        }
    }

    /// Returns the paths of those links of `manifest` that are in the home of a session.
    pub fn in_home(&self, manifest: &Manifest) -> Vec<PathBuf> {
        let Some(home) = self.home() else { return Vec::new() };
        manifest.links.keys().filter_map(|name| Some(home.join(name.strip_prefix("../")?))).collect()
    }

    /// Returns the home that the config directory is in, if the session has a home of its own: then there
    /// is a directory between the config directory and the session's own.
    fn home(&self) -> Option<&Path> {
        self.config.parent().filter(|parent| Some(*parent) != self.file.parent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_that_still_points_where_it_was_made_to_is_ours() {
        let mut manifest = Manifest::default();
        assert!(!manifest.has("skills", Path::new("/a")));
        manifest.note("skills", Path::new("/a"));
        assert!(manifest.has("skills", Path::new("/a")));
        assert!(!manifest.has("skills", Path::new("/b")) && !manifest.has("agents", Path::new("/a")));
    }

    #[test]
    fn a_link_is_noted_by_its_name_in_the_config_directory() {
        let place = ManifestPlace::new(Path::new("/s/1"), Path::new("/s/1/claude"));
        assert_eq!(place.file, Path::new("/s/1/links.toml"));
        assert_eq!(place.name_of(Path::new("/s/1/claude/skills")).as_deref(), Some("skills"));
        assert_eq!(place.name_of(Path::new("/s/1/home/.bashrc")), None);
        let place = ManifestPlace::new(Path::new("/s/1"), Path::new("/s/1/home/.claude"));
        assert_eq!(place.name_of(Path::new("/s/1/home/.claude/skills")).as_deref(), Some("skills"));
        assert_eq!(place.name_of(Path::new("/s/1/home/.config/git")).as_deref(), Some("../.config/git"));
        assert_eq!(place.name_of(Path::new("/s/1/run.toml")), None);
        let mut manifest = Manifest::default();
        manifest.note("skills", Path::new("/a"));
        manifest.note("../.config/git", Path::new("/b"));
        assert_eq!(place.in_home(&manifest), [Path::new("/s/1/home/.config/git")]);
    }
}
