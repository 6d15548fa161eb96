//! Files put into the config directory of a session before anybody sees it: copies of conversations, settings, links.
//! The caller says what, and where in that directory; nothing gets anywhere else.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use crate::model::{ConfigHome, Isolation, SessionPaths};
use crate::os;

/// The config directory of a session that is being made. Places in it are relative paths; a place that leads out of it
/// is an error, and so is every place of a session that has none of its own.
#[derive(Clone, Debug)]
pub struct ConfigFiles {
    /// The session's directory.
    root: PathBuf,
    config: PathBuf,
}

/// A file that is being written there.
#[derive(Debug)]
pub struct NewFile(File);

impl ConfigFiles {
    pub(super) fn new(root: &Path, isolation: Isolation) -> Self {
        let nowhere = ConfigHome::Directory(PathBuf::new());
        let config = SessionPaths::new(root, isolation, &nowhere).config;
        Self { root: root.to_path_buf(), config }
    }

    /// Returns the path of what is at the place `at`.
    pub fn path(&self, at: &Path) -> PathBuf {
        self.config.join(at)
    }

    /// Begins the file `at`, mode 0600, and makes the directories above it. Fails if something is there.
    pub fn create(&self, at: &Path) -> io::Result<NewFile> {
        os::new_private_file(&self.ready(at)?).map(NewFile)
    }

    /// Writes the file `at`, mode 0600, with the time `modified`, if there is one. It has reached the disk when this
    /// returns. Fails if something is there.
    pub fn put(&self, at: &Path, content: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
        let NewFile(mut file) = self.create(at)?;
        file.write_all(content)?;
        set_time(&file, modified);
        file.sync_all()
    }

    /// Copies the file `from` to `at`, mode 0600, with its time; what was there is replaced.
    pub fn copy(&self, from: &Path, at: &Path) -> io::Result<()> {
        os::copy_file(from, &self.ready(at)?)
    }

    /// Copies the directory `from` to `at`: regular files and directories. Links are skipped, so nothing outside is
    /// reached.
    pub fn copy_tree(&self, from: &Path, at: &Path) -> io::Result<()> {
        os::create_private_dir(&self.ready(at)?)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (kind, at) = (entry.file_type()?, at.join(entry.file_name()));
            if kind.is_dir() {
                self.copy_tree(&entry.path(), &at)?;
            } else if kind.is_file() {
                self.put(&at, &fs::read(entry.path())?, None)?;
            }
        }
        Ok(())
    }

    /// Makes `at` a link to `target`, unless something is there.
    pub fn link(&self, at: &Path, target: &Path) -> io::Result<()> {
        os::make_link(&self.ready(at)?, target).map(drop)
    }

    /// Returns the path of `at`, with the directories above it made.
    fn ready(&self, at: &Path) -> io::Result<PathBuf> {
        let mut parts = at.components().peekable();
        let is_inside = parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)));
        if !is_inside || !self.config.starts_with(&self.root) {
            return Err(io::Error::other("it is not in the session's own config directory"));
        }
        let path = self.path(at);
        os::create_private_dirs_below(&self.root, path.parent().unwrap_or(&self.config))?;
        Ok(path)
    }
}

impl NewFile {
    /// Ends it, with the time `modified`. Where [`super::Store::flush`] cannot flush all files at once, it has reached
    /// the disk when this returns.
    pub fn finish(self, modified: SystemTime) -> io::Result<()> {
        set_time(&self.0, Some(modified));
        if cfg!(target_os = "linux") { os::settle(&self.0) } else { self.0.sync_all() }
    }
}

impl Write for NewFile {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.0.write(content)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Sets the time of the last change, where that can be.
fn set_time(file: &File, modified: Option<SystemTime>) {
    if let Some(modified) = modified {
        let _ = file.set_modified(modified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_there_is_there_and_nowhere_else() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path().join("session");
        fs::create_dir(&root).expect("made");
        for (isolation, config) in [(Isolation::ConfigDir, "claude"), (Isolation::Home, "home/.claude")] {
            let files = ConfigFiles::new(&root, isolation);
            let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
            let at = Path::new("projects/-w/a.jsonl");
            files.put(at, b"said\n", Some(then)).expect("put");
            let path = root.join(config).join(at);
            assert_eq!(fs::read(&path).expect("there"), b"said\n");
            assert_eq!(path.metadata().expect("there").modified().expect("a time"), then);
            assert!(files.put(at, b"other", None).is_err(), "something is there");
            let mut file = files.create(Path::new("settings.json")).expect("made");
            file.write_all(b"{}").and_then(|()| file.finish(then)).expect("written");
            files.copy(&path, Path::new("history.jsonl")).expect("copied");
            for out in ["", ".", "..", "../x", "projects/../../x", "/x"] {
                assert!(files.put(Path::new(out), b"", None).is_err(), "{out:?}");
                assert!(files.link(Path::new(out), dir.path()).is_err(), "{out:?}");
            }
        }
        let none = ConfigFiles::new(&root, Isolation::None);
        assert!(none.put(Path::new("x"), b"", None).is_err(), "it has none of its own");
        assert!(!os::exists(&dir.path().join("x")) && !os::exists(&root.join("x")));
    }

    #[test]
    fn a_tree_is_copied_without_its_links() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (from, root) = (dir.path().join("from"), dir.path().join("session"));
        fs::create_dir_all(from.join("subagents")).expect("made");
        fs::create_dir(&root).expect("made");
        fs::write(from.join("subagents/agent-1.jsonl"), "x").expect("written");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", from.join("subagents/link")).expect("linked");
        ConfigFiles::new(&root, Isolation::ConfigDir).copy_tree(&from, Path::new("a/b")).expect("copied");
        assert!(root.join("claude/a/b/subagents/agent-1.jsonl").is_file());
        assert!(!os::exists(&root.join("claude/a/b/subagents/link")));
    }
}
