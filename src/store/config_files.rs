//! Files put into the config directory of a session before anybody sees it: copies of conversations, settings, links.
//! The caller says what, and where in that directory; nothing gets anywhere else.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use crate::model::{ConfigHome, Isolation, SessionPaths};
use crate::os::{self, EntryKind, Foreign, Held};

/// The number of directories that what is copied may be deep.
const DEEPEST: usize = 32;

/// The number of files that are copied beside one conversation.
const MOST_FILES: usize = 100_000;

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
    pub fn copy(&self, from: &Foreign, at: &Path) -> io::Result<()> {
        let path = self.ready(at)?;
        Foreign::at(&self.root, &path).copy_from(from)
    }

    /// Copies the file `from`, up to its last whole line, to `at`, mode 0600, with the time `modified`, if there is
    /// one. It has reached the disk when this returns. Fails if something is there.
    pub fn copy_lines(&self, from: &Foreign, at: &Path, modified: Option<SystemTime>) -> io::Result<()> {
        let (source, facts) = from.open()?.ok_or(io::ErrorKind::NotFound)?;
        let NewFile(copy) = self.create(at)?;
        os::copy_data(&source, &copy, os::whole_lines(&source, facts.size)?)?;
        set_time(&copy, modified);
        copy.sync_all()
    }

    /// Copies the directory `from` to `at`: regular files and directories. Links are skipped, so nothing outside is
    /// reached. Fails above [`DEEPEST`] directories, and above [`MOST_FILES`] files.
    pub fn copy_tree(&self, from: &Foreign, at: &Path) -> io::Result<()> {
        let Some(held) = from.hold()? else { return Ok(()) };
        self.copy_below(&held, at, 0, &mut 0)
    }

    fn copy_below(&self, from: &Held, at: &Path, depth: usize, count: &mut usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(io::Error::other(format!("more than {DEEPEST} directories deep")));
        }
        os::create_private_dir(&self.ready(at)?)?;
        for entry in from.entries()? {
            let at = at.join(&entry.name);
            match entry.kind {
                EntryKind::Directory => {
                    if let Some(below) = from.hold(&entry.name)? {
                        self.copy_below(&below, &at, depth + 1, count)?;
                    }
                }
                EntryKind::File => {
                    *count += 1;
                    if *count > MOST_FILES {
                        return Err(io::Error::other(format!("more than {MOST_FILES} files")));
                    }
                    // One that went, or became something else, meanwhile is none of it.
                    let (source, facts) = match from.open(&entry.name) {
                        Ok(Some(opened)) => opened,
                        Ok(None) => continue,
                        Err(error) if os::unfit(&error).is_some() => continue,
                        Err(error) => return Err(error),
                    };
                    let NewFile(copy) = self.create(&at)?;
                    os::copy_data(&source, &copy, facts.size)?;
                    copy.sync_all()?;
                }
                EntryKind::Link | EntryKind::Other => {}
            }
        }
        Ok(())
    }

    /// Makes `at` a link to `target`, unless something is there.
    pub fn link(&self, at: &Path, target: &Path) -> io::Result<()> {
        os::make_link(&self.ready(at)?, target).map(drop)
    }

    /// Flushes the directories that what was put there is in: once the session is seen, no power cut takes any of it
    /// away. Costs one system call where nothing was put there.
    pub fn flush(&self) -> io::Result<()> {
        if os::exists(&self.config) { os::flush_directories(&self.root) } else { Ok(()) }
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
    use std::fs;

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
            files.copy(&Foreign::at(&root, &path), Path::new("history.jsonl")).expect("copied");
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
        ConfigFiles::new(&root, Isolation::ConfigDir)
            .copy_tree(&Foreign::ground(&from), Path::new("a/b"))
            .expect("copied");
        assert!(root.join("claude/a/b/subagents/agent-1.jsonl").is_file());
        assert!(!os::exists(&root.join("claude/a/b/subagents/link")));
    }
}
