//! A project: a directory Claude works in, as Claude names it.

use std::path::{Path, PathBuf};

/// A directory, and what Claude Code derives from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The directory with every link resolved: Claude ignores `PWD`.
    pub directory: PathBuf,
    /// The key under which `projects` of `.claude.json` keeps trust: the root of the *main* git checkout
    /// (also for a linked worktree and from a subdirectory), else the directory itself.
    pub root: PathBuf,
}

impl Project {
    /// Returns the project in `directory`, whose links are resolved; `main_checkout` is the root of the main
    /// git checkout it belongs to.
    pub fn new(directory: &Path, main_checkout: Option<PathBuf>) -> Self {
        let root = main_checkout.unwrap_or_else(|| directory.to_path_buf());
        Self { directory: directory.to_path_buf(), root }
    }

    /// Returns the keys that can hold trust for this project: the root and every directory above it. Claude
    /// accepts any of them.
    pub fn trust_keys(&self) -> impl Iterator<Item = &Path> {
        self.root.ancestors()
    }
}

/// Returns a directory as a key of `projects` in `.claude.json`: with `/` on Windows too (2.1.329).
pub(super) fn project_key(directory: &Path) -> String {
    let text = directory.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

/// Returns the name of the directory below `projects/` that holds the transcripts of conversations in
/// `directory` (links resolved): every UTF-16 unit but `[A-Za-z0-9]` becomes `-`; a name longer than 200
/// is cut there and gets a hash of the whole. Not reversible: `a/b` and `a-b` are one.
pub fn slug(directory: &Path) -> String {
    let text = directory.to_string_lossy();
    let mut name = String::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let c = u8::try_from(unit).map_or('-', char::from);
        name.push(if c.is_ascii_alphanumeric() { c } else { '-' });
    }
    if name.len() <= 200 {
        return name;
    }
    // The string hash of Java, in 32 bits, as base 36.
    let hash =
        text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    name.truncate(200);
    name.push('-');
    name.push_str(&base36(hash.unsigned_abs()));
    name
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_what_claude_makes_of_a_path() {
        assert_eq!(slug(Path::new("/a/b.c_d-é日")), "-a-b-c-d---");
        let long = format!("/tmp/{}", "x".repeat(300));
        let made = slug(Path::new(&long));
        assert!(made.starts_with("-tmp-xxx") && made.len() > 201 && made.as_bytes()[200] == b'-');
    }
}
