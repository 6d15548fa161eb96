//! Foreign ground elsewhere than on Unix: every part of a path is looked at before it is used. Links are for
//! administrators and developers there, and nothing is closed in.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Entry, EntryKind, Facts, Foreign, MOST_ENTRIES, Unfit};

#[derive(Debug)]
pub(super) struct Directory(PathBuf);

/// The path, of which no part but the last may be a link.
fn checked(path: &Foreign) -> io::Result<PathBuf> {
    let mut whole = path.root.path.clone();
    let names = path.names()?;
    for (number, name) in names.iter().enumerate() {
        whole.push(name);
        if number + 1 < names.len() && whole.symlink_metadata()?.is_symlink() {
            return Err(Unfit::Link.into());
        }
    }
    Ok(whole)
}

fn facts_at(path: &Path) -> io::Result<Facts> {
    let about = path.symlink_metadata()?;
    let kind = match about.file_type() {
        kind if kind.is_symlink() => EntryKind::Link,
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_file() => EntryKind::File,
        _ => EntryKind::Other,
    };
    let modified = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Facts { kind, size: about.len(), modified, born: about.created().ok() })
}

fn open_at(path: &Path) -> io::Result<(File, Facts)> {
    let facts = facts_at(path)?;
    match facts.kind {
        EntryKind::File => Ok((File::open(path)?, facts)),
        EntryKind::Link => Err(Unfit::Link.into()),
        EntryKind::Directory | EntryKind::Other => Err(Unfit::NotRegular.into()),
    }
}

fn directory_at(path: PathBuf) -> io::Result<Directory> {
    match facts_at(&path)?.kind {
        EntryKind::Directory => Ok(Directory(path)),
        EntryKind::Link => Err(Unfit::Link.into()),
        EntryKind::File | EntryKind::Other => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Succeeds if anything is there and, with `directory`, if that is a directory, and no link to one.
pub(super) fn is_there(path: &Foreign, directory: bool) -> io::Result<()> {
    let facts = facts(path)?;
    if directory && facts.kind != EntryKind::Directory {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(())
}

pub(super) fn directory(path: &Foreign) -> io::Result<Directory> {
    if path.below.as_os_str().is_empty() {
        return Ok(Directory(crate::os::real_path(&path.root.path)?));
    }
    directory_at(checked(path)?)
}

pub(super) fn facts(path: &Foreign) -> io::Result<Facts> {
    if path.below.as_os_str().is_empty() {
        return facts_at(&crate::os::real_path(&path.root.path)?);
    }
    facts_at(&checked(path)?)
}

pub(super) fn open(path: &Foreign) -> io::Result<(File, Facts)> {
    open_at(&checked(path)?)
}

impl Directory {
    pub(super) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if found.len() == MOST_ENTRIES {
                return Err(Unfit::TooMany.into());
            }
            let kind = match facts_at(&entry.path()) {
                Ok(facts) => facts.kind,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            found.push(Entry { name: entry.file_name(), kind });
        }
        Ok(found)
    }

    pub(super) fn facts(&self, name: &OsStr) -> io::Result<Facts> {
        facts_at(&self.0.join(name))
    }

    pub(super) fn open(&self, name: &OsStr) -> io::Result<(File, Facts)> {
        open_at(&self.0.join(name))
    }

    pub(super) fn directory(&self, name: &OsStr) -> io::Result<Self> {
        directory_at(self.0.join(name))
    }
}

pub(super) fn make_dirs(path: &Foreign) -> io::Result<()> {
    let mut whole = path.root.path.clone();
    for name in path.names()? {
        whole.push(name);
        if let Err(error) = fs::create_dir(&whole)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        directory_at(whole.clone())?;
    }
    Ok(())
}

pub(super) fn open_unlinked(path: &Path) -> io::Result<(File, Facts)> {
    open_at(path)
}

pub(super) fn open_to_append(path: &Foreign) -> io::Result<File> {
    let path = checked(path)?;
    open_at(&path)?;
    fs::OpenOptions::new().append(true).open(path)
}

pub(super) fn put(
    path: &Foreign,
    write: &mut dyn FnMut(&mut File) -> io::Result<()>,
    replace: bool,
) -> io::Result<bool> {
    let path = checked(path)?;
    let staged = path.with_file_name(format!(".{}.new", uuid::Uuid::now_v7().simple()));
    let mut file = crate::os::new_private_file(&staged)?;
    let named = write(&mut file).and_then(|()| file.sync_all()).and_then(|()| {
        drop(file);
        if replace {
            return fs::rename(&staged, &path).map(|()| true);
        }
        match fs::hard_link(&staged, &path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    });
    let _ = fs::remove_file(&staged);
    named
}

pub(super) fn link(path: &Foreign, target: &Path) -> io::Result<bool> {
    crate::os::make_link(&checked(path)?, target)
}

pub(super) fn link_target(path: &Foreign) -> io::Result<Option<PathBuf>> {
    match fs::read_link(checked(path)?) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Ok(None),
    }
}

pub(super) fn remove(path: &Foreign) -> io::Result<()> {
    crate::os::remove_link(&checked(path)?)
}
