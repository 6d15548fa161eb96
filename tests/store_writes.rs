//! `store` is the only code that writes below the data root. So the rest of `src` calls nothing that writes files, but
//! where it writes elsewhere, which is listed here with what it is.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that write for the others: the records, the differences between systems, and what is git's.
const WRITERS: &[&str] = &["src/store/", "src/os/", "src/git/"];

/// What writes elsewhere than below the data root, and what.
const ELSEWHERE: &[(&str, &str)] = &[
    ("src/claude/proof.rs", "a directory for temporary files, in which a Claude is tried"),
    ("src/commands/config.rs", "config.toml, a person's own"),
    ("src/commands/man.rs", "manual pages, where a person wants them"),
    ("src/commands/start.rs", "the directory of a session that was gone, which a person wants again"),
    ("src/commands/tour/place.rs", "the world of the tour, below the directory for temporary files"),
    ("src/commands/tour/stand_in.rs", "what Claude writes itself, as whose stand-in it runs"),
    ("src/transfer/export.rs", "the file of an export, where a person wants it"),
    ("src/work/profiles/mod.rs", "config.toml, a person's own"),
    ("src/work/start_up.rs", "the start-up files of the shells"),
];

/// The functions of `os` that write.
const OF_OS: &[&str] = &[
    "copy_between",
    "create_private_dir",
    "create_private_dirs",
    "create_private_dirs_below",
    "create_private_file",
    "finish_move",
    "make_link",
    "move_dir",
    "new_private_file",
    "overwrite_note",
    "publish_dir",
    "publish_file",
    "put_in_place",
    "remove_file",
    "remove_link",
    "remove_tree",
    "replace_file",
    "replace_link",
    "rewrite_file",
    "touch",
];

/// The functions and types of `std::fs` that write.
const OF_STD: &[&str] = &[
    "DirBuilder",
    "OpenOptions",
    "copy",
    "create_dir",
    "create_dir_all",
    "hard_link",
    "remove_dir",
    "remove_dir_all",
    "remove_file",
    "rename",
    "set_permissions",
    "symlink",
    "write",
];

/// Returns the lines of a source that call, or import, something that writes: their numbers, and the text. Tests at
/// its end may write, and comments may say what they like.
fn writes_in(source: &str) -> Vec<(usize, String)> {
    let lines = source.lines().enumerate();
    let code = lines.take_while(|(_, line)| !is_test_module(source, line));
    code.filter(|(_, line)| writes(line.split("//").next().unwrap_or_default()))
        .map(|(at, line)| (at + 1, line.trim().to_owned()))
        .collect()
}

/// Returns true for the line that the tests of a source begin with.
fn is_test_module(source: &str, line: &str) -> bool {
    line.starts_with("#[cfg(") && line.contains("test") && source.contains(&format!("{line}\nmod tests {{"))
}

fn writes(code: &str) -> bool {
    let of_os = words(code).any(|(before, word)| OF_OS.contains(&word) && is_function(before));
    let of_std = words(code).any(|(before, word)| {
        OF_STD.contains(&word) && (before.ends_with("fs::") || before.contains("fs::{"))
    });
    let of_file =
        ["File::create", "File::options", "OpenOptions::new"].iter().any(|made| code.contains(made));
    of_os || of_std || of_file
}

/// Returns true unless a word is a method, a definition, or of another room: `store::put`, `files.copy`.
fn is_function(before: &str) -> bool {
    let before = before.trim_end();
    let is_other = before.ends_with("::") && !before.ends_with("os::");
    !before.ends_with('.') && !before.ends_with("fn") && !is_other
}

/// Returns the words of a line, each with what stands before it.
fn words(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let end = code[start..].find(|c| !is_word(c)).map_or(code.len(), |length| start + length);
        at = end;
        Some((&code[..start], &code[start..end]))
    })
}

/// Returns the sources below `directory`, as paths from the root of the repository.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn nothing_but_store_writes_below_the_data_root() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut strangers = Vec::new();
    let mut elsewhere: Vec<&str> = ELSEWHERE.iter().map(|(path, _)| *path).collect();
    let all = sources(&root.join("src"));
    assert!(all.len() > 100, "only {} sources were found", all.len());
    for path in all {
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        if WRITERS.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        let found = writes_in(&fs::read_to_string(&path).expect("a source"));
        if ELSEWHERE.iter().any(|(path, _)| *path == name) {
            elsewhere.retain(|path| *path != name || found.is_empty());
            continue;
        }
        strangers.extend(found.into_iter().map(|(line, text)| format!("{name}:{line}: {text}")));
    }
    assert!(
        strangers.is_empty(),
        "only store writes below the data root; what is written elsewhere is listed in this test:\n{}",
        strangers.join("\n")
    );
    assert!(elsewhere.is_empty(), "these write nothing any more, and need not be listed: {elsewhere:?}");
}

#[test]
fn what_writes_is_found_and_what_does_not_is_not() {
    for planted in [
        "    os::replace_file(&path, text.as_bytes(), true)?;",
        "    crate::os::make_link(&path, target).map(drop)",
        "use crate::os::{self, publish_file, real_path};",
        "    publish_file(&path, b\"\")?;",
        "    paths.iter().try_for_each(os::create_private_dirs)?;",
        "    std::fs::write(&path, text)?;",
        "    let _ = fs::remove_dir(&room);",
        "use std::fs::{self, OpenOptions};",
        "use std::fs::{copy, read};",
        "    let file = File::create(&path)?;",
        "    let _ = File::options().append(true).open(&path);",
    ] {
        let source = format!("//! A verb.\n\nfn run() {{\n{planted}\n}}\n\n#[cfg(test)]\nmod tests {{\n}}\n");
        assert_eq!(writes_in(&source), [(4, planted.trim().to_owned())]);
    }
    for harmless in [
        "    // It calls os::replace_file(&path).",
        "    files.copy(&path, Path::new(name))?;",
        "    store::remove_file(&path)?;",
        "    out.write(b\"x\")?;",
        "    let text = fs::read_to_string(&path)?;",
        "    let file = File::open(&path)?;",
        "}\n\n#[cfg(test)]\nmod tests {\n    fn it() { std::fs::write(path, \"x\"); }",
    ] {
        assert_eq!(writes_in(&format!("fn run() {{\n{harmless}\n}}\n")), [], "{harmless}");
    }
}

#[test]
fn every_function_that_is_looked_for_is_one_of_os() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of_os = fs::read_to_string(root.join("src/os/mod.rs")).expect("a source");
    for name in OF_OS {
        assert!(words(&of_os).any(|(_, word)| word == *name), "os has no {name} any more");
    }
}
