//! The links on the way to a file.

use std::collections::VecDeque;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Returns the real path of the absolute `path`, and every symbolic link on the way there with its
/// target: the same links at the same places lead to the same file. Fails after 40 links.
pub fn trail(path: &Path) -> io::Result<(PathBuf, Vec<(PathBuf, PathBuf)>)> {
    const MOST: usize = 40;
    let mut links = Vec::new();
    let mut real = PathBuf::new();
    let parts = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut todo: VecDeque<_> = parts(path).into();
    while let Some(part) = todo.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::Normal(_)) => {}
            Some(Component::ParentDir) => {
                real.pop();
                continue;
            }
            Some(Component::CurDir) | None => continue,
            Some(_) => {
                real = PathBuf::from(&part);
                continue;
            }
        }
        let next = real.join(&part);
        if !next.symlink_metadata()?.is_symlink() {
            real = next;
            continue;
        }
        let target = std::fs::read_link(&next)?;
        for part in parts(&target).into_iter().rev() {
            todo.push_front(part);
        }
        links.push((next, target));
        if links.len() > MOST {
            return Err(io::Error::other("too many links"));
        }
    }
    Ok((real, links))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_link_on_the_way_is_told_with_what_it_says() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().canonicalize().expect("it exists");
        std::fs::create_dir_all(base.join("share/versions")).expect("made");
        std::fs::create_dir(base.join("bin")).expect("made");
        std::fs::write(base.join("share/versions/2"), "").expect("written");
        symlink("../share/current", base.join("bin/claude")).expect("linked");
        symlink(base.join("share/versions/2"), base.join("share/current")).expect("linked");
        symlink("bin", base.join("b")).expect("linked");
        let (real, links) = trail(&base.join("b/claude")).expect("it is there");
        assert_eq!(real, base.join("share/versions/2"));
        assert_eq!(
            links,
            [
                (base.join("b"), "bin".into()),
                (base.join("bin/claude"), "../share/current".into()),
                (base.join("share/current"), base.join("share/versions/2")),
            ]
        );
        assert!(trail(&base.join("gone")).is_err());
        symlink("loop", base.join("loop")).expect("linked");
        assert!(trail(&base.join("loop")).is_err());
    }
}
