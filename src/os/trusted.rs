//! Whose doing a file or directory can be: this user's and root's alone, or somebody else's too.
//!
//! The rule is that of OpenSSH's `StrictModes`, with the exception for a user's own group that Debian's has.
//! A file or directory is trusted if
//!
//! - this user or root owns it, a link itself included;
//! - not everybody may write to it, nor its group, unless the group is this user's alone: it bears the user's
//!   name or number, and the system knows nobody else in it. (Where every user has such a group the usual file
//!   mode mask is 002, and editors make files of mode 664.) A directory above may also be sticky, like `/tmp`:
//!   there nobody replaces what another user owns;
//! - the same holds for every directory above it, for those that a link on the way stands in, and for those
//!   above what the link leads to.

use std::io;
use std::path::{Path, PathBuf};

/// The reason that something at a path can be the doing of somebody else.
#[derive(Debug)]
pub enum Distrust {
    /// Another user owns it: a file, a directory, or a link.
    Foreign(PathBuf, u32),
    /// Others can write to it, as its mode says.
    Writable(PathBuf, u32),
    /// It is no directory, where there has to be one.
    NotDirectory(PathBuf),
    /// A link, and what it leads to, which does not exist.
    Dangling(PathBuf, PathBuf),
    /// It cannot be looked at.
    Io(PathBuf, io::Error),
}

impl std::fmt::Display for Distrust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign(path, owner) => {
                write!(f, "{} belongs to another user (uid {owner})", path.display())
            }
            Self::Writable(path, mode) => {
                write!(f, "{} can be written to by other users (mode {mode:o})", path.display())
            }
            Self::NotDirectory(path) => write!(f, "{} is not a directory", path.display()),
            Self::Dangling(link, target) => {
                write!(f, "{} is a link to {}, which does not exist", link.display(), target.display())
            }
            Self::Io(path, error) => {
                write!(f, "cannot look at {}: {}", path.display(), crate::model::reason(error))
            }
        }
    }
}

impl Distrust {
    /// Returns the command that takes the reason away, for a person who knows that nobody used it.
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Foreign(path, _) => {
                let link = if path.is_symlink() { "-h " } else { "" };
                let sudo = if is_root() { "" } else { "sudo " };
                Some(format!("{sudo}chown {link}\"$(id -un)\" {}", path.display()))
            }
            Self::Writable(path, _) => Some(format!("chmod go-w {}", path.display())),
            Self::NotDirectory(_) | Self::Dangling(..) | Self::Io(..) => None,
        }
    }
}

fn is_root() -> bool {
    #[cfg(unix)]
    {
        rustix::process::geteuid().is_root()
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// The directories that were found to be trusted, with all above them: each is looked at once.
#[derive(Debug, Default)]
pub struct Trusted(#[cfg(unix)] std::cell::RefCell<std::collections::HashSet<PathBuf>>);

/// Returns true if `root` is a directory that this user alone can have prepared, and false if nothing is there
/// yet. Of `root` itself that asks more than of the directories above it: this user owns it, and it is neither
/// writable for a group nor sticky.
///
/// Fails with the first reason against it, or against a directory above. A link that leads to nothing is one.
pub fn trusted_root(root: &Path, known: &Trusted) -> Result<bool, Distrust> {
    system::root(root, known)
}

/// Reads a regular file of at most 16 MiB that only this user, or root, can have written; `None` if nothing is
/// there. Fails with the first reason against the file, or against a directory above.
pub fn read_trusted(path: &Path, known: &Trusted) -> Result<Option<Vec<u8>>, Distrust> {
    system::read(path, known)
}

/// Fails if somebody else than this user, or root, can have written the file `path`. One that is not there passes.
pub fn trusted_file(path: &Path, known: &Trusted) -> Result<(), Distrust> {
    system::file(path, known)
}

#[cfg(unix)]
mod system {
    use std::collections::VecDeque;
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Component, Path, PathBuf};

    use super::super::files::{missing, open_without_waiting, read_opened, read_optional, real_path};
    use super::{Distrust, Trusted};

    /// What is asked of something, by what it is.
    #[derive(Clone, Copy, PartialEq)]
    enum As {
        /// A directory above what is wanted.
        Above,
        /// The data root.
        Root,
        /// A file.
        File,
        /// A link on the way.
        Link,
    }

    pub(super) fn root(path: &Path, known: &Trusted) -> Result<bool, Distrust> {
        way_to(path, As::Root, known)
    }

    pub(super) fn file(path: &Path, known: &Trusted) -> Result<(), Distrust> {
        match open_without_waiting(path) {
            Ok(file) => opened(path, &file, known),
            Err(error) if missing(&error) => Ok(()),
            Err(error) => Err(Distrust::Io(path.to_path_buf(), error)),
        }
    }

    pub(super) fn read(path: &Path, known: &Trusted) -> Result<Option<Vec<u8>>, Distrust> {
        let failed = |error| Distrust::Io(path.to_path_buf(), error);
        let file = match open_without_waiting(path) {
            Ok(file) => file,
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        opened(path, &file, known)?;
        read_opened(file).map(Some).map_err(failed)
    }

    /// Looks at the file that was opened, whatever its path leads to by now, and then at the way there.
    fn opened(path: &Path, file: &File, known: &Trusted) -> Result<(), Distrust> {
        let about = file.metadata().map_err(|error| Distrust::Io(path.to_path_buf(), error))?;
        // Where the path is a link, what has to be mended is behind it.
        trust(path, &about, As::File)
            .or_else(|_| trust(&real_path(path).unwrap_or_else(|_| path.to_path_buf()), &about, As::File))?;
        way_to(path, As::File, known).map(drop)
    }

    /// Looks at what is at `path`, and at every directory above; where a link is on the way, at all those that
    /// are really on it. Returns false if nothing is there.
    fn way_to(path: &Path, what: As, known: &Trusted) -> Result<bool, Distrust> {
        let mut is_there = false;
        let mut seen = Vec::new();
        let mut unseen = None;
        // With a slash at its end the path of a link is that of what it leads to.
        let path = &path.components().collect::<PathBuf>();
        for at in path.ancestors() {
            let is_end = at == path;
            if !is_end && known.0.borrow().contains(at) {
                break;
            }
            let about = match at.symlink_metadata() {
                Ok(about) => about,
                Err(error) if missing(&error) => continue,
                Err(error) => {
                    // Where another user's directory lets nobody in, that is the reason.
                    unseen.get_or_insert(Distrust::Io(at.to_path_buf(), error));
                    continue;
                }
            };
            if about.is_symlink() {
                return by_parts(path, what, known);
            }
            trust(at, &about, if is_end { what } else { As::Above })?;
            if is_end {
                is_there = true;
            } else {
                seen.push(at.to_path_buf());
            }
        }
        if let Some(why) = unseen {
            return Err(why);
        }
        known.0.borrow_mut().extend(seen);
        Ok(is_there)
    }

    /// Does the work of [`way_to`] where a link is on the way: goes along it as the system does.
    fn by_parts(path: &Path, what: As, known: &Trusted) -> Result<bool, Distrust> {
        /// As many as Linux follows.
        const MOST: usize = 40;
        let parts =
            |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
        let mut todo: VecDeque<_> = parts(path).into();
        let mut at = PathBuf::new();
        let mut last_link = None;
        let mut links = 0;
        while let Some(part) = todo.pop_front() {
            let next = match Path::new(&part).components().next() {
                // What is above was looked at on the way down.
                Some(Component::ParentDir) => {
                    at.pop();
                    continue;
                }
                Some(Component::Normal(_)) => at.join(&part),
                Some(Component::RootDir) => PathBuf::from("/"),
                _ => continue,
            };
            let about = match next.symlink_metadata() {
                Ok(about) => about,
                Err(error) if missing(&error) => {
                    return match last_link {
                        Some(link) => Err(Distrust::Dangling(link, next)),
                        None => Ok(false),
                    };
                }
                Err(error) => return Err(Distrust::Io(next, error)),
            };
            if about.is_symlink() {
                trust(&next, &about, As::Link)?;
                links += 1;
                if links > MOST {
                    return Err(Distrust::Io(next, io::Error::other("too many links")));
                }
                let target = next.read_link().map_err(|error| Distrust::Io(next.clone(), error))?;
                for part in parts(&target).into_iter().rev() {
                    todo.push_front(part);
                }
                last_link = Some(next);
                continue;
            }
            let is_end = todo.is_empty();
            if is_end || !known.0.borrow().contains(&next) {
                trust(&next, &about, if is_end { what } else { As::Above })?;
            }
            if !is_end {
                known.0.borrow_mut().insert(next.clone());
            }
            at = next;
        }
        // A path that ends in `..` ends in a directory that was looked at as one above.
        if what == As::Root {
            let about = at.symlink_metadata().map_err(|error| Distrust::Io(at.clone(), error))?;
            trust(&at, &about, what)?;
        }
        Ok(true)
    }

    fn trust(path: &Path, about: &Metadata, what: As) -> Result<(), Distrust> {
        if matches!(what, As::Above | As::Root) && !about.is_dir() {
            return Err(Distrust::NotDirectory(path.to_path_buf()));
        }
        let user = rustix::process::geteuid().as_raw();
        if about.uid() != user && (what == As::Root || about.uid() != 0) {
            return Err(Distrust::Foreign(path.to_path_buf(), about.uid()));
        }
        // The mode of a link says nothing, and in a sticky directory nobody replaces what another one owns.
        let is_sticky = what == As::Above && about.mode() & 0o1000 != 0;
        if what == As::Link || is_sticky || about.mode() & 0o022 == 0 {
            return Ok(());
        }
        let for_group_alone = about.mode() & 0o002 == 0 && what != As::Root && !has_access_list(path);
        if for_group_alone && is_private(about.gid(), user) {
            return Ok(());
        }
        Err(Distrust::Writable(path.to_path_buf(), about.mode() & 0o7777))
    }

    /// Returns true if a list says who else may write, where the mode says "the group".
    fn has_access_list(path: &Path) -> bool {
        #[cfg(target_os = "linux")]
        {
            rustix::fs::getxattr(path, "system.posix_acl_access", &mut [0_u8; 0]).is_ok_and(|size| size > 0)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = path;
            false
        }
    }

    /// Returns true if the group `gid` is the user's alone, as the files of this machine say.
    fn is_private(gid: u32, user: u32) -> bool {
        let read = |path: &str| match read_optional(Path::new(path)) {
            Ok(text) => Some(String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()),
            Err(_) => None,
        };
        match (read("/etc/passwd"), read("/etc/group")) {
            (Some(users), Some(groups)) => is_private_in(gid, user, &users, &groups),
            _ => false,
        }
    }

    /// Does the work of [`is_private`] on the text of passwd(5) and group(5). A user or a group that a directory
    /// service knows is in neither: then both have to have the same number.
    pub(super) fn is_private_in(gid: u32, user: u32, users: &str, groups: &str) -> bool {
        let number = |field: Option<&&str>| field.and_then(|text| text.parse::<u32>().ok());
        let mut mine: Vec<&str> = Vec::new();
        for line in users.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            match (number(fields.get(2)), number(fields.get(3))) {
                (Some(uid), _) if uid == user => mine.push(fields[0]),
                (_, Some(group)) if group == gid => return false,
                _ => {}
            }
        }
        let mut is_named = false;
        for line in groups.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if number(fields.get(2)) != Some(gid) {
                continue;
            }
            is_named |= mine.contains(&fields[0]);
            let members = fields.get(3).copied().unwrap_or_default().split(',').map(str::trim);
            if members.into_iter().any(|member| !member.is_empty() && !mine.contains(&member)) {
                return false;
            }
        }
        is_named || gid == user
    }
}

/// Elsewhere the system's own lists say who may write, and a user's directory is that user's.
#[cfg(not(unix))]
mod system {
    use std::path::Path;

    use super::super::files::read_optional;
    use super::{Distrust, Trusted};

    pub(super) fn root(path: &Path, _: &Trusted) -> Result<bool, Distrust> {
        match path.metadata() {
            Ok(about) if !about.is_dir() => Err(Distrust::NotDirectory(path.to_path_buf())),
            about => Ok(about.is_ok()),
        }
    }

    pub(super) fn file(_: &Path, _: &Trusted) -> Result<(), Distrust> {
        Ok(())
    }

    pub(super) fn read(path: &Path, _: &Trusted) -> Result<Option<Vec<u8>>, Distrust> {
        read_optional(path).map_err(|error| Distrust::Io(path.to_path_buf(), error))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    /// A directory with directories in it, 0700 each.
    fn ground(made: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().canonicalize().expect("it exists");
        for made in made {
            fs::create_dir_all(base.join(made)).expect("made");
            for path in base.join(made).ancestors().take_while(|path| *path != base) {
                mode(path, 0o700);
            }
        }
        (dir, base)
    }

    fn root(path: &Path) -> Result<bool, Distrust> {
        trusted_root(path, &Trusted::default())
    }

    /// What is reported as writable, without the links on the way.
    fn writable(result: Result<bool, Distrust>) -> PathBuf {
        match result {
            Err(Distrust::Writable(path, _)) => path.canonicalize().expect("it is there"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_root_behind_links_is_looked_at_where_it_is_and_where_each_link_stands() {
        let (_dir, base) = ground(&["home", "disk/open/mine/cs", "links/open", "away"]);
        let path = |text: &str| base.join(text);
        symlink(path("links/open/second"), path("home/first")).expect("linked");
        symlink("../../disk/open/mine", path("links/open/second")).expect("linked");
        let through = path("home/first/cs");
        assert!(root(&through).expect("the control: all of it is private"));
        for open in ["home", "disk", "disk/open", "disk/open/mine", "links", "links/open"] {
            mode(&path(open), 0o777);
            assert_eq!(writable(root(&through)), path(open), "{open}");
            mode(&path(open), 0o1777);
            assert!(root(&through).expect("sticky"), "{open}");
            mode(&path(open), 0o700);
        }
        for shared in [0o770, 0o707, 0o1777] {
            mode(&path("disk/open/mine/cs"), shared);
            assert_eq!(writable(root(&through)), path("disk/open/mine/cs"), "{shared:o}");
        }
        symlink(path("disk/open/mine/cs"), path("home/direct")).expect("linked");
        fs::create_dir(path("disk/open/mine/cs/in")).expect("made");
        assert_eq!(writable(root(&path("home/direct/in/.."))), path("disk/open/mine/cs"));
        mode(&path("disk/open/mine/cs"), 0o755);
        assert!(root(&through).expect("others may read"));
        // By one link as the root itself, and by `..` behind one.
        symlink(path("disk/open/mine/cs"), path("home/cs")).expect("linked");
        assert!(root(&path("home/cs")).expect("there"));
        assert!(root(&path("home/first/../mine/cs")).expect("there"));
        mode(&path("disk/open"), 0o777);
        for spelled in ["home/cs", "home/first/../mine/cs", "home/cs/"] {
            assert_eq!(writable(root(&path(spelled))), path("disk/open"), "{spelled}");
        }
        // What is not on the way is not asked.
        mode(&path("disk/open"), 0o700);
        mode(&path("away"), 0o777);
        assert!(root(&through).expect("there"));
    }

    #[test]
    fn a_link_that_leads_to_nothing_is_told_and_a_root_that_is_not_there_yet_is_none() {
        let (_dir, base) = ground(&["home"]);
        assert!(!root(&base.join("home/cs")).expect("nothing is there"));
        symlink(base.join("unmounted/cs"), base.join("home/cs")).expect("linked");
        let dangling = root(&base.join("home/cs"));
        assert!(
            matches!(&dangling, Err(Distrust::Dangling(link, _)) if *link == base.join("home/cs")),
            "{dangling:?}"
        );
        symlink("loop", base.join("home/loop")).expect("linked");
        assert!(matches!(root(&base.join("home/loop")), Err(Distrust::Io(..))));
        fs::write(base.join("home/file"), "").expect("written");
        for file in ["home/file", "home/file/below"] {
            let told = root(&base.join(file));
            assert!(matches!(told, Err(Distrust::NotDirectory(_))), "{file}: {told:?}");
        }
    }

    #[test]
    fn a_file_is_trusted_by_what_was_opened_and_by_the_way_there() {
        let (_dir, base) = ground(&["config", "dotfiles/open"]);
        let (file, behind) = (base.join("config/file"), base.join("dotfiles/open/file"));
        let read = || read_trusted(&file, &Trusted::default());
        assert!(read().expect("nothing is there").is_none());
        fs::write(&behind, "text").expect("written");
        symlink("../dotfiles/open/file", &file).expect("linked");
        assert_eq!(read().expect("the control").as_deref(), Some(&b"text"[..]));
        for (path, bad) in
            [(&behind, 0o666), (&behind, 0o602), (&base.join("dotfiles/open"), 0o777), (&base, 0o707)]
        {
            let before = path.metadata().expect("there").permissions();
            mode(path, bad);
            assert_eq!(writable(read().map(|_| true)), *path);
            assert_eq!(writable(trusted_file(&file, &Trusted::default()).map(|()| true)), *path);
            fs::set_permissions(path, before).expect("set");
        }
        mode(&behind, 0o444);
        assert!(read().is_ok());
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&behind, Some(65_534), None).expect("given away");
            assert!(matches!(read(), Err(Distrust::Foreign(path, 65_534)) if path == behind));
            std::os::unix::fs::chown(&behind, Some(0), None).expect("taken back");
            std::os::unix::fs::lchown(&file, Some(65_534), None).expect("given away");
            assert!(matches!(read(), Err(Distrust::Foreign(path, 65_534)) if path == file));
        }
    }

    #[test]
    fn a_group_is_private_if_it_bears_the_users_name_or_number_and_nobody_else_is_in_it() {
        let users = "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n\
                     you:x:1001:100::/home/you:/bin/sh\nshare:x:1002:1005::/:/bin/sh\n";
        let groups =
            "root:x:0:\nme:x:1000:\nusers:x:100:me\nmade:x:1003:me\nopen:x:1004:me,you\nme2:x:1005:\n";
        let private = |gid, user| system::is_private_in(gid, user, users, groups);
        assert!(private(1000, 1000) && private(0, 0));
        for (gid, why) in [
            (100, "it is somebody's first group"),
            (1003, "it has another name"),
            (1004, "somebody else is in it"),
            (1005, "it is somebody's first group"),
            (4242, "nobody knows it"),
            (0, "it is root's"),
        ] {
            assert!(!private(gid, 1000), "{gid}: {why}");
        }
        let more = format!("{groups}me:x:1000:you\n");
        assert!(!system::is_private_in(1000, 1000, users, &more), "a member was added");
        // Known to a directory service alone.
        assert!(private(5000, 5000) && !private(5001, 5000) && !private(1000, 5000));
        assert!(system::is_private_in(7, 7, "", "garbage\n::::\n") && !system::is_private_in(7, 8, "", ""));
    }

    #[test]
    fn a_directory_is_looked_at_once() {
        let (_dir, base) = ground(&["home/cs"]);
        let known = Trusted::default();
        assert!(trusted_root(&base.join("home/cs"), &known).expect("there"));
        mode(&base.join("home"), 0o777);
        assert!(trusted_root(&base.join("home/cs"), &known).expect("it is known"));
        assert_eq!(writable(root(&base.join("home/cs"))), base.join("home"), "the control");
    }
}
