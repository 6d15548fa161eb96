//! Moving whole directories that are not ours, to another file system too, so that they exist whole in
//! one place at every moment.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{entries_of, exists, look, publish_dir};
use super::{flush_file_system, make_link, remove_tree};

/// Moves the directory `from` to `to`, which must not exist: by a rename, or to another file system by a
/// copy (modes, times and links as they are; hard links as files of their own) of which nobody sees a
/// part, and the removal of the original after that. Cut short, it is done again with the same
/// `key`, a word that no other move has.
///
/// Nothing is lost whatever happens: `from` goes only when all of it is copied. Fails, with `from` as it
/// was, for a socket, FIFO or device that would have to be copied.
pub fn move_dir(from: &Path, to: &Path, key: &str) -> io::Result<()> {
    finish_move(from, to, key)?;
    if exists(to) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match publish_dir(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        done => return done,
    }
    let (coming, going) = (beside(to, key, "coming"), beside(from, key, "going"));
    if let Err(error) = copy_dir(from, &coming).and_then(|()| flush_file_system(&coming)) {
        let _ = remove(&coming);
        return Err(error);
    }
    // The copy counts from here on.
    publish_dir(from, &going)?;
    finish_move(from, to, key)
}

/// Finishes a move by copying that was cut short when the copy was whole; of one that was not, the part
/// of a copy goes.
pub fn finish_move(from: &Path, to: &Path, key: &str) -> io::Result<()> {
    let (coming, going) = (beside(to, key, "coming"), beside(from, key, "going"));
    // Where there is no telling which of them is there, none goes.
    if !is_there(&going)? {
        return remove(&coming);
    }
    if is_there(&coming)?
        && let Err(error) = publish_dir(&coming, to)
    {
        // Somebody has put something there: then it was not moved.
        publish_dir(&going, from)?;
        remove(&coming)?;
        return Err(error);
    }
    remove(&going)
}

fn beside(path: &Path, key: &str, what: &str) -> PathBuf {
    path.with_file_name(OsString::from(format!(".{key}.{what}")))
}

/// Returns true if `path` is a directory. Fails where the system cannot say.
fn is_there(path: &Path) -> io::Result<bool> {
    Ok(look(path)?.is_some_and(|about| about.is_dir()))
}

fn remove(path: &Path) -> io::Result<()> {
    if !is_there(path)? {
        return Ok(());
    }
    let (room, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or(OsStr::new("")));
    match remove_tree(room, name) {
        Ok(left) => left
            .first()
            .map_or(Ok(()), |left| Err(io::Error::other(format!("{}: {}", left.path.display(), left.why)))),
        Err(why) => Err(io::Error::other(why.to_string())),
    }
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    super::create_private_dir(to)?;
    for source in entries_of(from)? {
        let copy = to.join(source.file_name().unwrap_or_default());
        let kind = source.symlink_metadata()?;
        if kind.is_symlink() {
            make_link(&copy, &fs::read_link(&source)?)?;
        } else if kind.is_dir() {
            copy_dir(&source, &copy)?;
        } else if kind.is_file() {
            fs::copy(&source, &copy)?;
            let modified = source.metadata()?.modified()?;
            // One that may not be written to keeps the time of the copy.
            let _ = fs::File::options().write(true).open(&copy).and_then(|file| file.set_modified(modified));
        } else {
            let what = format!("{} is neither a file nor a directory nor a link", source.display());
            return Err(io::Error::other(what));
        }
    }
    let about = from.metadata()?;
    #[cfg(unix)]
    if let Ok(copy) = fs::File::open(to) {
        let _ = copy.set_modified(about.modified()?);
    }
    fs::set_permissions(to, about.permissions())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn filled(path: &Path) {
        fs::create_dir_all(path.join("a/b")).expect("made");
        fs::write(path.join("a/script"), "#!/bin/sh").expect("written");
        fs::set_permissions(path.join("a/script"), fs::Permissions::from_mode(0o751)).expect("set");
        fs::set_permissions(path.join("a/b"), fs::Permissions::from_mode(0o500)).expect("set");
        symlink("../outside", path.join("a/link")).expect("linked");
    }

    fn is_filled(path: &Path) {
        assert_eq!(fs::read(path.join("a/script")).expect("there"), b"#!/bin/sh");
        assert_eq!(path.join("a/script").metadata().expect("there").mode() & 0o777, 0o751);
        assert_eq!(path.join("a/b").metadata().expect("there").mode() & 0o777, 0o500);
        assert_eq!(fs::read_link(path.join("a/link")).expect("a link"), Path::new("../outside"));
    }

    #[test]
    fn a_directory_is_moved_whole_to_another_file_system_too_and_never_onto_something() {
        let here = tempfile::tempdir().expect("a temporary directory");
        let mut rooms = vec![here.path().to_path_buf()];
        let memory = tempfile::tempdir_in("/dev/shm").ok();
        rooms.extend(memory.as_ref().map(|dir| dir.path().to_path_buf()));
        for room in rooms {
            let (from, to) = (here.path().join("from"), room.join("to"));
            filled(&from);
            fs::create_dir_all(room.join(".k.coming/half")).expect("made");
            move_dir(&from, &to, "k").expect("moved");
            is_filled(&to);
            assert!(!exists(&from));
            assert_eq!(fs::read_dir(&room).expect("there").count(), 1, "nothing is left beside it");
            filled(&from);
            move_dir(&from, &to, "k").expect_err("something is there");
            is_filled(&from);
            is_filled(&to);
            // A process was killed when the copy was whole.
            remove(&to).expect("removed");
            fs::rename(&from, here.path().join(".k.going")).expect("moved");
            filled(&room.join(".k.coming"));
            finish_move(&from, &to, "k").expect("finished");
            is_filled(&to);
            assert_eq!(fs::read_dir(&room).expect("there").count(), 1, "nothing is left beside it");
            move_dir(&to, &from, "k").expect("moved back");
            fs::rename(&from, here.path().join(".k.going")).expect("moved");
            filled(&room.join(".k.coming"));
            fs::create_dir(&to).expect("made");
            finish_move(&from, &to, "k").expect_err("somebody has put something there");
            is_filled(&from);
            for path in [&from, &to] {
                remove(path).expect("removed");
            }
            assert_eq!(fs::read_dir(&room).expect("there").count(), 0);
        }
    }

    #[test]
    fn what_cannot_be_copied_stays_where_it_is() {
        let here = tempfile::tempdir().expect("a temporary directory");
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
        if here.path().metadata().expect("there").dev() == memory.path().metadata().expect("there").dev() {
            return;
        }
        let from = here.path().join("from");
        filled(&from);
        let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).expect("bound");
        let why = move_dir(&from, &memory.path().join("to"), "k").expect_err("a socket");
        assert!(why.to_string().contains("socket"), "{why}");
        is_filled(&from);
        assert_eq!(fs::read_dir(memory.path()).expect("there").count(), 0);
    }
}
